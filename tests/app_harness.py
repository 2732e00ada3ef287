"""The app on a stage: a clock moved by hand, streams of bytes, and the text of what is drawn.

async with on_stage(timed(message_start(), *text_block(0, "hi"))) as stage:
    await stage.at(0.3)
    assert "hi" in stage.transcript
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Final

import pytest
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver
from textual.events import Key, MouseScrollDown, MouseScrollUp, Resize
from textual.geometry import Size
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from tests.limits import HANG_S, go_on
from tests.manual_clock import ManualClock, settle
from tests.playbook import wire
from tui.conversation.plan import LivePlan
from tui.core.records import Chunk, JsonObject
from tui.dashboard.app import StreamscopeApp
from tui.dashboard.app_settings import AppSettings
from tui.dashboard.view import dashboard_view
from tui.scenarios import names
from tui.screens.dashboard import Dashboard
from tui.sources import Opening, Source, SourceFactory, SourceInfo, SourceKind
from tui.sources.scenario import ScenarioSource
from tui.viewmodel import DashboardView, Moment
from tui.widgets.event_log import EventLog
from tui.widgets.line_view import LineView
from tui.widgets.tool_pane import ToolPane
from tui.widgets.transcript import Transcript

LATER_S: Final = 3600.0
"""A time at which everything that is played has ended."""
_TICKS: Final = 6
"""Ticks until everything on the screen was drawn again, the counters too."""
_MOST_TICKS: Final = 500
_MOST_TURNS: Final = 20_000
_QUIET_TURNS: Final = 6
_draw_frame: Final = Screen._compositor_refresh


# --- sources --------------------------------------------------------------------------------------


def timed(*items: JsonObject | bytes, every_ms: int = 100, first_ms: int = 100) -> list[Chunk]:
    """Give each event a read of its own, `every_ms` apart."""
    step, first = every_ms * 1_000_000, first_ms * 1_000_000
    return [Chunk(first + number * step, wire(item)) for number, item in enumerate(items)]


class BytesSource:
    """Chunks that the app's clock paces. `failure` is raised where they end."""

    def __init__(
        self,
        chunks: Sequence[Chunk],
        *,
        title: str = "a stream",
        prompt: str | None = None,
        model: str | None = None,
        kind: SourceKind = "demo",
        is_timed: bool = True,
        failure: Exception | None = None,
        request: JsonObject | None = None,
    ) -> None:
        if request is None and model is not None:
            request = {"model": model}
        self.info = SourceInfo(
            title=title,
            prompt=prompt,
            request=request,
            kind=kind,
            timed=is_timed,
            paced=True,
        )
        self.sent_ns: int | None = None
        self.closed = False
        self._chunks = chunks
        self._failure = failure

    async def chunks(self) -> AsyncIterator[Chunk]:
        for chunk in self._chunks:
            yield chunk
        if self._failure is not None:
            raise self._failure

    async def aclose(self) -> None:
        self.closed = True


class PushedSource:
    """A live call whose bytes come when the test pushes them."""

    def __init__(self, clock: ManualClock) -> None:
        self.info = SourceInfo(
            title="a call", prompt="Say hi", request=None, kind="live", timed=True, paced=False
        )
        self.sent_ns: int | None = None
        self.closed = False
        self._clock = clock
        self._queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()

    def push(self, *items: JsonObject | bytes) -> None:
        """Have events arrive, one read each."""
        for item in items:
            self._queue.put_nowait(wire(item))

    def end(self, error: Exception | None = None) -> None:
        """End the body, cleanly or with an error."""
        self._queue.put_nowait(error)

    async def chunks(self) -> AsyncIterator[Chunk]:
        self.sent_ns = self._clock()
        while True:
            item = await self._queue.get()
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            yield Chunk(self._clock() - self.sent_ns, item)

    async def aclose(self) -> None:
        self.closed = True


# --- waiting --------------------------------------------------------------------------------------


@contextmanager
def frames_where_drawn() -> Iterator[None]:
    """Have screens draw frames in `drawn` alone: nobody sees those between."""

    def leave(screen: Screen[Any]) -> None:
        if screen is not screen.app.screen:
            return _draw_frame(screen)  # Lies under another one, which it has drawn again.
        screen._dirty_widgets.clear()  # The regions that they take up are kept.
        screen.app._update_mouse_over(screen)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Screen, "_compositor_refresh", leave)
        # What enter looks for is found at once, also where the process had to wait for its turn.
        patch.setattr("tui.find.finder._SLICE_S", HANG_S)
        yield


async def drawn(app: App[Any], *, frame: bool = True) -> None:
    """Let every message be handled and what they change be drawn, or only laid out.

    The pilot waits for a processor that is idle, and the app for timers of some milliseconds. Both
    take time, and neither is sure on a busy machine.
    """
    for _ in range(3):  # What is drawn can show a scroll bar, which lays out again.
        await _all_handled(app)
        if app._exit:
            return
        app.screen._on_timer_update()
        if frame and app.screen._compositor._dirty_regions:
            _draw_frame(app.screen)
    await _all_handled(app)
    if app.animator._animations or app.animator._scheduled:
        await app.animator.wait_until_complete()
        await drawn(app, frame=frame)


async def _all_handled(app: App[Any]) -> None:
    quiet = 0
    for _ in range(_MOST_TURNS):
        await asyncio.sleep(0)
        pumps = [app, *app.screen_stack]
        for screen in app.screen_stack:
            pumps.extend(screen.walk_children())
        quiet = 0 if any(pump.message_queue_size for pump in pumps) else quiet + 1
        if quiet == _QUIET_TURNS or app._exit:
            return
    raise AssertionError("the app keeps sending messages to itself")


async def change_size(app: App[Any], *sizes: tuple[int, int]) -> None:
    """Give the terminal other sizes, so fast that the screen hears only of the last one."""
    driver = app._driver
    assert isinstance(driver, HeadlessDriver)
    for width, height in sizes:
        size = driver._size = Size(width, height)
        app.post_message(Resize(size, size))
    await _all_handled(app)
    app._check_resize()  # Else passed on by a timer, 8 ms later.
    await drawn(app)


# --- the stage ------------------------------------------------------------------------------------


class Stage:
    """The running app. Text is what stands on the screen, without styles."""

    def __init__(self, app: StreamscopeApp, pilot: Pilot[int], clock: ManualClock) -> None:
        self.app = app
        self.pilot = pilot
        self.clock = clock

    # --- time

    async def begin(self, sources: int) -> Stage:
        """Wait until that many sources are being read, which begins after the first frame."""
        while len(self.app.watchlist.feeds) < sources:
            await drawn(self.app)
        return await self.settle()

    async def at(self, seconds: float) -> Stage:
        """Move the clock to `seconds` after the start, and draw."""
        self.clock.now_ns = int(seconds * 1e9)
        return await self.settle()

    async def advance(self, seconds: float) -> Stage:
        """Move the clock on, and draw."""
        self.clock.now_ns += int(seconds * 1e9)
        return await self.settle()

    async def settle(self) -> Stage:
        """Let everything that can happen now happen, and draw."""
        for feed in self.app.watchlist.feeds:
            feed.clock.wake()
        await settle()
        for _ in range(_TICKS):
            self.app.tick()
        for _ in range(_MOST_TICKS):  # A busy machine takes more ticks to lay out and to search.
            if self.transcript_pane.complete and self.app.finder.progress == 1:
                break
            self.app.tick()
        await drawn(self.app)
        return self

    async def until(self, condition: Callable[[], object]) -> Stage:
        """Let calls over the network go on until `condition` holds, and draw."""
        async with asyncio.timeout(HANG_S):
            while not condition():
                await go_on()
                self.app.tick()
        return await self.settle()

    # --- the reader

    async def type(self, text: str) -> Stage:
        """Type a text into what has the focus."""
        for character in text:
            self.app.post_message(Key(_character_to_key(character), character))
        await drawn(self.app)
        return await self.settle()

    async def press(self, *keys: str) -> Stage:
        """Press keys, and draw. (The pilot's own `press` waits for an idle processor.)"""
        for key in keys:
            self.app.simulate_key(key)
            await drawn(self.app, frame=False)
        return await self.settle()

    async def click(self, widget: Widget, x: int, y: int) -> Stage:
        """Click a cell of a widget, counted inside its border."""
        inner, outer = widget.content_region, widget.region
        offset = (inner.x - outer.x + x, inner.y - outer.y + y)
        await self.pilot.click(widget, offset=offset)
        return await self.settle()

    async def wheel(self, widget: Widget, notches: int) -> Stage:
        """Turn the mouse wheel over a widget: down, or up where `notches` is negative."""
        kind = MouseScrollDown if notches > 0 else MouseScrollUp
        for _ in range(abs(notches)):
            x, y = widget.region.x + 1, widget.region.y + 1
            event = kind(widget, x, y, 0, 0, 0, False, False, False, x, y)
            widget.post_message(event)
            await drawn(self.app)
        return await self.settle()

    async def resize(self, width: int, height: int) -> Stage:
        """Give the terminal another size, and draw."""
        await self.change_size((width, height))
        await self.settle()
        return await self.settle()  # What was hidden is laid out by the tick after it is back.

    async def change_size(self, *sizes: tuple[int, int]) -> None:
        """Give the terminal other sizes, so fast that the screen hears only of the last one."""
        await change_size(self.app, *sizes)

    # --- what stands there

    @property
    def dashboard(self) -> Dashboard:
        dashboard = self.app.get_default_screen()
        assert isinstance(dashboard, Dashboard)
        return dashboard

    @property
    def log_pane(self) -> EventLog:
        return self.dashboard.log_pane

    @property
    def tool_pane(self) -> ToolPane:
        return self.dashboard.tools

    @property
    def transcript_pane(self) -> Transcript:
        return self.dashboard.transcript

    @property
    def view(self) -> DashboardView:
        """What is drawn."""
        view = dashboard_view(
            self.app.watchlist, self.app.finder, self.app.verdicts, self.app.settings
        )
        assert view is not None
        return view

    @property
    def moment(self) -> Moment:
        """The run that is drawn, at the point in time that is shown."""
        return self.view.moment

    @property
    def lines(self) -> list[str]:
        """The whole screen, with whatever is over the dashboard."""
        return [
            "".join(segment.text for segment in line)
            for line in self.app.screen._compositor.render_strips()
        ]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def header(self) -> str:
        return "".join(rows_of(self.dashboard.header))

    @property
    def counters(self) -> str:
        return "".join(rows_of(self.dashboard.counters))

    @property
    def keys(self) -> str:
        return "".join(rows_of(self.dashboard.keys))

    @property
    def transcript(self) -> str:
        """All of the transcript, also what is scrolled out."""
        return "\n".join(all_rows(self.transcript_pane))

    @property
    def said(self) -> str:
        """All of the transcript as one line: for sentences that may be wrapped."""
        return " ".join(self.transcript.replace("\u258e", " ").split())

    @property
    def tools(self) -> str:
        """All of the tool pane, also what is scrolled out."""
        return "\n".join(all_rows(self.tool_pane))

    @property
    def log(self) -> list[str]:
        """The rows of the event log that are in view."""
        return rows_of(self.log_pane)


def strips_of(widget: Widget) -> list[Strip]:
    """What a widget draws inside its border, before any filter."""
    return [widget.render_line(y) for y in range(widget.size.height)]


def rows_of(widget: Widget) -> list[str]:
    """The text that is in view in a widget."""
    return [strip.text.rstrip() for strip in strips_of(widget)]


def all_strips(pane: LineView) -> list[Strip]:
    """Every row of a pane, also those that are scrolled out."""
    return [pane.row(y, pane.row_width) for y in range(pane.height_in_rows)]


def all_rows(pane: LineView) -> list[str]:
    """The text of every row of a pane, also of those that are scrolled out."""
    return [strip.text.rstrip() for strip in all_strips(pane)]


Playable = str | list[Chunk] | Source | SourceFactory


@asynccontextmanager
async def on_stage(
    *playables: Playable,
    size: tuple[int, int] = (120, 40),
    speed: float = 1.0,
    clock: ManualClock | None = None,
    live: LivePlan | None = None,
    opening: Opening | None = None,
    **settings: Any,  # noqa: ANN401
) -> AsyncIterator[Stage]:
    """Run the app over scenarios (by name), chunks, sources or factories of them, at time zero.

    `live` are calls that are made as well, `opening` files that are looked into; `settings` any
    other of the app's.
    """
    clock = clock or ManualClock()
    app = StreamscopeApp(
        [factory_of(playable) for playable in playables],
        AppSettings(speed=speed, now=clock, ticking=False, **settings),
        live=live,
        opening=opening,
    )
    app.animation_level = "none"
    with frames_where_drawn():
        async with app.run_test(size=size, notifications=True) as pilot:
            stage = Stage(app, pilot, clock)
            await stage.begin(len(playables))
            yield stage


def factory_of(playable: Playable) -> SourceFactory:
    """What the app is given to play something, again and again."""
    if isinstance(playable, str):
        assert playable in names()
        return partial(ScenarioSource, playable)
    if isinstance(playable, list):
        return partial(BytesSource, playable)
    if callable(playable):
        return playable
    return lambda: playable
