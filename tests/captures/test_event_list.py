"""Events as JSON, in every way in which programs print them; the SDK's own helper among them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic
from hypothesis import given
from hypothesis import strategies as st
from jiter import from_json

from tests import playbook as pb
from tests.recorded import BODY, ERROR, EVENTS, json_lines
from tui.captures.event_list import EventLines, event_of, load_events
from tui.captures.exporters import Material, export
from tui.captures.importers import NoStreams, load, sniff
from tui.captures.in_memory_file import InMemoryFile
from tui.core.records import JsonObject
from tui.core.session import Run, Session


def replay(data: bytes) -> Run:
    session = Session(timed=False)
    session.feed(0, data)
    session.finish(0)
    return session.run


def opened(data: bytes, name: str = "x.jsonl") -> Run:
    (found,) = load(InMemoryFile(data, name)).recordings
    body = b"".join(piece for _, piece in found.chunks())
    assert found.size == len(body)
    return replay(body)


STREAM = pb.wire(
    pb.message_start(),
    pb.thinking_start(0),
    pb.thinking(0, "Hm"),
    pb.thinking(0, "m."),
    pb.signature(0, "c2ln"),
    pb.block_stop(0),
    pb.text_start(1),
    pb.text(1, "h\u00e9 "),
    pb.text(1, "two"),
    pb.citation(1, {"type": "char_location", "cited_text": "x", "document_index": 0}),
    pb.block_stop(1),
    *pb.tool_block(2, '{"a"', ": [1", "]}"),
    *pb.ending("tool_use"),
)


def printed(write: Callable[..., str], *, beta: bool = False) -> bytes:
    """What `for event in stream: print(event.to_json())` prints, by the real SDK."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=STREAM)

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as http:
        client = Anthropic(api_key="k", base_url="http://test", http_client=http)
        messages = client.beta.messages if beta else client.messages
        with messages.stream(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}]
        ) as stream:
            return "".join(write(event) + "\n" for event in stream).encode()


@pytest.mark.parametrize("beta", [False, True])
@pytest.mark.parametrize("indent", [None, 2])
def test_what_the_stream_helper_yields(indent: int | None, beta: bool) -> None:
    data = printed(lambda event: event.to_json(indent=indent), beta=beta)
    run, wire = opened(data, "events.txt"), replay(STREAM)
    assert (run.status, run.state.anomalies) == ("complete", [])
    assert {"text", "input_json", "thinking", "signature", "citation"} <= run.state.counts.keys()
    found, expected = run.state.message_json() or {}, wire.state.message_json() or {}
    assert "message" not in found
    assert [block["type"] for block in found["content"]] == ["thinking", "text", "tool_use"]
    assert found["content"][1]["text"] == "h\u00e9 two"
    assert found["content"][2]["input"] == {"a": [1]}
    assert found["usage"]["output_tokens"] == expected["usage"]["output_tokens"]
    # Said again beside each delta: neither the text nor a count may grow by it.
    assert run.state.content_chars == wire.state.content_chars


def test_an_array() -> None:
    for indent in (None, 1):
        run = opened(json.dumps(EVENTS, indent=indent).encode(), "x.json")
        assert run.state.message_json() == replay(BODY).state.message_json()


def test_an_array_that_breaks_off() -> None:
    data = json.dumps(EVENTS).encode()
    loaded = load(InMemoryFile(data[: len(data) // 2], "x.json"))
    assert len(loaded.warnings) == 1 and loaded.warnings[0].startswith("item ")
    assert replay(b"".join(d for _, d in loaded.recordings[0].chunks())).status == "truncated"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda event: {"type": "stream_event", "event": event},
        lambda event: {"event": event["type"], "data": event},
        lambda event: {"event": event["type"], "data": json.dumps(event), "id": None, "retry": 1},
    ],
    ids=["stream_event", "parts", "text"],
)
def test_wrapped_events(wrap: Callable[[JsonObject], JsonObject]) -> None:
    lines = [wrap(event) for event in EVENTS]
    if "data" in lines[0]:
        lines.append({"event": "done", "data": "[DONE]"})
    run = opened(json_lines(*lines), "x")
    assert (run.status, run.state.anomalies) == ("complete", [])


@pytest.mark.parametrize(
    "value", [None, 5, [], {}, {"type": 5}, {"event": "a"}, {"event": "a", "data": "x"}]
)
def test_what_is_no_event(value: object) -> None:
    assert event_of(value) is None


def test_an_export_of_a_stream_that_was_only_an_error_opens_again(tmp_path: Path) -> None:
    body = pb.wire(pb.error("overloaded_error", "Overloaded"))
    run = replay(body)
    name, data = export(
        "events",
        Material(run=run, title="t", created="2026-01-01T00:00:00Z", tool="t"),
    )
    path = tmp_path / name
    path.write_bytes(data)
    assert sniff(path) == "events"
    again = opened(data, name)
    assert (again.status, again.error) == ("error", run.error)
    assert again.state.counts == run.state.counts == {"error": 1}


def test_an_error_by_itself_is_a_response() -> None:
    assert sniff(InMemoryFile(json.dumps(ERROR).encode(), "x.json")) == "body"
    assert sniff(InMemoryFile(json.dumps(ERROR).encode(), "x.ndjson")) == "events"
    with pytest.raises(NoStreams):
        load_events(InMemoryFile(b'{"type":"error","message":"x"}', "x.jsonl"))


@given(st.lists(st.integers(0, 2000), max_size=8))
def test_lines_that_are_cut_anywhere(places: list[int]) -> None:
    data = json_lines(*EVENTS[:4]) + b"no event\n\n" + json_lines(*EVENTS[4:]).rstrip()
    lines = EventLines()
    pieces = [lines.feed(piece) for piece in pb.cut(data, places)]
    assert replay(b"".join(pieces) + lines.close()).status == "complete"
    assert lines.problems == ["line 5 left out: not a JSON object with a type"]


def test_many_bad_lines_are_counted() -> None:
    lines = EventLines()
    assert lines.feed(b"x\n" * 5) == b""
    assert lines.problems[-1] == "2 more left out"


@pytest.mark.parametrize("indent", [None, 1])
def test_an_array_is_parsed_once(monkeypatch: pytest.MonkeyPatch, indent: int | None) -> None:
    data = json.dumps(EVENTS * 50, indent=indent).encode()
    asked: list[int] = []

    def counted(text: bytes, **options: Any) -> object:  # noqa: ANN401
        asked.append(len(text))
        return from_json(text, **options)

    monkeypatch.setattr("tui.captures.json_values.from_json", counted)
    (recording,) = load_events(InMemoryFile(data, "x.json")).recordings
    first = b"".join(chunk.data for chunk in recording.chunks())
    assert b"".join(chunk.data for chunk in recording.chunks()) == first
    assert len(first) == recording.size
    assert asked.count(len(data)) == 1
