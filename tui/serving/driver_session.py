"""One run of a Textual program whose screen is a web page.

The program runs with Textual's web driver, which draws on standard output and reads keys from
standard input. After a line that says so, both are packets: a letter (`D` is data of a terminal,
`M` is about it, as JSON), four bytes with a length, most significant first, and the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from tui.core.records import JsonObject, strict_loads
from tui.core.text import sanitize

WEB_DRIVER: Final = "textual.drivers.web_driver:WebDriver"

_PRELUDE: Final = b"__GANGLION__\n"
_LARGEST_PACKET: Final = 64 * 1024 * 1024
_MOST_SAID: Final = 8 * 1024
_STREAM_LIMIT: Final = 1024 * 1024


class DriverSession:
    """A process of its own, with all that it starts; leaving the `async with` block ends it.

    It is asked to quit and has `grace_s` for it; what is left then is killed.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        size: tuple[int, int],
        grace_s: float,
    ) -> None:
        self.command = command
        self.environment = {
            **environment,
            "COLUMNS": str(size[0]),
            "ROWS": str(size[1]),
            "TERM": "xterm-256color",
            "TEXTUAL_COLOR_SYSTEM": "truecolor",
            "TEXTUAL_DRIVER": WEB_DRIVER,
        }
        self.grace_s = grace_s
        self._process: asyncio.subprocess.Process | None = None
        self._said = b""

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The process, while the block runs."""
        assert self._process is not None
        return self._process

    async def __aenter__(self) -> DriverSession:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *self.command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=self.environment,
            start_new_session=True,
            limit=_STREAM_LIMIT,
        )
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        ending = asyncio.create_task(self._end())
        # Whoever waits here may be cancelled: the program is ended all the same.
        await asyncio.shield(ending)

    async def drawn(self) -> AsyncIterator[bytes]:
        """What the program draws, for a terminal, until it ends.

        What it said instead, if it drew nothing, is made safe for one.
        """
        assert self.process.stdout is not None
        read = self.process.stdout
        try:
            while (line := await read.readline()) != _PRELUDE:
                if not line:
                    break
                self._say(line)
            while True:
                head = await read.readexactly(5)
                length = int.from_bytes(head[1:], "big")
                if length > _LARGEST_PACKET:
                    return
                packet = await read.readexactly(length)
                if head[:1] == b"D":
                    yield packet
                elif head[:1] == b"M" and _meta(packet).get("type") == "exit":
                    return
        except (asyncio.IncompleteReadError, ValueError):
            pass  # It ended, or what it writes is no such packet.
        await asyncio.wait([self._listening])
        if said := sanitize(self._said.decode("utf-8", "replace")):
            yield said.replace("\n", "\r\n").encode()

    async def type(self, text: str) -> None:
        """Hand it keys, as a terminal sends them. Waits for a program that is behind."""
        await self._put(b"D", text.encode("utf-8", "replace"))

    async def tell(self, **about: object) -> None:
        """Tell it about the terminal: `type` is resize, focus, blur or quit."""
        await self._put(b"M", json.dumps(about).encode())

    async def _put(self, letter: bytes, data: bytes) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(ConnectionError, RuntimeError):  # It has ended.
            self.process.stdin.write(letter + len(data).to_bytes(4, "big") + data)
            await self.process.stdin.drain()

    def _say(self, data: bytes) -> None:
        self._said = (self._said + data)[-_MOST_SAID:]

    async def _listen(self) -> None:
        assert self.process.stderr is not None
        while data := await self.process.stderr.read(4096):
            self._say(data)

    async def _end(self) -> None:
        process = self.process
        # A hung program does not take the word, and may not have taken what came before it.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.grace_s):
                await self.tell(type="quit")
                if process.stdin is not None:
                    process.stdin.close()
                assert process.stdout is not None
                while await process.stdout.read(_STREAM_LIMIT):
                    pass
                await process.wait()
        # Its children are of its group; there is none where all of them have ended.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        self._listening.cancel()
        await asyncio.wait([self._listening])
        # What was drawn and not read would keep the pipe open; there is no public way to close it.
        vars(process)["_transport"].close()


def _meta(packet: bytes) -> JsonObject:
    value = strict_loads(packet.decode())
    return value if isinstance(value, dict) else {}
