"""What feeds and recordings tell the findings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

from tests import playbook as pb
from tests.findings_play import untimed
from tests.manual_clock import ManualClock
from tests.script_source import ScriptSource
from tui.captures.importers import load
from tui.captures.redact import MASK, redact_json
from tui.conversation.diagnosis import findings_of, findings_of_feed, of_feed, of_recording
from tui.core.records import Chunk, JsonObject
from tui.core.report import dumps
from tui.dashboard.saving import material
from tui.findings import Evidence, linked
from tui.run import Feed
from tui.sources import SourceEnded
from tui.sources.capture import CaptureSource, recorded

BODY = pb.wire(pb.message_start(), *pb.text_block(0, "one"), *pb.ending())
ASK: JsonObject = {"model": "claude-opus-5", "messages": [{"role": "user", "content": "Hi."}]}


async def fed(source: CaptureSource | ScriptSource) -> Feed:
    manual = ManualClock()
    feed = Feed(source, clock=manual.clock(speed=float("inf")), now=manual)
    await feed.run()
    return feed


def capture(path: Path) -> Path:
    lines: list[JsonObject] = [
        {"streamscope": 1},
        {
            "k": "request",
            "run": "r1",
            "t": 0,
            "url": "https://host/v1/messages",
            "headers": {"X-One": "1"},
            "body": ASK,
        },
        {"k": "response", "run": "r1", "t": 7, "status": 200, "headers": {"Server": "nginx"}},
        {"k": "chunk", "run": "r1", "t": 5_000_000, "data": BODY.decode()},
        {"k": "end", "run": "r1", "t": 3_000_000_000, "how": "eof", "error": None},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


async def test_a_replay_knows_what_the_capture_has(tmp_path: Path) -> None:
    (factory,), _ = recorded(capture(tmp_path / "a.jsonl"))
    source = factory()
    assert isinstance(source, CaptureSource)
    feed = await fed(source)
    (known,) = of_feed(feed)
    assert (known.request, known.status, known.headers) == (ASK, 200, {"server": "nginx"})
    assert known.mask is redact_json
    assert source.answer is not None and source.answer.t_ns == 7
    (findings,) = findings_of_feed(feed)
    codes = [finding.code for finding in findings]
    assert codes == ["open_after_stop", "model_differs", "gateway", "healthy"]
    what = material(feed.runs[0], feed, findings)
    assert (what.url, what.status) == ("https://host/v1/messages", 200)
    assert (what.headers, what.response_headers) == ({"X-One": "1"}, {"Server": "nginx"})
    assert [finding["code"] for finding in what.findings] == codes


async def test_a_later_feed_knows_the_ones_before() -> None:
    asked = {**ASK, "model": "claude-sonnet-5-5"}
    first, second = [await fed(ScriptSource([Chunk(0, BODY)], request=asked)) for _ in range(2)]
    assert [finding.code for finding in findings_of_feed(second)[0]] == ["healthy"]
    found = findings_of_feed(second, [first])
    assert [finding.code for finding in found[0]] == ["repeated", "healthy"]


async def test_the_apis_own_error_is_known() -> None:
    error = {"type": "rate_limit_error", "message": "No.", "details": {"error_code": "x_y"}}
    end = SourceEnded("http_error", "HTTP 429", "no", status=429, retryable=True, error=error)
    feed = await fed(ScriptSource([], end=end))
    ((finding,),) = findings_of_feed(feed)
    assert finding.text == "The API answered rate_limit_error (x_y) (HTTP 429): No."


def test_secrets_in_an_answer_are_no_change_on_the_way_back(tmp_path: Path) -> None:
    text = "The key is sk-ant-abc123456, keep it."
    messages = [
        *ASK["messages"],
        {"role": "assistant", "content": text.replace("sk-ant-abc123456", MASK)},
        {"role": "user", "content": "Thanks."},
    ]
    lines: list[JsonObject] = [{"streamscope": 1}]
    body = pb.wire(pb.message_start(), *pb.text_block(0, text), *pb.ending())
    for run, asked in (("r1", ASK["messages"]), ("r2", messages)):
        lines += [
            {"k": "request", "run": run, "t": 0, "body": {"messages": asked}},
            {"k": "chunk", "run": run, "t": 5_000_000, "data": body.decode()},
            {"k": "end", "run": run, "t": 6_000_000, "how": "eof", "error": None},
        ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(dumps(line) + "\n" for line in lines))
    known = []
    for recording in load(path).recordings:
        session = pb.run([chunk.data for chunk in recording.chunks()])
        known += of_recording(recording, session.runs)
    assert [[one.code for one in found] for found in findings_of(known)] == [["healthy"]] * 2


def test_files_of_events_alone_are_known_as_such(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"type": "message_start", "message": {}}\n{"type": "message_stop"}\n')
    (recording,) = load(path).recordings
    (known,) = of_recording(recording, pb.run([BODY]).runs)
    assert known.bare


async def test_the_cache_was_let_go_between_two_runs_of_a_file(tmp_path: Path) -> None:
    """The times of day of the requests tell how long it was, as they do live."""
    stamp = "2026-11-20T12:{}:00.000Z"
    usage = {
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 5_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 5_000},
    }
    lines: list[JsonObject] = [{"streamscope": 1}]
    for number, minute in enumerate(("00", "09"), 1):
        start = pb.message_start(usage={**usage, "input_tokens": 1, "output_tokens": 1})
        body = pb.wire(start, *pb.text_block(0, "one"), *pb.ending())
        run: JsonObject = {"run": f"r{number}", "t": 0}
        turns: list[JsonObject] = [{"role": "user", "content": "Hi."}]
        if number == 2:
            turns += [{"role": "assistant", "content": "one"}, {"role": "user", "content": "So?"}]
        request = {**ASK, "messages": turns}
        lines += [
            {"k": "request", **run, "at": stamp.format(minute), "body": request},
            {"k": "chunk", **run, "data": body.decode()},
            {"k": "end", **run, "how": "eof", "error": None},
        ]
    path = tmp_path / "c.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    feeds = [await fed(cast(CaptureSource, factory())) for factory in recorded(path)[0]]
    replayed = findings_of_feed(feeds[1], feeds[:1])[0]
    inspected = findings_of(
        [
            one
            for recording, feed in zip(load(path).recordings, feeds, strict=True)
            for one in of_recording(recording, feed.runs)
        ]
    )[1]
    for found in (replayed, inspected):
        (cold,) = [finding for finding in found if finding.code == "cache_cold"]
        assert cold.values["idle_s"] == 540.0


def test_what_requests_have_in_common_is_masked_once() -> None:
    masked: list[object] = []

    def mask(value: JsonObject) -> JsonObject:
        turns = (value or {}).get("messages", [])
        masked.extend(turns)
        return {**value, "messages": [{**turn, "seen": True} for turn in turns]} if turns else value

    turns: list[JsonObject] = [{"role": "user", "content": f"{n}"} for n in range(100)]
    run = untimed(pb.message_start(), *pb.ending())
    asked = [{"messages": [*turns, {"role": "user", "content": f"more {n}"}]} for n in range(50)]
    known = linked([Evidence(run, request=request, mask=mask) for request in asked])
    assert len(masked) == 100 + 50
    for request, evidence in zip(asked, known, strict=True):
        assert evidence.request is not None and evidence.masked
        wanted = [{**turn, "seen": True} for turn in request["messages"]]
        assert evidence.request["messages"] == wanted
