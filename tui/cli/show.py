"""Shows sources and live calls: on the screen, or without one as text or JSON."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import click

from tui.captures.telling import told
from tui.cli.failing import FAILED, INTERRUPTED

if TYPE_CHECKING:
    from tui.captures.writer import CaptureWriter
    from tui.cli.config import Config
    from tui.cli.output import OutputFile
    from tui.cli.plain_live import PlainDesk
    from tui.conversation.plan import LivePlan
    from tui.dashboard.app import StreamscopeApp
    from tui.dashboard.relaying import RelayLink
    from tui.run import Feed
    from tui.sources import Opening, SourceFactory
    from tui.sources.followed import CaptureFollower
    from tui.viewmodel.smooth import Reveal


def screen_possible() -> bool:
    """Whether standard output is a terminal that can be drawn on, or leads to one on a web page."""
    if os.environ.get("TEXTUAL_DRIVER", "").endswith(":WebDriver"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


class OutputMode(NamedTuple):
    """How something is to be shown."""

    speed: float = 1.0
    plain: bool = False
    as_json: bool = False
    smooth: Reveal | None = None
    bell: bool = False
    showed: tuple[str, str] | None = None
    """A demo, and what it shows: told at its end, with what comes next."""
    theme: str | None = None
    """The name of a theme; one that there is not is refused where there is a screen."""
    loop: bool = False
    """Whether what is played begins anew when it has ended."""
    least_status: int = 0
    """The least exit status without a screen: there was more, which could not be read."""

    @property
    def screenless(self) -> bool:
        """Whether it is written instead: that was asked for, or there is no screen."""
        return self.plain or self.as_json or not screen_possible()


def show(
    factories: list[SourceFactory],
    *,
    output_mode: OutputMode | None = None,
    live: LivePlan | None = None,
    writer: CaptureWriter | None = None,
    output: OutputFile | None = None,
    opening: Opening | None = None,
    following: Sequence[CaptureFollower] = (),
) -> NoReturn:
    """Show sources and live calls, on the screen or without one, and end with their exit status.

    With a `writer`, every live call is recorded; `output` is where their text goes.
    `opening` and `following` give sources that are found while a screen is there.
    """
    output_mode = output_mode or OutputMode()
    status = FAILED
    try:
        if output_mode.screenless:
            status = asyncio.run(_without_screen(factories, output_mode, live, writer))
        else:
            app = app_for(factories, output_mode, live, writer, opening, following)
            status = run_app(app)
    finally:
        kept = _close(live, writer, output)
    sys.exit(status or (0 if kept else FAILED))


# As `show` takes them, and without what is only for the end.
def app_for(
    factories: list[SourceFactory],
    output_mode: OutputMode,
    live: LivePlan | None = None,
    writer: CaptureWriter | None = None,
    opening: Opening | None = None,
    following: Sequence[CaptureFollower] = (),
    relay: RelayLink | None = None,
) -> StreamscopeApp:
    """Return the dashboard."""
    leave_garbage()
    from tui.cli.state import keep_theme, kept_theme
    from tui.dashboard.app import StreamscopeApp
    from tui.dashboard.app_settings import AppSettings

    context = click.get_current_context(silent=True)
    config: Config | None = None if context is None else context.find_root().obj
    if config is not None:
        from tui.cli.config import check_keys

        check_keys(config)
    settings = AppSettings(
        speed=output_mode.speed,
        record=None if writer is None else writer.begin,
        smooth=output_mode.smooth,
        bell=output_mode.bell,
        showed=output_mode.showed,
        loop=output_mode.loop,
        theme=output_mode.theme or (None if "TEXTUAL_THEME" in os.environ else kept_theme()),
        keep_theme=keep_theme,
        keys={} if config is None else config.keys,
        editor=os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi",
    )
    app = StreamscopeApp(
        factories, settings, live=live, opening=opening, following=following, relay=relay
    )
    if output_mode.theme is not None:
        from tui.cli.config import check_theme

        check_theme(output_mode.theme, sorted(app.available_themes), config)
    return app


def run_app(app: StreamscopeApp) -> int:
    """Run the dashboard, and return its exit status."""
    from tui.dashboard.textual_hacks import left_unread

    result = app.run()
    # A terminal that nobody reads would hold up the end.
    for line in [] if left_unread(app) else app.run_list.table():
        sys.stdout.write(f"{line}\n")
    return (app.return_code or 0) if result is None else result


def leave_garbage() -> None:
    """Have no garbage looked for until the screen is there.

    Starting up makes a hundred thousand objects that stay, a large capture more. To look for
    garbage among them would hold up the first frame; after it the app sets a threshold of its own.
    """
    gc.set_threshold(1_000_000)


def _close(live: LivePlan | None, writer: CaptureWriter | None, output: OutputFile | None) -> bool:
    """Close what was written; say what of it failed, and return whether nothing did."""
    if writer is not None:
        writer.close()
    if output is not None:
        output.close()
    failures = [file.failure for file in (writer, output) if file is not None and file.failure]
    for job in live.jobs if live is not None else ():
        if job.conversation.failure:
            failures.append(f"the conversation was not saved: {job.conversation.failure}")
    for failure in failures:
        sys.stderr.write(f"streamscope: {told(failure)}\n")
    return not failures


async def _without_screen(
    factories: list[SourceFactory],
    output_mode: OutputMode,
    live: LivePlan | None,
    writer: CaptureWriter | None,
) -> int:
    from tui.cli.plain import read_as_json, read_plainly
    from tui.run import Clock, Feed

    task = asyncio.current_task()
    assert task is not None
    stopped: list[int] = []
    feeds: list[Feed] = []
    desk: PlainDesk | None = None
    record = None if writer is None else writer.begin

    def stop(number: int) -> None:
        stopped.append(number)
        for feed in [*feeds, *(stream.feed for stream in (desk.streams if desk else ()))]:
            feed.stopped_as = "interrupted"
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        loop.add_signal_handler(number, stop, number)
    succeeded = True
    try:
        for factory in factories:
            feed = Feed(factory(), clock=Clock(speed=output_mode.speed))
            feeds[:] = [feed]
            if output_mode.as_json:
                succeeded &= await read_as_json(feed, sys.stdout)
            else:
                succeeded &= await read_plainly(feed, sys.stdout, sys.stderr, output_mode.smooth)
        if live is not None:
            from tui.cli import plain_live

            desk = plain_live.PlainDesk(live, record)
            succeeded &= await plain_live.run_plainly(
                live,
                sys.stdout,
                sys.stderr,
                desk=desk,
                as_json=output_mode.as_json,
                smooth=output_mode.smooth,
            )
    except asyncio.CancelledError:
        sys.stderr.write("\nstreamscope: interrupted\n")
        return 128 + int(stopped[0]) if stopped else INTERRUPTED
    return max(output_mode.least_status, 0 if succeeded else FAILED)
