"""Hypothesis strategies for streams: legal ones, broken ones, and any way to cut them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from hypothesis import strategies as st

from tests import playbook as pb
from tui.core.records import JsonObject
from tui.core.state import PULSE_NS, STALL_NS

# --- bytes ----------------------------------------------------------------------------------------

PARTS: Final = (
    *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"\n\n\n", b"\r\r", b"\n\r"),
    *(b"data", b"data:", b"data: ", b"data: x", b"data:x", b"data:  x", b"data: x: y"),
    *(b"event: a", b"event:a", b"event:", b"event", b"event:  a", b"event: a\ndata: b\n\n"),
    *(b":", b": note", b"id: 7", b"id", b"id: \0", b"retry: 50", b"retry: x", b"retry:"),
    *(b"other: x", b"other", b" data: x", b"Data: x", b" ", b"x", b"\0", b"\xff", b"\xe2\x80"),
    *(pb.BOM, b"\xef", b"\xef\xbb", "\u2028".encode(), "\u0085".encode(), "\u00e9".encode()),
)
"""What an event stream is made of, and what it is not."""


def sse_bytes() -> st.SearchStrategy[bytes]:
    """Bytes near the grammar, legal or not."""
    return st.lists(st.sampled_from(PARTS), max_size=25).map(b"".join)


@st.composite
def cuts(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """`data` in chunks, some of them empty."""
    if draw(st.booleans()):
        places = draw(st.lists(st.integers(0, len(data)), max_size=12))
        return pb.cut(data, places)
    size = max(draw(st.integers(1, 40) | st.integers(1_000, 100_000)), len(data) // 500)
    return [data[at : at + size] for at in range(0, len(data), size)]


# --- legal streams --------------------------------------------------------------------------------

# What JSON, UTF-8 and the SDK can all say: no lone surrogates. Breaks and escapes are frequent.
TEXT: Final = st.text(
    st.one_of(
        st.sampled_from('"\\/{}[]:,\n\r\t\u2028\u0085\ufeff\u00e9\U0001f30d\x1b\u202e 0'),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=12,
)
COUNTS: Final = st.integers(0, 100_000)


def json_values(strings: st.SearchStrategy[str] = TEXT) -> st.SearchStrategy[object]:
    """Any JSON value."""
    scalars = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        strings,
    )
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strings, inner, max_size=3),
        max_leaves=6,
    )


def inputs() -> st.SearchStrategy[dict[str, object]]:
    """A tool's input."""
    return st.dictionaries(TEXT, json_values(), max_size=3)


@st.composite
def pieces(draw: st.DrawFn, whole: str) -> list[str]:
    """A string in pieces, now and then with an empty one in front."""
    places = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    edges = [0, *places, len(whole)]
    return [whole[start:end] for start, end in zip(edges, edges[1:], strict=False)]


CITATIONS: Final = st.fixed_dictionaries(
    {
        "type": st.just("char_location"),
        "cited_text": TEXT,
        "document_index": COUNTS,
        "document_title": st.none() | TEXT,
        "start_char_index": COUNTS,
        "end_char_index": COUNTS,
    }
)


@st.composite
def text_events(draw: st.DrawFn, index: int) -> list[JsonObject]:
    start = pb.text_start(index)
    if draw(st.booleans()):
        start["content_block"]["citations"] = draw(st.sampled_from([None, []]))
    deltas = [pb.text(index, piece) for piece in draw(st.lists(TEXT, max_size=5))]
    for value in draw(st.lists(CITATIONS, max_size=2)):
        deltas.insert(draw(st.integers(0, len(deltas))), pb.citation(index, value))
    return [start, *deltas]


@st.composite
def thinking_events(draw: st.DrawFn, index: int) -> list[JsonObject]:
    deltas = [pb.thinking(index, piece) for piece in draw(st.lists(TEXT, max_size=4))]
    signatures = [pb.signature(index, value) for value in draw(st.lists(TEXT, max_size=2))]
    return [pb.thinking_start(index), *deltas, *signatures]


@st.composite
def tool_events(draw: st.DrawFn, index: int) -> list[JsonObject]:
    kind = draw(st.sampled_from(["tool_use", "server_tool_use", "mcp_tool_use"]))
    fields = {"id": f"toolu_{index}", "name": "get_weather", "input": {}}
    if kind == "mcp_tool_use":
        fields["server_name"] = "maps"
    if draw(st.integers(0, 3)) == 0:
        fields["input"] = draw(inputs())
        fragments = [""] * draw(st.integers(0, 2))
    else:
        document = json.dumps(draw(inputs()), ensure_ascii=draw(st.booleans()))
        spaces = " " * draw(st.integers(0, 2))
        fragments = ["", *draw(pieces(document[:-1] + spaces + document[-1]))]
    return [
        pb.block_start(index, kind, **fields),
        *(pb.fragment(index, piece) for piece in fragments),
    ]


@st.composite
def whole_blocks(draw: st.DrawFn, index: int) -> list[JsonObject]:
    """A block that arrives at once, or in one delta."""
    search = {
        "type": "web_search_result",
        "title": draw(TEXT),
        "url": "https://example.com",
        "encrypted_content": "x",
        "page_age": None,
    }
    compaction = {"content": draw(st.none() | TEXT), "encrypted_content": draw(st.none() | TEXT)}
    return draw(
        st.sampled_from(
            [
                [pb.block_start(index, "redacted_thinking", data=draw(TEXT))],
                [
                    pb.block_start(
                        index, "web_search_tool_result", tool_use_id="srvtoolu_1", content=[search]
                    )
                ],
                [
                    pb.block_start(
                        index,
                        "fallback",
                        to={"model": "claude-next"},
                        **{"from": {"model": "claude-sonnet-5-5"}},
                    )
                ],
                [
                    pb.block_start(index, "compaction", content=None),
                    pb.delta(index, "compaction_delta", **compaction),
                ],
            ]
        )
    )


def block_events(index: int) -> st.SearchStrategy[list[JsonObject]]:
    """Start and deltas of one block."""
    return st.one_of(
        text_events(index), thinking_events(index), tool_events(index), whole_blocks(index)
    )


@st.composite
def message_deltas(draw: st.DrawFn) -> list[JsonObject]:
    """One or more; the counts grow, the reason comes with the last one."""
    output = 0
    events = []
    for left in range(draw(st.integers(0, 2)), -1, -1):
        output += draw(st.integers(1, 50))
        usage: JsonObject = {"output_tokens": output}
        for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"):
            if draw(st.booleans()):
                usage[name] = draw(st.none() | COUNTS)
        if draw(st.booleans()):
            usage["server_tool_use"] = {"web_search_requests": draw(COUNTS)}
        reason = None if left else draw(st.sampled_from(["end_turn", "max_tokens", "tool_use"]))
        events.append(pb.message_delta(reason, usage))
    return events


@st.composite
def legal_events(draw: st.DrawFn) -> list[JsonObject]:
    """One whole message: blocks may interleave, their starts are in order; pings anywhere."""
    waiting = [
        iter([*draw(block_events(index)), pb.block_stop(index)])
        for index in range(draw(st.integers(0, 4)))
    ]
    usage = {"input_tokens": draw(COUNTS), "output_tokens": 1}
    if draw(st.booleans()):
        usage["cache_read_input_tokens"] = draw(COUNTS)
    events = [pb.message_start(usage=usage)]
    opened: list[Iterator[JsonObject]] = []
    while waiting or opened:
        number = draw(st.integers(0, len(opened) if waiting else len(opened) - 1))
        if number == len(opened):
            opened.append(waiting.pop(0))
        event = next(opened[number], None)
        if event is None:
            opened.pop(number)
        else:
            events.append(event)
    events += [*draw(message_deltas()), pb.message_stop()]
    for place in draw(st.lists(st.integers(0, len(events)), max_size=4)):
        events.insert(place, pb.ping())
    return events


@st.composite
def encodings(draw: st.DrawFn, events: list[JsonObject]) -> bytes:
    """Events on the wire, with any line ends and with comments between."""
    ends = draw(st.sampled_from([[b"\n"], [b"\r\n"], [b"\r"], [b"\n", b"\r\n", b"\r"]]))
    escape = draw(st.booleans())
    wire = [draw(st.sampled_from([b"", b"", pb.BOM]))]
    for event in events:
        end = draw(st.sampled_from(ends))
        if draw(st.integers(0, 9)) == 0:
            wire.append(b": keep-alive" + end * draw(st.integers(1, 2)))
        document = json.dumps(event, ensure_ascii=escape)
        wire.append(pb.sse(document, str(event["type"]), end))
    return b"".join(wire)


def legal_bytes() -> st.SearchStrategy[bytes]:
    """A legal stream on the wire."""
    return legal_events().flatmap(encodings)


# --- broken events --------------------------------------------------------------------------------

ABSENT: Final = object()
"""Stands for a field that is left out."""

Path = tuple[str | int, ...]

WRONG: Final[tuple[object, ...]] = (
    *(ABSENT, None, True, False, 0, -1, 1.5, 2**31, 2**63, 10**400, "", "x", "\ud800"),
    *([], [1], [[]], {}, {"type": "x"}, {"a": [{}]}),
)
"""A value of every JSON type, and the awkward ones among them."""


def paths(value: object, at: Path = ()) -> Iterator[Path]:
    """Every place inside a JSON value."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield (*at, name)
            yield from paths(item, (*at, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield (*at, number)
            yield from paths(item, (*at, number))


def replaced(event: JsonObject, path: Path, value: object) -> JsonObject:
    """The event with another value at `path`."""
    twin: JsonObject = json.loads(json.dumps(event))
    holder: Any = twin
    for step in path[:-1]:
        holder = holder[step]
    if value is ABSENT:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return twin


@st.composite
def broken_events(draw: st.DrawFn) -> list[JsonObject]:
    """A legal stream in which events are damaged, lost, doubled or moved."""
    events = draw(legal_events())
    for _ in range(draw(st.integers(1, 5))):
        number = draw(st.integers(0, len(events) - 1))
        what = draw(st.integers(0, 5))
        if what == 0:
            events.insert(draw(st.integers(0, len(events))), events[number])
        elif what == 1 and len(events) > 1:
            events.insert(draw(st.integers(0, len(events) - 1)), events.pop(number))
        elif what == 2 and len(events) > 1:
            del events[number]
        else:
            path = draw(st.sampled_from(list(paths(events[number])) or [("type",)]))
            value = draw(st.sampled_from(WRONG) | json_values())
            if path != ("type",) or events[number]:
                events[number] = replaced(events[number], path, value)
    return events


# --- deltas that are alike ------------------------------------------------------------------------

COMPACT: Final = (",", ":")
# Deltas with little between them that is not alike: what is cut in bursts, and what ends a burst.
SHORT: Final = st.text('ab"\\\n\u00e9\U0001f30d}', max_size=4)
ALIKE: Final = st.one_of(
    st.lists(st.builds(pb.text, st.integers(0, 1), SHORT), min_size=1, max_size=5),
    st.lists(st.builds(pb.thinking, st.just(1), SHORT), min_size=1, max_size=5),
    st.lists(st.builds(pb.fragment, st.just(2), SHORT), min_size=1, max_size=5),
)
ODD: Final[list[JsonObject | bytes]] = [
    *(pb.ping(), pb.block_stop(0), pb.text_start(0), pb.message_stop()),
    *(pb.message_start(id="msg_2"), pb.text(0, "", extra=1), pb.text(9, "nowhere")),
    *(pb.text(0, "a") | {"extra": [1]}, pb.fragment(2, ""), pb.fragment(0, "1"), pb.block_stop(2)),
    *(b": note\n\n", b"\n", b"\n\n", b"\r\n", b'data: {"type"', b"\xff\n\n", pb.BOM, pb.DONE),
    *(b":" + b"x" * 900 + b"\n\n\n", b":" + b"x" * 4_200 + b"\n", pb.error()),
    pb.sse(json.dumps(pb.text(0, "\ud83d"), separators=COMPACT), "content_block_delta"),
]
STARTS: Final = [pb.message_start(), pb.text_start(0), pb.thinking_start(1), pb.tool_start(2)]


@st.composite
def alike(draw: st.DrawFn) -> bytes:
    """A stream that is made of deltas which are alike, for the most part."""
    compact = draw(st.booleans())
    padded = draw(st.booleans())
    named = draw(st.booleans())

    def written(item: JsonObject | bytes) -> bytes:
        if isinstance(item, bytes):
            return item
        data = json.dumps(item, separators=COMPACT if compact else None)
        if padded:
            data = data[:-1] + " " * (len(data) % 3) + "}"
        return pb.sse(data, str(item["type"]) if named else "")

    wired = [written(item) for item in STARTS]
    for _ in range(draw(st.integers(0, 5))):
        deltas = b"".join(map(written, draw(ALIKE)))
        # Many of them, now and then: only much is cut at once.
        wired.append(deltas * draw(st.sampled_from([1, 1, 1, 7, 40])))
        wired += map(written, draw(st.lists(st.sampled_from(ODD), max_size=2)))
    return b"".join(wired)


TIMES: Final = st.sampled_from([0, 0, 1, 5, PULSE_NS, STALL_NS + 1])


@st.composite
def timed_reads(draw: st.DrawFn) -> list[tuple[int, bytes]]:
    """A stream in chunks of any size, with their times in ns."""
    data = draw(alike() | legal_bytes() | sse_bytes())
    chunks = draw(cuts(data))
    if draw(st.booleans()):
        chunks = [event + b"\n\n" for event in data.split(b"\n\n")]
    t_ns = 0
    out = []
    for chunk in chunks:
        t_ns += draw(TIMES)
        out.append((t_ns, chunk))
    return out
