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
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0: any free port.")
@click.option(
    "--sessions",
    type=click.IntRange(1, 100),
    default=8,
    show_default=True,
    metavar="N",
    help="Pages at a time.",
)
@click.argument("arguments", nargs=-1, metavar="[-- ARGS...]")
def web(port: int, sessions: int, arguments: tuple[str, ...]) -> None:
    """Show the dashboard in a browser, on this machine.

    ARGS are those of streamscope itself: streamscope web -- open capture.jsonl. Without any, the
    demo tour. Each page that is opened runs them once, until it is closed.
    """
    if "-" in arguments:
        fail("- is standard input, which a page has not: name a file")
    try:
        asyncio.run(_serve(port, sessions, arguments))
    except OSError as error:
        fail(f"port {port}: {os.strerror(error.errno or 0)}; another port: --port N, any: --port 0")


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
