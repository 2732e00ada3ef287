"""The writer of the screen, at a pseudo-terminal that is read or not."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TextIO

import pytest

from tests.limits import HANG_S
from tui.dashboard.terminal_output import PATIENCE_S, RESET, TerminalOutput

if sys.platform == "win32":
    pytest.skip("no pseudo-terminals", allow_module_level=True)

FRAME: Final = "frame " * 20_000
"""More than a terminal's buffer holds."""


class Pair:
    """Both ends of a pseudo-terminal."""

    def __init__(self) -> None:
        self.screen, inner = os.openpty()
        self.file: TextIO = open(inner, "w", encoding="utf-8")
        os.set_blocking(self.screen, False)

    def read(self) -> bytes:
        """What has come until now."""
        found = b""
        try:
            while data := os.read(self.screen, 65_536):
                found += data
        except (BlockingIOError, OSError):
            pass
        return found

    def close(self) -> None:
        if not self.file.closed:
            self.file.close()
        os.close(self.screen)


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.close()


def test_what_is_written_comes_in_its_order(pair: Pair) -> None:
    output = TerminalOutput(pair.file)
    output.start()
    for number in range(100):
        output.write(f"{number} \N{SNOWMAN};")
    output.stop()
    assert pair.read().decode() == "".join(f"{number} \N{SNOWMAN};" for number in range(100))
    assert not output.left and not output.behind


def test_a_lone_surrogate_is_no_error(pair: Pair) -> None:
    output = TerminalOutput(pair.file)
    output.start()
    output.write("a\ud800b")
    output.stop()
    assert pair.read() == b"a\\ud800b"


def test_a_frame_that_is_read_late_comes_whole(pair: Pair) -> None:
    output = TerminalOutput(pair.file)
    output.start()
    output.write(FRAME)
    os.set_blocking(pair.screen, True)
    found = b""
    while len(found) < len(FRAME):
        found += os.read(pair.screen, 65_536)
    output.stop()
    assert found.decode() == FRAME
    assert not output.left


def test_it_is_behind_when_what_it_was_given_has_waited(pair: Pair) -> None:
    now = [0.0]
    output = TerminalOutput(pair.file, lambda: now[0])
    output.write(FRAME)
    assert not output.behind
    now[0] = 2 * PATIENCE_S
    assert output.behind
    # What comes later does not make it younger.
    output.write("more")
    assert output.behind
    output.start()
    output.stop()


def test_writing_never_waits_and_what_waits_is_bounded(pair: Pair) -> None:
    output = TerminalOutput(pair.file)
    output.start()
    for _ in range(500):
        output.write(FRAME)
    assert output._size < 100 * len(FRAME)
    output.stop()
    assert output.left


def test_a_terminal_that_is_not_read_is_left_as_it_was(pair: Pair) -> None:
    output = TerminalOutput(pair.file)
    output.start()
    output.write("\x1b[?1049h" + FRAME)
    output.write("\x1b[?1049l")
    output.stop()
    assert output.left
    assert pair.read().decode().endswith(RESET)
    output.write("afterwards")
    assert pair.read() == b""


def test_a_terminal_that_has_gone_takes_nothing(pair: Pair) -> None:
    output = TerminalOutput(pair.file)
    output.start()
    os.close(pair.screen)
    pair.screen = os.open(os.devnull, os.O_RDONLY)
    for _ in range(3):
        output.write(FRAME)
    output.stop()
    assert not output.left


def test_what_has_no_name_is_written_to_all_the_same(tmp_path: Path) -> None:
    with (tmp_path / "screen").open("w", encoding="utf-8") as file:
        file.write("before ")
        output = TerminalOutput(file)
        output.start()
        output.write("text")
        output.stop()
    assert (tmp_path / "screen").read_text() == "before text"


def test_a_pipe_that_is_not_read_can_be_left() -> None:
    reading, writing = os.pipe()
    with open(writing, "w", encoding="utf-8") as file:
        output = TerminalOutput(file)
        output.start()
        output.write(FRAME * 10)
        stopping = threading.Thread(target=output.stop)
        stopping.start()
        stopping.join(HANG_S)
        assert not stopping.is_alive() and output.left
    os.close(reading)
    output._thread.join(HANG_S)
    assert not output._thread.is_alive()
