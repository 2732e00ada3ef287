"""A walk through the inspector as somebody sees it, in a small terminal and in a roomy one."""

from __future__ import annotations

import asyncio
import json
import re
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from textual import events
from textual.widgets import Input, OptionList

from tests.app_harness import (
    BytesSource,
    PushedSource,
    Stage,
    all_rows,
    drawn,
    on_stage,
    rows_of,
    strips_of,
    timed,
)
from tests.bench import data
from tests.manual_clock import ManualClock
from tests.playbook import (
    block_stop,
    ending,
    fragment,
    message_start,
    ping,
    text,
    text_block,
    text_start,
    thinking,
    thinking_start,
    tool_start,
    wire,
)
from tui.captures.codec import CaptureHead, CaptureLine, ChunkLine, EndLine, encode_line
from tui.captures.exporters import EXPORTS
from tui.captures.writer import CaptureWriter
from tui.core.records import Chunk, JsonObject
from tui.screens.compare import CompareView
from tui.screens.detail import Detail
from tui.screens.menu import Menu
from tui.sources.capture import CaptureSource, FollowSource, recorded
from tui.widgets.line_view import LineView
from tui.widgets.lines_view import LinesView

SIZES = [(80, 24), (120, 40)]
both_sizes = pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])

EVENTS: list[JsonObject | bytes] = [
    message_start(),  # 0
    thinking_start(0),
    thinking(0, "Let me see. "),
    block_stop(0),
    text_start(1),
    text(1, "# Weather\n\nParis is **very** "),  # 5
    text(1, "sunny today."),
    ping(),
    block_stop(1),
    tool_start(2),
    fragment(2, '{"city": '),  # 10
    fragment(2, '"Paris"}'),
    block_stop(2),
    {"type": "mystery", "said": "boo"},
    *ending("tool_use"),  # 14, 15
]
TIMES_MS = [100, 200, 300, 400, 500, 600, 3600, *range(3700, 4600, 100)]
STREAM = [
    Chunk(milliseconds * 1_000_000, wire(event))
    for milliseconds, event in zip(TIMES_MS, EVENTS, strict=True)
]
LAST = len(EVENTS) - 1


async def typed(stage: Stage, words: str) -> None:
    """Type into the line at the bottom and confirm."""
    stage.dashboard.query_one(Input).value = words
    await stage.settle()
    await stage.press("enter")


def told(stage: Stage) -> str:
    """The newest note on the screen; it is taken away."""
    notes = [note.message for note in stage.app._notifications]
    stage.app.clear_notifications()
    return str(notes[-1]) if notes else ""


def numbers(stage: Stage) -> list[int]:
    """The sequence numbers of the rows of the log that are in view."""
    return [int(row.split()[0]) for row in stage.log if row.strip() and row.split()[0].isdigit()]


def marked(stage: Stage) -> int:
    """The event in the row of the log that is drawn as the cursor."""
    log = stage.log_pane
    ground = log.style("event-log--cursor").bgcolor
    found = [
        int(strip.text.split()[0])
        for strip in strips_of(log)
        if any(style is not None and style.bgcolor == ground for _, style, _ in strip)
    ]
    assert len(found) == 1
    return found[0]


def lit(pane: LineView, name: str) -> str:
    """What is drawn as written by the event at the cursor, of the rows in view."""
    ground = pane.style(name).bgcolor
    return "".join(
        segment.text
        for strip in strips_of(pane)
        for segment in strip
        if segment.style is not None and segment.style.bgcolor == ground
    )


def everything(stage: Stage, view: type[LineView]) -> str:
    """All rows of a screen, also those that are scrolled out, as one line."""
    return " ".join(" ".join(all_rows(stage.app.screen.query_one(view))).split())


# --- time travel ----------------------------------------------------------------------------------


@both_sizes
async def test_going_back_while_a_live_run_goes_on(size: tuple[int, int]) -> None:
    clock = ManualClock()
    source = PushedSource(clock)
    async with on_stage(source, clock=clock, size=size) as stage:
        source.push(*EVENTS[:7])
        await stage.settle()
        assert "LIVE" in stage.lines[0]
        assert "FOLLOW" in stage.text
        await stage.press("comma")
        assert "PAST  1 behind" in stage.lines[0]
        assert "at 6 of 7" in stage.text
        assert "Paris is very" in stage.said
        assert "sunny" not in stage.transcript
        assert marked(stage) == 5
        await stage.advance(1)
        source.push(*EVENTS[7:13])
        await stage.settle()
        assert "PAST  7 behind" in stage.lines[0]
        assert "at 6 of 13" in stage.text
        assert "sunny" not in stage.transcript
        assert "get_weather" not in stage.tools
        assert marked(stage) == 5
        await stage.press("full_stop", "full_stop")
        assert "PAST  5 behind" in stage.lines[0]
        assert "sunny today" in stage.said
        await stage.press("F")
        assert "LIVE" in stage.lines[0]
        assert "FOLLOW" in stage.text
        assert '{"city": "Paris"}' in stage.tools
        assert numbers(stage)[-1] == 12
        source.push(*EVENTS[13:])
        source.end()
        await stage.settle()
        assert "COMPLETE" in stage.lines[0]


@both_sizes
async def test_markers_are_named_and_shown(size: tuple[int, int]) -> None:
    async with on_stage(STREAM, size=size) as stage:
        await stage.at(10)
        stage.app.watchlist.go(1)
        seen = []
        for _ in range(7):
            await stage.press("right_square_bracket")
            seen.append((marked(stage), told(stage)))
        assert [seq for seq, _ in seen] == [1, 3, 4, 6, 8, 9, 12]
        named = " / ".join(note for _, note in seen)
        for words in ("thinking", "text", "stall", "call of get_weather", "block 2 stops"):
            assert words in named
        await stage.press("left_square_bracket", "left_square_bracket")
        assert marked(stage) == 8
        await stage.press(*["right_square_bracket"] * 4)
        assert marked(stage) == 13, "the event that no version knows"


@both_sizes
async def test_a_click_on_the_strip_goes_there(size: tuple[int, int]) -> None:
    async with on_stage(STREAM, size=size) as stage:
        await stage.at(10)
        strip = stage.dashboard.strip
        assert strip.size.height == (2 if size[1] >= 30 else 1)
        bars = strips_of(strip)[0].text
        assert "\u2591" in bars, "the stall"
        await stage.click(strip, strip.size.width - 1, 0)
        assert marked(stage) == LAST
        await stage.click(strip, 0, 0)
        assert marked(stage) == 0
        assert "PAST" in stage.lines[0]
        await stage.click(strip, bars.index("\u2591") + 5, 0)
        assert marked(stage) in (5, 6)
        cursor = strip.style("strip--cursor")
        shown = [style for _, style, _ in strips_of(strip)[0]]
        assert any(style and style.color == cursor.color and style.reverse for style in shown)


async def test_keys_that_come_faster_than_frames_are_all_obeyed() -> None:
    async with on_stage(STREAM, size=(80, 24)) as stage:
        await stage.at(10)
        app = stage.app
        for key in ("g", "j", "j", "j", "k", "enter"):
            app.post_message(events.Key(key, None))
        await drawn(app)
        await stage.settle()
        assert app.watchlist.cursor == 3
        assert "Event 2" in stage.text
        assert len(app.screen_stack) == 2
        await stage.press("escape")
        for key in ("G", "k", "k"):
            app.post_message(events.Key(key, None))
        await drawn(app)
        assert marked(stage) == LAST - 2


# --- linked views ---------------------------------------------------------------------------------


@both_sizes
async def test_what_an_event_wrote_is_lit_where_it_can_be_seen(size: tuple[int, int]) -> None:
    async with on_stage(STREAM, size=size) as stage:
        await stage.at(10)
        await stage.press("M")
        for count, words in ((6, "# Weather"), (7, "sunny today.")):
            stage.app.watchlist.go(count)
            await stage.settle()
            assert words in lit(stage.transcript_pane, "transcript--highlight")
            assert lit(stage.tool_pane, "tool-pane--highlight") == ""
        for count, words in ((11, '{"city": '), (12, '"Paris"}')):
            stage.app.watchlist.go(count)
            await stage.settle()
            assert lit(stage.tool_pane, "tool-pane--highlight").strip() == words.strip()
            assert lit(stage.transcript_pane, "transcript--highlight") == ""


@both_sizes
async def test_what_was_written_far_up_is_led_to(size: tuple[int, int]) -> None:
    pairs = [(f"key {number}", "x" * 40) for number in range(30)]
    first, second = ["{"], ["{"]
    for number, (key, value) in enumerate(pairs):
        first.append(f'{"," if number else ""}"{key}": "{value}"')
        second.append(f'{"," if number else ""}"other {number}": {number}')
    stream: list[JsonObject | bytes] = [message_start(), *text_block(0, "Both.\n\n")]
    stream += [tool_start(1, "one"), tool_start(2, "two")]
    for one, other in zip([*first, "}"], [*second, "}"], strict=True):
        stream += [fragment(1, one), fragment(2, other)]
    stream += [block_stop(1), block_stop(2), *ending("tool_use")]
    async with on_stage(timed(*stream, every_ms=10), size=size) as stage:
        await stage.at(10)
        pane = stage.tool_pane
        assert "other 29" in "\n".join(rows_of(pane))
        for number in (0, 12, 25):
            seq = next(
                seq
                for seq in range(stage.moment.head)
                if f'\\"key {number}\\"' in stage.moment.timeline.raw_event(seq).decode()
            )
            stage.app.watchlist.go(seq + 1)
            await stage.settle()
            shown = lit(pane, "tool-pane--highlight")
            assert f'"key {number}"' in shown
            assert "xxxx" in shown
        await stage.press("escape")
        assert pane.follow
        assert "other 29" in "\n".join(rows_of(pane))


@both_sizes
async def test_what_is_pointed_at_leads_to_its_event(size: tuple[int, int]) -> None:
    async with on_stage(STREAM, size=size) as stage:
        await stage.at(10)
        await stage.press("M")
        pane = stage.transcript_pane
        y = next(y for y, row in enumerate(rows_of(pane)) if "sunny" in row)
        await stage.click(pane, rows_of(pane)[y].index("sunny") + 2, y)
        await stage.press("enter")
        assert marked(stage) == 6
        assert "today." in lit(pane, "transcript--highlight")
        await stage.press("F")
        tools = stage.tool_pane
        y = next(y for y, row in enumerate(rows_of(tools)) if "city" in row)
        await stage.click(tools, rows_of(tools)[y].index("city"), y)
        await stage.press("o")
        assert marked(stage) == 10


async def test_pointing_beside_the_text_does_no_harm() -> None:
    async with on_stage(STREAM, size=(80, 24)) as stage:
        await stage.at(10)
        await stage.press("t", "M")
        for pane in (stage.transcript_pane, stage.tool_pane):
            pane.focus()
            for y in range(pane.height_in_rows + 2):
                for column in (0, 30, 500):
                    pane.caret = (y, column)
                    await stage.press("enter")
            await stage.press("escape")
        assert stage.app.return_code in (None, 0)
        assert "COMPLETE" in stage.lines[0] or "PAST" in stage.lines[0]


# --- the reader's place ---------------------------------------------------------------------------

LONG = "\n\n".join(
    f"## Part {number}\n\nSome words about **part {number}**, enough of them to fill a row or two."
    for number in range(60)
)
LONG_STREAM = timed(message_start(), *text_block(0, LONG), *ending())


async def reading(stage: Stage, part: int) -> None:
    """Scroll the transcript so that a part of the text is at its top."""
    pane = stage.transcript_pane
    pane.focus()
    await stage.settle()
    row = next(y for y, row in enumerate(all_rows(pane)) if row.endswith(f"Part {part}"))
    pane.scroll_to(y=row, animate=False)
    await stage.settle()


@both_sizes
async def test_the_place_in_the_text_outlasts_the_focus(size: tuple[int, int]) -> None:
    async with on_stage(LONG_STREAM, size=size) as stage:
        await stage.at(10)
        await reading(stage, 20)
        before = rows_of(stage.transcript_pane)
        for key in ("tab", "tab", "shift+tab", "question_mark", "escape"):
            await stage.press(key)
            assert rows_of(stage.transcript_pane) == before
        assert not stage.transcript_pane.follow


@both_sizes
async def test_source_and_markdown_show_the_same_place(size: tuple[int, int]) -> None:
    async with on_stage(LONG_STREAM, size=size) as stage:
        await stage.at(10)
        await reading(stage, 20)
        pane = stage.transcript_pane
        for _ in range(3):
            await stage.press("M")
            top = "\n".join(rows_of(pane)[:4])
            assert "Part 20" in top or "part 20" in top
        assert "## Part" in pane.row(pane.scroll_offset.y, pane.row_width).text


async def test_another_width_shows_the_same_place() -> None:
    async with on_stage(LONG_STREAM, size=(120, 40)) as stage:
        await stage.at(10)
        await reading(stage, 20)
        for width in (60, 100, 44, 120):
            await stage.resize(width, 40)
            top = "\n".join(rows_of(stage.transcript_pane)[:6])
            assert any(f"art {part}" in top for part in (19, 20, 21)), width


async def test_thinking_that_unfolds_above_does_not_move_the_text() -> None:
    thought = "A thought.\n" * 30
    stream = timed(
        message_start(),
        thinking_start(0),
        thinking(0, thought),
        block_stop(0),
        *text_block(1, LONG),
        *ending(),
    )
    async with on_stage(stream, size=(80, 24)) as stage:
        await stage.at(10)
        await reading(stage, 20)
        before = rows_of(stage.transcript_pane)
        await stage.press("t")
        assert rows_of(stage.transcript_pane) == before
        await stage.press("t")
        assert rows_of(stage.transcript_pane) == before


# --- an event in full -----------------------------------------------------------------------------


@both_sizes
async def test_an_event_in_full_and_its_bytes(size: tuple[int, int]) -> None:
    async with on_stage(STREAM, size=size) as stage:
        await stage.at(10)
        stage.app.watchlist.go(7)
        await stage.press("enter")
        shown = stage.text
        for words in ("Event 6", "content_block_delta  #1", "3.600000 s", "3.00s", "7 of 16"):
            assert words in shown
        whole = everything(stage, LinesView)
        assert (
            "content[1].text 29 chars '# Weather\\n\\nParis is **very** ' \u2192 41 chars" in whole
        )
        assert '"text": "sunny today."' in whole
        await stage.press("x")
        rows = rows_of(stage.app.screen.query_one(LinesView))
        first = rows.index("Bytes, in hex") + 1
        assert rows[first].startswith("000000  65 76 65 6e 74 3a 20 63")
        wide = size[0] > 100
        assert rows[first + 1].startswith("000010" if wide else "000008"), "no row is wrapped"
        assert rows[first].endswith("event: content_b" if wide else "event: c")
        await stage.press("x")
        assert "Bytes, as received" in rows_of(stage.app.screen.query_one(LinesView))
        await stage.press("n")
        assert "Event 7" in stage.text
        assert "nothing in the message" in everything(stage, LinesView)
        await stage.press("p", "p")
        assert "Event 5" in stage.text
        await stage.press("end")
        assert "Paris is **very** " in "".join(rows_of(stage.app.screen.query_one(LinesView)))
        await stage.press("escape")
        assert marked(stage) == 5


async def test_hex_fits_every_width() -> None:
    async with on_stage(STREAM, size=(100, 24)) as stage:
        await stage.at(10)
        await stage.press("enter", "x")
        view = stage.app.screen.query_one(LinesView)
        raw = stage.moment.timeline.raw_event(LAST)
        for width, size in ((120, 16), (80, 8), (60, 8), (44, 4), (120, 16)):
            await stage.resize(width, 24)
            rows = all_rows(view)[all_rows(view).index("Bytes, in hex") + 1 :]
            assert int(rows[1][:6], 16) == size
            found = b"".join(bytes.fromhex(row[8 : 8 + 3 * size + size // 16]) for row in rows)
            assert found == raw


@both_sizes
async def test_an_anomaly_is_explained_where_it_happened(size: tuple[int, int]) -> None:
    async with on_stage(STREAM, size=size) as stage:
        await stage.at(10)
        assert "\u26a0" in stage.log[numbers(stage).index(13)]
        assert "1 anomaly" in stage.text
        stage.app.watchlist.go(14)
        await stage.press("enter")
        whole = everything(stage, LinesView)
        assert "unknown_event: no event type 'mystery' is known" in whole
        assert "\u26a0" in stage.text
        assert '"said": "boo"' in whole


async def test_several_events_of_one_read_say_so() -> None:
    chunks = [Chunk(100_000_000, wire(*EVENTS[:3])), Chunk(200_000_000, wire(*EVENTS[3:]))]
    async with on_stage(chunks, size=(80, 24)) as stage:
        await stage.at(10)
        stage.app.watchlist.go(2)
        await stage.press("enter")
        assert "1 of 2, with 2 others" in everything(stage, LinesView)


# --- finding --------------------------------------------------------------------------------------


@both_sizes
async def test_searching(size: tuple[int, int]) -> None:
    async with on_stage(STREAM, size=size) as stage:
        await stage.at(10)
        await stage.press("slash")
        assert "search" in stage.text
        await typed(stage, "paris")
        assert "search: paris 1/2" in stage.text
        assert marked(stage) == 5
        await stage.press("n")
        assert "search: paris 2/2" in stage.text
        assert marked(stage) == 11
        await stage.press("n")
        assert "No further match" in told(stage)
        await stage.press("N")
        assert "search: paris 1/2" in stage.text
        await stage.press("slash")
        await typed(stage, "re:su..y t")
        assert "search: re:su..y t 1/1" in stage.text
        assert marked(stage) == 6
        await stage.press("slash")
        await typed(stage, "very sunny")  # The mark between them is on the wire as well.
        assert "Nothing found" in told(stage)
        await stage.press("F", "slash")
        await typed(stage, "** sunny")
        assert marked(stage) == 5, "words cut between deltas"
        await stage.press("backspace")
        assert "search" not in stage.log_pane.title


async def test_a_long_search_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    body = data.text_stream(60_000)
    milliseconds = count()
    # Six steps a frame, each of which takes a millisecond on a usual machine.
    clock = SimpleNamespace(perf_counter=lambda: next(milliseconds) / 1000)
    async with on_stage([Chunk(1, read) for read in data.reads(body)], size=(80, 24)) as stage:
        await stage.at(10)
        monkeypatch.setattr("tui.find.finder.time", clock)
        text = stage.moment.run.state.blocks[0].text.slice(0, 40)
        words = text[4:14]  # The end of one word and the beginning of the next one.
        await stage.press("slash")
        stage.dashboard.query_one(Input).value = words
        await drawn(stage.app)
        row = next(line for line in stage.lines if "Events" in line)
        assert re.search(r"looking [1-9]%", row)
        await stage.press("enter")
        assert marked(stage) == 2, "the first match is there within a frame"
        seen = []
        for _ in range(200):
            stage.app.tick()
            await drawn(stage.app)
            row = next(line for line in stage.lines if "Events" in line)
            found = re.search(r"looking (\d+)%", row)
            if found is None:
                break
            seen.append(int(found[1]))
        assert seen == sorted(seen)
        assert seen[-1] > 80
        assert re.search(r"search: \S+ \S+ 1/61 ", row)


FILTERS: list[tuple[str, list[int]]] = [
    ("delta", [2, 5, 6, 10, 11]),
    ("message_stop", [15]),
    ("text", [5, 6]),
    ("json", [10, 11]),
    ("thinking", [2]),
    ("#2", [9, 10, 11, 12]),
    ("gap>500ms", [6]),
    ("anomaly", [13]),
    ('"sunny"', [6]),
    ("Paris", [5, 11]),
    ("delta #1", [5, 6]),
    ("delta !text !json", [2]),
    ("ping | anomaly", [7, 13]),
    ("(text or json) gap>150ms", [6, 10]),
    ("type:mystery", [13]),
    ("re:su..y", [6]),
]


@both_sizes
async def test_filters(size: tuple[int, int]) -> None:
    # The call's first fragment takes 200 ms.
    later = [Chunk(chunk.t_ns + 100_000_000, chunk.data) for chunk in STREAM[10:]]
    async with on_stage(STREAM[:10] + later, size=size) as stage:
        await stage.at(10)
        for words, expected in FILTERS:
            await stage.press("f")
            await typed(stage, words)
            assert numbers(stage) == expected, words
            assert f"filter: {words} ({len(expected)})" in stage.text
            await stage.press("k")
            assert marked(stage) in expected, words
            await stage.press("F", "backspace")
            assert "filter" not in stage.log_pane.title
            assert numbers(stage)[-1] == LAST


@both_sizes
async def test_filter_search_and_place_in_one_title(size: tuple[int, int]) -> None:
    async with on_stage(STREAM, size=size) as stage:
        await stage.at(10)
        await stage.press("f")
        await typed(stage, "delta")
        await stage.press("slash")
        await typed(stage, "paris")
        row = next(line for line in stage.lines if "Events" in line)
        for words in ("filter: delta (5)", "search: paris 1/2", "at 6 of 16"):
            assert words in row
        await stage.press("backspace")
        row = next(line for line in stage.lines if "Events" in line)
        assert "filter" not in row
        assert "search" not in row


# --- latency --------------------------------------------------------------------------------------


@both_sizes
async def test_where_the_time_went(size: tuple[int, int]) -> None:
    async with on_stage(STREAM, size=size) as stage:
        await stage.at(10)
        await stage.press("L")
        shown = stage.text
        for words in (
            *("TTFB 100ms", "TTFT 300ms", "TTFO 600ms", "TTST 300ms", "total 4.50s"),
            *("decode 4.20s", "per token 300ms", "waiting", "3.30s   80%", "7%", "12%"),
            *("p50 300ms", "p95 3.00s", "p99 3.00s", "max 3.00s"),
        ):
            assert words in shown
        await stage.press("end")
        whole = everything(stage, LinesView)
        assert "3.00s before event 6, text" in whole
        assert "16 reads brought 16 events, at most 1 at once" in whole
        assert "16 reads brought" in stage.text
        assert stage.app.watchlist.cursor is None, "the live end behind it is left alone"
        await stage.press("1")
        assert marked(stage) == 6


async def test_no_number_of_the_latencies_is_cut() -> None:
    async with on_stage(STREAM, size=(120, 40)) as stage:
        await stage.at(10)
        await stage.press("L")
        for width in (100, 70, 50, 44):
            await stage.resize(width, 40)
            stage.app.screen._tick()  # type: ignore[attr-defined]  # Else called by a timer.
            whole = everything(stage, LinesView)
            for words in ("per token 300ms", "80%", "12%", "max 3.00s", "tool input "):
                assert words in whole, width


# --- keeping --------------------------------------------------------------------------------------


@both_sizes
async def test_what_is_saved_is_opened_again_as_it_was(
    size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with on_stage(STREAM, size=size) as stage:
        await stage.at(10)
        await stage.press("w")
        assert told(stage).startswith("Saved ")
        before = (stage.transcript, stage.tools, all_rows(stage.log_pane))
    (path,) = tmp_path.iterdir()
    factories, warnings = recorded(path)
    assert warnings == []
    async with on_stage(*factories, size=size) as stage:
        await stage.at(2)
        assert "sunny" not in stage.transcript, "played at its own times"
        await stage.at(10)
        assert "COMPLETE" in stage.lines[0]
        assert (stage.transcript, stage.tools, all_rows(stage.log_pane)) == before


@both_sizes
async def test_a_recorded_run_is_followed_while_it_is_written(
    size: tuple[int, int], tmp_path: Path
) -> None:
    path = tmp_path / "live.jsonl"
    writer = CaptureWriter(path, tool="test")
    recorder = writer.begin()
    recorder.request({"model": "m", "messages": [{"role": "user", "content": "Is it sunny?"}]})
    recorder.response(50_000_000, 200, {})
    for t_ns, read in STREAM[:6]:
        recorder.chunk(t_ns, read)
    looked = asyncio.Event()

    async def wait() -> None:
        looked.clear()
        await looked.wait()

    source = FollowSource(path, wait=wait, now=lambda: 0)
    async with on_stage(source, size=size) as stage:
        looked.set()
        await stage.settle()
        assert "Is it sunny?" in stage.said
        assert "Paris is very" in stage.said
        assert "sunny today" not in stage.said
        for t_ns, read in STREAM[6:]:
            recorder.chunk(t_ns, read)
        recorder.end(4_500_000_000, "eof", None)
        looked.set()
        await stage.settle()
        assert "sunny today" in stage.said
        assert "COMPLETE" in stage.lines[0]
        assert '{"city": "Paris"}' in stage.tools
    writer.close()


REQUEST: JsonObject = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Is it sunny?"}],
}


class Asked(BytesSource):
    """A stream whose request is known."""

    def __init__(self) -> None:
        super().__init__(STREAM, prompt="Is it sunny?")
        self.info = type(self.info)(
            title="asked",
            prompt="Is it sunny?",
            request=REQUEST,
            kind="demo",
            timed=True,
            paced=True,
            url="https://api.anthropic.com/v1/messages",
        )


IN_EXPORTS = {
    "capture": b'"k":"chunk"',
    "sse": b"event: content_block_delta",
    "message": b'"stop_reason"',
    "markdown": b"# Weather",
    "events": b"input_json_delta",
    "har": b'"entries"',
    "asciicast": b'"version": 2',
    "curl": b"curl",
    "python": b"import",
    "svg": b"<svg",
}


async def test_each_kind_of_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert IN_EXPORTS.keys() == {*EXPORTS, "svg"}
    async with on_stage(Asked(), size=(80, 24)) as stage:
        await stage.at(10)
        for kind, expected in IN_EXPORTS.items():
            before = set(tmp_path.iterdir())
            await stage.press("x")
            assert isinstance(stage.app.screen, Menu)
            options = stage.app.screen.query_one(OptionList)
            options.highlighted = options.get_option_index(kind)
            await drawn(stage.app)
            title = "Picture of the screen" if kind == "svg" else EXPORTS[kind].title
            assert title in stage.text
            await stage.press("enter")
            (path,) = set(tmp_path.iterdir()) - before
            assert told(stage) == f"Saved {path}"
            assert path.stat().st_mode & 0o777 == 0o600
            content = path.read_bytes()
            assert expected in content
            if kind == "sse":
                assert content == b"".join(chunk.data for chunk in STREAM)


async def test_the_copy_menu_fits_and_each_entry_copies() -> None:
    async with on_stage(Asked(), size=(80, 24)) as stage:
        await stage.at(10)
        stage.app.watchlist.go(12)
        await stage.press("y")
        options = stage.app.screen.query_one(OptionList)
        ids = [str(option.id) for option in options.options]
        assert ids == ["event", "data", "text", "tool", "message", "curl", "python"]
        for option in options.options:
            assert str(option.prompt).split("  ")[0] in stage.text
        await stage.press("escape")
        copied = {}
        for id in ids:
            await stage.press("y")
            options = stage.app.screen.query_one(OptionList)
            options.highlighted = options.get_option_index(id)
            await stage.press("enter")
            assert told(stage).startswith("Copied ")
            copied[id] = stage.app.clipboard
        assert json.loads(copied["event"]) == json.loads(copied["data"]) == EVENTS[11]
        assert copied["text"] == "# Weather\n\nParis is **very** sunny today."
        assert copied["tool"] == '{"city": "Paris"}'
        assert json.loads(copied["message"])["content"][1]["text"] == copied["text"]
        assert "Is it sunny?" in copied["curl"]
        compile(copied["python"], "request.py", "exec")


@both_sizes
async def test_two_runs_side_by_side_or_stacked(size: tuple[int, int]) -> None:
    other = [Chunk(t_ns, read.replace(b"sunny", b"rainy")) for t_ns, read in STREAM]
    async with on_stage(
        BytesSource(STREAM, title="fair"), BytesSource(other, title="foul"), size=size
    ) as stage:
        await stage.at(10)
        await stage.press("C")
        await stage.app.workers.wait_for_complete()
        await stage.settle()
        shown = stage.text
        assert "fair" in shown
        assert "foul" in shown
        whole = everything(stage, CompareView)
        assert "sunny" in whole
        assert "rainy" in whole
        await stage.press("n")
        assert "1 of" in stage.text
        await stage.press("escape")
        assert stage.app.screen is stage.dashboard


async def test_what_was_put_off_until_after_a_screen_is_closed_does_no_harm() -> None:
    async with on_stage(STREAM, STREAM) as stage:
        await stage.at(10)
        await stage.press("C")
        await stage.app.workers.wait_for_complete()
        compare = stage.app.screen.query_one(CompareView)
        await stage.press("escape", "enter")
        detail = stage.app.screen
        assert isinstance(detail, Detail)
        await stage.press("escape")
        # Both wait for a frame, and the screens may be closed before there is one.
        compare._check_styles()
        detail._show()
        assert stage.app.screen is stage.dashboard


# --- captures with bad lines ----------------------------------------------------------------------


def damaged(path: Path, bad: int) -> Path:
    """A capture with some lines in it that are no records."""
    lines: list[CaptureLine] = [
        CaptureHead(),
        *(ChunkLine("r1", t_ns, read) for t_ns, read in STREAM),
    ]
    encoded = [encode_line(line) for line in lines]
    broken = b'{"k":"chunk","run":"r1","t":-1,"data":"\xff[@click=app.quit]"}\n'
    encoded[5:5] = [broken] * bad
    encoded.append(encode_line(EndLine("r1", 4_600_000_000, "eof", None)))
    path.write_bytes(b"".join(encoded))
    return path


@both_sizes
@pytest.mark.parametrize(
    ("bad", "label", "more"),
    [
        (1, "1 line of the capture could not be read", None),
        (3, "3 lines of the capture could not be read", "and 2 more"),
        (50, "20 lines or more of the capture could not be read", "and many more"),
    ],
)
async def test_lines_of_a_large_capture_that_cannot_be_read_are_told(
    bad: int,
    label: str,
    more: str | None,
    size: tuple[int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tui.sources.capture.LARGE", 10)
    monkeypatch.setattr("tui.captures.capture_file.CHECKED_SIZE", 10)
    factories, _ = recorded(damaged(tmp_path / "c.jsonl", bad))
    async with on_stage(*factories, size=size) as stage:
        await stage.at(10)
        assert "sunny today" in stage.said
        assert label in stage.said
        assert "line 6: " in stage.said
        assert (more in stage.said) if more else ("more" not in stage.said)
        seen = " ".join(row.strip("\u258e ") for row in rows_of(stage.transcript_pane))
        assert label in seen
        stage.app.watchlist.go(3)
        await stage.settle()
        assert label in stage.said, "in the past too"


async def test_a_sound_capture_has_nothing_to_tell(tmp_path: Path) -> None:
    (factory,), warnings = recorded(damaged(tmp_path / "c.jsonl", 0))
    assert warnings == []
    source = factory()
    assert isinstance(source, CaptureSource)
    assert source.damage is None
    async with on_stage(partial(factory), size=(80, 24)) as stage:
        await stage.at(10)
        assert "could not be read" not in stage.said
