"""The event log: what a row says, the tail, the reader's place, the cursor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from rich.segment import Segment
from textual.strip import Strip

from tests import playbook as pb
from tests.app_harness import LATER_S, BytesSource, PushedSource, Stage, on_stage, rows_of, timed
from tests.manual_clock import ManualClock
from tui.core.records import JsonObject

ANOMALY = "\u26a0"


def answer(words: int) -> list[JsonObject]:
    """A stream of `words` + 5 events."""
    return [
        pb.message_start(),
        *pb.text_block(0, *(f"word{n} " for n in range(words))),
        *pb.ending(),
    ]


def rows(stage: Stage) -> list[str]:
    return [row for row in stage.log if row]


def numbers(stage: Stage) -> list[int]:
    """The numbers of the events in view."""
    return [int(row.split()[0]) for row in rows(stage)]


def strip_at(stage: Stage, seq: int) -> Strip:
    return stage.log_pane.row(seq, stage.log_pane.row_width)


def segment(strip: Strip, text: str) -> Segment:
    """The segment that holds `text`."""
    (found,) = [part for part in strip if text in part.text]
    return found


@asynccontextmanager
async def live(events: int) -> AsyncIterator[tuple[Stage, PushedSource]]:
    """A live stream that has sent `events` events so far, 50 ms apart."""
    clock = ManualClock()
    source = PushedSource(clock)
    async with on_stage(source, clock=clock) as stage:
        source.push(pb.message_start(), pb.text_start(0))
        for number in range(events - 2):
            source.push(pb.text(0, f"word{number} "))
        await stage.advance(1)
        assert stage.moment.head == events
        yield stage, source


async def more(stage: Stage, source: PushedSource, count: int = 1) -> None:
    source.push(*(pb.text(0, "more ") for _ in range(count)))
    await stage.advance(0.1)


# --- rows -----------------------------------------------------------------------------------------


async def test_a_row_tells_number_time_gap_type_index_and_payload() -> None:
    events = [pb.message_start(), pb.text_start(3), pb.text(3, "hello there"), pb.block_stop(3)]
    async with on_stage(timed(*events, first_ms=250, every_ms=150)) as stage:
        await stage.at(5)
        start, block, hello, stop = rows(stage)
        assert start.split()[:2] == ["0", "0.250s"]
        assert "message_start" in start
        assert "claude-sonnet-5-5" in start
        assert block.split()[:3] == ["1", "0.400s", "150ms"]
        assert "content_block_start" in block
        for part in ("2", "0.550s", "150ms", "content_block_delta", "3", "text", "hello there"):
            assert part in hello.split() or part in hello
        assert "content_block_stop" in stop


@pytest.mark.parametrize("width", [200, 120, 80, 60])
async def test_the_heads_stand_over_their_columns(width: int) -> None:
    async with on_stage(timed(*answer(3)), size=(width, 30)) as stage:
        await stage.at(5)
        (heads,) = rows_of(stage.dashboard.heads)
        row = next(row for row in rows(stage) if "word1" in row)
        assert row[: heads.index("#") + 1].strip() == "3"
        assert "0.400s" in row[: heads.index("type")]
        assert row[heads.index("type") :].startswith(("content_block_delta", "delta"))
        assert row[heads.index("idx") : heads.index("idx") + 3].strip() == "0"
        assert row[heads.index("payload") :].startswith("text")


async def test_where_it_is_narrow_the_columns_are_shorter() -> None:
    async with on_stage(timed(*answer(2)), size=(60, 30)) as stage:
        await stage.at(5)
        row = next(row for row in rows(stage) if "word1" in row)
        assert "content_block" not in row
        assert "delta" in row


async def test_each_kind_of_event_has_its_glyph_and_its_colour() -> None:
    events = [
        pb.message_start(),
        pb.block_start(0, "text", text=""),
        pb.text(0, "A"),
        pb.citation(0, {"type": "x", "cited_text": "C"}),
        pb.thinking(1, "B"),
        pb.fragment(2, "D"),
        pb.delta(2, "beam_delta", beam="F"),
        pb.ping(),
        {"type": "surprise", "payload": "E"},
        pb.error(),
    ]
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        glyphs, deltas = {}, set()
        for seq, event in enumerate(events):
            glyph = glyph_of(stage, seq, str(event["type"]))
            glyphs[str(event["type"])] = glyph.text.strip()
            if "delta" in event:
                deltas.add(str(glyph.style))
        # Told apart by the glyph as well, for where colours do not show.
        assert len(set(glyphs.values())) == len(glyphs) == 6
        assert all(len(glyph) == 1 and not glyph.isalnum() for glyph in glyphs.values())
        assert len(deltas) == 5


def glyph_of(stage: Stage, seq: int, kind: str) -> Segment:
    """The glyph that stands before the type."""
    parts = list(strip_at(stage, seq))
    (place,) = [number for number, part in enumerate(parts) if part.text.strip() == kind]
    return parts[place - 1]


async def test_the_times_of_a_file_are_shown_as_what_they_are() -> None:
    source = BytesSource(timed(*answer(2)), kind="file", is_timed=False)
    async with on_stage(source) as stage:
        await stage.at(LATER_S)
        assert "synthetic timing" in stage.header
        assert "0.300s" in next(row for row in rows(stage) if "word0" in row)


async def test_a_gap_of_half_a_second_stands_out() -> None:
    chunks = timed(pb.message_start(), pb.text_start(0)) + timed(pb.text(0, "late"), first_ms=900)
    async with on_stage(chunks) as stage:
        await stage.at(5)
        calm = segment(strip_at(stage, 1), "100ms")
        slow = segment(strip_at(stage, 2), "700ms")
        assert calm.style != slow.style


async def test_an_anomaly_is_marked_and_counted() -> None:
    events = [
        pb.message_start(),
        pb.text(7, "no block"),
        pb.text_start(0),
        pb.text(0, "fine"),
        *pb.ending(),
    ]
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        found = rows(stage)
        marked = [number for number, row in enumerate(found) if ANOMALY in row]
        assert marked == sorted({a.seq for a in stage.moment.run.state.anomalies})
        assert 1 in marked and 3 not in marked
        assert f"{len(stage.moment.run.state.anomalies)} anomal" in stage.text


async def test_an_anomaly_is_marked_when_it_arrives() -> None:
    async with live(4) as (stage, source):
        assert ANOMALY not in "".join(rows(stage))
        source.push(pb.text(9, "no block"))
        await stage.advance(0.1)
        assert ANOMALY in rows(stage)[-1]
        assert "1 anomaly" in stage.text


async def test_what_is_unknown_is_shown_with_all_it_says() -> None:
    events: list[JsonObject | bytes] = [
        pb.message_start(),
        {"type": "content_block_pause", "index": 4, "why": "[tea]"},
        pb.delta(0, "beam_delta", beam={"hue": 3}),
        b"event: odd\ndata: not json\n\n",
        b": a comment\n\n",
        pb.DONE,
        b"data: cut of",
    ]
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        _, pause, beam, odd, comment, done, tail = rows(stage)
        assert "content_block_pause" in pause and "[tea]" in pause and " 4 " in pause
        assert "beam" in beam and "{hue: 3}" in beam
        assert "odd" in odd and "not json" in odd
        assert "a comment" in comment
        assert "[DONE]" in done
        assert "cut-off" in tail and "data: cut of" in tail


async def test_a_payload_stays_on_its_row() -> None:
    long = "first line\nsecond line\ttab " + "\u6f22\u5b57" * 500
    async with on_stage(timed(pb.message_start(), pb.text_start(0), pb.text(0, long))) as stage:
        await stage.at(LATER_S)
        strip = strip_at(stage, 2)
        assert "\n" not in strip.text and "\t" not in strip.text
        assert "first line" in strip.text and "second line" in strip.text
        assert strip.cell_length <= stage.log_pane.row_width
        assert strip.text.rstrip().endswith("\u2026")


@pytest.mark.parametrize("width", [40, 70, 71, 120])
async def test_no_row_is_wider_than_the_pane(width: int) -> None:
    async with on_stage("hostile", size=(width, 30)) as stage:
        await stage.at(LATER_S)
        for seq in range(0, stage.moment.head, 7):
            assert strip_at(stage, seq).cell_length <= stage.log_pane.row_width


# --- the tail and the reader ----------------------------------------------------------------------


async def test_the_log_follows_the_tail_and_says_so() -> None:
    async with live(10) as (stage, source):
        assert "FOLLOW" in stage.text
        for head in range(11, 40):
            source.push(pb.text(0, "more "))
            await stage.advance(0.01)
            if head % 9 == 0:
                assert numbers(stage)[-1] == head - 1
        assert "FOLLOW" in stage.text


async def test_new_events_do_not_move_what_a_reader_has_scrolled_to() -> None:
    async with live(60) as (stage, source):
        await stage.wheel(stage.log_pane, -3)
        assert "FOLLOW" not in stage.text
        before = rows(stage)
        assert before[-1] != "" and numbers(stage)[-1] < 59
        for count in (1, 5, 40):
            await more(stage, source, count)
            assert rows(stage) == before
        await stage.wheel(stage.log_pane, 200)
        assert "FOLLOW" in stage.text
        await more(stage, source)
        assert numbers(stage)[-1] == stage.moment.head - 1


async def test_new_events_do_not_move_what_a_reader_sees_of_the_past() -> None:
    async with live(60) as (stage, source):
        await stage.press("k", "k")
        await stage.wheel(stage.log_pane, -8)
        before = rows(stage)
        await more(stage, source, 7)
        assert rows(stage) == before


@pytest.mark.parametrize("key", ["G", "F", "end", "escape", "space"])
async def test_back_at_the_live_end_the_tail_is_followed_again(key: str) -> None:
    async with live(60) as (stage, source):
        await stage.press("g")
        assert "FOLLOW" not in stage.text
        await stage.press(key)
        assert "FOLLOW" in stage.text
        await more(stage, source)
        assert numbers(stage)[-1] == 60


async def test_another_run_starts_at_its_tail() -> None:
    one = BytesSource(timed(*answer(80), every_ms=1))
    two = BytesSource(timed(*answer(90), every_ms=1))
    async with on_stage(one, two) as stage:
        await stage.at(LATER_S)
        await stage.wheel(stage.log_pane, -5)
        await stage.press("right_curly_bracket")
        assert numbers(stage)[-1] == stage.moment.head - 1
        assert "FOLLOW" in stage.text


# --- the cursor -----------------------------------------------------------------------------------


async def test_a_click_shows_the_state_as_of_that_event() -> None:
    async with on_stage(timed(*answer(60), every_ms=10)) as stage:
        await stage.at(LATER_S)
        target = numbers(stage)[3]
        await stage.click(stage.log_pane, 20, 3)
        assert stage.moment.count == target + 1
        assert f"word{target - 2}" in stage.transcript
        assert f"word{target - 1}" not in stage.transcript


async def test_a_click_below_the_last_row_does_nothing() -> None:
    async with on_stage(timed(pb.message_start(), pb.text_start(0)), size=(120, 60)) as stage:
        await stage.at(LATER_S)
        await stage.click(stage.log_pane, 5, 8)
        assert stage.app.watchlist.cursor is None


async def test_j_and_k_move_by_one_event() -> None:
    async with live(20) as (stage, _):
        await stage.press("k")
        assert stage.moment.count == 19
        await stage.press("k", "up")
        assert stage.moment.count == 17
        await stage.press("j")
        assert stage.moment.count == 18
        await stage.press("down", "j", "j", "j")
        assert stage.moment.count == 20


async def test_j_at_the_live_end_stays_there() -> None:
    async with live(20) as (stage, source):
        await stage.press("j")
        assert stage.app.watchlist.cursor is None
        await more(stage, source)
        assert numbers(stage)[-1] == 20


async def test_k_stops_at_the_first_event() -> None:
    async with live(4) as (stage, _):
        await stage.press(*["k"] * 6)
        assert stage.moment.count == 1


async def test_pages_first_and_last() -> None:
    async with live(100) as (stage, _):
        page = stage.log_pane.size.height - 1
        await stage.press("pageup")
        assert stage.moment.count == 100 - page
        await stage.press("pageup", "pagedown")
        assert stage.moment.count == 100 - page
        await stage.press("home")
        assert stage.moment.count == 1
        assert numbers(stage)[0] == 0
        await stage.press("pagedown")
        assert stage.moment.count == 1 + page
        await stage.press("g")
        assert stage.moment.count == 1


async def test_the_cursor_stays_in_view_and_is_marked() -> None:
    async with live(60) as (stage, _):
        for key in ["k"] * 20 + ["j"] * 3 + ["pageup"] * 3 + ["pagedown"]:
            await stage.press(key)
            seq = stage.moment.count - 1
            assert seq in numbers(stage)
        ground = strip_at(stage, seq - 1)
        marked, later = strip_at(stage, seq), strip_at(stage, seq + 1)
        assert all(part.style and part.style.bgcolor for part in marked)
        assert not any(part.style and part.style.bgcolor for part in ground)
        assert all(part.style and part.style.dim for part in later if part.text.strip())


async def test_the_title_says_where_the_cursor_is() -> None:
    async with live(20) as (stage, _):
        await stage.press("g")
        assert "at 1 of 20" in stage.text
