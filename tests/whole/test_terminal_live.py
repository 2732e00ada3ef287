"""Live calls in a real terminal: the editor, leaving, what stays behind."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import mock_in_a_thread
from tests.servers import MockServer
from tests.whole.test_terminal import sh, streamscope, terminal

pytestmark = pytest.mark.xdist_group("live terminal")

EDITOR = """
import json, sys, pathlib
fails = pathlib.Path(__file__).with_name("fails")
if fails.exists():
    fails.unlink()
    sys.exit(1)
path = pathlib.Path(sys.argv[-1])
request = json.loads(path.read_text())
assert path.stat().st_mode & 0o777 == 0o600
request["system"] = "Edited"
path.write_text(json.dumps(request))
print("the editor has the terminal")
"""
KEY = "sk-ant-api03-canary-0123456789abcdef"


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with mock_in_a_thread() as running:
        yield running


def env(server: MockServer, **more: str) -> dict[str, str]:
    server.received.clear()
    return {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": server.url, **more}


def test_a_request_is_edited_and_sent_and_an_editor_that_fails_is_said(
    server: MockServer, tmp_path: Path
) -> None:
    script = tmp_path / "edit"
    script.write_text(f"#!{sys.executable}\n{EDITOR}")
    script.chmod(0o700)
    (tmp_path / "fails").touch()
    # By a short name: what is said of it stays on one row.
    own = {"EDITOR": "edit", "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    with terminal("run", "Hello", env=env(server, **own)) as screen:
        screen.wait_for("COMPLETE")
        for said in ("ended with status 1", "the editor has the terminal"):
            screen.press("e")
            screen.wait_for('"messages"')
            screen.press("e")
            screen.wait_for(said)
        screen.wait_for("Edited")
        screen.press("r")
        screen.wait_for("run 2/2")
        screen.press("q")
        assert screen.end() == 0
        screen.assert_restored()
    bodies = [json.loads(received.body) for received in server.received]
    assert "system" not in bodies[0] and bodies[1]["system"] == "Edited"
    assert bodies[0]["messages"] == bodies[1]["messages"]
    # What is left to read when the screen has closed.
    assert "2 runs" in screen.output.rpartition("\x1b[?1049l")[2]
    assert KEY not in screen.output


def test_once_cancels_and_twice_quits(server: MockServer, tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    command = ["run", "Hello", "--model", "scenario:plain!stall:600", "--record", str(path)]
    with terminal(*command, env=env(server)) as screen:
        screen.wait_for("LIVE", "Olbers")
        screen.press("\x03")
        screen.wait_for("CANCELLED", "ctrl+c again to quit")
        screen.press("\x03")
        assert screen.end() == 130
        screen.assert_restored()
    kinds = [json.loads(line) for line in path.read_text().splitlines()]
    assert kinds[-1]["k"] == "end" and kinds[-1]["how"] == "cancelled"
    assert KEY not in path.read_text() + screen.output


def test_a_prompt_that_is_piped_in_leaves_the_keyboard_to_the_terminal(server: MockServer) -> None:
    line = "echo Hello from a pipe | " + streamscope("run", "-", "--model", "scenario:plain")
    with terminal(program=sh(line), env=env(server)) as screen:
        screen.wait_for("COMPLETE", "Hello from a pipe")
        screen.press("r")
        screen.wait_for("run 2/2")
        screen.press("q")
        assert screen.end() == 0
        screen.assert_restored()
    assert len(server.received) == 2


def test_a_paste_is_not_sent_by_itself_and_a_conversation_that_is_not_kept_is_said_at_the_end(
    server: MockServer, tmp_path: Path
) -> None:
    folder = tmp_path / "talks"
    folder.mkdir()
    talk = str(folder / "talk.json")
    with terminal("run", "--resume", talk, env=env(server)) as screen:
        screen.wait_for("enter sends")
        screen.press("\x1b[200~one\r\ntwo \x1b]0;title\x07\x1b[201~")
        screen.wait_for("two")
        assert not server.received
        folder.rmdir()
        screen.press("\r")
        screen.wait_for("COMPLETE")
        screen.press("q")
        assert screen.end() == 1
        screen.assert_nothing_foreign()
        screen.assert_restored()
    (body,) = [json.loads(received.body) for received in server.received]
    assert "one\ntwo" in body["messages"][0]["content"]
    told = screen.output.rpartition("\x1b[?1049l")[2]
    assert "streamscope: the conversation was not saved: talk.json: No such file" in told
