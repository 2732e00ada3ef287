"""The yardstick of the core: the SDK's own streaming, over a transport that is not a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2
from anthropic import AsyncAnthropic


def consume(streams: list[list[bytes]]) -> None:
    """Read `streams`, each a list of reads, to their ends at the same time, event by event."""
    asyncio.run(_consume_all(streams))


async def _consume_all(streams: list[list[bytes]]) -> None:
    await asyncio.gather(*(_consume(reads, len(streams) > 1) for reads in streams))


async def _consume(reads: list[bytes], interleaved: bool) -> None:
    async def body() -> AsyncIterator[bytes]:
        for read in reads:
            yield read
            if interleaved:
                await asyncio.sleep(0)

    def answer(request: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=headers, content=body())

    transport = httpx2.MockTransport(answer)
    async with AsyncAnthropic(
        api_key="none", http_client=httpx2.AsyncClient(transport=transport)
    ) as client:
        asked = client.messages.stream(
            model="claude-sonnet-5-5",
            max_tokens=1,
            messages=[{"role": "user", "content": "hello"}],
        )
        async with asked as stream:
            async for _ in stream:
                pass
            message = await stream.get_final_message()
    if not message.content:
        raise AssertionError("the SDK read nothing")
