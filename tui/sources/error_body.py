"""Bounds the body of a refusal: the SDK reads it whole, whatever a server sends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import httpx2

MAX_ERROR_BYTES: Final = 1 << 20
"""Before decompression. What comes after them is not read."""


async def bound_error_body(response: httpx2.Response) -> None:
    """Have no more than the beginning of a refusal read. A hook for responses of the client."""
    if not response.is_success and isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Beginning(response.stream)


class _Beginning(httpx2.AsyncByteStream):
    def __init__(self, whole: httpx2.AsyncByteStream) -> None:
        self._whole = whole

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_ERROR_BYTES
        async for data in self._whole:
            yield data[:left]
            left -= len(data)
            if left <= 0:
                return

    async def aclose(self) -> None:
        await self._whole.aclose()
