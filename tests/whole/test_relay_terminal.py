"""`streamscope proxy` in a real terminal: a command's requests, leaving, and coming back."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pexpect
import pytest

from tests.command_line import mock_in_a_thread
from tests.limits import HANG_S
from tests.servers import MockServer

COMMAND: Final = (sys.executable, "-c", "from tui.cli.main import main; main()")
AGENT: Final = """
import json, os, sys, urllib.request
base = os.environ["ANTHROPIC_BASE_URL"]
print("printed by the agent", flush=True)
headers = {"x-api-key": "sk-ant-canary", "anthropic-version": "2023-06-01"}
ask = {"model": "scenario:plain", "max_tokens": 512, "stream": True,
       "messages": [{"role": "user", "content": "Why is the sky dark?"}]}
request = urllib.request.Request(base + "/v1/messages", json.dumps(ask).encode(), headers)
urllib.request.urlopen(request).read()
if sys.argv[2:]:
    sys.stdin.read(); import signal; signal.pause()
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with mock_in_a_thread() as running:
        yield running


@contextmanager
def terminal(*arguments: str | Path) -> Iterator[Any]:
    """The program in a terminal of 100 by 30."""
    child = pexpect.spawn(
        COMMAND[0],
        [*COMMAND[1:], *map(str, arguments)],
        dimensions=(30, 100),
        encoding="utf-8",
        codec_errors="replace",
        timeout=HANG_S,
        env={**os.environ, "TEXTUAL_ANIMATIONS": "none"},
    )
    child.logfile_read = io.StringIO()
    try:
        yield child
    finally:
        child.close(force=True)


@contextmanager
def watched_relay(mock: MockServer, path: Path) -> Iterator[tuple[Any, str, int]]:
    """A relay without a command, its screen in a terminal: that, its address and its process."""
    with terminal("proxy", "--upstream", mock.url, "--record", path) as child:
        child.expect("export ANTHROPIC_BASE_URL=(http://127.0.0.1:[0-9]+)")
        url = child.match[1]
        child.expect("process ([0-9]+) relays")
        pid = int(child.match[1])
        try:
            yield child, url, pid
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def until_drawn(child: Any, *words: str) -> None:  # noqa: ANN401
    """Wait until each of the words was drawn, in any order: which frame has which is chance."""
    for word in words:
        if word not in child.logfile_read.getvalue():
            child.expect_exact(word)


def post(url: str) -> bytes:
    body = {"model": "scenario:plain", "max_tokens": 512, "stream": True,
            "messages": [{"role": "user", "content": "Once more"}]}  # fmt: skip
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    request = urllib.request.Request(url + "/v1/messages", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=HANG_S) as answer:
        found = answer.read()
    assert isinstance(found, bytes)
    return found


def until_gone(url: str) -> None:
    """Ask until nobody answers any more."""
    with pytest.raises(OSError):
        while True:
            post(url)


def test_a_command_is_watched_and_its_status_is_ours(mock: MockServer, tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    agent = [sys.executable, "-c", AGENT, "7"]
    with terminal("proxy", "--upstream", mock.url, "--record", path, "--", *agent) as child:
        child.expect("export ANTHROPIC_BASE_URL=http://127.0.0.1:[0-9]+")
        until_drawn(child, "1.1 Why is the sky dark", "the answer is complete")
        child.send("O")
        child.expect("ended with status 7")
        child.expect("printed by the agent")
        child.send("O")
        child.send("q")
        child.expect("recorded in ")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 7
    output = tmp_path / "kept.output.txt"
    assert output.read_text() == "printed by the agent\n"
    assert output.stat().st_mode & 0o777 == 0o600
    assert "canary" not in path.read_text()


@pytest.mark.parametrize("kept", [True, False], ids=["with content", "without content"])
def test_what_a_command_printed_replaces_nothing_and_goes_without_content(
    mock: MockServer, tmp_path: Path, kept: bool
) -> None:
    path, mine = tmp_path / "kept.jsonl", tmp_path / "kept.output.txt"
    mine.write_text("mine")
    more = [] if kept else ["--no-content"]
    command: list[str | Path] = ["proxy", "--upstream", mock.url, "--record", path, *more]
    command += ["--", sys.executable]
    with terminal(*command, "-c", AGENT, "0") as child:
        child.expect("the answer is complete|x xxxx")
        child.send("O")
        child.expect("ended with status 0")
        child.expect("printed by the agent")
        child.send("O")
        child.send("q")
        child.expect("recorded in ")
        child.expect(pexpect.EOF)
    assert mine.read_text() == "mine"
    others = {entry.name for entry in tmp_path.iterdir()} - {path.name, mine.name}
    assert others == ({"kept.output-2.txt"} if kept else set())


def test_a_command_that_runs_is_asked_about(mock: MockServer, tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    agent = [sys.executable, "-c", AGENT, "0", "wait"]
    with terminal("proxy", "--upstream", mock.url, "--record", path, "--", *agent) as child:
        child.expect("the answer is complete")
        child.send("q")
        child.expect("is still running")
        child.send("e")
        child.expect("recorded in ")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 128 + signal.SIGTERM


def test_a_signal_ends_the_screen_and_neither_the_command_nor_the_relay(
    mock: MockServer, tmp_path: Path
) -> None:
    path = tmp_path / "kept.jsonl"
    agent = [sys.executable, "-c", AGENT, "0", "wait"]
    with terminal("proxy", "--upstream", mock.url, "--record", path, "--", *agent) as child:
        child.expect("export ANTHROPIC_BASE_URL=(http://127.0.0.1:[0-9]+)")
        url = child.match[1]
        child.expect("the answer is complete")
        child.kill(signal.SIGTERM)
        child.expect("and the relay go on at .*, as process ([0-9]+); end both: kill")
        pid = int(child.match[1])
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 128 + signal.SIGTERM
        assert b"message_stop" in post(url)
        os.kill(pid, signal.SIGTERM)
        until_gone(url)


def test_a_theme_that_there_is_not_leaves_no_relay_behind(mock: MockServer, tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    with terminal("proxy", "--upstream", mock.url, "--record", path, "--theme", "nope") as child:
        child.expect("export ANTHROPIC_BASE_URL=(http://127.0.0.1:[0-9]+)")
        url = child.match[1]
        child.expect("there is no theme called nope")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 2
    until_gone(url)


def test_its_screen_has_the_theme_and_the_keys_of_the_config_file(
    mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "streamscope").mkdir()
    (tmp_path / "streamscope/config.toml").write_text('theme = "nope"\n[keys]\nquit = "Q"\n')
    with terminal("proxy", "--upstream", mock.url, "--record", tmp_path / "kept.jsonl") as child:
        child.expect("there is no theme called nope")
        child.expect(pexpect.EOF)
    (tmp_path / "streamscope/config.toml").write_text('theme = "nord"\n[keys]\nquit = "Q"\n')
    with terminal("proxy", "--upstream", mock.url, "--record", tmp_path / "kept.jsonl") as child:
        child.expect("process ([0-9]+) relays")
        pid = int(child.match[1])
        child.expect("Waiting for requests")
        child.send("Q")
        child.expect("the relay goes on at")
        child.expect(pexpect.EOF)
        os.kill(pid, signal.SIGTERM)


def test_a_stream_goes_on_when_the_screen_is_killed_in_it(mock: MockServer, tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    body = {"model": "scenario:plain!stall:600", "max_tokens": 512, "stream": True,
            "messages": [{"role": "user", "content": "Stay"}]}  # fmt: skip
    with watched_relay(mock, path) as (child, url, _):
        headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
        request = urllib.request.Request(url + "/v1/messages", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=HANG_S) as answer:
            assert answer.read(30)
            child.expect("1.1 Stay")
            child.kill(signal.SIGKILL)
            child.wait()
            with terminal("open", "--follow", path) as again:
                until_drawn(again, "1.1 Stay", "LIVE")
                again.send("q")
                again.expect(pexpect.EOF)
            # Neither its end nor its breaking has come.
            assert b'"end"' not in path.read_bytes()
        while b'"cancelled"' not in path.read_bytes():
            assert b"message_stop" in post(url)


@pytest.mark.parametrize("manner", ["q", "killed", "hung up"])
def test_the_relay_goes_on_when_the_screen_is_gone(
    mock: MockServer, tmp_path: Path, manner: str
) -> None:
    path = tmp_path / "kept.jsonl"
    with watched_relay(mock, path) as (child, url, pid):
        child.expect("Waiting for requests")
        if manner == "q":
            child.send("q")
            child.expect(f"the relay goes on at {re.escape(url)}, as process {pid}")
            child.expect("streamscope open --follow")
            child.expect(pexpect.EOF)
        elif manner == "killed":
            child.kill(signal.SIGKILL)
        else:
            child.close()
        assert b"message_stop" in post(url)
        with terminal("open", "--follow", path) as again:
            until_drawn(again, "Once more", "the answer is complete")
            assert b"message_stop" in post(url)
            again.expect("2/2|run 2")
            again.send("q")
            again.expect(pexpect.EOF)
