"""Large inputs: what one frame does is bounded, whatever the size; and a real terminal with them.

How long a frame takes is measured by `python -m tests.bench heartbeat`. Here the work is counted:
rows drawn, characters made safe, wrapped and highlighted, bytes read and parsed. The clock by which
the panes stop their work runs out at once, so that each tick does the least it can.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from tests.app_harness import BytesSource, Stage, change_size, drawn, on_stage, rows_of
from tests.bench import data
from tests.manual_clock import settle
from tests.playbook import (
    block_stop,
    ending,
    fragment,
    message_start,
    text_block,
    thinking,
    thinking_start,
    tool_start,
    wire,
)
from tests.whole.test_terminal import terminal
from tui.core.partial_json import PartialJson
from tui.core.records import Chunk, JsonObject
from tui.core.timeline import RawStore, Timeline
from tui.widgets.event_log import EventLog
from tui.widgets.line_view import LineView
from tui.widgets.markdown.fences import Highlighter
from tui.widgets.tool_pane import ToolPane
from tui.widgets.transcript import Transcript

HUGE: Final = 16 * 1024 * 1024
LARGE: Final = 2 * 1024 * 1024
WORDS: Final = "lorem ipsum dolor sit amet "
HEIGHT: Final = 40


# --- what is counted ------------------------------------------------------------------------------


class Work(Counter[str]):
    """What was done since it was last cleared, by kind."""

    def spy(
        self, patch: pytest.MonkeyPatch, holder: type, name: str, kind: str, size: int | None = None
    ) -> None:
        """Count the calls of a method, or the lengths of its argument number `size`."""
        real = getattr(holder, name)

        def counted(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            self[kind] += 1 if size is None else len(args[size])
            return real(*args, **kwargs)

        patch.setattr(holder, name, counted)

    def spy_function(self, patch: pytest.MonkeyPatch, module: str, name: str, kind: str) -> None:
        """Count the lengths of the first argument of a function, wherever it was imported."""
        real: Callable[..., Any] = getattr(sys.modules[module], name)

        def counted(first: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            runs = isinstance(first, list)
            self[kind] += sum(len(part) for part, _ in first) if runs else len(first)
            return real(first, *args, **kwargs)

        for known in [found for key, found in sys.modules.items() if key.startswith("tui.")]:
            if vars(known).get(name) is real:
                patch.setattr(known, name, counted)


LIMITS: Final = {
    "rows": 4 * 3 * HEIGHT,  # A frame may be drawn more than once: layout, scroll bar, content.
    "safe": 400_000,
    "wrapped": 60_000,
    "highlighted": 20_000,
    "json": 40_000,
}


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Counters on the real functions, and clocks by which all time is up at once."""
    found = Work()
    for pane in (Transcript, ToolPane, EventLog):
        found.spy(monkeypatch, pane, "row", "rows")
    found.spy(monkeypatch, Highlighter, "lines", "highlighted", 2)
    found.spy(monkeypatch, PartialJson, "feed", "json", 1)
    found.spy(monkeypatch, Timeline, "record", "records")
    found.spy_function(monkeypatch, "tui.core.sse", "parse_frame", "parsed")
    found.spy_function(monkeypatch, "tui.core.text", "sanitize", "safe")
    found.spy_function(monkeypatch, "tui.core.text", "one_line", "safe")
    found.spy_function(monkeypatch, "tui.widgets.cell_wrap", "wrap", "wrapped")
    found.spy_function(monkeypatch, "tui.widgets.cell_wrap", "chop", "wrapped")
    found.spy_function(monkeypatch, "tui.widgets.row_starts", "row_starts", "wrapped")
    read = RawStore.read

    def counted_read(self: RawStore, offset: int, length: int) -> bytes:
        found["read"] += length
        return read(self, offset, length)

    monkeypatch.setattr(RawStore, "read", counted_read)
    nanoseconds, seconds = (partial(next, count(0, step)) for step in (10**9, 1))
    hurried = SimpleNamespace(perf_counter_ns=nanoseconds, perf_counter=seconds)
    for module in ("widgets.source_lines", "screens.latency", "find.finder"):
        monkeypatch.setattr(f"tui.{module}.time", hurried)
    monkeypatch.setattr("tui.widgets.markdown.lines.perf_counter_ns", nanoseconds)
    return found


@asynccontextmanager
async def loaded(*chunks: Chunk, size: tuple[int, int] = (120, HEIGHT)) -> AsyncIterator[Stage]:
    """The app, with all of a stream read and none of it drawn."""
    async with on_stage(BytesSource(chunks), size=size) as stage:
        stage.clock.now_ns = 10**15
        (feed,) = stage.app.watchlist.feeds
        while not feed.done:
            feed.clock.wake()
            await settle()
        yield stage


async def ticks(stage: Stage, work: Work, times: int = 3, **limits: int) -> None:
    """Let some frames pass; what each of them does has to be within the limits."""
    for _ in range(times):
        work.clear()
        stage.app.tick()
        await drawn(stage.app)
        for kind, limit in {**LIMITS, **limits}.items():
            assert work[kind] <= limit, (kind, dict(work))


async def press(stage: Stage, work: Work, *keys: str, **limits: int) -> None:
    """Press keys; what each of them does, and the frames after it, has to be within the limits."""
    for key in keys:
        work.clear()
        stage.app.simulate_key(key)
        await drawn(stage.app)
        for kind, limit in {**LIMITS, **limits}.items():
            assert work[kind] <= limit, (key, kind, dict(work))
        await ticks(stage, work, **limits)


def once(*events: JsonObject | bytes) -> Chunk:
    """All of it in one read, but not at once: the first frame comes before."""
    return Chunk(1_000_000, wire(*events))


# --- a single line --------------------------------------------------------------------------------


def line_of(kind: str, size: int) -> list[JsonObject]:
    """A message with one line of `size` bytes, in one event or in many."""
    plain = (WORDS * (size // len(WORDS) + 1))[:size]
    pieces = [plain[at : at + 4096] for at in range(0, size, 4096)]
    quoted = json.dumps({"text": plain})
    numbers = "[" + "1," * (size // 2) + "1]"
    blocks = {
        "text, one event": text_block(0, plain),
        "text, many events": text_block(0, *pieces),
        "wide text": text_block(0, "\u6f22\u5b57" * (size // 6)),
        "thinking": [thinking_start(0), thinking(0, plain), block_stop(0)],
        "tool input": [tool_start(0), fragment(0, quoted), block_stop(0)],
        "numbers": [tool_start(0), fragment(0, numbers), block_stop(0)],
        "wide input": [
            tool_start(0),
            fragment(0, json.dumps({"text": "\u6f22" * (size // 3)}, ensure_ascii=False)),
            block_stop(0),
        ],
    }
    return [message_start(), *blocks[kind], *ending()]


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("text, one event", HUGE),
        ("tool input", HUGE),
        ("text, many events", LARGE),
        ("wide text", LARGE),
        ("thinking", LARGE),
        ("numbers", LARGE),
        ("wide input", LARGE),
    ],
)
async def test_a_line_of_any_length(kind: str, size: int, work: Work) -> None:
    async with loaded(once(*line_of(kind, size))) as stage:
        # Of the log's events the beginnings are read, however often they are drawn.
        beginnings = 16_384 * LIMITS["rows"]
        await ticks(stage, work, read=beginnings)
        await press(stage, work, "G", "g", "M", "t", "b", read=beginnings)
        for pane in (stage.transcript_pane, stage.tool_pane):
            pane.focus()
            await press(stage, work, "k", "k", "l", "g", "G", "pageup", "z", "z", read=beginnings)
        work.clear()
        await change_size(stage.app, (100, 30))
        await ticks(stage, work, read=beginnings)
        assert stage.moment.run.status == "complete"


@pytest.mark.parametrize("kind", ["text, one event", "tool input", "thinking"])
async def test_a_large_event_at_the_cursor_is_parsed_once(kind: str, work: Work) -> None:
    async with loaded(once(*line_of(kind, LARGE))) as stage:
        await ticks(stage, work)
        stage.app.watchlist.go(3)
        work.clear()
        stage.app.tick()
        await drawn(stage.app)
        assert LARGE < work["parsed"] < LARGE + 200_000
        for _ in range(3):
            await ticks(stage, work, 1, parsed=200_000, read=16_384 * 100)
        assert stage.moment.highlight is not None


@pytest.mark.parametrize("kind", ["text, one event", "tool input"])
async def test_a_large_event_in_full_is_its_beginning(kind: str, work: Work) -> None:
    async with loaded(once(*line_of(kind, LARGE))) as stage:
        await ticks(stage, work)
        stage.app.watchlist.go(3)
        await ticks(stage, work, 1, parsed=2 * LARGE)
        # The state before and after is folded; besides, no more is read than is shown.
        await press(stage, work, "enter", safe=500_000, wrapped=200_000, json=70_000)
        assert "content_block_delta" in stage.text
        await press(stage, work, "x", safe=500_000, wrapped=200_000, json=70_000)
        assert "Bytes, in hex" in stage.text
        await press(stage, work, "G")
        assert "more" in "\n".join(rows_of(stage.app.screen.query_one("#detail", LineView)))


async def test_bytes_that_are_no_events_at_all(work: Work) -> None:
    async with loaded(Chunk(1_000_000, b"x" * HUGE)) as stage:
        await ticks(stage, work, read=16_384 * LIMITS["rows"])
        assert "Not an event stream" in stage.transcript
        # Once, for the state at the cursor.
        await press(stage, work, "g", read=HUGE + 2**20, parsed=HUGE + 2**20)
        await press(stage, work, "G", parsed=2**20, read=2**20)
        await press(stage, work, "enter", parsed=2**20, read=2**20, wrapped=200_000)


async def test_a_prompt_of_any_length(work: Work) -> None:
    prompt = "a line of a prompt\n" * (LARGE // 20)
    chunks = [once(message_start(), *text_block(0, "Yes."), *ending())]
    async with on_stage(BytesSource(chunks, prompt=prompt)) as stage:
        stage.clock.now_ns = 10**15
        stage.app.watchlist.feeds[0].clock.wake()
        await settle()
        await ticks(stage, work)
        stage.transcript_pane.focus()
        await press(stage, work, "g", "G", "M")


@pytest.mark.parametrize("kind", ["text, one event", "tool input"])
async def test_a_frame_makes_no_copy_of_a_line(kind: str) -> None:
    async with loaded(once(*line_of(kind, HUGE))) as stage:
        await stage.settle()
        await stage.settle()  # The transcript takes the room that no tool call needs.
        tracemalloc.start()
        try:
            # Round the panes: without tool calls there are two.
            tabs = ["tab"] * (3 if kind == "tool input" else 2)
            for key in ("b", "tab", "k", "G", *tabs, "k", "g"):
                tracemalloc.reset_peak()
                before, _ = tracemalloc.get_traced_memory()
                stage.app.simulate_key(key)
                await drawn(stage.app)
                stage.app.tick()
                await drawn(stage.app)
                assert tracemalloc.get_traced_memory()[1] - before < HUGE // 2, key
        finally:
            tracemalloc.stop()


# --- a code fence ---------------------------------------------------------------------------------


CODE: Final = "".join(
    f"def f{number}(a, b):\n    return a * {number} + b  # comment {number}\n"
    for number in range(3_000)
)[:200_000]


@pytest.mark.parametrize("code", [CODE, "x = [" + "1, 'ab', " * 22_000], ids=["lines", "one line"])
async def test_a_code_fence_of_200_kb(code: str, work: Work) -> None:
    fence = f"```python\n{code}\n```\n"
    async with loaded(once(message_start(), *text_block(0, fence), *ending())) as stage:
        pane = stage.transcript_pane
        highlighted = 0
        for _ in range(1_000):
            await ticks(stage, work, 1)
            highlighted += work["highlighted"]
            if pane.complete:
                break
        assert pane.complete
        assert highlighted < 2 * len(code)
        pane.focus()
        await press(stage, work, "g", "G", "pageup", "tab", "shift+tab", highlighted=10_000)


async def test_a_fence_is_not_laid_out_again_for_the_focus(work: Work) -> None:
    fence = f"```python\n{CODE[:60_000]}\n```\n"
    async with loaded(once(message_start(), *text_block(0, fence), *ending())) as stage:
        pane = stage.transcript_pane
        await stage.settle()
        await stage.settle()  # It takes the room that no tool call needs.
        assert pane.complete
        work.clear()
        pane.focus()
        await stage.settle()
        stage.log_pane.focus()
        await stage.settle()
        # A piece or two that have scrolled in, of thirty.
        assert work["highlighted"] < 10_000
        assert work["wrapped"] < 20_000


# --- very many events -----------------------------------------------------------------------------


EVENTS: Final = 200_000


async def test_200_000_events(work: Work) -> None:
    body = data.text_stream(EVENTS)
    async with on_stage(
        BytesSource([Chunk(1_000_000, read) for read in data.reads(body)])
    ) as stage:
        stage.clock.now_ns = 10**15
        (feed,) = stage.app.watchlist.feeds
        frames = 0
        while not feed.done:
            feed.clock.wake()
            await asyncio.sleep(0)
            frames += 1
            if frames % 5 == 0:
                await ticks(stage, work, 1, records=500, read=200_000)
        log = stage.log_pane
        await ticks(stage, work, records=500, read=200_000)
        assert log.height_in_rows == EVENTS + 5
        await press(stage, work, "G", "pageup", "k", "j", records=2_000, read=1_000_000)
        await press(stage, work, "g", "right_square_bracket", records=2_000, read=1_000_000)
        assert stage.app.watchlist.cursor is not None
        stage.app.watchlist.go(EVENTS // 2)
        # To go back is to fold from the checkpoint before: a thousand events at most.
        await ticks(stage, work, records=3_000, read=1_000_000)
        await press(stage, work, "comma", "full_stop", records=3_000, read=1_000_000)
        await press(stage, work, "L", records=3_000, read=1_000_000)
        await press(stage, work, "escape", records=3_000, read=1_000_000)
        assert rows_of(log)[0].split()[0].isdigit()


# --- in a real terminal ---------------------------------------------------------------------------


@pytest.fixture
def long_line(tmp_path: Path) -> Path:
    """A stream with 16 MiB of text in a single line of a single event."""
    path = tmp_path / "line.sse"
    path.write_bytes(wire(*line_of("text, one event", HUGE)))
    return path


def test_a_line_of_16_mib_is_drawn_scrolled_and_left(long_line: Path) -> None:
    with terminal("open", str(long_line)) as running:
        running.wait_for("COMPLETE", "lorem ipsum")
        running.press("g")
        running.wait_for("message_start")
        running.press("jj\r")
        running.wait_for("Event 2", "16777216 chars")
        running.press("\x1b[F")
        running.wait_for("and 16.7 MB more")
        running.press("qq")
        assert running.end() == 0
        running.assert_restored()
        running.assert_nothing_foreign()


def test_16_mib_without_a_line_end_are_no_stream(tmp_path: Path) -> None:
    path = tmp_path / "line.txt"
    path.write_bytes(b"x" * HUGE)
    with terminal("open", str(path)) as running:
        running.wait_for("NOT A STREAM")
        running.press("q")
        assert running.end() == 0
        running.assert_restored()
