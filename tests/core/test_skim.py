"""Reading an answer through without holding it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tui.core.buffer import Buffer
from tui.core.session import Session
from tui.core.skim import HEAD, SkimSession

STREAM = pb.wire(
    pb.message_start(),
    *pb.text_block(0, "One ", "two"),
    *pb.tool_block(1, '{"a": ', "1}"),
    *pb.text_block(2, "three\n"),
    *pb.text_block(3, "four"),
    *pb.ending(),
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_the_text_is_handed_on_once_and_all_else_is_known(places: list[int]) -> None:
    parts: list[str] = []
    skim, whole = SkimSession(parts.append), Session()
    for data in pb.cut(STREAM, places):
        skim.feed(1, data)
        whole.feed(1, data)
    for session in (skim, whole):
        session.finish(2)
    assert "".join(parts) == "One two\nthree\nfour"
    assert skim.run.status == "complete"
    assert skim.run.metrics() == whole.run.metrics()
    assert skim.run.state.tool_reports() == whole.run.state.tool_reports()
    assert skim.run.state.usage == whole.run.state.usage
    assert skim.run.state.content_chars == whole.run.state.content_chars
    assert len(skim.run.timeline) == len(whole.run.timeline)
    assert all(not block.text.text() for block in skim.run.state.blocks)


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_reads_that_are_taken_together_are_let_go_as_well(places: list[int]) -> None:
    parts: list[str] = []
    skim = SkimSession(parts.append)
    reads = pb.cut(STREAM, places)
    skim.feed_many(range(len(reads)), reads)
    assert "".join(parts) == "One two\nthree\nfour"
    assert all(not block.text.text() for block in skim.run.state.blocks)


def test_what_is_held_does_not_grow_with_the_text() -> None:
    sizes: list[int] = []
    skim = SkimSession(lambda text: sizes.append(len(text)))
    skim.feed(0, pb.wire(pb.message_start(), pb.text_start()))
    for _ in range(200):
        skim.feed(0, pb.wire(pb.text(0, "x" * 10_000)))
    assert sum(sizes) == 2_000_000
    assert len(skim.run.state.blocks[0].text) == 2_000_000
    assert len(skim.raw.read(0, 10**9)) == HEAD
    assert skim.raw.size > 2_000_000


def test_two_messages_in_one_body() -> None:
    parts: list[str] = []
    skim = SkimSession(parts.append)
    skim.feed(0, STREAM + STREAM)
    skim.finish(1)
    assert "".join(parts) == "\n".join(["One two\nthree\nfour"] * 2)
    assert [run.status for run in skim.runs] == ["complete", "complete"]


def test_a_body_that_is_no_stream_is_told() -> None:
    skim = SkimSession(lambda _: None)
    skim.feed(0, b"<html><body>Bad gateway</body></html>" + b" " * HEAD)
    skim.finish(1)
    assert skim.run.status == "not_sse"


@given(st.lists(st.text(max_size=5)), st.lists(st.text(max_size=5)))
def test_a_buffer_that_let_go_only_knows_its_length(before: list[str], after: list[str]) -> None:
    buffer = Buffer()
    for text in before:
        buffer.append(text)
    assert buffer.release() == "".join(before)
    assert buffer.text() == ""
    for text in after:
        buffer.append(text)
    start = len("".join(before))
    assert len(buffer) == start + len("".join(after))
    assert buffer.slice(start) == buffer.text() == "".join(after)
