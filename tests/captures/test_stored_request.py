"""Requests of large captures, which stay in the file until they are looked at."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Final, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.app_harness import on_stage
from tui.captures import capture_file, stored_request
from tui.captures.capture_file import load_capture
from tui.captures.codec import CaptureHead, ChunkLine, EndLine, RequestLine, encode_line
from tui.captures.recording import Loaded
from tui.captures.stored_request import StoredRequests
from tui.core.records import JsonObject
from tui.sources.capture import CaptureSource, recorded

NAMES: Final = ("r1", "r2", "body")
TURNS: Final = [{"role": "user", "content": f"{number} " + "words " * 1_000} for number in range(3)]
ASKED: Final[JsonObject] = {"model": "m", "messages": TURNS}
BODIES: Final = st.one_of(
    st.none(),
    st.just([1]),
    st.fixed_dictionaries(
        {"messages": st.just([]), "model": st.sampled_from(['"', ',"body":{', "m"])},
        optional={"like": st.just({"run": "r1"}), "body": st.just({}), "timed": st.just(False)},
    ),
)
FIELDS: Final = st.dictionaries(
    st.sampled_from(["url", "headers", "timed", "like", "at", "more"]),
    st.sampled_from(
        [
            None,
            False,
            "x",
            {},
            {"body": "x"},
            {"a": "b", "body": {}},
            {"a": ',"body":{}}'},
            {"run": "r1", "messages": 0},
            {"run": "r2", "system": True},
        ]
    ),
)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A line of a request as this program writes it, as others may, or broken."""
    before, after = draw(FIELDS), draw(FIELDS)
    line = {
        "k": "request",
        "run": draw(st.sampled_from(NAMES)),
        "t": draw(st.sampled_from([0, -1])),
    }
    line |= {"method": "POST", **before, "body": draw(BODIES), **after}
    dumped = json.dumps(line, separators=draw(st.sampled_from([(",", ":"), (", ", ": ")])))
    return dumped.encode() + b"\n"


def loaded(path: Path, *, checked: bool) -> Loaded:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capture_file, "CHECKED_SIZE", 1 << 20 if checked else 0)
        patch.setattr(stored_request, "_LONG", 1)
        return load_capture(path)


@given(st.lists(lines(), min_size=1, max_size=6))
def test_a_request_that_is_read_late_is_the_same(written: list[bytes]) -> None:
    run = [encode_line(ChunkLine(name, 3, b"x")) for name in NAMES]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        path.write_bytes(b"".join([encode_line(CaptureHead()), *written, *run]))
        at_once, late = loaded(path, checked=True), loaded(path, checked=False)
        assert at_once.warnings == late.warnings
        for one, other in zip(at_once.recordings, late.recordings, strict=True):
            assert (one.run, one.title, one.request) == (other.run, other.title, other.request)
            assert (one.url, one.headers, one.timed) == (other.url, other.headers, other.timed)
            assert one.model == other.model and other.problems == []


def large(path: Path, runs: int = 3) -> Path:
    """Write a capture whose requests are whole, as older ones are."""
    with path.open("wb") as file:
        file.write(encode_line(CaptureHead()))
        for number in range(runs):
            name = f"r{number + 1}"
            body = ASKED | {"messages": [*TURNS, {"role": "user", "content": f"Ask {number}"}]}
            file.write(encode_line(RequestLine(name, 0, "POST", None, {}, body)))
            wire = pb.wire(pb.message_start(), *pb.text_block(0, "Hi."), *pb.ending())
            file.write(
                encode_line(ChunkLine(name, 1, wire)) + encode_line(EndLine(name, 2, "eof", None))
            )
    return path


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have captures of any size read as large ones."""
    monkeypatch.setattr(capture_file, "CHECKED_SIZE", 0)


@pytest.mark.usefixtures("unchecked")
def test_opening_reads_no_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("a request was read")

    factories, warnings = recorded(large(tmp_path / "day.jsonl"))
    with monkeypatch.context() as patch:
        patch.setattr(StoredRequests, "body", refuse)
        sources = [factory() for factory in factories]
        assert [source.info.title for source in sources] == [f"day.jsonl r{n}" for n in (1, 2, 3)]
    assert not warnings
    assert [source.info.prompt for source in sources] == ["Ask 0", "Ask 1", "Ask 2"]
    assert sources[1].info.request is sources[1].info.request


@pytest.mark.usefixtures("unchecked")
def test_little_is_kept_of_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_request, "_MOST_KEPT", 40_000)
    first, second, third = load_capture(large(tmp_path / "day.jsonl")).recordings
    kept = first.request
    assert second.request is not None and first.request is kept
    assert third.request is not None and first.request == kept
    assert second.request is not third.request


@pytest.mark.usefixtures("unchecked")
async def test_a_broken_request_is_told_when_it_is_looked_at(tmp_path: Path) -> None:
    path = large(tmp_path / "day.jsonl")
    rows = path.read_bytes().splitlines(keepends=True)
    rows[4] = rows[4].replace(b'"content":"Ask', b'"content":Ask')
    path.write_bytes(b"".join(rows))
    sources = [CaptureSource(recording) for recording in load_capture(path).recordings]
    assert [source.damage for source in sources] == [None] * 3
    assert [source.info.prompt for source in sources] == ["Ask 0", None, "Ask 2"]
    assert [source.info.request is None for source in sources] == [False, True, False]
    damage = sources[1].damage
    assert damage is not None and damage[0] == "1 line of the capture could not be read"
    assert damage[1].startswith("line 5: not JSON")
    async with on_stage(*sources) as stage:
        await stage.until(lambda: all(feed.done for feed in stage.app.watchlist.feeds))
        await stage.press("right_curly_bracket")
        assert "1 line of the capture could not be read" in stage.text


@pytest.mark.usefixtures("unchecked")
def test_a_file_that_has_gone_has_no_requests(tmp_path: Path) -> None:
    path = large(tmp_path / "day.jsonl")
    recording, *_ = load_capture(path).recordings
    path.unlink()
    assert recording.request is None and recording.model is None
    (problem,) = recording.problems
    assert problem.line == 0
