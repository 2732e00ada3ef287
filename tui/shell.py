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

if TYPE_CHECKING:
    from tui.app import SourceFactory
    from tui.captures.writer import CaptureWriter
    from tui.conversation.plan import LivePlan
    from tui.output import OutputFile
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


def fail(message: str, status: int = USAGE) -> NoReturn:
    """End with one line on standard error."""
    from tui.core.text import one_line

    sys.stderr.write(f"streamscope: {one_line(message)}\n")
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
) -> NoReturn:
    """Show sources and live calls, on the screen or without one, and end with their exit status.

    With a `writer`, every live call is recorded; `output` is where their text goes.
    """
    from tui.core.text import one_line

    manner = manner or Manner()
    try:
        if manner.screenless:
            status = asyncio.run(_without_screen(factories, manner, live, writer))
            if output is not None:
                output.close()
                if output.failure is not None:
                    sys.stderr.write(f"streamscope: {one_line(output.failure)}\n")
                    status = status or FAILED
            sys.exit(status)
        # Starting up makes a hundred thousand objects that stay. To look for garbage among them
        # would hold up the first frame; after it the app sets a threshold of its own.
        gc.set_threshold(1_000_000)
        from tui.app import Settings, StreamscopeApp

        settings = Settings(
            speed=manner.speed,
            record=None if writer is None else writer.begin,
            smooth=manner.smooth,
            bell=manner.bell,
            editor=os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi",
        )
        app = StreamscopeApp(factories, settings, live=live)
        result = app.run()
        # A terminal that nobody reads would hold up the end.
        for line in [] if app.unread else app.table():
            sys.stdout.write(f"{line}\n")
        sys.exit(app.return_code if result is None else result)
    finally:
        if writer is not None:
            writer.close()
            if writer.failure is not None:
                sys.stderr.write(f"streamscope: {writer.failure}\n")


async def _without_screen(
    factories: list[SourceFactory],
    manner: Manner,
    live: LivePlan | None,
    writer: CaptureWriter | None,
) -> int:
    from tui.plain import read_as_json, read_plainly
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
            from tui.plain_live import PlainDesk, run_plainly

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
    return 0 if succeeded else FAILED
