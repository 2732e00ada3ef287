"""Secrets that are planted in every place turn up in no output and in no file that is made."""

from __future__ import annotations

import html
import json
import os
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests import playbook as pb
from tests.app_harness import BytesSource, on_stage, timed
from tests.command_line import Call, Result, run_command
from tests.one_answer import answering
from tui.captures.redact import MASK, redact_text
from tui.captures.telling import crash_report, told_report
from tui.cli.plain import read_as_json
from tui.dashboard.saving import keep_copy, masked_picture
from tui.run import Feed
from tui.sources import SourceEnded

WORD = "CANARY"
SECRETS = [
    f"sk-ant-api03-{WORD}a",
    f"Authorization: Bearer {WORD}b",
    f"password={WORD}c",
    f"the passwd: {WORD}d",
    f"secret={WORD}e",
    f"?access_token={WORD}f&x=1",
    f'{{"client_secret": "{WORD}g"}}',
    f"https://me:{WORD}h@host/",
    f"export MY_API_KEY={WORD}i",
    f"x --db-password {WORD}j",
]
SAID = "what was said: " + " , ".join(SECRETS)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Run a command line in a folder of its own, with secrets in its environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_KEY", f"{WORD}-key-of-no-known-shape")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"x-team: {WORD}-of-the-team")
    return partial(run_command, monkeypatch)


def assert_clean(result: Result, folder: Path) -> None:
    assert WORD not in result.out + result.err
    for path in folder.rglob("*"):
        assert WORD not in path.name
        assert path.is_dir() or WORD not in path.read_text(), path


def planted_error(server: str) -> str:
    echo = f"{SAID} , {WORD}-key-of-no-known-shape , {WORD}-of-the-team"
    return json.dumps({"type": "error", "error": {"type": "odd", "message": echo}, "at": server})


@pytest.mark.parametrize("kind", ["--plain", "--json"])
@pytest.mark.parametrize("body", ["json", "text", "none"])
def test_a_call_that_is_refused(call: Call, tmp_path: Path, kind: str, body: str) -> None:
    texts = {"json": planted_error(""), "text": SAID * 9, "none": ""}
    settings = json.dumps({"user_id": SAID, "api_key": f"{WORD}z"})
    with answering(400, body=texts[body]) as server:
        result = call(
            *("run", SAID, "--base-url", server[0].replace("//", f"//me:{WORD}k@")),
            *("--system", SAID, "--set", f"metadata={settings}", kind),
            *("--record", "kept.jsonl", "--resume", "talk.json"),
        )
        assert len(server) == 2 and WORD in server[1]
    assert result.status == 1
    assert "HTTP 400" in result.out + result.err
    assert (tmp_path / "kept.jsonl").stat().st_size > 500
    assert_clean(result, tmp_path)


@pytest.mark.parametrize("kind", ["--plain", "--json"])
def test_an_error_within_the_stream(call: Call, tmp_path: Path, kind: str) -> None:
    body = pb.wire(pb.message_start(), pb.text_start(0), pb.error("odd", SAID)).decode()
    with answering(200, body=body, kind="text/event-stream") as server:
        result = call("run", SAID, "--base-url", server[0], kind)
    assert result.status == 1 and "odd" in result.out + result.err
    assert_clean(result, tmp_path)


@pytest.mark.parametrize("kind", [[], ["--json"]])
def test_what_inspect_says_of_a_file(
    call: Call, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, kind: list[str]
) -> None:
    given = tmp_path_factory.mktemp("given")
    (given / "a.sse").write_bytes(
        pb.wire(pb.message_start(), {"type": SAID}, pb.error("odd", SAID))
    )
    (given / "b.sse").write_text(SAID)
    result = call("inspect", *kind, given / "a.sse", given / "b.sse")
    assert result.status == 1 and "odd" in result.out
    # The kinds of events are counted as they came.
    by_type = json.dumps(SAID)[1:-1]
    assert WORD not in result.err and WORD not in result.out.replace(by_type, "")
    assert list(tmp_path.iterdir()) == []


def test_a_conversation_and_its_recording(call: Call, tmp_path: Path) -> None:
    answer = pb.wire(pb.message_start(), *pb.text_block(0, "Noted."), *pb.ending()).decode()
    with answering(200, body=answer, kind="text/event-stream") as server:
        options = ["--base-url", server[0], "--record", "kept.jsonl", "--resume", "talk.json"]
        for _ in range(2):
            result = call("run", SAID, *options)
            assert (result.status, result.out) == (0, "Noted.\n")
    assert "Noted." in (tmp_path / "talk.json").read_text()
    assert_clean(result, tmp_path)


def test_a_fault_of_this_program(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        try:
            raise ValueError(SAID)
        except ValueError as error:
            raise RuntimeError(f"{SAID} \x1b[2J") from error

    monkeypatch.setattr("tui.scenarios.names", broken)
    result = call("demo", "plain", crashes=True)
    assert result.status == 1
    assert "ValueError" in result.err and "RuntimeError" in result.err and MASK in result.err
    assert_clean(result, tmp_path)


def test_a_crash_report_has_notes_and_groups() -> None:
    error = ExceptionGroup(SAID, [ValueError(SAID), OSError(5, SAID, SAID)])
    error.add_note(SAID)
    report = crash_report(error)
    assert "ExceptionGroup" in report and "OSError" in report
    assert WORD not in report


@pytest.mark.parametrize("failure", [RuntimeError(SAID), SourceEnded("reset", "Lost", SAID)])
async def test_a_feed_that_fails(failure: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    source = BytesSource(timed(pb.message_start()), title="t", failure=failure)
    feed = Feed(source)
    await read_as_json(feed, sys.stdout)
    out = capsys.readouterr().out
    assert '"error":{' in out and WORD not in out
    assert WORD not in (feed.failure or "")


def test_a_report_without_faults_is_given_as_it_came() -> None:
    run: dict[str, Any] = {
        "message": SAID,
        "tools": [SAID],
        "error": None,
        "anomalies": [],
        "findings": [],
    }
    report = {"runs": [run]}
    assert told_report(report) is report
    run["error"] = {"message": SAID}
    (told,) = told_report(report)["runs"]
    assert (told["message"], told["tools"]) == (SAID, [SAID])
    assert WORD not in str(told["error"])


def test_a_copy_that_is_kept() -> None:
    path = keep_copy(SAID)
    assert WORD not in path.read_text() and "what was said: " in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_picture_of_the_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = "\n\n".join(SECRETS)
    events = [pb.message_start(), *pb.text_block(0, lines), *pb.ending()]
    async with on_stage(timed(*events), size=(100, 60)) as stage:
        await stage.at(1)
        await stage.press("M")
        stage.app.exporting.export("svg")
        (path,) = tmp_path.glob("*.svg")
    picture = path.read_text()
    nodes = [html.unescape(node) for node in re.findall(">([^<>]*)</text>", picture)]
    texts = [node.replace("\xa0", " ") for node in nodes]
    assert f"password={MASK}" in " ".join(texts)
    assert [text for text in texts if redact_text(text) != text] == []
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_a_picture_stays_one() -> None:
    svg = '<text x="1" class="a">a&#160;&amp;&#160;password=x&lt;</text><text>b</text>'
    masked = masked_picture(svg)
    assert masked == (
        f'<text x="1" class="a">a&#160;&amp;&#160;password={MASK}&lt;</text><text>b</text>'
    )
