"""What the commands share: how they fail, and how they show what they read."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import click

from tui.captures.telling import told

if TYPE_CHECKING:
    from tui.captures.writer import CaptureWriter
    from tui.cli.output import OutputFile
    from tui.conversation.plan import LivePlan
    from tui.dashboard.watched import Opening, SourceFactory
    from tui.run import Feed
    from tui.viewmodel.smooth import Reveal

FAILED = 1
USAGE = 2
INTERRUPTED = 130


class Speed(click.ParamType[float]):
    """A speed: 0.1 to 100, or `instant`."""

    name = "speed"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        text = str(value).lower().removesuffix("x")
        if text == "instant":
            return float("inf")
        try:
            speed = float(text)
        except ValueError:
            speed = 0.0
        if not 0.1 <= speed <= 100:
            self.fail(f"{value!r} is not a speed: 0.1 to 100, or instant", param, ctx)
        return speed


speed_option = click.option(
    "--speed", type=Speed(), default=1.0, show_default="1", help="0.1 to 100, or instant."
)
plain_option = click.option("--plain", is_flag=True, help="No screen: the answer as plain text.")


class OnceCommand(click.Command):
    """A command that refuses an option that is given twice, where only one of them could count."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for option in given:
            if not isinstance(option, click.Option) or option.multiple or option.is_flag:
                continue
            if given.count(option) > 1:
                raise click.UsageError(f"{option.opts[0]} is given twice: name one", ctx)
        return super().parse_args(ctx, args)


class OnceGroup(click.Group):
    """A group of such commands."""

    command_class = OnceCommand


def fail(message: str, status: int = USAGE) -> NoReturn:
    """End with one line on standard error."""
    sys.stderr.write(f"streamscope: {told(message)}\n")
    sys.exit(status)


def screen_possible() -> bool:
    """Whether standard output is a terminal that can be drawn on."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


@contextmanager
def reading(label: str) -> Iterator[None]:
    """Have a file that cannot be read, or is not what it should be, end the command in one line."""
    try:
        yield
    except FileNotFoundError:
        fail(f"{label}: no such file")
    except OSError as error:
        fail(f"{label}: cannot be read: {error.strerror or error}")
    except ValueError as error:
        fail(f"{label}: {error}")


@dataclass(frozen=True)
class Manner:
    """How something is to be shown."""

    speed: float = 1.0
    plain: bool = False
    as_json: bool = False
    smooth: Reveal | None = None
    bell: bool = False
    incomplete: bool = False
    """There was more that could not be read, so that the status without a screen is no success."""

    @property
    def screenless(self) -> bool:
        """Whether it is written instead: that was asked for, or there is no screen."""
        return self.plain or self.as_json or not screen_possible()


def show(
    factories: list[SourceFactory],
    *,
    manner: Manner | None = None,
    live: LivePlan | None = None,
    writer: CaptureWriter | None = None,
    output: OutputFile | None = None,
    opening: Opening | None = None,
) -> NoReturn:
    """Show sources and live calls, on the screen or without one, and end with their exit status.

    With a `writer`, every live call is recorded; `output` is where their text goes.
    `opening` gives sources that a screen waits for.
    """
    manner = manner or Manner()
    status = FAILED
    try:
        if manner.screenless:
            status = asyncio.run(_without_screen(factories, manner, live, writer))
        else:
            status = _on_screen(factories, manner, live, writer, opening)
    finally:
        kept = _close(live, writer, output)
    sys.exit(status or (0 if kept else FAILED))


def _on_screen(
    factories: list[SourceFactory],
    manner: Manner,
    live: LivePlan | None,
    writer: CaptureWriter | None,
    opening: Opening | None,
) -> int:
    # Starting up makes a hundred thousand objects that stay. To look for garbage among them
    # would hold up the first frame; after it the app sets a threshold of its own.
    gc.set_threshold(1_000_000)
    from tui.dashboard.app import StreamscopeApp
    from tui.dashboard.app_settings import AppSettings
    from tui.dashboard.textual_hacks import left_unread

    settings = AppSettings(
        speed=manner.speed,
        record=None if writer is None else writer.begin,
        smooth=manner.smooth,
        bell=manner.bell,
        editor=os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi",
    )
    app = StreamscopeApp(factories, settings, live=live, opening=opening)
    result = app.run()
    # A terminal that nobody reads would hold up the end.
    for line in [] if left_unread(app) else app.run_list.table():
        sys.stdout.write(f"{line}\n")
    return (app.return_code or 0) if result is None else result


def _close(live: LivePlan | None, writer: CaptureWriter | None, output: OutputFile | None) -> bool:
    """Close what was written; say what of it failed, and return whether nothing did."""
    if writer is not None:
        writer.close()
    if output is not None:
        output.close()
    failures = [file.failure for file in (writer, output) if file is not None and file.failure]
    for job in live.jobs if live is not None else ():
        if job.conversation.failure:
            failures.append(f"the conversation is not kept: {job.conversation.failure}")
    for failure in failures:
        sys.stderr.write(f"streamscope: {told(failure)}\n")
    return not failures


async def _without_screen(
    factories: list[SourceFactory],
    manner: Manner,
    live: LivePlan | None,
    writer: CaptureWriter | None,
) -> int:
    from tui.cli.plain import read_as_json, read_plainly
    from tui.run import Clock, Feed

    task = asyncio.current_task()
    assert task is not None
    stopped: list[int] = []
    feeds: list[Feed] = []
    record = None if writer is None else writer.begin

    def stop(number: int) -> None:
        stopped.append(number)
        for feed in feeds:
            feed.stopped_as = "interrupted"
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        loop.add_signal_handler(number, stop, number)
    succeeded = True
    try:
        for factory in factories:
            feed = Feed(factory(), clock=Clock(speed=manner.speed))
            feeds[:] = [feed]
            if manner.as_json:
                succeeded &= await read_as_json(feed, sys.stdout)
            else:
                succeeded &= await read_plainly(feed, sys.stdout, sys.stderr, manner.smooth)
        if live is not None:
            from tui.cli.plain_live import PlainDesk, run_plainly

            desk = PlainDesk(live, record)
            feeds = desk.feeds
            succeeded &= await run_plainly(
                live,
                sys.stdout,
                sys.stderr,
                desk=desk,
                as_json=manner.as_json,
                smooth=manner.smooth,
            )
    except asyncio.CancelledError:
        sys.stderr.write("\nstreamscope: interrupted\n")
        return 128 + int(stopped[0]) if stopped else INTERRUPTED
    return 0 if succeeded and not manner.incomplete else FAILED
