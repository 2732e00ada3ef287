"""Deltas that are alike: cut at once, they are what they would be one by one."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jiter import from_json

from tests import playbook as pb
from tui.core.bursts import TEXTS, Burst, Template, template_of
from tui.core.records import JsonObject, from_frame
from tui.core.sse import Decoder

MAKERS = {"text_delta": pb.text, "thinking_delta": pb.thinking, "input_json_delta": pb.fragment}
# What a text may be made of where it is written, and what it may not.
PARTS = st.sampled_from(
    [
        *(b"a", b" ", b"\\n", b"\\\\", b'\\"', b"\\u00e9", b"\\ud83d\\ude00", "\u00e9".encode()),
        *(b"}", b"{", b"[", b"]", b",", b":", b'\\"}}', b"data: ", "\u2028".encode()),
    ]
)
WRONG = st.sampled_from(
    [b'"', b"\\", b'","', b'",["', b'"],"', b'"}}', b"\\ud83d", b"\\x", b"\t", b"\0", b"\xff"]
)


def written(event: JsonObject, **style: object) -> bytes:
    return json.dumps(event, **style).encode()  # type: ignore[arg-type]


def compact(event: JsonObject) -> bytes:
    return written(event, separators=(",", ":"), ensure_ascii=False)


def template(event: bytes) -> Template | None:
    """The template of an event on the wire."""
    (frame,) = Decoder().feed(event)
    return template_of(frame, from_frame(frame, 0, 0))


def found(event: bytes) -> Template:
    made = template(event)
    assert made is not None
    return made


def one_by_one(data: bytes) -> list[tuple[str, int, str, int, int]]:
    """Kind, block, text, place and length of all deltas in some bytes."""
    out = []
    for seq, frame in enumerate(Decoder().feed(data)):
        record = from_frame(frame, seq, 0)
        assert record.payload is not None and not record.flaws
        delta = record.payload["delta"]
        kind = delta["type"]
        text = delta[TEXTS[kind]]
        out.append((kind, record.block_index, text, record.offset, record.length))
    return out


def taken_apart(burst: Burst, offset: int) -> list[tuple[str, int, str, int, int]]:
    assert burst.edges[0] == offset
    assert [b - a for a, b in zip(burst.edges, burst.edges[1:], strict=False)] == list(
        burst.lengths
    )
    return [
        (burst.kind, burst.block_index, text, edge - offset, length)
        for text, edge, length in zip(burst.texts, burst.edges, burst.lengths, strict=False)
    ]


STYLES: dict[str, Callable[[JsonObject], bytes]] = {
    "compact": lambda event: pb.sse(compact(event).decode(), str(event["type"])),
    "spaced": lambda event: pb.sse(event),
    "nameless": lambda event: pb.sse(event, ""),
    "padded": lambda event: pb.sse(
        compact(event).decode()[:-1] + " " * (len(str(event)) % 7) + "}", str(event["type"])
    ),
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", MAKERS)
@given(texts=st.lists(st.text(max_size=9), min_size=1, max_size=9), before=st.integers(0, 99))
def test_the_same_as_one_by_one(kind: str, style: str, texts: list[str], before: int) -> None:
    write, make = STYLES[style], MAKERS[kind]
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    data = b"".join(write(make(7, text)) for text in texts)
    filler = b"x" * before
    burst = found(write(make(7, "any"))).cut(filler + data + b"event: mess", before, 1_000)
    assert burst is not None
    assert taken_apart(burst, 1_000) == one_by_one(data)
    assert burst.texts == texts


@given(st.data())
def test_a_burst_ends_where_the_bytes_do(data: st.DataObject) -> None:
    events = [STYLES["compact"](pb.text(0, text)) for text in ("one", "", "three", "4")]
    whole = b"".join(events)
    burst = found(events[0]).cut(whole[: data.draw(st.integers(0, len(whole)))], 0, 0)
    if burst is not None:
        count = len(burst.texts)
        assert 0 < count <= 4
        assert burst.edges[-1] == len(b"".join(events[:count]))


@pytest.mark.parametrize(
    "other",
    [
        pb.sse(pb.ping()),
        pb.sse(pb.block_stop(0)),
        b": a comment\n\n",
        b"\n",
        STYLES["compact"](pb.text(1, "another block")),
        STYLES["compact"](pb.thinking(0, "another type")),
        STYLES["spaced"](pb.text(0, "another writer")),
        STYLES["nameless"](pb.text(0, "no name")),
        STYLES["compact"](pb.text(0, "x")).replace(b"event: content_block_delta", b"event: other"),
        STYLES["compact"](pb.text(0, "x")).replace(b"_delta\n", b"_delta\nid: 7\n"),
        STYLES["compact"](pb.text(0, "x")).replace(b"}}\n", b"}}\ndata:\n"),
    ],
)
@pytest.mark.parametrize("style", ["compact", "nameless"])
def test_a_burst_ends_before_anything_else(other: bytes, style: str) -> None:
    event = STYLES[style](pb.text(0, "one"))
    burst = found(event).cut(event * 3 + other + event * 3, 0, 0)
    assert burst is not None
    same = style == "nameless" and other == STYLES["nameless"](pb.text(0, "no name"))
    assert same or taken_apart(burst, 0) == one_by_one(event * 3)


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize(
    "odd",
    [
        pb.text(0, "an extra", estimated_tokens=1),
        pb.text(0, "an extra", extra="x"),
        pb.text(0, "an extra", extra={}),
        pb.text(0, "beside") | {"extra": "x"},
        pb.delta(0, "text_delta", text=None),
        pb.delta(0, "text_delta", text=["x"]),
    ],
)
def test_what_is_odd_is_not_taken(odd: JsonObject, count: int) -> None:
    write = STYLES["compact"]
    event = write(pb.text(0, "one"))
    burst = found(event).cut(event * count + write(odd) + event, 0, 0)
    assert burst is None or taken_apart(burst, 0) == one_by_one(event * count)


BODIES = st.lists(st.lists(PARTS | WRONG, max_size=4).map(b"".join), min_size=1, max_size=6)


@given(BODIES)
def test_whatever_stands_in_place_of_the_text(bodies: list[bytes]) -> None:
    event = STYLES["compact"](pb.text(0, "TEXT"))
    events = [event.replace(b"TEXT", body) for body in bodies]
    burst = found(event).cut(b"".join(events), 0, 0)
    if all(map(is_plain, events)):
        assert burst is not None
    if burst is not None:
        assert taken_apart(burst, 0) == one_by_one(b"".join(events))


def is_plain(event: bytes) -> bool:
    """Whether there is nothing but a text, and half a surrogate pair in no place."""
    (frame,) = Decoder().feed(event)
    try:
        payload = from_json(frame.data)
    except ValueError:
        return False
    return bool(payload == pb.text(0, payload["delta"].get("text")))


# --- templates ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [
        pb.ping(),
        pb.text_start(0),
        pb.text(0, ""),
        pb.text(0, "x", extra="y"),
        pb.text(0, "x") | {"extra": "y"},
        pb.signature(0, "x"),
        pb.delta(0, "text_delta", text=5),
        {"type": "content_block_delta", "delta": {"text": "x", "type": "text_delta"}, "index": 0},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "x"}},
        {"type": "content_block_delta", "index": True, "delta": {"type": "text_delta", "text": ""}},
    ],
)
def test_not_all_is_like_a_delta_with_text(event: JsonObject) -> None:
    assert template(pb.sse(event)) is None


def test_an_event_with_flaws_is_no_model() -> None:
    assert template(pb.sse(pb.text(0, "x"), "ping")) is None


def test_an_event_over_several_lines_is_no_model() -> None:
    event = json.dumps(pb.text(0, "x"), indent=0).replace("\n}\n}", "}}")
    assert template(pb.sse(event, "content_block_delta")) is None
    assert template(b"data: " + compact(pb.text(0, "x")) + b"\n\n") is not None


def test_a_type_and_an_index_in_another_order() -> None:
    event: JsonObject = {
        "index": 3,
        "delta": {"type": "text_delta", "text": "x"},
    }
    data = b'data: {"type":"content_block_delta",' + compact(event)[1:] + b"\n\n"
    made = found(data)
    assert (made.kind, made.block_index, made.name) == ("text_delta", 3, b"")
    burst = made.cut(data * 2, 0, 0)
    assert burst is not None and burst.texts == ["x", "x"]
