"""The engine of the app: sources become feeds, workers read them, a tick draws what they hold."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import RenderableType
from textual.app import App
from textual.filter import NoColor
from textual.screen import Screen
from textual.worker import Worker

from tui import textual_hacks
from tui.commands import bar
from tui.core.links import contribution
from tui.core.session import Run
from tui.core.state import Buffer, as_count
from tui.core.text import one_line
from tui.deck import Deck
from tui.finder import Finder
from tui.run import Clock, Feed, Recorder
from tui.screens.dashboard import Dashboard
from tui.sources import Damaged, Source
from tui.viewmodel import Found, Item, Ranks, Scope, counters, turn_items
from tui.viewmodel.pacer import Pacer
from tui.viewmodel.smooth import Reveal
from tui.widgets.look import markdown_theme

SourceFactory = Callable[[], Source]

_TICK_S: Final = 1 / 30
_COUNTERS_EVERY: Final = 6
"""The numbers change five times a second: more often they cannot be read."""
_LOADING_EVERY: Final = 3
SILENCE_NS: Final = 60_000_000_000
"""After so long without content the reader is warned. The stream is never ended for it."""
_FILE_IDLE_CAP_NS: Final = 2_000_000_000
_SIGNALS: Final = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT")


@dataclass(frozen=True)
class Settings:
    """How the app runs. Tests hand in a clock of their own and tick by hand."""

    speed: float = 1.0
    now: Callable[[], int] = time.monotonic_ns
    ticking: bool = True
    record: Callable[[], Recorder] | None = None
    """Gives a recorder for each live run."""
    smooth: Reveal | None = None
    """How text is shown to somebody who reads along; None: as it comes."""
    bell: bool = False
    """Whether to ring when a run ends."""
    editor: str = "vi"


def find_styles() -> Path:
    """Return the style sheet: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    inside = package / "styles.tcss"
    return inside if inside.exists() else package.parent / "styles.tcss"


class Engine(App[int]):
    """Reads any number of sources and draws the shown one. The exit status is its result."""

    def __init__(self, factories: list[SourceFactory], settings: Settings | None = None) -> None:
        super().__init__()
        self.settings = settings or Settings()
        self.deck = Deck()
        self.finder = Finder()
        self._factories = factories
        self._made: dict[int, SourceFactory] = {}
        """How each feed can be had again, by the feed's id."""
        self._readers: dict[int, Worker[None]] = {}
        self._turns: dict[int, tuple[Item, ...]] = {}
        self._pacers: dict[int, Pacer] = {}
        self._ended = 0
        self._ticks = 0
        self._counted: tuple[int, int] | None = None
        self._ranks = Ranks()
        self._bar = (False, False)
        """What the key bar was drawn for: whether paused, whether live."""
        self._missed = False
        """Whether a frame was not drawn, because the terminal was not read."""
        self._dashboard = Dashboard()
        textual_hacks.forgive_bad_input()
        textual_hacks.never_wait_for_the_terminal()
        textual_hacks.survive_no_room()
        textual_hacks.dismiss_once()
        textual_hacks.click_beside_the_palette()
        textual_hacks.add_line_filter(self, textual_hacks.SafeText())
        if self.no_color:
            # Textual's own answer to NO_COLOR is shades of grey, which are colours too.
            textual_hacks.add_line_filter(self, NoColor())

    def get_default_screen(self) -> Screen[Any]:
        return self._dashboard

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, lambda _: self._restyle())
        self._restyle()
        self._catch_signals()
        self._dashboard.keys.show(bar(paused=False, live=self._bar[1]))
        if self.settings.ticking:
            self.set_interval(_TICK_S, self.tick)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """Start reading once the first frame is out."""
        for number, factory in enumerate(self._factories):
            self.start(factory, show=not number)
        if self.settings.ticking:
            # What exists now stays: the collector need not walk it again, and it sets the worst
            # frame. This is for the whole process, which is the app's own only where it ticks.
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 100)

    def start(self, factory: SourceFactory, *, show: bool = True) -> None:
        """Read a new source in a worker of its own, and show it."""
        try:
            source = factory()
        except Exception as error:
            # A file that has gone since it was opened, for one: the other runs go on.
            problem = one_line(str(error)) or type(error).__name__
            self.notify(problem, title="Cannot start", severity="error", timeout=8, markup=False)
            return
        self._set_off()
        clock = Clock(self.settings.now, self.settings.speed)
        cap = _FILE_IDLE_CAP_NS if source.info.kind == "file" else None
        recorder = self._recorder() if source.info.kind == "live" else None
        feed = Feed(source, clock=clock, idle_cap_ns=cap, now=self.settings.now, recorder=recorder)
        self.deck.add(feed, show=show)
        self._made[id(feed)] = factory
        # Not exit_on_error: the feed keeps what goes wrong, and shows it in its own pane.
        worker = self.run_worker(feed.run(), name=source.info.title, exit_on_error=False)
        self._readers[id(feed)] = worker

    def _set_off(self) -> None:
        """Something begins to be read."""

    def _recorder(self) -> Recorder | None:
        return None if self.settings.record is None else self.settings.record()

    # --- drawing ------------------------------------------------------------------------------

    def tick(self) -> None:
        """Draw what changed. Called 30 times a second, whatever the rate of events."""
        self._ticks += 1
        self.deck.tick()
        if self.settings.bell:
            self._ring()
        if self._behind():
            return  # Nobody looks. What is read and recorded goes on.
        if self._missed:
            self._missed = False
            self.refresh()
        shown = self.deck.shown
        if shown is not None and shown.feed.progress is not None and self._ticks % _LOADING_EVERY:
            return  # The time is better spent on loading; what the reader does draws at once.
        if shown is not None:
            self.finder.advance(shown.run)
        scope = self.scope()
        if scope is None or not self._dashboard.is_attached:
            return
        mark = (scope.key, scope.count)
        due = self._ticks % _COUNTERS_EVERY == 0 or scope.travelling or not self._ranks.settled
        numbers = None
        if due and (mark != self._counted or not scope.done):
            numbers = counters(scope, self._ranks)
            self._counted = mark if scope.done and self._ranks.settled else None
        with self.batch_update():
            self._dashboard.show(scope, numbers)
            self._show_bar(scope.paused, scope.kind == "live")

    def _behind(self) -> bool:
        output = textual_hacks.terminal_output(self)
        return output is not None and output.behind

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Draw a frame; leave it out where the terminal has not taken the one before."""
        if self._behind():
            self._missed = True
        else:
            super()._display(screen, renderable)

    @property
    def unread(self) -> bool:
        """Whether the terminal had to be left without having taken everything."""
        output = textual_hacks.terminal_output(self)
        return output is not None and output.left

    def _show_bar(self, paused: bool, live: bool) -> None:
        if (paused, live) != self._bar:
            self._bar = (paused, live)
            self._dashboard.keys.show(bar(paused=paused, live=live))

    def scope(self) -> Scope | None:
        """Return what is to be drawn, None before there is a feed."""
        shown = self.deck.shown
        state = self.deck.state()
        if shown is None or state is None:
            return None
        feed, run = shown
        info = feed.info
        travelling = self.deck.cursor is not None
        over = run.state.end is not None
        now_ns = feed.elapsed_ns()
        if over or travelling:
            count = self.deck.count()
            times = run.timeline.times
            now_ns = times[count - 1] if count else 0
            if over and not travelling and run.last_byte_ns is not None:
                now_ns = run.last_byte_ns
        lit = None
        if travelling and self.deck.count():
            lit = contribution(state, run.timeline.record(self.deck.count() - 1))
        model = (info.request or {}).get("model")
        return Scope(
            key=id(run),
            run=run,
            state=state,
            count=self.deck.count(),
            travelling=travelling,
            now_ns=now_ns,
            title=info.title,
            kind=info.kind,
            prompt=info.prompt,
            model=model if isinstance(model, str) else None,
            paused=self.deck.paused,
            paced=info.paced,
            speed=feed.clock.speed,
            done=over,
            failure=feed.failure if run is feed.runs[-1] else None,
            lit=lit,
            found=self._found(run),
            progress=feed.progress,
            place=self.deck.position,
            turns=self._turns_of(feed),
            stage=None if travelling else self._stage(feed, run),
            queued=self._queued(feed),
            paced_text=None if travelling else self._paced(run),
            max_tokens=as_count((info.request or {}).get("max_tokens")),
            recording_failure=feed.recorder.failure if feed.recorder is not None else None,
            damage=feed.source.damage if isinstance(feed.source, Damaged) else None,
        )

    def _turns_of(self, feed: Feed) -> tuple[Item, ...]:
        turns = self._turns.get(id(feed))
        if turns is None:
            turns = self._turns[id(feed)] = turn_items(feed.info.request)
        return turns

    def _paced(self, run: Run) -> dict[int, Buffer] | None:
        if self.settings.smooth is None:
            return None
        pacer = self._pacers.get(id(run))
        if pacer is None:
            pacer = self._pacers[id(run)] = Pacer(self.settings.smooth)
        return pacer.update(run.state, self.settings.now())

    def _ring(self) -> None:
        ended = sum(feed.done for feed in self.deck.feeds)
        if ended > self._ended:
            self.bell()
        self._ended = ended

    def _queued(self, feed: Feed) -> bool:
        """Whether a feed waits for its turn."""
        return False

    def _stage(self, feed: Feed, run: Run) -> tuple[str, str] | None:
        """Return what the shown run waits for, and what can be done."""
        if feed.info.paced or feed.done:
            return None
        age_ns = feed.elapsed_ns() - (run.state.last_content_ns or 0)
        if age_ns < SILENCE_NS:
            return None
        pings = feed.elapsed_ns() - (run.last_byte_ns or 0) < SILENCE_NS
        note = "pings still arrive" if pings else "nothing arrives"
        return f"No content for {age_ns // 1_000_000_000} s", f"{note}; esc cancels"

    def _found(self, run: Run) -> Found:
        finder = self.finder
        return Found(
            rows=finder.rows,
            filter=finder.filter.text if finder.filter else "",
            searcher=finder.searcher,
            search=finder.needle,
            progress=finder.progress,
            marks=frozenset(finder.marks(run)),
        )

    def _restyle(self) -> None:
        transcript = self._dashboard.transcript
        transcript.markdown_theme = markdown_theme(self.theme_variables)
        transcript.notify_style_update()

    def _redraw(self) -> None:
        self._counted = None
        self._ticks = -1
        self.tick()

    def _say(self, text: str) -> None:
        # The newest one only: on a small screen they would pile up over the log.
        self.clear_notifications()
        self.notify(text, timeout=2, markup=False)

    # --- the end ------------------------------------------------------------------------------

    def _catch_signals(self) -> None:
        """Leave in order on a signal, so that the terminal is put back as it was."""
        loop = asyncio.get_running_loop()
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number is None:
                continue
            try:
                loop.add_signal_handler(number, self._leave, 128 + int(number))
            except (NotImplementedError, RuntimeError, ValueError):
                return  # Not the main thread, or not a system that has them.

    def _leave(self, status: int) -> None:
        for feed in self.deck.feeds:
            feed.stopped_as = "interrupted"
        self.exit(status)

    def _handle_exception(self, error: Exception) -> None:
        if not textual_hacks.left_behind(error):
            super()._handle_exception(error)

    def _fatal_error(self) -> None:
        textual_hacks.crash_without_locals(self)
