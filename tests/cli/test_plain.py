"""Without a screen: what goes to standard output and to standard error."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.limits import HANG_S
from tests.manual_clock import ManualClock
from tests.script_source import ScriptSource, one_each
from tests.streams import cuts, legal_events
from tui.cli.plain import PlainWriter, read_as_json, read_plainly, summary
from tui.core.citations import CitedSources, CitedText, joins, source_line
from tui.core.records import Chunk, JsonObject
from tui.core.session import Run, Session
from tui.core.state import Block, End
from tui.core.text import one_line, sanitize
from tui.run import Feed
from tui.sources import SourceEnded

MS = 1_000_000
S = 1_000_000_000


def written(*items: JsonObject | bytes, how: End | None = "eof") -> str:
    """What the writer makes of a stream that it looks at after every item."""
    out = io.StringIO()
    writer = PlainWriter(out)
    session = Session()
    for item in items:
        session.feed(0, pb.wire(item))
        writer.update(session.run)
    if how is not None:
        session.finish(0, how)
        writer.update(session.run)
        writer.finish()
    return out.getvalue()


# --- PlainWriter ----------------------------------------------------------------------------------


def expected(run: Run) -> str:
    """The transcript of a whole message: text with its citations' numbers, a line for the rest."""
    out = ""
    sources = CitedSources()
    before: Block | None = None
    for block in run.state.blocks:
        if not joins(before, block):
            cited = CitedText(sources)
            if out and not out.endswith("\n"):
                out += "\n"
        before = block
        if block.type == "text":
            out += sanitize(cited.take(block, block.text, over=True))
            continue
        if block.is_tool:
            out += f"\u2192 {block.start['name']} {one_line(block.json.text())}".rstrip()
        elif not block.type.endswith("thinking"):
            out += f"[{block.type}]"
        if out and not out.endswith("\n"):
            out += "\n"
    if out and not out.endswith("\n"):
        out += "\n"
    listed = [one_line(source_line(source)) + "\n" for source in sources.listed]
    return "".join([out, *(["\n", *listed] if listed else [])])


@given(data=st.data(), events=legal_events())
def test_the_output_is_the_transcript_however_it_arrives(
    data: st.DataObject, events: list[JsonObject]
) -> None:
    chunks = data.draw(cuts(pb.wire(*events)))
    looks = data.draw(st.sets(st.integers(0, len(chunks))))
    session = Session()
    out = io.StringIO()
    writer = PlainWriter(out)
    for number, chunk in enumerate(chunks):
        session.feed(0, chunk)
        if number in looks:
            before = out.getvalue()
            writer.update(session.run)
            assert out.getvalue().startswith(before)
    session.finish(0)
    writer.update(session.run)
    writer.finish()
    assert out.getvalue() == expected(session.run)


def test_text_is_written_as_it_arrives() -> None:
    start = (pb.message_start(), pb.text_start(), pb.text(0, "It "))
    assert written(*start, how=None) == "It"
    assert written(*start, pb.text(0, "is\n\nso"), how=None) == "It is\n\nso"
    assert written(*start, pb.block_stop(0), how=None) == "It "
    assert written(*start, pb.block_stop(0)) == "It \n"


def test_a_call_is_one_line_once_it_is_whole() -> None:
    call = pb.tool_block(1, '{"a":\n', "1}")
    text = pb.text_block(0, "so")
    assert written(pb.message_start(), *text, *call[:-1], how=None) == "so\n"
    assert written(pb.message_start(), *text, *call) == 'so\n\u2192 get_weather {"a":\u23ce1}\n'
    assert written(pb.message_start(), *pb.tool_block(0)) == "\u2192 get_weather\n"
    broken = written(pb.message_start(), *pb.tool_block(0, "{"))
    assert broken == "\u2192 get_weather {  (not valid JSON)\n"
    unnamed = written(pb.message_start(), pb.block_start(0, "tool_use"))
    assert unnamed == "\u2192 tool_use\n"


def test_blocks_do_not_run_into_each_other() -> None:
    interleaved = [
        pb.message_start(),
        pb.text_start(0),
        pb.text_start(1),
        pb.text(0, "a"),
        pb.text(1, "x"),
        pb.text(0, "b"),
        pb.text(1, "y"),
    ]
    assert written(*interleaved, how=None) == "ab"
    assert written(*interleaved, pb.block_stop(0), how=None) == "ab\nxy"
    assert written(*interleaved) == "ab\nxy\n"


def test_thinking_is_left_out_and_other_blocks_are_named() -> None:
    blocks = [
        *(pb.thinking_start(0), pb.thinking(0, "hm"), pb.block_stop(0)),
        *(pb.block_start(1, "redacted_thinking", data="x"), pb.block_stop(1)),
        *(pb.block_start(2, "web_search_tool_result"), pb.block_stop(2)),
        *(pb.block_start(3, "po\x1bem"), pb.block_stop(3)),
    ]
    assert written(pb.message_start(), *blocks) == "[web_search_tool_result]\n[po\u241bem]\n"


def test_text_that_is_sent_tool_input_as_well_stays_text() -> None:
    events = [pb.text_start(), pb.text(0, "a"), pb.fragment(0, "{"), pb.text(0, "b")]
    assert written(pb.message_start(), *events, pb.block_stop(0)) == "ab\n"


def test_nothing_a_terminal_acts_on_is_written() -> None:
    hostile = "\x1b]0;title\x07\x9b31m\u202e\u200b\r\ud800"
    out = written(
        pb.message_start(),
        *pb.text_block(0, *hostile),
        *pb.tool_block(1, json.dumps({"a": hostile}, ensure_ascii=False), name=hostile),
        *pb.ending(),
    )
    assert not set(out) & set(hostile[:1] + "\x07\x9b\u202e\u200b\r\ud800")
    assert "\u241b]0;title" in out


def test_the_next_message_begins_on_a_line_of_its_own() -> None:
    out = io.StringIO()
    writer = PlainWriter(out)
    for text in ("one", "two"):
        session = Session()
        session.feed(0, pb.wire(pb.message_start(), pb.text_start(), pb.text(0, text)))
        writer.update(session.run)
    writer.finish()
    writer.finish()
    assert out.getvalue() == "one\ntwo\n"


# --- summary --------------------------------------------------------------------------------------


def run_of(*items: JsonObject | bytes, timed: bool = True) -> Run:
    session = Session(timed=timed)
    for number, item in enumerate(items):
        session.feed(number * 100 * MS, pb.wire(item))
    session.finish(0)
    return session.run


def test_the_numbers_in_a_line() -> None:
    run = run_of(pb.message_start(), *pb.text_block(0, "one", "two"), *pb.ending())
    assert summary(run) == (
        "complete \u00b7 end_turn \u00b7 TTFT 200ms \u00b7 total 600ms \u00b7 38 tok/s"
        " \u00b7 in 25 \u00b7 out 15 \u00b7 7 events"
    )


def test_numbers_that_are_not_known_are_dashes_or_left_out() -> None:
    assert (
        summary(run_of(timed=False)) == "empty \u00b7 in \u2013 \u00b7 out \u2013 \u00b7 0 events"
    )
    timed = summary(run_of(pb.message_start(usage=5)))
    assert timed == (
        "truncated \u00b7 TTFT \u2013 \u00b7 total 0ms"
        " \u00b7 in \u2013 \u00b7 out \u2013 \u00b7 1 events \u00b7 1 anomaly"
    )
    assert "2 anomalies" in summary(run_of(pb.text(0, "x")))


def test_tokens_that_were_never_counted_are_an_estimate() -> None:
    line = summary(run_of(pb.message_start(), *pb.text_block(0, "twelve more.")))
    assert " out ~3 " in line, "not the 1 of message_start"


def test_a_summary_is_safe() -> None:
    usage = {"input_tokens": "\x1b[2J", "output_tokens": ["\n"]}
    line = summary(run_of(pb.message_start(usage=usage), *pb.ending("\x1b\n")))
    assert not set(line) & {"\x1b", "\n"}


# --- read_plainly ---------------------------------------------------------------------------------

EVENTS = [pb.message_start(), *pb.text_block(0, "one ", "two"), *pb.ending()]
QUICK = one_each(EVENTS, 0)


class Reader:
    """A feed read without a screen."""

    def __init__(
        self, chunks: Sequence[Chunk], end: BaseException | None = None, *, timed: bool = True
    ) -> None:
        self.manual = ManualClock()
        self.out = io.StringIO()
        self.err = io.StringIO()
        self.source = ScriptSource(chunks, end=end, timed=timed)
        self.feed = Feed(self.source, clock=self.manual.clock(), now=self.manual)

    async def read(self) -> bool:
        return await asyncio.wait_for(read_plainly(self.feed, self.out, self.err), HANG_S)

    async def until_written(self, text: str) -> None:
        async with asyncio.timeout(HANG_S):
            while text not in self.out.getvalue():
                await asyncio.sleep(0)


async def test_a_whole_answer() -> None:
    reader = Reader(QUICK)
    assert await reader.read()
    assert reader.out.getvalue() == "one two\n"
    verdict = "info: Complete: 15 tokens in 0.00 s, first word after 0.00 s, no gap over 0.1 s."
    assert reader.err.getvalue() == f"{summary(reader.feed.runs[0])}\n{verdict}\n"
    assert reader.source.closed == 1


async def test_an_answer_is_written_while_it_arrives() -> None:
    reader = Reader(one_each(EVENTS, 0, 0, 0, 9 * S))
    reading = asyncio.create_task(reader.read())
    await reader.until_written("one")
    assert (reader.out.getvalue(), reader.err.getvalue()) == ("one", "")
    await reader.manual.advance(9 * S)
    assert await reading
    assert reader.out.getvalue() == "one two\n"


@pytest.mark.parametrize(
    ("chunks", "end", "out", "message"),
    [
        (QUICK[:4], None, "one two\n", "truncated"),
        (
            QUICK[:3],
            SourceEnded("reset", "Connection lost", "gone"),
            "one \n",
            "error: connection_lost: Connection lost: gone",
        ),
        (
            [*QUICK[:3], Chunk(0, pb.sse(pb.error("overloaded_error", "Busy\x1b")))],
            None,
            "one \n",
            "error: overloaded_error: Busy\u241b",
        ),
        ([Chunk(0, b"<html>")], None, "", "not_sse: an HTML page, not an event stream"),
        ([], None, "", "empty"),
    ],
)
async def test_what_is_not_complete_is_told_in_a_line(
    chunks: list[Chunk], end: SourceEnded | None, out: str, message: str
) -> None:
    reader = Reader(chunks, end)
    assert not await reader.read()
    assert reader.out.getvalue() == out
    told, numbers, verdict = reader.err.getvalue().splitlines()
    assert told == f"streamscope: {message}"
    assert verdict.startswith("error: ")
    (run,) = reader.feed.runs
    assert numbers.startswith(run.status) and run.status != "complete"


async def test_several_messages_come_one_after_the_other() -> None:
    reader = Reader([*QUICK[:4], *QUICK, *QUICK])
    assert not await reader.read()
    assert reader.out.getvalue() == "one two\n" * 3
    told = [line.partition(" ")[0] for line in reader.err.getvalue().splitlines()]
    assert told == ["streamscope:", "truncated", "error:", "complete", "info:", "complete", "info:"]


async def test_a_message_that_begins_between_two_looks() -> None:
    reader = Reader([*one_each(EVENTS, 0, 0, 0, 5 * S), *(Chunk(5 * S, c.data) for c in QUICK)])
    reading = asyncio.create_task(reader.read())
    await reader.until_written("one")
    await reader.manual.advance(5 * S)
    assert await reading
    assert reader.out.getvalue() == "one two\none two\n"


async def test_a_fault_of_the_program_is_told() -> None:
    reader = Reader(QUICK[:3], RuntimeError("a\nbug"))
    assert not await reader.read()
    assert reader.out.getvalue() == "one \n"
    lines = reader.err.getvalue().splitlines()
    assert lines[-1] == "streamscope: failed while reading: RuntimeError: a\u23cebug"


async def test_a_fault_after_a_complete_answer_counts_too() -> None:
    reader = Reader(QUICK, RuntimeError("late"))
    assert not await reader.read()
    assert "failed while reading" in reader.err.getvalue()


async def test_what_arrived_is_written_when_it_is_interrupted() -> None:
    reader = Reader(one_each(EVENTS, 0, 0, 0, 1 * S, 99 * S))
    reading = asyncio.create_task(read_plainly(reader.feed, reader.out, reader.err))
    await reader.until_written("one")
    await reader.manual.advance(1 * S)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert reader.out.getvalue() == "one two\n"
    assert reader.err.getvalue().startswith("streamscope: cancelled\ncancelled \u00b7 ")
    assert (reader.feed.done, reader.source.closed) == (True, 1)


class Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


async def test_a_closed_output_ends_the_reading() -> None:
    reader = Reader(one_each(EVENTS, 0, 0, 0, 99 * S))
    with pytest.raises(BrokenPipeError):
        await asyncio.wait_for(read_plainly(reader.feed, Closed(), reader.err), HANG_S)
    assert (reader.feed.done, reader.source.closed) == (True, 1)


# --- read_as_json ---------------------------------------------------------------------------------


async def test_a_report_at_the_end() -> None:
    reader = Reader(QUICK)
    assert await read_as_json(reader.feed, reader.out)
    report = json.loads(reader.out.getvalue())
    assert (report["schema"], report["file"]) == ("streamscope.inspect/1", None)
    (run,) = report["runs"]
    assert (run["status"], run["message"]["content"][0]["text"]) == ("complete", "one two")
    assert reader.out.getvalue().count("\n") == 1


async def test_a_report_on_what_is_not_complete() -> None:
    reader = Reader(QUICK[:3], SourceEnded("timeout", "Timed out", "", retryable=True))
    assert not await read_as_json(reader.feed, reader.out)
    (run,) = json.loads(reader.out.getvalue())["runs"]
    assert run["status"] == "error"
    assert run["error"] == {"type": "timeout", "message": "Timed out", "retryable": True}


async def test_an_interrupted_reading_has_its_report() -> None:
    reader = Reader(one_each(EVENTS, 0, 0, 0, 99 * S))
    reading = asyncio.create_task(read_as_json(reader.feed, reader.out))
    await reader.manual.advance()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    (run,) = json.loads(reader.out.getvalue())["runs"]
    assert (run["status"], run["message"]["content"][0]["text"]) == ("cancelled", "one ")
