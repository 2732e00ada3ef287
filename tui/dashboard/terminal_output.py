"""Writing to a terminal that may not be read: nobody waits for it, and it can be left.

A terminal stops taking output when a connection stalls or its window is stopped. Its kernel buffer
holds a few kilobytes; the next write lasts until somebody reads, for hours perhaps.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Callable
from typing import Final, TextIO

PATIENCE_S: Final = 0.05
"""Output that has waited longer than this is not being read: no more frames are made for it."""
GRACE_S: Final = 0.5
"""How long what was written last may take before the program leaves without it."""
_MOST_WAITING: Final = 8_000_000
"""Characters that may wait. Frames are held back: this is for copied text, bells and the like."""
_LOOK_S: Final = 0.02
"""How often a writer that waits for the terminal looks whether it is to go on waiting."""

RESET: Final = (
    "\x18\x1b\\"  # Ends a sequence that was cut in the middle.
    "\x1b[?2026l"  # Synchronised drawing
    "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l"  # Mouse
    "\x1b[?2004l\x1b[?7h\x1b[?2048l"  # Bracketed paste, wrapped lines, reports of the size
    "\x1b[<u"  # Keyboard protocol: before the alternate screen is left
    "\x1b[?1049l\x1b[?25h\x1b[?1004l"  # Alternate screen, cursor, reports of the focus
)
"""Puts a terminal back that was left with a part of a frame."""


class TerminalOutput:
    """Writes in a thread of its own. `write` never waits; `stop` does for a moment only.

    `now` is a clock in seconds. Errors are not raised: a terminal that has gone takes nothing, and
    the program hears of that by a signal.
    """

    def __init__(self, file: TextIO, now: Callable[[], float] = time.monotonic) -> None:
        file.flush()
        self._fd = _own(file.fileno())
        self._encoding = file.encoding or "utf-8"
        self._now = now
        self._waiting: list[str] = []
        self._size = 0
        self._changed = threading.Condition()
        self._since: float | None = None
        """When there began to be something that is not written; None when all is."""
        self.missed = False
        """Whether a frame was left out because the terminal was not read."""
        self._stopping = False
        self._given_up = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="terminal-output")

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def write(self, text: str) -> None:
        """Have a text written after what waits already."""
        with self._changed:
            if self._stopping or self._size > _MOST_WAITING:
                return
            if self._since is None:
                self._since = self._now()
            self._waiting.append(text)
            self._size += len(text)
            self._changed.notify()

    @property
    def behind(self) -> bool:
        """Whether the terminal is not read as fast as it is written to."""
        since = self._since
        return since is not None and self._now() - since > PATIENCE_S

    @property
    def left(self) -> bool:
        """Whether output was given up because the terminal did not read it."""
        return self._given_up

    def stop(self) -> None:
        """Write what waits, and end; leave a terminal that does not take it, put back as it was."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
            waited = 0.0 if self._since is None else self._now() - self._since
        self._thread.join(max(GRACE_S - waited, PATIENCE_S))
        if self._thread.is_alive():
            self._leave()
        if not self._thread.is_alive():
            os.close(self._fd)

    # --- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._since = None
                while not self._waiting:
                    if self._stopping:
                        return
                    self._changed.wait()
                text = "".join(self._waiting)
                self._waiting.clear()
                self._size = 0
            if not self._put(text.encode(self._encoding, "backslashreplace")):
                return

    def _put(self, data: bytes) -> bool:
        """Write all of it; False if that was given up."""
        view = memoryview(data)
        while view:
            if self._given_up:
                return False
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:
                select.select([], [self._fd], [], _LOOK_S)
            except OSError:
                return True  # It has gone.
        return True

    # --- leaving ------------------------------------------------------------------------------

    def _leave(self) -> None:
        self._given_up = True
        self._thread.join(5 * _LOOK_S)
        if self._thread.is_alive():
            return  # Its descriptor waits; the end of the process ends it.
        try:
            _forget_unread(self._fd)
            os.write(self._fd, RESET.encode())
        except OSError:
            pass  # There is no room even now.


def _own(fd: int) -> int:
    """Open a terminal again, so that writing to it does not wait.

    Whether it does belongs to the description, and the given one is shared with the shell. Where
    the terminal has no name that can be opened, as after `su`, that one is written to nevertheless.
    """
    try:
        return os.open(os.ttyname(fd), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return os.dup(fd)


def _forget_unread(fd: int) -> None:
    """Discard the frames that a terminal has not read, to make room."""
    if sys.platform == "win32":
        return
    import termios

    try:
        termios.tcflush(fd, termios.TCOFLUSH)
    except termios.error:
        pass
