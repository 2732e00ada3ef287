"""Outputs that are full or closed: one line that blames nothing else, and status 1."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import playbook as pb
from tests.command_line import mock_in_a_thread
from tests.limits import HANG_S
from tui.cli import main as cli
from tui.cli.standard_streams import OutputFailed, guard

COMMAND = [sys.executable, "-c", "from tui.cli.main import main; main()"]
BODY = pb.wire(pb.message_start(), *pb.text_block(0, "one ", "two"), *pb.ending())
Run = Callable[[io.TextIOWrapper | None, str], tuple[int, str]]
FULL = "streamscope: standard output: No space left on device\n"
CLOSED = "streamscope: standard output: closed\n"

pytestmark = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device")

COMMANDS = {
    "inspect": ["inspect", "FILE"],
    "inspect a pipe": ["inspect", "-"],
    "inspect --json": ["inspect", "--json", "FILE"],
    "inspect a folder": ["inspect", "FOLDER"],
    "open --plain": ["open", "FILE", "--plain", "--speed", "instant"],
    "demo --plain": ["demo", "plain", "--plain", "--speed", "instant"],
    "demo --list": ["demo", "--list"],
    "help": ["--help"],
    "help of a command": ["run", "--help"],
    "version": ["--version"],
    "run --plain": ["run", "Hello", "--plain", "--model", "scenario:plain"],
    "run --json": ["run", "Hello", "--json", "--model", "scenario:plain"],
    "run many": ["run", "Hello", "--plain", "--model", "scenario:plain", "--repeat", "3"],
    "run many --json": ["run", "Hello", "--json", "--model", "scenario:plain", "--repeat", "3"],
    "mock": ["mock"],
}


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    with mock_in_a_thread() as server:
        yield server.url


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    path = tmp_path / "answer.sse"
    path.write_bytes(BODY)
    return path


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, api_key: None, mock: str, stream: Path) -> Run:
    """Run a command with this output; return its status and what it said."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", mock)

    def run(out: io.TextIOWrapper | None, name: str) -> tuple[int, str]:
        places = {"FILE": str(stream), "FOLDER": str(stream.parent)}
        arguments = [places.get(word, word) for word in COMMANDS[name]]
        err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["streamscope", *arguments])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BODY)))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            with pytest.raises(SystemExit) as caught:
                cli.main()
        err.flush()
        assert isinstance(err.buffer, io.BytesIO)
        code = caught.value.code
        assert isinstance(code, int)
        return code, err.buffer.getvalue().decode()

    return run


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_output(told: Run, name: str) -> None:
    out = io.TextIOWrapper(io.FileIO("/dev/full", "w"), encoding="utf-8")
    assert told(out, name) == (1, FULL)
    out.close()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_closed_output(told: Run, name: str) -> None:
    assert told(None, name) == (1, CLOSED)


@pytest.mark.parametrize("name", COMMANDS)
def test_an_output_whose_reader_has_gone_is_nothing_to_complain_about(told: Run, name: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    out = io.TextIOWrapper(io.FileIO(writer, "w"), encoding="utf-8")
    assert told(out, name) == (1, "")
    out.close()


# --- a real process -------------------------------------------------------------------------------


def shell(redirection: str, *arguments: str | Path) -> tuple[int, str]:
    """Run a command with its streams redirected by a shell; return status and standard error."""
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *COMMAND, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=HANG_S,
    )
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize(
    ("redirection", "expected"),
    [
        (">/dev/full", (1, FULL)),
        (">&-", (1, CLOSED)),
        (">&- 2>/dev/full", (1, "")),
        (">/dev/full 2>&-", (1, "")),
        ("<&- >&-", (1, CLOSED)),
        ("2>&-", (0, "")),
        ("2>/dev/full", (0, "")),
    ],
)
def test_the_end_of_the_process(redirection: str, expected: tuple[int, str], stream: Path) -> None:
    status, err = shell(redirection, "open", stream, "--plain", "--speed", "instant")
    assert (status, err if status else "") == expected


def test_a_file_never_gets_the_number_of_a_closed_output(
    api_key: None, mock: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", mock)
    capture = tmp_path / "run.jsonl"
    options = ["--model", "scenario:plain", "--plain"]
    assert shell(">&-", "run", "Hello", *options, "--record", capture) == (1, CLOSED)
    for line in capture.read_text().splitlines():
        assert line.startswith("{")


# --- the streams ----------------------------------------------------------------------------------


def test_a_failure_is_raised_once_and_is_no_failure_of_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        out = io.TextIOWrapper(io.FileIO("/dev/full", "w"), encoding="ascii")
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", None)
        guard()
        guarded, lossy = sys.stdout, sys.stderr
        assert (guarded.fileno(), guarded.isatty()) == (out.fileno(), False)
        with pytest.raises(io.UnsupportedOperation):
            lossy.fileno()
        guarded.write("caf\u00e9")
        with pytest.raises(OutputFailed) as caught:
            guarded.flush()
        guarded.write("more")
        guarded.flush()
        lossy.write("lost")
        lossy.flush()
        assert not isinstance(caught.value, OSError)
        assert not caught.value.reader_gone
        for stream in (guarded, lossy, out):
            stream.close()


def test_a_pipe_that_does_not_block_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    text = "x" * 300_000  # More than a pipe takes at once.
    code = "import sys\ngot = sys.stdin.read()\nsys.exit(len(got) != 300_000)"
    with monkeypatch.context() as patch, os.fdopen(writer, "w") as out, os.fdopen(reader) as given:
        patch.setattr(sys, "stdout", out)
        guard()
        counting = subprocess.Popen([sys.executable, "-c", code], stdin=given)
        sys.stdout.write(text)
        sys.stdout.close()
    assert counting.wait(60) == 0


def test_what_is_said_of_other_failures() -> None:
    assert str(OutputFailed(OSError(errno.EIO, "Input/output error"))).endswith(
        "Input/output error"
    )
    assert str(OutputFailed(OSError("odd"))) == "standard output: odd"
