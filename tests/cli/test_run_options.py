"""What `run` is given: contradictions, standard input, and files that are there already."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import Call, mock_in_a_thread, piped, run_command
from tests.servers import MockServer
from tui.captures.capture_file import load_capture
from tui.cli import show as cli_show

PLAIN = ["--model", "scenario:plain"]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    monkeypatch.chdir(tmp_path)
    return partial(run_command, monkeypatch)


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with mock_in_a_thread() as server:
        yield server


@pytest.fixture
def live(mock: MockServer, api_key: None, monkeypatch: pytest.MonkeyPatch) -> MockServer:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", mock.url)
    mock.received.clear()
    return mock


def sent(server: MockServer) -> list[Any]:
    return [json.loads(received.body)["messages"] for received in server.received]


# --- contradictions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("hi --json --plain", "--json and --plain are two kinds of output: use one of them"),
        ("hi --json --smooth sentence", "--smooth paces text, and --json shows none"),
        ("hi --resume a --resume a", "--resume is given twice: give it once"),
        ("hi --system a --system b", "--system is given twice: give it once"),
        ("hi --run-tools ask --run-tools hand", "--run-tools is given twice: give it once"),
        (
            "hi --output a --smooth sentence",
            "--output writes text as it arrives: leave out --smooth",
        ),
        ("hi --output a --record ./a", "--output and --record are the same file: name two"),
        ("hi --record a --resume a", "--record and --resume are the same file: name two"),
        ("hi --record a --tools a", "--record and --tools are the same file: name two"),
        ("hi --force", "--force replaces the file of --output or --record: name one of them"),
        ("hi --model m --set model=1", "--model and --set model= set the same parameter"),
        ("hi --max-tokens 5 --set max_tokens=1", "--max-tokens and --set max_tokens= set the"),
        ("hi --set a=1 --set a=2", "--set a= is given twice: give it once"),
        ("- --request -", "standard input can be read only once, not for both PROMPT and"),
        ("--prompts - --request -", "not for both --prompts and --request"),
        ("hi --record -", "--record needs the name of a file; for a file called - write ./-"),
        ("hi --resume -", "--resume needs the name of a file"),
        ("hi --prompts -", "--prompts and PROMPT both say what to ask"),
    ],
)
def test_a_contradiction_is_refused(call: Call, arguments: str, message: str) -> None:
    result = call("run", *arguments.split())
    assert result.status == 2
    assert message in result.one_line()


def test_other_commands_refuse_what_is_given_twice(call: Call) -> None:
    assert "--speed is given twice" in call("demo", "--speed", "1", "--speed", "2").one_line()
    assert "standard input, which can be read only once" in call("inspect", "-", "-").one_line()


def test_what_may_be_given_more_than_once(call: Call, live: MockServer) -> None:
    models = ["--model", "scenario:plain", "--model", "scenario:plain"]
    settings = ["--set", "temperature=1", "--set", "top_k=5", "--plain", "--plain"]
    assert call("run", "hi", *models, *settings).status == 0
    assert len(live.received) == 2


def test_a_cache_is_warmed_without_an_answer(call: Call, live: MockServer) -> None:
    result = call("run", "hi", "--model", "claude-sonnet-5-5", "--max-tokens", "0", "--json")
    assert (result.status, result.err) == (0, "")
    (run,) = json.loads(result.out)["runs"]
    assert (run["message"]["content"], run["message"]["usage"]["output_tokens"]) == ([], 0)
    assert [finding["code"] for finding in run["findings"]] == ["healthy"]


def test_what_output_does_with_tools_is_in_the_help(call: Call) -> None:
    text = " ".join(call("run", "--help").out.split())
    assert "Write the text into this file as it arrives, and run no tools." in text


# --- standard input -------------------------------------------------------------------------------


def test_a_prompt_from_standard_input(call: Call, live: MockServer) -> None:
    with piped("\ufeffWhy is\nthe sky dark?\r\n".encode()):
        result = call("run", "-", *PLAIN)
    assert result.status == 0
    assert sent(live) == [[{"role": "user", "content": "Why is\nthe sky dark?"}]]


def test_prompts_from_standard_input(call: Call, live: MockServer) -> None:
    with piped(b"one\n\ntwo\n"):
        assert call("run", "--prompts", "-", *PLAIN).status == 0
    with piped(b'{"prompt": "three"}\n'):
        assert call("run", "--prompts", "-", *PLAIN).status == 0
    assert sorted(turn[0]["content"] for turn in sent(live)) == ["one", "three", "two"]


def test_a_request_from_standard_input(call: Call, live: MockServer) -> None:
    request = {"model": "scenario:plain", "messages": [{"role": "user", "content": "hi"}]}
    for prompt in ([], ["else"]):
        with piped(json.dumps(request).encode()):
            assert call("run", *prompt, "--request", "-").status == 0
    assert [turn[0]["content"] for turn in sent(live)] == ["hi", "else"]


@pytest.mark.parametrize(
    ("arguments", "data", "message"),
    [
        (["-"], b"", "-: nothing came on standard input"),
        (["-"], b" \n", "-: nothing came on standard input"),
        (["-"], b"caf\xe9", "-: not UTF-8 at byte 3"),
        (["--request", "-"], b"{", "-: not JSON: "),
        (["--request", "-"], b"", "-: not JSON: "),
        (["--prompts", "-"], b"", "--prompts: -: there is no prompt in it"),
    ],
)
def test_standard_input_that_is_not_what_it_should_be(
    call: Call, live: MockServer, arguments: list[str], data: bytes, message: str
) -> None:
    with piped(data):
        result = call("run", *arguments, *PLAIN)
    assert result.status == 2
    assert message in result.one_line()
    assert not live.received


def test_nothing_is_waited_for_without_a_key(call: Call) -> None:
    assert call("run", "-").one_line().startswith("no API key")


def test_a_terminal_is_no_pipe(
    call: Call, live: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "isatty", lambda number: True)
    message = call("run", "--prompts", "-").one_line()
    assert message == "nothing is piped in: ... | streamscope run --prompts -"


def test_a_screen_without_a_terminal_for_its_keyboard(
    call: Call, live: MockServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cli_show, "screen_possible", lambda: True)
    monkeypatch.setattr(os, "ctermid", lambda: str(tmp_path / "absent"))
    with piped(b"hi"):
        message = call("run", "-").one_line()
    assert message == "there is no terminal to draw on; use --plain"


# --- files that are there already -----------------------------------------------------------------


@pytest.mark.parametrize("option", ["--output", "--record"])
def test_a_file_is_replaced_only_by_force(
    call: Call, live: MockServer, tmp_path: Path, option: str
) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("mine")
    result = call("run", "hi", *PLAIN, option, path)
    assert result.status == 2
    message = result.one_line()
    assert message.startswith(f"{option}: {path} exists") and message.endswith(
        "; --force replaces it"
    )
    assert (path.read_text(), len(live.received)) == ("mine", 0)
    assert call("run", "hi", *PLAIN, option, path, "--force").status == 0
    assert "mine" not in path.read_text() and path.stat().st_size > 100
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("option", ["--output", "--record"])
@pytest.mark.parametrize("force", [[], ["--force"]])
def test_what_is_no_file_is_refused(
    call: Call, live: MockServer, tmp_path: Path, option: str, force: list[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    refused = {
        "pipe": "pipe is a named pipe: name a file",
        "link": "link is a symbolic link: name a file",
        "new/file": "new/file: there is no folder new: make it first",
        "/dev/null": "/dev/null is a device: name a file",
    }
    for name, message in refused.items():
        result = call("run", "hi", *PLAIN, option, name, *force)
        assert (result.status, result.one_line()) == (2, f"{option}: {message}")
    assert not live.received
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe"]


def test_a_conversation_is_kept_in_a_file(call: Call, live: MockServer, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("pipe", "link"):
        result = call("run", "hi", *PLAIN, "--resume", name)
        assert (result.status, "name a file" in result.one_line()) == (2, True)


def test_a_recording_goes_on_in_a_capture(call: Call, live: MockServer, tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    for force in ([], ["--force"], []):
        assert call("run", "hi", *PLAIN, "--record", path, *force).status == 0
    assert [item.run for item in load_capture(path).recordings] == ["r1", "r2", "r3"]


@pytest.mark.parametrize("kind", [["--plain"], ["--json"]])
def test_a_conversation_that_is_not_kept(
    call: Call, live: MockServer, tmp_path: Path, kind: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    result = call("run", "hi", *PLAIN, "--resume", "talk.json", *kind)
    told = "streamscope: the conversation was not saved: talk.json: No space left on device\n"
    assert (result.status, result.err.count(told)) == (1, 1)
    assert result.out
    assert list(tmp_path.iterdir()) == []


def test_a_recording_that_failed(
    call: Call, live: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    write = os.write
    monkeypatch.setattr(
        os, "write", lambda fd, data: full() if b'"k":"chunk"' in bytes(data) else write(fd, data)
    )
    result = call("run", "hi", *PLAIN, "--record", "kept.jsonl")
    told = "streamscope: recording to kept.jsonl stopped: No space left on device\n"
    assert (result.status, result.err.count(told)) == (1, 1)
    assert "light" in result.out, "the answer is there all the same"
