"""A terminal that is not read: only drawing stops, and the program can be left."""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.command_line import mock_in_a_thread
from tests.limits import HANG_S
from tests.servers import MockServer
from tests.whole.test_terminal import Terminal, sh, streamscope, terminal

pytestmark = [
    pytest.mark.xdist_group("live terminal"),
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waiting with a limit needs Linux"),
]

KEY: Final = "sk-ant-api03-canary-0123456789abcdef"
FASTER: Final = 4
"""The mock's speed. A stream lasts for a hundred frames or more: to fill the terminal is quick."""
STUFF: Final = "~" * 64


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with mock_in_a_thread() as running:
        yield running


@pytest.fixture(scope="module")
def paced_server() -> Iterator[MockServer]:
    with mock_in_a_thread(speed=FASTER) as running:
        yield running


def env(server: MockServer) -> dict[str, str]:
    return {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": server.url}


def stuff(running: Terminal) -> None:
    """Fill the terminal up to its last byte, so that the next write to it has to wait."""
    name = os.readlink(f"/proc/{running.child.pid}/fd/0")
    own = os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        while True:
            os.write(own, STUFF.encode())
    except BlockingIOError:
        pass
    finally:
        os.close(own)


def until(running: Terminal, condition: Callable[[], bool]) -> None:
    """Wait for something that the program does, without reading its terminal."""
    process = os.pidfd_open(running.child.pid)
    try:
        for _ in range(HANG_S * 20):
            if condition():
                return
            assert not select.select([process], [], [], 0.05)[0], "the program ended"
        raise AssertionError("it does not happen while the terminal is not read")
    finally:
        os.close(process)


def ended_unread(running: Terminal) -> None:
    """Wait for the end of the program, without reading its terminal."""
    process = os.pidfd_open(running.child.pid)
    ended, _, _ = select.select([process], [], [], HANG_S)
    os.close(process)
    assert ended, "the program does not end while the terminal is not read"
    running.lossy = True


def lines(path: Path) -> list[Any]:
    """The capture as far as it was written."""
    if not path.exists():
        return []
    whole, _, _ = path.read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def test_a_stream_is_recorded_to_its_end_and_drawn_when_it_is_read_again(
    paced_server: MockServer, tmp_path: Path
) -> None:
    path = tmp_path / "kept.jsonl"
    command = ["run", "Hello", "--model", "scenario:plain", "--record", str(path)]
    with terminal(*command, env=env(paced_server)) as running:
        running.wait_for("LIVE")
        stuff(running)
        until(running, lambda: any(line.get("k") == "end" for line in lines(path)))
        *chunks, end = [line for line in lines(path) if line.get("k") in ("chunk", "end")]
        assert end["how"] == "eof" and "message_stop" in chunks[-1]["data"]
        # At the pace of the stream: it was not read all at once when something gave way.
        assert len({chunk["t"] for chunk in chunks}) > 20
        running.wait_for("COMPLETE", "end_turn")
        running.press("g")
        running.wait_for("behind")
        running.press("q")
        assert running.end() == 0
        running.assert_restored()
        # What never changes was drawn again too: the terminal may have lost any of it.
        again = running.output.rpartition(STUFF)[2]
        assert "Transcript" in again and "Tool calls" in again


def stalled(server: MockServer, path: Path) -> Any:  # noqa: ANN401
    """The program in a terminal that is full, with half of a stream that goes on later."""
    command = ["run", "Hello", "--model", "scenario:plain!stall:600", "--record", str(path)]
    return terminal(*command, env=env(server))


@pytest.mark.parametrize("name", ["SIGTERM", "SIGQUIT"])
def test_a_signal_ends_it_though_the_terminal_is_not_read(
    name: str, server: MockServer, tmp_path: Path
) -> None:
    path, number = tmp_path / "kept.jsonl", signal.Signals[name]
    with stalled(server, path) as running:
        running.wait_for("LIVE", "Olbers")
        stuff(running)
        os.kill(running.child.pid, number)
        ended_unread(running)
        assert lines(path)[-1]["how"] == "interrupted"
        assert running.end() == 128 + number
        running.assert_restored()


def test_keys_cancel_and_leave_though_the_terminal_is_not_read(
    server: MockServer, tmp_path: Path
) -> None:
    path = tmp_path / "kept.jsonl"
    with stalled(server, path) as running:
        running.wait_for("LIVE", "Olbers")
        stuff(running)
        running.press("\x03")
        until(running, lambda: lines(path)[-1]["k"] == "end")
        running.press("\x03")
        ended_unread(running)
        assert lines(path)[-1]["how"] == "cancelled"
        assert running.end() == 130
        running.assert_restored()


def test_the_screen_is_where_the_terminal_is(tmp_path: Path) -> None:
    line = f"{streamscope('demo', 'plain')} 2> {shlex.quote(str(tmp_path / 'errors'))}"
    with terminal(program=sh(line)) as running:
        running.wait_for("DEMO", "Transcript")
        running.press("q")
        assert running.end() == 0
        running.assert_restored()
    assert (tmp_path / "errors").read_bytes() == b""
