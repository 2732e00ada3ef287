"""Python tools in whole runs: what they do reaches neither output nor screen nor exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from tests.command_line import mock_in_a_thread
from tests.limits import HANG_S
from tests.servers import MockServer
from tests.whole.test_terminal import PROGRAM, terminal

pytestmark = pytest.mark.xdist_group("live tools")

ASK = ("run", "What's the weather in SF?", "--run-tools", "always", "--tools")

NOISY = '''
import os, subprocess, sys, threading, time

print("torn on import")


def speak_for_ever():
    while True:
        print("torn for ever")
        time.sleep(1)


def get_weather(location: str) -> str:
    """Get the weather."""
    print("torn by print \\x1b[2J")
    os.write(1, b"torn by write\\n")
    os.write(2, b"torn by error\\n")
    subprocess.run("echo torn by child; echo torn >/dev/tty; stty -echo", shell=True)
    thread = threading.Thread(target=print, args=("torn by thread",))
    thread.start()
    thread.join()
    # Neither of these ever ends by itself.
    threading.Thread(target=speak_for_ever).start()
    subprocess.Popen(["sleep", "1000"])
    if os.fork() == 0:
        os.setsid()
        time.sleep(3)
        os._exit(9)
    return f"sunny, and the keyboard says {sys.stdin.read()!r}"
'''


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with mock_in_a_thread() as running:
        yield running


def env(server: MockServer) -> dict[str, str]:
    server.received.clear()
    return {"ANTHROPIC_API_KEY": "sk-ant-canary", "ANTHROPIC_BASE_URL": server.url}


def written(tmp_path: Path, source: str) -> str:
    path = tmp_path / "tools.py"
    path.write_text(dedent(source))
    return str(path)


def started(server: MockServer, tools: str, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, *ASK, tools, *more],
        env={**os.environ, **env(server)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result_sent(server: MockServer) -> tuple[object, bool]:
    block = json.loads(server.received[-1].body)["messages"][-1]["content"][0]
    return block["content"], block.get("is_error", False)


def test_a_noisy_tool_without_a_screen(server: MockServer, tmp_path: Path) -> None:
    program = started(server, written(tmp_path, NOISY), "--plain")
    out, err = program.communicate("typed\n", timeout=HANG_S)
    assert program.returncode == 0
    assert "torn" not in out and "\u2190 get_weather result: sunny" in out
    assert result_sent(server) == ("sunny, and the keyboard says ''", False)
    assert len(server.received) == 2
    ways = ["on import", "by print \u241b[2J", "by write", "by error", "by child"]
    # The order of what is printed is that of the tool, before its result.
    lines = err.split("streamscope: get_weather printed:\n")[1].split("\n")
    assert lines[:5] == [f"  torn {way}" for way in ways]
    assert "  torn by thread" in lines and "\x1b" not in out + err


def test_a_tool_that_ends_its_process(server: MockServer, tmp_path: Path) -> None:
    source = "def get_weather(location: str) -> str:\n    import os\n    os._exit(3)\n"
    said = "the tool ended the process: exit status 3"
    program = started(server, written(tmp_path, source), "--plain")
    out, err = program.communicate(timeout=HANG_S)
    assert (program.returncode, result_sent(server)) == (0, (said, True))
    assert f"\u2190 get_weather failed: {said}" in out and "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_tool_without_an_end_is_interrupted(
    server: MockServer, tmp_path: Path, number: signal.Signals
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    source = f"""
    import threading

    def get_weather(location: str) -> str:
        held = open({str(pipe)!r}, "w")
        held.write("x")
        held.flush()
        threading.Thread(target=threading.Event().wait).start()
        while True:
            pass
    """
    program = started(server, written(tmp_path, source), "--plain")
    with pipe.open() as end:
        assert end.read(1) == "x"
        program.send_signal(number)
        _, err = program.communicate(timeout=HANG_S)
        assert program.returncode == 128 + number
        assert err.endswith("streamscope: interrupted\n") and "Traceback" not in err
        # Whoever held it is gone.
        assert end.read() == ""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import os\nos._exit(0)\n", "while it is imported: the tool ended the process: exit"),
        ("print('torn')\ndef a(:\n", "tools.py, line 2: invalid syntax"),
    ],
)
def test_a_file_that_cannot_be_imported(
    server: MockServer, tmp_path: Path, source: str, said: str
) -> None:
    program = started(server, written(tmp_path, source), "--plain")
    out, err = program.communicate(timeout=HANG_S)
    assert (program.returncode, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("streamscope: --tools: tools.py") and said in err


def test_an_import_without_an_end_is_interrupted(server: MockServer, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    source = f"held = open({str(pipe)!r}, 'w')\nheld.write('x')\nheld.flush()\nwhile True: ..."
    program = started(server, written(tmp_path, source), "--plain")
    with pipe.open() as end:
        assert end.read(1) == "x"
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=HANG_S)
        assert (program.returncode, out, err) == (130, "", "\nstreamscope: interrupted\n")
        assert end.read() == ""


def test_the_tools_of_the_sdk(server: MockServer, tmp_path: Path) -> None:
    source = """
    from anthropic import beta_async_tool
    from anthropic.lib.tools import ToolError

    @beta_async_tool(description="Words of its own.")
    async def get_weather(location: str) -> str:
        print("asked for", location)
        raise ToolError([{"type": "text", "text": "No weather today. sk-ant-abc"}])
    """
    program = started(server, written(tmp_path, source), "--json")
    out, err = program.communicate(timeout=HANG_S)
    assert program.returncode == 0 and len(json.loads(out.splitlines()[0])["runs"]) == 1
    offered = json.loads(server.received[0].body)["tools"][0]
    assert offered["description"] == "Words of its own."
    assert result_sent(server) == ([{"type": "text", "text": "No weather today. [redacted]"}], True)
    assert "streamscope: get_weather printed:\n  asked for " in err


def test_a_noisy_tool_under_the_dashboard(server: MockServer, tmp_path: Path) -> None:
    with terminal(*ASK, written(tmp_path, NOISY), env=env(server)) as screen:
        screen.child.timeout = HANG_S
        # Below the tool's name, on the screen, in its place.
        screen.wait_for("get_weather printed", "torn by thread", "COMPLETE")
        screen.press("q")
        assert screen.end() == 0
        screen.assert_nothing_foreign()
        screen.assert_restored()
        assert "\ntorn" not in screen.output and "torn by write\r" not in screen.output
