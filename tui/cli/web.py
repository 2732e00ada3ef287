"""The command `web`: the dashboard in a browser."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import click

from tui.cli.click_options import OnceCommand
from tui.cli.failing import fail

# Not by the name of a file: the folder at hand may have modules of the same names.
_COMMAND = (sys.executable, "-P", "-c", "from tui.cli.main import main; main()")


@click.command(cls=OnceCommand)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port to listen on; without it, any free one.",
)
@click.option(
    "--sessions",
    type=click.IntRange(1, 100),
    default=8,
    metavar="N",
    help="Pages that can be open at a time (default 8).",
)
@click.argument("arguments", nargs=-1, metavar="[-- ARGS...]")
def web(port: int, sessions: int, arguments: tuple[str, ...]) -> None:
    """Show the dashboard in a browser, on this machine.

    ARGS are those of streamscope itself: streamscope web -- open capture.jsonl. Without any it
    plays the demo tour. Each page runs them anew, until you close it.
    """
    if "-" in arguments:
        fail("a page in a browser has no standard input (-): name a file")
    try:
        asyncio.run(_serve(port, sessions, arguments))
    except OSError as error:
        why = os.strerror(error.errno or 0)
        fail(f"port {port}: {why}; use another one, or --port 0 for any free one")


async def _serve(port: int, sessions: int, arguments: tuple[str, ...]) -> None:
    from tui.serving.server import LoopbackServer
    from tui.serving.site import new_token
    from tui.serving.terminal import Program, TerminalPages

    program = Program((*_COMMAND, *arguments), dict(os.environ), most_sessions=sessions)
    pages = TerminalPages(program, token=new_token())
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers: list[int] = []

    def stop(number: int) -> None:
        numbers.append(number)
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        loop.add_signal_handler(number, stop, number)
    async with LoopbackServer(pages.answer, port=port, pages=pages) as server:
        click.echo(f"streamscope web: open {pages.address(server.url)}  (ctrl+c ends it)")
        await stopped.wait()
    fail("interrupted", 128 + numbers[0])
