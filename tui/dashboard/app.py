"""The application: what the keys, the palette and the panes' messages do, handed on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from tui.dashboard.app_settings import AppSettings
from tui.dashboard.asking import Asking
from tui.dashboard.commands import KEYS, palette, palette_provider
from tui.dashboard.desk import ScreenDesk
from tui.dashboard.escape import Escape
from tui.dashboard.exporting import Exporting
from tui.dashboard.following import FollowedCaptures
from tui.dashboard.importing import import_sdk_soon, import_soon
from tui.dashboard.modals import Modals, kept_sessions
from tui.dashboard.navigator import Navigator
from tui.dashboard.notes import Notes
from tui.dashboard.requesting import Requesting
from tui.dashboard.run_list import RunList
from tui.dashboard.side_by_side import SideBySide
from tui.dashboard.start import calm_collector, find_styles, lean, on_signals, read_styles
from tui.dashboard.textual_hacks import harden
from tui.dashboard.ticker import TICK_S, Ticker
from tui.dashboard.ui import UI
from tui.dashboard.verdicts import Verdicts
from tui.dashboard.watched import Watchlist
from tui.find.finder import Finder
from tui.screens.dashboard import Dashboard
from tui.widgets.ask_bar import AskBar
from tui.widgets.event_log import EventLog
from tui.widgets.line_view import OriginWanted
from tui.widgets.timeline_strip import TimelineStrip
from tui.widgets.transcript import SourceWanted

if TYPE_CHECKING:
    from tui.conversation.plan import LivePlan
    from tui.dashboard.relaying import RelayLink
    from tui.sources import Opening, SourceFactory
    from tui.sources.followed import CaptureFollower
    from tui.widgets.composer import Composer
    from tui.widgets.lanes import Lane
    from tui.widgets.runs_list import RunsList


class StreamscopeApp(App[int]):
    """The dashboard over any number of sources and live calls. The exit status is its result."""

    TITLE = "streamscope"
    _STYLES = read_styles(find_styles())
    CSS = lean(_STYLES[0])
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {palette_provider}
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(key.keys, key.action, key.what, id=key.id, show=False, tooltip=key.tooltip)
            for key in KEYS
        ),
        # From a modal too, and from a field that takes the letter.
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True),
    ]

    def __init__(
        self,
        factories: list[SourceFactory],
        settings: AppSettings | None = None,
        *,
        live: LivePlan | None = None,
        opening: Opening | None = None,
        following: Sequence[CaptureFollower] = (),
        relay: RelayLink | None = None,
    ) -> None:
        """`opening` gives sources that are looked for, or have to be waited for, `following` those
        that come later. With a `relay`, that is the relay's capture.
        """
        super().__init__()
        self.settings = settings = settings or AppSettings()
        if settings.theme in self.available_themes:
            self.theme = settings.theme
        if settings.keys:
            self.set_keymap(dict(settings.keys))
        self._factories = factories
        self._opening = opening
        self.escape = Escape(settings.now)
        self.dashboard = Dashboard(self.escape.changed)
        self.watchlist = watchlist = Watchlist()
        self.finder = Finder()
        self.notes = Notes(self, self.dashboard)
        self._ui = ui = UI(self, self.dashboard, settings.editor)
        self.verdicts = Verdicts(ui, self.watchlist)
        self.ticker = Ticker(self, ui.dashboard, watchlist, self.finder, self.verdicts, settings)
        self.desk = ScreenDesk(ui, self.watchlist, settings, live)
        self.navigator = Navigator(ui, self.watchlist, self.finder, self.verdicts)
        self.exporting = Exporting(ui, self.watchlist, self.verdicts)
        self.asking = Asking(ui, self.desk)
        self.requesting = Requesting(ui, watchlist, self.desk, self.exporting)
        sessions = kept_sessions(ui, watchlist, self.verdicts, names=bool(following))
        self.modals = Modals(ui, self.watchlist, self.navigator, self.verdicts, sessions)
        self.following = FollowedCaptures(ui, watchlist, self.desk, sessions, following)
        if relay is not None:
            self.following.attach(relay, settings.now)
            self.ticker.relayed = True
        batch = bool(following) or opening is not None or len(factories) > 1
        batch = batch or (live is not None and len(live.jobs) > 1)
        self.side = SideBySide(ui, watchlist, self.verdicts, settings)
        self.run_list = RunList(ui, watchlist, self.verdicts, settings.now, batch=batch)
        harden(self)

    # --- begin and end ------------------------------------------------------------------------

    def get_default_screen(self) -> Screen[Any]:
        self.dashboard.fit(self.size)
        return self.dashboard

    def on_mount(self) -> None:
        on_signals(self.desk.leave)
        self.ticker.show_keys(None, live=self.desk.live is not None)
        if self.settings.ticking:
            self.set_interval(TICK_S, self.tick)
        self.call_after_refresh(self._begin)

    async def _begin(self) -> None:
        """Start reading once the first frame is out, and all is there that the next is drawn with.

        In pieces of a few milliseconds each.
        """
        # A thread writes that frame, and finds the interpreter's lock free for a moment.
        await asyncio.sleep(0.002 if self.settings.ticking else 0)
        for number, part in enumerate(self._STYLES[1:]):
            self.stylesheet.add_source(lean(part), read_from=("styles.tcss", f"part {number}"))
            self.stylesheet.parse()
            await asyncio.sleep(0)
        if self.settings.ticking:  # Else the process is not the app's own.
            await import_soon(listed=len(self._factories) > 1)
            calm_collector()
        self.desk.begin(self._factories, self._opening)
        self.following.begin()
        if self.desk.live is not None:
            self.side.offer()
        if not self.watchlist.all and not self.following.captures:
            await self.asking.begin()
        self.ticker.again()  # With the list of runs, so that the panes are laid out once.
        if self.settings.ticking and self.desk.live is not None:
            import_sdk_soon()

    def tick(self) -> None:
        """Draw what changed, and ask what waits for the reader's word."""
        if not self.is_running:
            return  # It ends: screens and panes go one after another, the timers last.
        self.desk.questions.offer()
        self.desk.tick()
        self.side.tick()
        drawing = self.ticker.tick()
        self.navigator.search_on()
        if self.ticker.numbers_due:
            self.following.group()
        if self.side.is_open:
            if drawing:
                self.side.draw(numbers=self.ticker.numbers_due)
        elif (self.ticker.numbers_due or self.run_list.pending) and self.dashboard.is_attached:
            self.run_list.show()

    def redraw(self) -> None:
        """Draw everything now."""
        self.ticker.again()
        self.tick()

    async def on_unmount(self) -> None:
        await self.desk.aclose()

    def notify(self, message: str, *, severity: str = "information", **_: object) -> None:
        """Say something where it covers nothing, instead of in a toast."""
        (self.notes.say if severity == "information" else self.notes.complain)(message)

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        """Return a picture of the screen as SVG: for a file, so secrets are masked."""
        from tui.dashboard.saving import masked_picture

        return masked_picture(super().export_screenshot(title=title, simplify=simplify))

    async def action_quit(self) -> None:
        self.following.leave(0)

    def action_interrupt(self) -> None:
        """Copy a selection; else cancel what is running, and the next time leave."""
        if self.screen.get_selected_text():
            self.screen.action_copy_text()
        elif not self.desk.interrupt():
            self.following.leave(130)

    # --- actions: commands.py says what each of them does ---------------------------------------

    def action_play(self, verb: str, *steps: int) -> None:
        getattr(self.side.player(verb), verb)(*steps)
        self.redraw()

    def action_escape(self) -> None:
        if self.side.is_open:
            self.side.show()
            return
        self.escape.press(self.watchlist, self.desk)
        self.redraw()

    def action_send(self, verb: str) -> None:
        getattr(self.desk, verb)()

    def action_decide(self) -> None:
        self.desk.questions.decide()

    async def action_ask(self, verb: str) -> None:
        await getattr(self.asking, verb)()

    def action_request(self, verb: str) -> None:
        getattr(self.requesting, verb)()

    def action_find(self, verb: str, *what: str | int) -> None:
        getattr(self.navigator, verb)(*what)

    @on(EventLog.Followed)
    def action_follow(self) -> None:
        self.navigator.follow()

    def action_side(self, verb: str, *steps: int) -> None:
        getattr(self.side, verb)(*steps)

    def action_runs(self) -> None:
        self.side.close()
        self.run_list.toggle()

    def action_open(self, modal: str) -> None:
        getattr(self.modals, modal)()

    def action_relay(self) -> None:
        self.following.show()

    def action_keep(self, verb: str) -> None:
        getattr(self.exporting, verb)()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Offer every key's action in the palette."""
        return palette(lambda action: self.call_later(self.run_action, action))

    # --- messages of the panes ----------------------------------------------------------------

    @on(EventLog.Moved)
    def _on_moved(self, message: EventLog.Moved) -> None:
        self.navigator.go_to(message.count - 1)

    @on(OriginWanted)
    def _on_origin_wanted(self, message: OriginWanted) -> None:
        self.navigator.origin(message)

    @on(SourceWanted)
    def _on_source_wanted(self, message: SourceWanted) -> None:
        self.modals.source(message.number)

    @on(TimelineStrip.Picked)
    def _on_picked(self, message: TimelineStrip.Picked) -> None:
        self.navigator.go_to(message.seq)

    @on(AskBar.Changed)
    def _on_asked(self, message: AskBar.Changed) -> None:
        self.navigator.asked(message)

    @on(AskBar.Left)
    def _on_not_asked(self, message: AskBar.Left) -> None:
        self.navigator.not_asked(message)

    # Found by their names, so that their widgets are imported when they are first wanted.
    def on_runs_list_picked(self, message: RunsList.Picked) -> None:
        self.run_list.picked(message)

    def on_lane_entered(self, message: Lane.Entered) -> None:
        self.side.enter(message.key)
        self.navigator.go_to(message.seq)
        if message.opened:
            self.side.open()

    def on_composer_sent(self, message: Composer.Sent) -> None:
        self.asking.sent(message.text)

    async def on_composer_settings_wanted(self) -> None:
        await self.asking.settings()
