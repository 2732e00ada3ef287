"""A refusal with a body that does not end, or is too long."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.one_answer import answering
from tui.sources import SourceEnded
from tui.sources.error_body import MAX_ERROR_BYTES, bound_error_body
from tui.sources.live import Api


class Endless(httpx2.AsyncByteStream):
    def __init__(self) -> None:
        self.reads = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.reads += 1
            yield b"x" * 60_000

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.parametrize("status", [301, 400, 529])
async def test_a_refusal_without_end_is_read_in_part(status: int) -> None:
    stream = Endless()
    transport = httpx2.MockTransport(lambda _: httpx2.Response(status, stream=stream))
    hooks = {"response": [bound_error_body]}
    async with httpx2.AsyncClient(transport=transport, event_hooks=hooks) as client:
        answer = await client.get("http://test/")
    assert answer.status_code == status
    assert len(answer.content) == MAX_ERROR_BYTES
    assert stream.reads == MAX_ERROR_BYTES // 60_000 + 1 and stream.closed


async def test_an_answer_is_not_bounded() -> None:
    stream = Endless()
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=stream))
    hooks = {"response": [bound_error_body]}
    async with (
        httpx2.AsyncClient(transport=transport, event_hooks=hooks) as client,
        client.stream("GET", "http://test/") as answer,
    ):
        size = 0
        async for data in answer.aiter_bytes():
            size += len(data)
            if size > 2 * MAX_ERROR_BYTES:
                break
    assert size > 2 * MAX_ERROR_BYTES


@pytest.mark.usefixtures("api_key")
@pytest.mark.parametrize(("length", "told"), [(100, 100), (MAX_ERROR_BYTES, 0)])
async def test_a_call_that_is_refused_at_length(length: int, told: int) -> None:
    error = {"type": "error", "error": {"type": "api_error", "message": "y" * length}}
    with answering(500, body=json.dumps(error)) as server:
        api = Api(server[0])
        with pytest.raises(SourceEnded) as caught:
            await api.models()
        await api.aclose()
    assert caught.value.status == 500
    # What is cut is no JSON any more, and is told as the text it is.
    assert (caught.value.error is not None) == bool(told)
    assert len(caught.value.detail) <= 300
