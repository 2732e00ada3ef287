"""Closer looks at a stream: an event in full, search and filter, where the time went."""

from __future__ import annotations

import re
from itertools import count
from types import SimpleNamespace

import pytest
from textual.widgets import Input

from tests.app_harness import (
    all_rows,
    drawn,
    on_stage,
    rows_of,
)
from tests.bench import data
from tests.limits import HANG_S
from tests.playbook import (
    wire,
)
from tests.whole.inspector import (
    EVENTS,
    LAST,
    STREAM,
    both_sizes,
    everything,
    marked,
    numbers,
    told,
    typed,
)
from tui.core.records import Chunk
from tui.widgets.lines_view import LinesView

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
        assert "No more matches" in told(stage)
        await stage.press("N")
        assert "search: paris 1/2" in stage.text
        await stage.press("slash")
        await typed(stage, "re:su..y t")
        assert "search: re:su..y t 1/1" in stage.text
        assert marked(stage) == 6
        await stage.press("slash")
        await typed(stage, "very sunny")  # The mark between them is on the wire as well.
        assert "No match for" in told(stage)
        await stage.press("F", "slash")
        await typed(stage, "** sunny")
        assert marked(stage) == 5, "words cut between deltas"
        await stage.press("backspace")
        assert "search" not in stage.log_pane.title


async def test_a_long_search_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    body = data.text_stream(60_000)
    steps = count()
    # Six steps a frame.
    clock = SimpleNamespace(perf_counter=lambda: next(steps) * HANG_S / 6)
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
        stage.app.simulate_key("enter")
        await drawn(stage.app)
        for _ in range(6):
            stage.app.tick()
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
            *("decode 4.20s", "per token 300ms", "stalls", "3.00s   73%", "first byte", "12%"),
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
            for words in ("per token 300ms", "73%", "12%", "max 3.00s", "tool input "):
                assert words in whole, width
