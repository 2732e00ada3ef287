"""The command line as a process: pipes, signals, readers that go, terminals that cannot do much."""

from __future__ import annotations

import asyncio
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests import playbook as pb
from tests.cli.process import BODY, HEAD, INSTANT, REST, SIGNALS, finish, start
from tests.command_line import ESC, Call
from tests.limits import HANG_S
from tui.cli import main as cli
from tui.cli import show as cli_show
from tui.cli.show import OutputMode
from tui.core.records import Chunk
from tui.sources import SourceInfo

# --- a real process -------------------------------------------------------------------------------


def read_until(process: subprocess.Popen[bytes], text: bytes) -> bytes:
    """Read standard output up to `text`."""
    assert process.stdout is not None
    got = b""
    while not got.endswith(text):
        ready, _, _ = select.select([process.stdout], [], [], 60)
        byte = os.read(process.stdout.fileno(), 1) if ready else b""
        assert byte, got
        got += byte
    return got


def test_a_pipe_is_drawn_as_it_arrives() -> None:
    process = start("open", "-")
    assert process.stdin is not None
    process.stdin.write(HEAD)
    process.stdin.flush()
    assert read_until(process, b"one") == b"one"
    assert process.poll() is None
    result = finish(process, REST)
    assert (result.status, result.out) == (0, " two\n")
    assert ESC not in result.out + result.err


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_it_in_order(number: signal.Signals) -> None:
    process = start("open", "-")
    assert process.stdin is not None
    process.stdin.write(HEAD)
    process.stdin.flush()
    read_until(process, b"one")
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    result = finish(process)
    assert result.out == " \n"
    assert result.err.startswith("streamscope: standard input: cancelled\ncancelled \u00b7 ")
    assert result.err.endswith("streamscope: interrupted\n")
    assert "Traceback" not in result.err


def test_the_mock_serves_until_it_is_interrupted() -> None:
    process = start("mock")
    line = read_until(process, b"\n").decode()
    url = line.split()[3].rstrip(";")
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=HANG_S) as client:
        client.sendall(b"GET /nothing HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n\r\n" % port)
        assert client.recv(12) == b"HTTP/1.1 404"
    process.send_signal(signal.SIGINT)
    result = finish(process)
    assert result.status == 130
    assert result.err.strip().splitlines() == ["streamscope: interrupted"]


class Signalled:
    """Yields the beginning of an answer, then has this process told to end."""

    info = SourceInfo("signalled", None, None, "demo", timed=True, paced=False)
    sent_ns: int | None = None

    async def chunks(self) -> AsyncIterator[Chunk]:
        yield Chunk(0, HEAD)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize("as_json", [False, True])
def test_what_arrived_before_a_signal_is_kept(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli_show.show([Signalled], output_mode=OutputMode(plain=True, as_json=as_json))
    assert caught.value.code == 143
    out, err = capsys.readouterr()
    if as_json:
        (run,) = json.loads(out)["runs"]
        assert (run["status"], run["message"]["content"][0]["text"]) == ("cancelled", "one ")
    else:
        assert out == "one \n"
    assert err.endswith("streamscope: interrupted\n")


class Interrupted(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise KeyboardInterrupt


def test_an_interrupt_while_reading_is_no_failure(call: Call) -> None:
    result = call("inspect", "-", stdin=Interrupted())
    assert (result.status, result.err.strip()) == (130, "streamscope: interrupted")


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo", "markdown", "--plain", *INSTANT],
        ["demo", "--list"],
        ["inspect", "--json", "-"],
        ["--help"],
    ],
)
def test_a_reader_that_has_gone_is_no_traceback(arguments: list[str]) -> None:
    process = start(*arguments)
    assert process.stdout is not None and process.stderr is not None and process.stdin is not None
    process.stdout.close()
    with suppress(BrokenPipeError):  # The commands that read nothing may be gone as well.
        process.stdin.write(BODY)
        process.stdin.close()
    err = process.stderr.read().decode()
    assert process.wait(60) == 1
    process.stderr.close()
    assert "Traceback" not in err and "BrokenPipe" not in err


HARD = pb.wire(
    pb.message_start(model="mod\u00e8le"),
    *pb.text_block(0, "na\u00efve \U0001f600 \ud83d", "\ude00 \x1b[2J"),
    *pb.tool_block(1, '{"q": "\u00fc"}', name="\u540d"),
    *pb.ending(),
)


def test_a_c_locale_has_no_such_characters(tmp_path: Path) -> None:
    path = tmp_path / "hard.sse"
    path.write_bytes(HARD.replace(b"end_turn", b"\xff\xfe"))
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for arguments in (["open", path, *INSTANT], ["inspect", path], ["demo", "hostile", *INSTANT]):
        result = finish(start(*arguments, env=ascii_only))
        assert "Traceback" not in result.err
        assert (result.out + result.err).isascii()
        assert ESC not in result.out + result.err
        assert result.status in (0, 1)
        if arguments[0] == "open":
            assert result.out.startswith("na?ve ? <U+D83D><U+DE00> ?[2J\n? ? ")


def test_hard_characters_elsewhere(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "hard.sse"
    path.write_bytes(HARD)
    result = call("open", path, *INSTANT)
    assert result.out.startswith("na\u00efve \U0001f600 <U+D83D><U+DE00> \u241b[2J\n\u2192 \u540d")
    assert call("inspect", path).status == call("inspect", "--json", path).status == 0


def test_a_closed_standard_error_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, stream: Path
) -> None:
    kept = io.StringIO()
    monkeypatch.setattr(sys, "argv", ["streamscope", "inspect", str(stream), "absent"])
    for name, value in (("stdout", kept), ("stderr", None), ("stdin", None)):
        monkeypatch.setattr(sys, name, value)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    sys.stderr.close()
    assert caught.value.code == 2
    assert "complete" in kept.getvalue()
