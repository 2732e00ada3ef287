"""The app in a real terminal: what reaches it, how it is left, what works where there is none."""

from __future__ import annotations

import io
import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pexpect
import pytest

from tests import playbook as pb
from tests.conftest import ROOT
from tests.hostile import SEQUENCES, hostile_in
from tests.limits import HANG_S
from tests.playbook import wire
from tui.cli.state import keep_theme

PROGRAM: Final = (sys.executable, "-c", "from tui.cli.main import main; main()")
_LFLAG: Final = 3

# What Textual writes: styles, cursor positions, private modes and questions about two of them, the
# keyboard protocol, the shape of the mouse pointer. Whatever else begins with an escape is foreign.
OURS: Final = re.compile(
    r"\x1b\[[0-9;]*[mH]"
    r"|\x1b\[\?[0-9]+[hl]"
    r"|\x1b\[\?20(?:26|48)\$p"
    r"|\x1b\[[><][0-9]*u"
    r"|\x1b\]22;[a-z]*\x07"
)
_MODES: Final = re.compile(r"\x1b\[\?([0-9]+)([hl])")
_ON_BY_DEFAULT: Final = {"7", "25"}  # wrap at the edge, show the cursor
_COLOUR: Final = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9]+)*m")


class Terminal:
    """A program in a terminal of its own, with all that it wrote."""

    def __init__(self, *command: str, size: tuple[int, int], env: Mapping[str, str]) -> None:
        self._log = io.BytesIO()
        self.child: pexpect.spawn[bytes] = pexpect.spawn(
            command[0],
            list(command[1:]),
            cwd=str(ROOT),
            env={**os.environ, **env},
            dimensions=(size[1], size[0]),
            timeout=HANG_S,
            maxread=65_536,
        )
        self.lossy = False
        """Whether output that nobody read was thrown away, maybe in the middle of a character."""
        self.child.logfile_read = self._log
        self.child.delaybeforesend = None
        self.before: list[Any] = termios.tcgetattr(self.child.child_fd)

    @property
    def output(self) -> str:
        """All that was written, once it is over: valid UTF-8, if all of it was read."""
        return self._log.getvalue().decode("utf-8", "replace" if self.lossy else "strict")

    def wait_for(self, *words: str) -> None:
        """Wait until each of the words was drawn, in any order."""
        for word in words:
            if word.encode() not in self._log.getvalue():
                self.child.expect_exact(word.encode())

    def press(self, keys: str) -> None:
        self.child.send(keys)

    def end(self) -> int:
        """Wait for the end and return the exit status; a death by a signal is below zero."""
        self.child.expect(pexpect.EOF)
        self.after: list[Any] = termios.tcgetattr(self.child.child_fd)
        self.child.close()
        if self.child.signalstatus is not None:
            return -int(self.child.signalstatus)
        assert self.child.exitstatus is not None
        return int(self.child.exitstatus)

    def assert_restored(self) -> None:
        """The terminal is as it was: modes, cursor, echo, line mode."""
        last = dict(_MODES.findall(self.output))
        assert "1049" in last, "the alternate screen was never entered"
        for mode, state in last.items():
            assert (state == "h") == (mode in _ON_BY_DEFAULT), mode
        pushed = len(re.findall(r"\x1b\[>[0-9]*u", self.output))
        assert self.output.count("\x1b[<u") >= pushed
        assert self.after[:4] == self.before[:4]
        assert self.after[_LFLAG] & termios.ECHO
        assert self.after[_LFLAG] & termios.ICANON

    def assert_nothing_foreign(self) -> None:
        """No control code came from anywhere but the screen itself."""
        rest = OURS.sub("", self.output).replace("\r\n", "")
        assert not hostile_in(rest)


@contextmanager
def terminal(
    *arguments: str,
    program: tuple[str, ...] = PROGRAM,
    size: tuple[int, int] = (120, 40),
    env: Mapping[str, str] | None = None,
) -> Iterator[Terminal]:
    """Start a program in a terminal, and see to it that it ends."""
    running = Terminal(*program, *arguments, size=size, env=env or {})
    try:
        yield running
    finally:
        running.child.close(force=True)


def sh(line: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", line)


def streamscope(*arguments: str | Path) -> str:
    """The command line of the program, for a shell."""
    return shlex.join([*PROGRAM, *map(str, arguments)])


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """A whole stream in a file."""
    path = tmp_path / "fox.sse"
    events = [pb.message_start(), *pb.text_block(0, "The quick ", "brown fox."), *pb.ending()]
    path.write_bytes(wire(*events))
    return path


# --- hostile text ---------------------------------------------------------------------------------


def test_the_hostile_demo_reaches_the_terminal_as_text_only() -> None:
    with terminal("demo", "hostile", "--speed", "100") as running:
        running.wait_for("COMPLETE", "OWNED")
        running.press("gt,.bM")
        running.wait_for("behind")
        running.press("q")
        assert running.end() == 0
        running.assert_nothing_foreign()
        running.assert_restored()
        assert _COLOUR.search(running.output)


def test_hostile_text_in_every_field_of_a_file_one_code_point_a_delta(tmp_path: Path) -> None:
    attack = "".join(SEQUENCES)
    events = [
        pb.message_start(model=attack, id=attack),
        pb.thinking_start(0),
        *(pb.thinking(0, char) for char in attack),
        pb.block_stop(0),
        pb.text_start(1),
        *(pb.text(1, char) for char in attack),
        pb.citation(1, {"title": attack, "url": attack}),
        pb.block_stop(1),
        pb.tool_start(2, attack, id=attack),
        *(pb.fragment(2, char) for char in json.dumps({attack: attack}, ensure_ascii=False)),
        pb.block_stop(2),
        pb.error(attack, attack),
    ]
    path = tmp_path / ("\x1b]0;OWNED\x07\u202e" + "name.sse")
    path.write_bytes(wire(*events))
    with terminal("open", str(path), "--speed", "100") as running:
        running.wait_for("ERROR")
        running.press("tg")
        running.wait_for("behind")
        running.press("\r")
        running.press("qq")  # The first may close what return opened.
        assert running.end() == 0
        running.assert_nothing_foreign()
        running.assert_restored()


def test_hostile_text_in_an_error_of_the_command_line() -> None:
    name = "no \x1b]0;OWNED\x07\u202e such.sse"
    with terminal("open", name) as running:
        assert running.end() == 2
        assert "no such file" in running.output
        running.assert_nothing_foreign()


# --- leaving --------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", ["q", "\x11"])
def test_quit_leaves_the_terminal_as_it_was(keys: str) -> None:
    with terminal("demo", "plain") as running:
        running.wait_for("Transcript", "DEMO")
        running.press(keys)
        assert running.end() == 0
        running.assert_restored()


def test_ctrl_c_cancels_and_then_leaves_with_130() -> None:
    with terminal("demo", "tour") as running:
        running.wait_for("DEMO")
        running.press("\x03")
        running.wait_for("CANCELLED")
        running.press("\x03")
        assert running.end() == 130
        running.assert_restored()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT"])
def test_a_signal_leaves_the_terminal_as_it_was(name: str) -> None:
    number = signal.Signals[name]
    with terminal("demo", "tour") as running:
        running.wait_for("DEMO", "thinking")
        os.kill(running.child.pid, number)
        assert running.end() == 128 + number
        running.assert_restored()
        assert "Traceback" not in running.output


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waiting with a limit needs Linux")
def test_a_terminal_that_is_closed_takes_the_program_with_it() -> None:
    with terminal("demo", "tour") as running:
        running.wait_for("DEMO")
        process = os.pidfd_open(running.child.pid)
        running.child.ptyproc.fileobj.close()
        ended, _, _ = select.select([process], [], [], HANG_S)
        os.close(process)
        assert ended
        assert running.child.ptyproc.wait() == 128 + signal.SIGHUP


CRASHES: Final = {
    "drawing a row": "import tui.widgets.bars as m; m.HeaderBar.render_line = broken",
    "the tick": "import tui.dashboard.app as m; m.StreamscopeApp.tick = broken",
    "a key": "import tui.dashboard.app as m; m.StreamscopeApp.action_open = broken",
}


@pytest.mark.parametrize("where", CRASHES)
def test_a_crash_leaves_the_terminal_as_it_was_and_shows_no_locals(
    where: str, tmp_path: Path
) -> None:
    script = tmp_path / "crash.py"
    script.write_text(
        "def broken(self, *arguments):\n"
        "    secret = ''.join(reversed('YRANAC-tna-ks'))\n"
        "    raise RuntimeError('the floor gave way: password=' + secret[:0] + 'CANARY2')\n"
        f"{CRASHES[where]}\n"
        "from tui.cli.main import show\n"
        "from tui.sources.scenario import ScenarioSource\n"
        "show([lambda: ScenarioSource('tour')])\n"
    )
    with terminal(program=(sys.executable, str(script)), env={"PYTHONPATH": str(ROOT)}) as running:
        if where == "a key":
            running.wait_for("DEMO")
            running.press("?")
        assert running.end() == 1
        running.assert_restored()
        assert "RuntimeError" in running.output
        assert "the floor gave way" in running.output
        assert "sk-ant-CANARY" not in running.output
        assert "password=[redacted]" in running.output


# --- standard input -------------------------------------------------------------------------------


def test_a_pipe_is_drawn_and_the_keyboard_works(stream: Path) -> None:
    line = f"cat {shlex.quote(str(stream))} | {streamscope('open', '-')}"
    with terminal(program=sh(line)) as running:
        running.wait_for("COMPLETE", "standard input", "brown")
        running.press("g")
        running.wait_for("behind")
        running.press("q")
        assert running.end() == 0
        running.assert_restored()


def test_a_pipe_is_drawn_as_it_arrives_and_can_be_left_while_it_is_open(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # Both ends, so that opening does not wait; the program sees no end as long as this is open.
    writer = os.open(pipe, os.O_RDWR)
    try:
        line = f"exec {streamscope('open', '-')} < {shlex.quote(str(pipe))}"
        with terminal(program=sh(line)) as running:
            running.wait_for("Waiting")
            os.write(writer, wire(pb.message_start(), pb.text_start(0), pb.text(0, "First.")))
            running.wait_for("First.", "PIPE")
            os.write(writer, wire(pb.text(0, " Second.")))
            running.wait_for("Second.")
            running.press("q")
            assert running.end() == 0
            running.assert_restored()
    finally:
        os.close(writer)


def test_a_pipe_of_anything_ends_nothing() -> None:
    line = f"head -c 300000 /dev/urandom | {streamscope('open', '-')}"
    with terminal(program=sh(line)) as running:
        running.wait_for("NOT A STREAM")
        running.press("q")
        assert running.end() == 0
        running.assert_nothing_foreign()
        running.assert_restored()


# --- no screen ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("demo", "plain"), ("open", "FILE")])
@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_dumb_terminal_gets_plain_text(command: tuple[str, ...], term: str, stream: Path) -> None:
    arguments = [str(stream) if part == "FILE" else part for part in command]
    with terminal(*arguments, "--speed", "100", env={"TERM": term}) as running:
        assert running.end() == 0
        assert "\x1b" not in running.output
        assert "complete" in running.output


def test_where_standard_output_is_no_terminal_there_is_plain_text(stream: Path) -> None:
    result = subprocess.run(
        [*PROGRAM, "open", str(stream), "--speed", "100"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=HANG_S,
    )
    assert result.returncode == 0
    assert result.stdout.decode() == "The quick brown fox.\n"
    assert b"\x1b" not in result.stdout + result.stderr


def test_output_into_a_pipe_is_plain_though_there_is_a_terminal() -> None:
    line = f"{streamscope('demo', 'hostile', '--speed', 'instant')} | cat"
    with terminal(program=sh(line)) as running:
        assert running.end() == 0
        assert "OWNED" in running.output
        assert not hostile_in(running.output.replace("\r\n", ""))


def test_without_colours_not_one_is_sent() -> None:
    with terminal("demo", "two-tools", "--speed", "100", env={"NO_COLOR": "1"}) as running:
        running.wait_for("COMPLETE")
        running.press("bg")
        running.wait_for("behind")
        running.press("q")
        assert running.end() == 0
        assert not _COLOUR.search(running.output)


def test_a_terminal_with_sixteen_colours_gets_no_others() -> None:
    env = {"TERM": "xterm", "COLORTERM": ""}
    with terminal("demo", "two-tools", "--speed", "100", env=env) as running:
        running.wait_for("COMPLETE")
        running.press("bg")
        running.wait_for("behind")
        running.press("q")
        assert running.end() == 0
        assert re.search(r"\x1b\[[0-9;]*9[0-7]", running.output), "bright ones"
        assert not re.search(r"[34]8;[25];", running.output)


def test_the_theme_that_was_chosen_is_there_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {"XDG_STATE_HOME": str(tmp_path)}
    monkeypatch.setenv(*next(iter(env.items())))
    keep_theme("solarized-light")
    with terminal("demo", "plain", env=env) as running:
        running.wait_for("48;2;253;246;227")
        running.press("q")
        assert running.end() == 0


def test_a_terminal_that_is_too_small_says_so() -> None:
    with terminal("demo", "plain", size=(30, 8)) as running:
        running.wait_for("too small")
        running.child.setwinsize(40, 120)
        running.wait_for("Transcript")
        running.press("q")
        assert running.end() == 0
        running.assert_restored()


def test_a_folder_is_listed_and_what_is_wrong_with_a_file_stands_in_its_row(
    stream: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "recorded"
    folder.mkdir()
    for number in range(30):
        (folder / f"a-long-name-for-each-{number:02}.sse").write_bytes(stream.read_bytes())
    absent = folder / "absent.sse"
    for size in ((80, 24), (120, 40)):
        with terminal("open", str(absent), str(folder), size=size) as running:
            running.wait_for("31 runs", "unreadable", "no such file")
            running.press("q")
            assert running.end() == 0


def test_a_config_file_is_followed_and_a_mistake_in_it_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "streamscope" / "config.toml"
    file.parent.mkdir()
    file.write_text('[keys]\nhelp = "f9"\n')
    env = {"XDG_CONFIG_HOME": str(tmp_path)}
    with terminal("demo", "plain", "--loop", env=env) as running:
        running.wait_for("f9")
        running.press("q")
        assert running.end() == 0
    file.write_text("theme = 5\n")
    with terminal("demo", env=env, size=(400, 40)) as running:
        assert running.end() == 2
        assert f"{file}: line 1: theme: write the name of a theme" in running.output
