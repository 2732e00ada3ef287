"""Requests that go on from earlier ones: written once, and restored to the last field."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sweeps import few
from tui.captures import like as liking
from tui.captures.capture_file import load_capture
from tui.captures.codec import CaptureError, CaptureReader, Like, RequestLine, encode_line
from tui.captures.redact import redact_json
from tui.captures.writer import CaptureWriter
from tui.core.records import JsonObject

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    st.text(max_size=8),
    st.sampled_from(["sk-ant-api03-secret", "one", "two", "\ud800", 1, 1.0, True, "token=abc"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=4,
)
MESSAGES = st.one_of(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": VALUES}),
    VALUES,
)


@st.composite
def bodies(draw: st.DrawFn, pool: list[Any]) -> object:
    """A request that begins as another one might, its fields in any order."""
    fields: JsonObject = {}
    fields["messages"] = draw(
        st.one_of(st.lists(st.sampled_from(pool), max_size=6), st.just(pool), VALUES)
    )
    for name in ("model", "system", "tools", "new"):
        if draw(st.booleans()):
            fields[name] = draw(st.sampled_from(pool))
    if draw(st.booleans()):
        del fields["messages"]
    names = draw(st.permutations(list(fields)))
    return draw(st.sampled_from([{name: fields[name] for name in names}, fields, None]))


@st.composite
def sequences(draw: st.DrawFn) -> list[Any]:
    pool = draw(st.lists(MESSAGES, min_size=1, max_size=4))
    return draw(st.lists(bodies(pool), max_size=8))


def write(path: Path, requests: list[Any]) -> None:
    writer = CaptureWriter(path, wall=lambda: 1_700_000_000_123_456_789)
    for body in requests:
        run = writer.begin()
        run.request(body)
        run.end(1, "eof", None)
    writer.close()
    assert writer.failure is None


def told(path: Path) -> list[RequestLine]:
    lines = CaptureReader().feed(path.read_bytes())
    return [line for line in lines if isinstance(line, RequestLine)]


def exact(value: object) -> str:
    """The order of fields counts, and so does 1 against 1.0 and true."""
    return json.dumps(value)


@settings(max_examples=few(60))
@given(sequences())
def test_what_was_written_is_read_back_to_the_last_field(requests: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.jsonl"
        write(path, requests)
        if requests:
            loaded = load_capture(path)
            assert loaded.warnings == []
            found = [one.request for one in loaded.recordings]
            assert list(map(exact, found)) == list(map(exact, map(redact_json, requests)))


@settings(max_examples=few(30))
@given(sequences())
def test_the_longest_beginning_is_the_one_that_is_shared(requests: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.jsonl"
        write(path, requests)
        lines = told(path)
    masked = [redact_json(body) for body in requests]
    for number, line in enumerate(lines):
        best = max((_common(masked[number], one) for one in masked[:number]), default=0)
        if line.like is not None:
            assert line.like.messages == best


def _common(one: object, other: object) -> int:
    pairs = [body.get("messages") if isinstance(body, dict) else None for body in (one, other)]
    if not all(isinstance(messages, list) for messages in pairs):
        return 0
    count = 0
    for first, second in zip(*pairs, strict=False):
        if exact(first) != exact(second):
            break
        count += 1
    return count


def turns(count: int) -> JsonObject:
    """A request in the middle of a conversation."""
    said = [{"role": "user", "content": f"turn {number}"} for number in range(count)]
    return {"model": "m", "system": "Be brief.", "tools": [{"name": "t"}], "messages": said}


def test_what_is_shared_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    other = {**turns(3), "system": "Be long."}
    new = {"model": "m", "messages": [], "system": "Be brief.", "tools": [{"name": "t"}]}
    write(path, [turns(1), turns(3), other, new, turns(3)])
    first, second, third, fourth, fifth = told(path)
    assert (first.like, first.body) == (None, turns(1))
    assert second.like == Like("r1", True, True, 1)
    assert second.body == {"model": "m", "messages": turns(3)["messages"][1:]}
    assert third.like == Like("r2", False, True, 3)
    assert third.body == {"model": "m", "system": "Be long.", "messages": []}
    # Its system prompt would come back in another place.
    assert fourth.like == Like("r1", False, True, 0)
    assert fourth.body == {"model": "m", "messages": [], "system": "Be brief."}
    assert fifth.like == Like("r2", True, True, 3)
    assert {line.at_ns for line in told(path)} == {1_700_000_000_123_000_000}


def test_a_field_between_two_that_are_shared_stays_there(tmp_path: Path) -> None:
    body = turns(2)
    new = {"model": "m", "system": body["system"], "thinking": {}, "tools": body["tools"]}
    write(tmp_path / "c.jsonl", [body, {**new, "messages": body["messages"]}])
    second = told(tmp_path / "c.jsonl")[1]
    assert second.like == Like("r1", True, False, 2)
    assert second.body == {"model": "m", "thinking": {}, "tools": body["tools"], "messages": []}


def test_no_request_rests_on_more_than_64_others(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    write(path, [turns(count) for count in range(1, 140)])
    rests_on: dict[str, int] = {}
    for line in told(path):
        rests_on[line.run] = 0 if line.like is None else rests_on[line.like.run] + 1
    assert max(rests_on.values()) == liking.MOST_LINKS == 64
    assert [run for run, links in rests_on.items() if not links] == ["r1", "r66", "r131"]
    assert load_capture(path).recordings[-1].request == turns(139)


def test_what_is_kept_to_compare_with_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liking, "MOST_KEYS", 40)
    monkeypatch.setattr(liking, "MOST_MESSAGES", 60)
    shortener = liking.Shortener()
    for count in range(1, 70):
        like, _ = shortener.shorten(f"r{count}", turns(count))
        assert len(shortener._written) <= 40
        # The beginnings that came last are the ones that go on.
        assert (like is None) == (count in (1, 66) or count > 60)


def test_secrets_are_masked_before_anything_is_compared(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    one, other = ({"messages": [{"content": f"sk-ant-api03-{name}"}]} for name in ("one", "other"))
    write(path, [one, other])
    assert told(path)[1].like == Like("r1", False, False, 1)
    assert b"sk-ant" not in path.read_bytes()


# --- what is wrong in a file ----------------------------------------------------------------------


def load(path: Path, *lines: RequestLine) -> tuple[list[JsonObject | None], list[str]]:
    path.write_bytes(b'{"streamscope":1}\n' + b"".join(map(encode_line, lines)))
    loaded = load_capture(path)
    return [one.request for one in loaded.recordings], loaded.warnings


def line(run: str, like: Like | None, body: object) -> RequestLine:
    return RequestLine(run, 0, "POST", None, {}, body, like=like)


def test_a_request_that_rests_on_nothing_is_told_in_words(tmp_path: Path) -> None:
    requests, warnings = load(
        tmp_path / "c.jsonl",
        line("r1", Like("r9", True, True, 1), {"model": "m"}),
        line("r2", Like("r1", False, False, 0), {"model": "m"}),
        line("r3", Like("r3", False, False, 0), {"model": "m"}),
        line("r4", None, {"messages": [1]}),
        line("r5", Like("r4", False, False, 2), {"messages": [2]}),
        line("r6", Like("r4", True, True, 1), {"model": "m"}),
        line("r7", Like("r4", False, False, 1), [1]),
    )
    assert requests == [
        None,
        None,
        None,
        {"messages": [1]},
        None,
        {"messages": [1], "model": "m"},
        None,
    ]
    assert warnings == [
        "run r1: its request is left out: it goes on from r9, whose request is not known",
        "run r2: its request is left out: it goes on from r1, whose request is not known",
        "run r3: its request is left out: it goes on from r3, whose request is not known",
        "2 more requests left out",
    ]


def test_what_is_shared_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liking, "MOST_SHARED", 25)
    ten: dict[str, Any] = {"messages": list(range(10))}
    requests, warnings = load(
        tmp_path / "c.jsonl",
        line("r1", None, ten),
        line("r2", Like("r1", False, False, 10), {}),
        line("r3", Like("r1", False, False, 99), {}),
        line("r4", Like("r2", False, False, 10), {}),
        line("r5", Like("r1", False, False, 10), {}),
        line("r6", Like("r1", False, False, 5), {}),
    )
    assert requests == [ten, ten, None, ten, None, {"messages": [0, 1, 2, 3, 4]}]
    assert warnings == [
        "run r3: its request is left out: it begins with 99 messages of r1, which has fewer",
        "run r5: its request is left out: its capture has more than 25 messages by reference",
    ]


def test_fewer_messages_than_are_to_be_shared(tmp_path: Path) -> None:
    _, warnings = load(
        tmp_path / "c.jsonl",
        line("r4", None, {"messages": [1]}),
        line("r5", Like("r4", False, False, 2), {"messages": [2]}),
    )
    assert warnings == [
        "run r5: its request is left out: it begins with 2 messages of r4, which has fewer"
    ]


@pytest.mark.parametrize("like", ['"r1"', "{}", '{"run":1}', '{"run":"r1","messages":-1}'])
def test_a_reference_that_is_none_costs_its_line(tmp_path: Path, like: str) -> None:
    path = tmp_path / "c.jsonl"
    text = '{"streamscope":1}\n{"k":"request","run":"r1","t":0,"like":%s,"body":{}}\n'
    end = '{"k":"end","run":"r1","t":0,"how":"eof","error":null}\n'
    path.write_text(text % like + end)
    loaded = load_capture(path)
    assert loaded.recordings[0].request is None
    assert len(loaded.warnings) == 1 and loaded.warnings[0].startswith("line 2 left out: ")


@settings(max_examples=few(60))
@given(
    VALUES, st.builds(Like, st.just("r1"), st.booleans(), st.booleans(), st.integers(0, 9)), VALUES
)
def test_no_reference_raises(body: object, like: Like, earlier: object) -> None:
    try:
        liking.restored(body, like, earlier)
    except CaptureError as error:
        assert str(error)
