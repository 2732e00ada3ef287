"""The command line: what it says, and with which status it ends."""

from __future__ import annotations

import asyncio
import json
import math
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pexpect
import pytest

import tui
from tests.cli.process import BODY, COMMAND, HEAD, INSTANT, REST
from tests.command_line import ESC, Call, Result, mock_in_a_thread, piped
from tests.limits import HANG_S
from tui.captures.writer import CaptureWriter
from tui.cli import main as cli
from tui.cli import run_command as cli_run
from tui.cli import show as cli_show
from tui.cli.output import OutputFile
from tui.cli.show import OutputMode
from tui.conversation.plan import LivePlan
from tui.scenarios import load
from tui.sources import Opening, Source
from tui.sources.replay import FileSource

# --- help -----------------------------------------------------------------------------------------


def test_every_command_has_its_help(call: Call) -> None:
    listed = call("--help").out
    for name in ("demo", "open", "run", "inspect", "mock"):
        assert f"  {name} " in listed
        result = call(name, "-h")
        assert (result.status, result.err) == (0, "")
        assert result.out.startswith(f"Usage: streamscope {name} ")


def test_the_version(call: Call) -> None:
    assert call("--version") == Result(0, f"streamscope, version {tui.__version__}\n", "")


# --- mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nonsense", "No such command 'nonsense'.  (see streamscope --help)"),
        ("--nonsense", "No such option"),
        ("demo --nonsense", "(see streamscope demo --help)"),
        ("demo plane", "no scenario named 'plane'; did you mean plain"),
        ("demo plane", "streamscope demo --list shows them all"),
        ("demo tour plain", "Got unexpected extra argument (plain)"),
        ("demo --speed 0", "'0' is not a speed: 0.1 to 100, or instant"),
        ("demo --speed 101", "'101' is not a speed"),
        ("demo --speed fast", "'fast' is not a speed"),
        ("demo --speed nan", "'nan' is not a speed"),
        ("demo --speed -1", "'-1' is not a speed"),
        ("open", "Missing argument 'FILE...|DIR|-'"),
        ("open absent.sse", "absent.sse: no such file"),
        ("open . --follow", ". is a folder: --follow needs a capture file"),
        ("open - absent.sse", "- cannot be opened together with files"),
        ("open " + "x" * 300, "cannot be read: File name too long"),
        ("run", 'nothing to send: streamscope run "your prompt", or --request FILE'),
        ("run hi --request absent", "absent: no such file"),
        ("run hi --request .", ".: cannot be read: Is a directory"),
        ("run hi --tools absent", "--tools: absent: no such file"),
        ("run hi --set x", "--set x: write it as name=value, the value in JSON"),
        ("run hi --set =1", "--set =1: write it as name=value"),
        ("run hi --set x=y", "the value is not JSON; a string needs quotes: x='\"...\"'"),
        ("run hi --set x=NaN", "NaN is not JSON"),
        ("run hi --max-tokens -1", "Invalid value for '--max-tokens'"),
        ("run hi --thinking x", "Invalid value for '--thinking'"),
        ("run hi --timeout 0", "Invalid value for '--timeout'"),
        ("run hi --request a --resume b", "--request and --resume both say where to start"),
        ("run hi --prompts absent", "--prompts and PROMPT both say what to ask"),
        ("run --prompts absent", "--prompts: absent: no such file"),
        ("run --prompts .", "--prompts: .: cannot be read: Is a directory"),
        ("run hi --resume absent/talk.json", "absent/talk.json: no such file"),
        ("run hi --resume x --repeat 2", "--resume goes on with one conversation"),
        ("run hi --output x --model a --model b", "--output writes the text of one run"),
        ("run hi --output x --json", "--output writes text and keeps none of it"),
        ("run hi --output absent/x", "no API key"),
        ("run hi --repeat 0", "Invalid value for '--repeat'"),
        ("run hi --repeat 100001", "that would be 100001 calls: at most 100000 can be made"),
        ("run hi --concurrency 0", "Invalid value for '--concurrency'"),
        ("run hi --retries -1", "Invalid value for '--retries'"),
        ("run hi --run-tools never", "Invalid value for '--run-tools'"),
        ("run hi --smooth words", "Invalid value for '--smooth'"),
        ("run --repeat 2", "nothing to send"),
        ("run hi", "no API key: set ANTHROPIC_API_KEY; without one: streamscope demo, "),
        ("inspect", "Missing argument 'FILE...|DIR|-'"),
        ("inspect absent.sse", "absent.sse: no such file"),
        ("inspect .", ".: no streams in this folder (looked for *.sse and logs)"),
        ("mock --port 65536", "Invalid value for '--port'"),
        ("mock --speed 0", "'0' is not a speed"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = call(*arguments.split())
    assert result.status == 2
    assert message in result.one_line()


@pytest.mark.parametrize(
    ("option", "content", "message"),
    [
        ("--request", b"{", "not JSON: "),
        ("--request", b"[1]", "a request is a JSON object"),
        ("--request", b"\xff\xfe\xfd", "not JSON: "),
        ("--request", b'{"a": NaN}', "not JSON: NaN is not JSON"),
        ("--request", b"[" * 100_000, "not JSON: nested too deeply"),
        ("--request", b"{}", "nothing to send"),
        ("--tools", b"{}", "--tools: given.json: a list of tools is needed"),
        ("--tools", b"", "not JSON: "),
    ],
    ids=["cut", "list", "binary", "nan", "deep", "empty object", "object", "empty"],
)
def test_a_file_that_is_not_what_it_should_be(
    call: Call, tmp_path: Path, option: str, content: bytes, message: str
) -> None:
    path = tmp_path / "given.json"
    path.write_bytes(content)
    prompt = ["hi"] if option == "--tools" else []
    result = call("run", *prompt, option, path)
    assert result.status == 2
    assert message in result.one_line()


def test_names_that_a_terminal_would_act_on_are_shown_safely(call: Call) -> None:
    for arguments in (["open", "\x1b[2J\n"], ["inspect", "\x1b[2J\n"], ["demo", "\x1b[2J\n"]):
        assert call(*arguments).status == 2
        assert "\x1b" not in call(*arguments).one_line()


def test_a_port_that_is_taken(call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = call("mock", "--port", str(port))
    assert result.status == 2
    message = result.one_line()
    assert message.startswith(f"port {port}: Address already in use")
    assert message.endswith("; use another one, or --port 0 for any free one")


# --- options --------------------------------------------------------------------------------------


class Shown(NamedTuple):
    sources: list[Source]
    output_mode: OutputMode
    live: LivePlan | None
    writer: CaptureWriter | None


@pytest.fixture
def shown(call: Call, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Shown]:
    """What a command line would show, and how."""

    def look(*arguments: str | Path) -> Shown:
        found: list[Shown] = []

        def show(
            factories: list[Callable[[], Source]],
            *,
            output_mode: OutputMode,
            live: LivePlan | None = None,
            writer: CaptureWriter | None = None,
            output: OutputFile | None = None,
        ) -> NoReturn:
            assert output is None
            found.append(Shown([make() for make in factories], output_mode, live, writer))
            sys.exit(0)

        with monkeypatch.context() as patch:
            patch.setattr(cli, "show", show)
            patch.setattr(cli_run, "show", show)
            assert call(*arguments) == Result(0, "", "")
        return found[0]

    return look


@pytest.mark.parametrize(
    ("text", "speed"),
    [("2", 2.0), ("2x", 2.0), ("0.1X", 0.1), ("100", 100.0), ("1e1", 10.0), ("Instant", math.inf)],
)
def test_speeds(shown: Callable[..., Shown], text: str, speed: float) -> None:
    assert shown("demo", "--speed", text).output_mode.speed == speed


def test_without_a_command_it_is_the_tour(shown: Callable[..., Shown]) -> None:
    found = shown()
    (tour,) = found.sources
    assert (tour.info.title, tour.info.kind) == (load("tour").title, "demo")
    mode, plainly = found.output_mode, shown("demo", "--plain").output_mode
    assert (mode, found.live) == (OutputMode(showed=mode.showed), None)
    assert plainly == mode._replace(plain=True)


def test_files_are_opened_in_their_order(shown: Callable[..., Shown], stream: Path) -> None:
    other = stream.with_name("other.txt")
    other.write_bytes(BODY)
    sources = shown("open", other, stream).sources
    assert [type(source) for source in sources] == [FileSource, FileSource]
    assert [source.info.title for source in sources] == ["other.txt", "answer.sse"]


def request_of(shown: Callable[..., Shown], *arguments: str | Path) -> dict[str, Any]:
    plan = shown("run", *arguments).live
    assert plan is not None
    (job,) = plan.jobs
    assert job.request is not None
    return job.request


def test_a_request_is_put_together(
    shown: Callable[..., Shown], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    tools = tmp_path / "tools.json"
    tools.write_text('[{"name": "t", "input_schema": {"type": "object"}}]')
    base = tmp_path / "request.json"
    base.write_text('\ufeff{"model": "m", "stream": true, "messages": [5], "top_k": 1}')
    plain = request_of(shown, "hi")
    assert sorted(plain) == ["max_tokens", "messages", "model"]
    options = ["--model", "n", "--system", "s", "--max-tokens", "9", "--thinking", "1024"]
    settings = ["--set", "temperature=0.5", "--set", 'stop_sequences=["=", 1]', "--set", "x=null"]
    full = request_of(shown, "hi", *options, "--tools", tools, *settings)
    assert full == {
        "model": "n",
        "system": "s",
        "max_tokens": 9,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "tools": [{"name": "t", "input_schema": {"type": "object"}}],
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.5,
        "stop_sequences": ["=", 1],
        "x": None,
    }
    based = request_of(shown, "--request", base)
    assert (based["model"], based["messages"], based["top_k"]) == ("m", [5], 1)
    assert "stream" not in based
    assert request_of(shown, "hi", "--request", base)["messages"][-1]["content"] == "hi"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ANTHROPIC_API_KEY", "k"),
        ("ANTHROPIC_AUTH_TOKEN", "t"),
        ("ANTHROPIC_CUSTOM_HEADERS", "x-api-key: k"),
    ],
)
def test_a_key_in_any_of_the_usual_places_will_do(
    shown: Callable[..., Shown], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    found = shown("run", "hi", "--json")
    assert (found.output_mode, found.writer) == (OutputMode(as_json=True), None)


# --- without a screen -----------------------------------------------------------------------------


def test_a_demo(call: Call) -> None:
    result = call("demo", "plain", *INSTANT)
    assert result.status == 0
    assert "light" in result.out and result.out.endswith("\n")
    assert result.err.startswith("complete \u00b7 end_turn \u00b7 TTFT ")
    assert result.err.splitlines()[1].startswith("info: Complete: 239 tokens in 4.1 s, ")
    assert result.err.count("\n") == 2


@pytest.mark.parametrize("name", ["overloaded", "connection-lost"])
def test_a_demo_that_fails(call: Call, name: str) -> None:
    result = call("demo", name, *INSTANT)
    assert result.status == 1
    told, numbers, verdict = result.err.splitlines()
    assert told.startswith("streamscope: error: ") and numbers.startswith("error ")
    assert verdict.startswith("error: The ")


def test_a_demo_that_is_hostile(call: Call) -> None:
    # `call` looks for escapes.
    assert call("demo", "hostile", *INSTANT).out


def test_files(call: Call, stream: Path) -> None:
    cut = stream.with_name("cut.sse")
    cut.write_bytes(HEAD)
    assert call("open", stream, *INSTANT).status == 0
    result = call("open", stream, cut, stream, *INSTANT)
    assert (result.status, result.out) == (1, "one two\none \none two\n")
    assert "streamscope: cut.sse: truncated\n" in result.err


@pytest.mark.parametrize("plain", [[], ["--plain"]])
def test_standard_input(call: Call, plain: list[str]) -> None:
    with piped(BODY):
        result = call("open", "-", *plain)
    assert (result.status, result.out) == (0, "one two\n")
    assert result.err.startswith("complete ")


def test_what_is_wrong_with_a_file_names_it(call: Call, stream: Path) -> None:
    empty = stream.with_name("empty.sse")
    empty.write_bytes(b"")
    result = call("open", empty, *INSTANT)
    assert result.err.startswith("streamscope: empty.sse: it is empty: nothing to show\n")
    assert call("mock", "--from", empty).one_line().startswith(f"{empty}: nothing is recorded")


def test_standard_input_that_is_no_stream(call: Call) -> None:
    with piped(b"curl: (22) The requested URL returned error: 401\n"):
        result = call("open", "-")
    assert (result.status, result.out) == (1, "")
    assert ": plain text, not an event stream\n" in result.err


def test_standard_input_that_is_not_utf_8(call: Call) -> None:
    with piped(HEAD + b"\xff\xfe\n\n" + REST.replace(b"two", b"\xc3\x28")):
        result = call("open", "-")
    assert (result.status, result.out) == (0, "one \ufffd(\n")


def test_a_terminal_is_no_pipe(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda number: True)
    message = call("open", "-").one_line()
    assert message == "nothing is piped in: curl -N ... | streamscope open -"


def test_reports(call: Call, stream: Path) -> None:
    result = call("inspect", "--json", stream, "-", "absent", stdin=HEAD)
    assert result.status == 2
    statuses = [json.loads(line)["runs"][0]["status"] for line in result.out.splitlines()]
    assert statuses == ["complete", "truncated"]
    assert result.err == "streamscope: absent: no such file\n"
    readable = call("inspect", stream)
    assert (readable.status, readable.err) == (0, "")
    assert readable.out.startswith(f"{stream}\n  \u2713 complete")


# --- calls ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mock_url() -> Iterator[str]:
    with mock_in_a_thread() as server:
        yield server.url


@pytest.fixture
def mock(mock_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", mock_url)
    return mock_url


def test_a_call(call: Call, mock: str) -> None:
    result = call("run", "Hello", "--plain", "--model", "scenario:one-tool")
    assert result.status == 0
    assert "\n\u2192 " in result.out
    assert result.err.startswith("complete \u00b7 tool_use \u00b7 TTFT ")


def test_a_call_to_an_address(call: Call, mock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    result = call("run", "Hello", "--base-url", mock, "--model", "scenario:plain")
    assert (result.status, "light" in result.out) == (0, True)


def test_a_call_as_a_report(call: Call, mock: str) -> None:
    result = call("run", "Hello", "--json", "--model", "scenario:max-tokens")
    assert (result.status, result.err) == (0, "")
    (line,) = result.out.splitlines()
    report = json.loads(line)
    assert (report["file"], report["runs"][0]["status"]) == (None, "complete")
    assert report["runs"][0]["message"]["stop_reason"] == "max_tokens"
    assert report["runs"][0]["metrics"]["ttft_ms"] > 0


@pytest.mark.parametrize("name", ["overloaded", "connection-lost"])
def test_a_call_that_fails_in_mid_stream(call: Call, mock: str, name: str) -> None:
    result = call("run", "Hello", "--model", f"scenario:{name}")
    assert result.status == 1
    assert result.out
    assert result.err.startswith("streamscope: error: ")
    report = call("run", "Hello", "--json", "--model", f"scenario:{name}")
    assert report.status == 1
    assert json.loads(report.out)["runs"][0]["status"] == "error"


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ("status:401", "error: http_error: HTTP 401: authentication_error: Asked for by"),
        ("status:429; retry-after:9", "error: http_error: HTTP 429: rate_limit_error: "),
        ("status:529", "error: http_error: HTTP 529: overloaded_error: "),
        ("eof:0", "empty"),
        ("eof:700", "truncated"),
        ("cut:700", "error: connection_lost: Connection lost: "),
    ],
)
def test_a_call_that_goes_wrong_is_one_line(
    call: Call, mock: str, monkeypatch: pytest.MonkeyPatch, faults: str, message: str
) -> None:
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"x-streamscope-fault: {faults}")
    result = call("run", "Hello", "--model", "scenario:plain", "--retries", "0")
    assert result.status == 1
    told, numbers, verdict = result.err.splitlines()
    assert verdict.startswith("error: ")
    assert told.startswith(f"streamscope: {message}")
    assert numbers.startswith(message.partition(":")[0])


def test_a_call_that_takes_too_long(call: Call, mock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-streamscope-fault: slow-start:60")
    result = call("run", "Hello", "--timeout", "0.05")
    assert result.status == 1
    assert "Timed out: the whole call took longer than 0.05 s" in result.err


def test_a_server_that_is_not_there(call: Call, mock: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    result = call("run", "Hello", "--base-url", f"http://127.0.0.1:{port}", "--retries", "0")
    assert result.status == 1
    assert "streamscope: error: refused: Cannot connect: " in result.err


@pytest.mark.parametrize(
    "setting", ["messages=5", 'messages={"a": 1}', 'model=["x"]', "max_tokens=-1", 'x="\\ud800"']
)
def test_parameters_that_make_no_sense_are_answered_and_not_crashed_on(
    call: Call, mock: str, setting: str
) -> None:
    result = call("run", "Hello", "--set", setting)
    assert result.status == 1
    assert result.err.startswith("streamscope: error: ")
    assert "failed while reading" not in result.err


def test_a_call_that_is_recorded_can_be_opened_and_inspected(
    call: Call, mock: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary")
    capture = tmp_path / "run.jsonl"
    options = ["--model", "scenario:one-tool", "--record", capture]
    live = call("run", "Hello", *options)
    assert live.status == 0
    replayed = call("open", capture, *INSTANT)
    assert (replayed.status, replayed.out) == (0, live.out)
    (line,) = call("inspect", "--json", capture).out.splitlines()
    (run,) = json.loads(line)["runs"]
    assert (run["status"], run["metrics"]["ttft_ms"] > 0) == ("complete", True)
    assert b"canary" not in capture.read_bytes()
    # A torn last line is told, and the rest is there.
    capture.write_bytes(capture.read_bytes()[:-30])
    torn = call("open", capture, *INSTANT)
    assert torn.out == live.out


def test_a_capture_that_cannot_be_written(call: Call, mock: str, tmp_path: Path) -> None:
    result = call("run", "Hello", "--record", tmp_path)
    assert result.status == 2
    assert result.one_line().startswith("--record: ")


def test_a_log_that_is_none(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"streamscope":99}\n')
    result = call("open", path)
    assert result.status == 1
    assert result.one_line().startswith(f"{path}: ")


def test_a_prompt_that_is_not_unicode(call: Call, mock: str) -> None:
    result = call("run", "caf\udce9")
    assert result.status == 1
    assert "Request not sent" in result.err


# --- a screen -------------------------------------------------------------------------------------


class FakeApp:
    """Stands for the dashboard: notes what it is given, and ends."""

    given: list[Any] = []
    result: int | None = 0
    return_code = 7

    def __init__(
        self,
        factories: list[Callable[[], Source]],
        settings: object,
        *,
        opening: Opening | None = None,
        **_: object,
    ) -> None:
        found = [stream.source for opened in opening or () for stream in opened.streams]
        self.given[:] = [settings, *(factory() for factory in [*factories, *found])]
        self.run_list = self
        self._driver = None

    def table(self) -> list[str]:
        return []

    def run(self) -> int | None:
        return self.result


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> type[FakeApp]:
    monkeypatch.setattr("tui.dashboard.app.StreamscopeApp", FakeApp)
    monkeypatch.setattr(cli, "screen_possible", lambda: True)
    monkeypatch.setattr(cli_show, "screen_possible", lambda: True)
    return FakeApp


def test_the_screen_is_given_sources_and_speed(
    call: Call, screen: type[FakeApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("demo", "plain", "--speed", "4") == Result(0, "", "")
    settings, source = screen.given
    assert (settings.speed, source.info.title) == (4.0, load("plain").title)
    monkeypatch.setattr(screen, "result", 130)
    assert call("demo").status == 130
    monkeypatch.setattr(screen, "result", None)
    assert call("demo").status == 7


def test_plain_needs_no_screen(call: Call, screen: type[FakeApp]) -> None:
    screen.given.clear()
    assert call("demo", "plain", "--plain", *INSTANT).out
    assert screen.given == []


def test_a_pipe_is_read_while_the_terminal_takes_its_place(
    call: Call, screen: type[FakeApp], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    terminal = tmp_path / "terminal"
    terminal.write_bytes(b"keys")
    monkeypatch.setattr(os, "ctermid", lambda: str(terminal))
    with piped(BODY):
        assert call("open", "-") == Result(0, "", "")
        source = screen.given[1]

        async def first() -> bytes:
            chunk = await anext(source.chunks())
            assert isinstance(chunk.data, bytes)
            return chunk.data

        assert asyncio.run(first()) == BODY
        assert os.read(0, 9) == b"keys"


def test_a_pipe_without_a_terminal(
    call: Call, screen: type[FakeApp], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "ctermid", lambda: str(tmp_path / "absent"))
    with piped(BODY):
        message = call("open", "-").one_line()
    assert message == "there is no terminal to draw on; use --plain"


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_can_do_nothing_gets_plain_text(stream: Path, term: str) -> None:
    terminal = pexpect.spawn(
        COMMAND[0],
        [*COMMAND[1:], "open", str(stream), *INSTANT],
        env={**os.environ, "TERM": term},
        encoding="utf-8",
        timeout=HANG_S,
    )
    with terminal:
        terminal.expect(pexpect.EOF)
        shown = terminal.before
    assert terminal.exitstatus == 0
    assert "one two\r\n" in shown
    assert ESC not in shown
