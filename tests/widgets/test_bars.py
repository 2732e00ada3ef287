"""The single rows: what the header, the counters and the keys say, and what gives way."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from tests import playbook as pb
from tests.app_harness import (
    BytesSource,
    PushedSource,
    change_size,
    on_stage,
    rows_of,
    strips_of,
    timed,
)
from tests.manual_clock import ManualClock
from tui.core.metrics import UNKNOWN, Metrics, Percentiles
from tui.dashboard.footer import Footing, entries
from tui.viewmodel import Counters
from tui.viewmodel.counters import OutputTokens
from tui.widgets.bars import CounterBar, KeyBar

MS: Final = 1_000_000
METRICS: Final = Metrics(
    ttfb=300 * MS,
    ttft=412 * MS,
    ttfo=903 * MS,
    ttst=40 * MS,
    e2e=2140 * MS,
    decode=1728 * MS,
    itl=27.0 * MS,
    icl=Percentiles(17 * MS, 41 * MS, 90 * MS, 310 * MS),
    tokens_per_s=37.6,
    stalls=2,
)
NUMBERS: Final = Counters(
    metrics=METRICS,
    estimate=None,
    input_tokens=377,
    cache_read=1893,
    cache_write=12,
    output=OutputTokens(65),
    thinking_tokens=21,
    thinking_share=21 / 65,
    limit=1024,
    used=65 / 1024,
    conflict=True,
    last_byte_ns=None,
    last_content_ns=None,
    stalled=False,
    pulse=[0, 1, 5, 9, 2, 0, 0, 3, 8, 8],
)
GROUPS: Final = (
    "TTFT 412ms",
    "TTFO 903ms",
    "38 tok/s",
    "in 377",
    "out 65",
    "2 stalls",
    "gap p50 17ms",
)


class Frame(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.counters = CounterBar()
        self.keys = KeyBar()

    def compose(self) -> ComposeResult:
        yield self.counters
        yield self.keys


@asynccontextmanager
async def framed(width: int = 200) -> AsyncIterator[tuple[Frame, Pilot[None]]]:
    app = Frame()
    async with app.run_test(size=(width, 4)) as pilot:
        yield app, pilot


async def counted(numbers: Counters, width: int = 200) -> str:
    """The counter bar at a width."""
    async with framed(width) as (app, _):
        app.counters.show(numbers)
        (row,) = rows_of(app.counters)
        return row


# --- counters -------------------------------------------------------------------------------------


async def test_with_room_everything_is_there() -> None:
    row = await counted(NUMBERS)
    for words in (
        *GROUPS,
        "cache 1893 read \u00b7 12 written",
        "\u2260 start",
        "thinking 32% (21)",
        "p95 41ms max 310ms",
    ):
        assert words in row
    assert re.search("[\u2581-\u2588]", row)


async def test_at_80_columns_nothing_that_matters_is_missing_or_cut() -> None:
    row = await counted(NUMBERS, 80)
    for words in ("38 tok/s", "in 377", "cache 1893r 12w", "out 65", "thinking 32%", "2 stalls"):
        assert words in row
    assert "TTFT 412ms" in row
    assert "gap" not in row
    assert not re.search("[\u2581-\u2588]", row)


async def test_at_every_width_what_matters_now_is_shown_whole() -> None:
    live = NUMBERS._replace(last_byte_ns=1200 * MS, estimate=60.7)
    ranked = ["2 stalls", "thinking 32%", "cache 1893", "out 65", "in 377", "~61 tok/s"]
    async with framed() as (app, pilot):
        for width in range(200, 9, -7):
            await change_size(app, (width, 4))
            app.counters.show(live)
            (strip,) = strips_of(app.counters)
            assert strip.cell_length == width
            if width >= 80:
                assert all(words in strip.text for words in ranked[:5])
            if width >= 30:
                assert "2 stalls" in strip.text
            if width >= 20:
                assert strip.text.rstrip().endswith("last byte 1.2s")


async def test_after_a_resize_the_bar_is_filled_without_new_numbers() -> None:
    async with framed(40) as (app, pilot):
        app.counters.show(NUMBERS)
        assert "gap" not in rows_of(app.counters)[0]
        await change_size(app, (200, 4))
        assert "gap" in rows_of(app.counters)[0]
        await change_size(app, (40, 4))
        assert "gap" not in rows_of(app.counters)[0]


async def test_what_is_not_known_is_a_dash() -> None:
    nothing = NUMBERS._replace(
        metrics=UNKNOWN,
        input_tokens=None,
        cache_read=None,
        cache_write=None,
        output=OutputTokens(None),
        thinking_tokens=None,
        thinking_share=None,
        limit=None,
        used=None,
        conflict=False,
        pulse=[0] * 10,
    )
    row = await counted(nothing)
    assert "TTFT \u2013" in row
    assert "\u2013 tok/s" in row
    assert "in \u2013" in row
    assert "out \u2013" in row
    assert "0" not in row


async def test_what_is_known_to_be_nothing_is_zero() -> None:
    row = await counted(NUMBERS._replace(input_tokens=0, output=OutputTokens(0)))
    assert "in 0" in row
    assert "out 0" in row


async def test_an_estimate_is_marked_as_one() -> None:
    assert "~61 tok/s" in await counted(NUMBERS._replace(estimate=60.7))
    assert "~" not in await counted(NUMBERS)


async def test_ttfo_is_shown_where_it_differs_from_ttft() -> None:
    same = NUMBERS._replace(metrics=METRICS._replace(ttfo=METRICS.ttft))
    assert "TTFO" not in await counted(same)


@pytest.mark.parametrize("width", [40, 80, 200])
async def test_a_stall_is_shown_at_every_width(width: int) -> None:
    stalled = NUMBERS._replace(
        stalled=True, last_content_ns=3200 * MS, last_byte_ns=400 * MS, estimate=9.0
    )
    row = await counted(stalled, width)
    assert "STALLED 3.20s" in row
    assert row.endswith("last byte 0.4s")


async def test_one_stall_is_no_plural() -> None:
    one = NUMBERS._replace(metrics=METRICS._replace(stalls=1))
    assert re.search(r"1 stall\b", await counted(one))
    none = NUMBERS._replace(metrics=METRICS._replace(stalls=0))
    assert "stall" not in await counted(none)


# --- counters of a stream -------------------------------------------------------------------------


async def test_pings_keep_a_stalled_stream_alive_and_do_not_end_the_stall() -> None:
    clock = ManualClock()
    source = PushedSource(clock)
    async with on_stage(source, clock=clock) as stage:
        source.push(pb.message_start(), pb.text_start(0), pb.text(0, "Hello"))
        await stage.settle()
        await stage.advance(1.9)
        assert "last byte 1.9s" in stage.counters
        assert "STALLED" not in stage.counters
        source.push(pb.ping())
        await stage.settle()
        await stage.advance(0.6)
        assert "STALLED 2.50s" in stage.counters
        assert "last byte 0.6s" in stage.counters
        source.push(pb.text(0, " again"))
        await stage.settle()
        assert "STALLED" not in stage.counters
        assert "1 stall" in stage.counters
        source.end()
        await stage.advance(10)
        assert "last byte" not in stage.counters
        assert "STALLED" not in stage.counters


async def test_the_rate_is_an_estimate_until_the_real_count_is_known() -> None:
    events = [pb.message_start(), pb.text_start(0), *(pb.text(0, "x" * 40) for _ in range(10))]
    tail = [pb.message_delta(usage={"output_tokens": 50}), pb.message_stop()]
    async with on_stage(timed(*events, *tail)) as stage:
        await stage.at(0.31)
        assert "\u2013 tok/s" in stage.counters
        await stage.at(0.81)
        assert "~120 tok/s" in stage.counters
        await stage.at(60)
        assert re.search(r"(?<!~)45 tok/s", stage.counters)


async def test_the_counters_of_the_past_are_those_of_the_past() -> None:
    events = [
        pb.message_start(),
        pb.thinking_start(0),
        pb.thinking(0, "hm"),
        *pb.text_block(1, "Hello"),
        pb.message_delta(usage={"output_tokens": 50, "input_tokens": 30}),
        pb.message_stop(),
    ]
    async with on_stage(timed(*events)) as stage:
        await stage.at(60)
        assert "TTFT 300ms" in stage.counters
        assert "TTFO 500ms" in stage.counters
        assert "out 50" in stage.counters
        assert "in 30 \u2260 start" in stage.counters
        await stage.press("comma", "comma")
        assert "out ~2 " in stage.counters
        assert "in 25 " in stage.counters
        await stage.press("g")
        assert "TTFT \u2013" in stage.counters
        assert "last byte" not in stage.counters


async def test_the_counters_are_current_at_the_end() -> None:
    async with on_stage(timed(pb.message_start(), *pb.text_block(0, "Hi"), *pb.ending())) as stage:
        stage.clock.now_ns = 60 * 10**9
        await stage.settle()
        assert "out 15" in stage.counters


# --- header ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 59, 60, 80, 120, 200])
async def test_in_the_header_the_title_gives_way_first(width: int) -> None:
    chunks = timed(pb.message_start(model="claude-" + "m" * 80), pb.ping())
    source = BytesSource(chunks, title="t" * 300, is_timed=False)
    async with on_stage(source, size=(width, 24)) as stage:
        await stage.at(0.15)
        (strip,) = strips_of(stage.dashboard.header)
        assert strip.cell_length == width
        assert "DEMO" in strip.text
        assert "synthetic" in strip.text
        assert strip.text.rstrip().endswith("150ms")
        if width >= 59:
            assert "claude-mmmmm" in strip.text
            assert "\u2026" in strip.text
        assert ("tttt" in strip.text) == (width >= 120)
        assert "t\u2026" not in strip.text or "tttttt\u2026" in strip.text


async def test_in_the_header_the_state_and_the_model_are_there_in_little_room() -> None:
    cut = [pb.message_start(model="claude-sonnet-4-5-20250929"), pb.tool_start(0, "f")]
    cut += [pb.fragment(0, '{"a": '), pb.block_stop(0), *pb.ending("max_tokens")]
    for width, model, note in (
        (120, "claude-sonnet-4-5-20250929", "synthetic timing"),
        (80, "claude-sonnet-4", "synthetic"),
        (60, "", "synthetic"),
    ):
        source = BytesSource(timed(*cut), title="an answer", is_timed=False)
        async with on_stage(source, size=(width, 24)) as stage:
            await stage.at(10)
            assert "\u25b2 COMPLETE  invalid_tool_json" in stage.header
            assert model in stage.header and note in stage.header
            assert ("an answer" in stage.header) == (width == 120)
    async with on_stage(BytesSource(timed(*cut), is_timed=False), size=(40, 12)) as stage:
        await stage.at(10)
        await stage.press("comma")
        assert re.search(r"PAST  1 behind  synthetic +\d+ms", stage.header), "no speed"


@pytest.mark.parametrize(
    ("kind", "badge"), [("demo", "DEMO"), ("file", "REPLAY"), ("live", "LIVE"), ("stdin", "PIPE")]
)
async def test_the_header_tells_where_the_bytes_come_from(kind: str, badge: str) -> None:
    source = BytesSource(timed(pb.message_start(), pb.ping()), kind=kind)  # type: ignore[arg-type]
    async with on_stage(source) as stage:
        await stage.at(0.15)
        assert badge in stage.header


# --- keys -----------------------------------------------------------------------------------------


async def test_the_first_key_of_a_modal_stays_on_a_narrow_screen() -> None:
    async with framed() as (app, _):
        await change_size(app, (30, 4))
        app.keys.show([("esc", "close", ""), ("y", "copy the sentence", ""), ("q", "quit", "")])
        (strip,) = strips_of(app.keys)
        assert strip.text.split() == ["esc", "close", "q", "quit"]


async def test_help_and_quit_are_always_offered() -> None:
    async with framed() as (app, pilot):
        for width in (200, 120, 80, 50, 30, 20):
            await change_size(app, (width, 4))
            app.keys.show(entries(Footing("playing")))
            (strip,) = strips_of(app.keys)
            assert strip.cell_length == width
            assert "? help" in strip.text
            assert "q quit" in strip.text
            if width >= 30:
                assert strip.text.startswith(" space pause")


async def test_the_keys_say_what_space_does_now() -> None:
    async with framed() as (app, _):
        app.keys.show(entries(Footing("paused")))
        assert "space play" in rows_of(app.keys)[0]


async def test_a_click_beside_the_keys_does_nothing() -> None:
    async with framed() as (app, pilot):
        app.keys.show([("?", "help", "nothing_of_the_kind"), ("q", "quit", "quit")])
        await pilot.click(app.keys, offset=(150, 0))
        assert app.is_running
        await pilot.click(app.keys, offset=(rows_of(app.keys)[0].index("quit"), 0))
    assert not app.is_running
