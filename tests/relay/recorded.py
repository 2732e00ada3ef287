"""A relay that records into a file, and what is in the file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tests.loopback import KEY
from tests.relay.stage import all_of
from tui.captures.capture_file import load_capture
from tui.captures.recording import Recording
from tui.relay.forwarding import Forwarder
from tui.relay.tape_queue import TapeQueue, TapeSettings
from tui.relay.upstream import Upstream, parsed_upstream
from tui.serving.server import LoopbackServer

ASK: Final[dict[str, Any]] = {
    "model": "scenario:plain",
    "max_tokens": 512,
    "stream": True,
    "messages": [{"role": "user", "content": "Why is the sky dark at night?"}],
}


class Recorded:
    """A relay that records into a file."""

    def __init__(self, server: LoopbackServer, tape: TapeQueue, notes: list[str]) -> None:
        self.server = server
        self.tape = tape
        self.notes = notes

    async def post(
        self, body: object, path: str = "/v1/messages", **headers: str
    ) -> tuple[bytes, str]:
        """Send a request, and return what is answered."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        port = self.server.port
        fields = {"host": f"127.0.0.1:{port}", "connection": "close", **KEY}
        fields |= {"content-length": str(len(data)), **headers}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {text}" for name, text in fields.items())]
        return await all_of(port, "\r\n".join([*lines, "", ""]).encode() + data)


@asynccontextmanager
async def recording(
    url: str, settings: TapeSettings, *, most: int = 64 << 20
) -> AsyncIterator[Recorded]:
    """A relay in front of an upstream, with its recording; closed, the capture is whole."""
    notes: list[str] = []
    tape = TapeQueue(replace(settings, base=url), notes.append, most=most)
    await tape.open()
    try:
        async with Upstream(parsed_upstream(url)) as upstream:
            async with LoopbackServer(Forwarder(upstream, tape)) as server:
                yield Recorded(server, tape, notes)
    finally:
        await tape.aclose()


def runs_of(path: Path) -> list[Recording]:
    return load_capture(path).recordings


def body_of(recording: Recording) -> bytes:
    return b"".join(data for _, data in recording.chunks())


def payload(answer: bytes) -> bytes:
    """The body of a response in chunks, or with a length."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    if b"chunked" not in head.lower():
        return rest
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return body
