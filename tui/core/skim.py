"""Reading an answer through: its text is handed on as it arrives, and not held."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tui.core.records import JsonObject
from tui.core.reducer import release_text
from tui.core.session import Session
from tui.core.state import End
from tui.core.timeline import RawStore

HEAD: Final = 65_536
"""Bytes of the body that are kept: enough to tell what it is if it is no event stream."""


class HeadStore(RawStore):
    """The extent of a body, and only its first bytes."""

    __slots__ = ()

    def _keep(self, data: bytes) -> None:
        room = HEAD - len(self._open)
        if room > 0:
            self._open += data[:room]

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self._open[offset : offset + length])


class SkimSession(Session):
    """A session whose text goes to `sink`, with a line end between one text block and the next.

    States, numbers and tool calls are as in any session; text, thinking and bytes are let go. What
    is kept of an event is a row of numbers.
    """

    def __init__(self, sink: Callable[[str], None], *, timed: bool = True) -> None:
        super().__init__(timed=timed, raw=HeadStore())
        self._sink = sink
        self._block: tuple[int, int] | None = None
        self._at_line_start = True
        self._done = 0

    def _read(self, data: bytes, first_ns: int, last_ns: int, t_ns: int | None) -> int:
        count = super()._read(data, first_ns, last_ns, t_ns)
        self._hand_on()
        return count

    def finish(self, t_ns: int, how: End = "eof", error: JsonObject | None = None) -> None:
        super().finish(t_ns, how, error)
        self._hand_on()

    def _hand_on(self) -> None:
        for number, run in enumerate(self.runs[self._done :], self._done):
            for position, text in release_text(run.state):
                if text:
                    if self._block not in (None, (number, position)) and not self._at_line_start:
                        self._sink("\n")
                    self._block = number, position
                    self._at_line_start = text.endswith("\n")
                    self._sink(text)
        self._done = len(self.runs) - 1
