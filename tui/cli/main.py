"""The command line. The only reader of arguments and environment; everything else comes late."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from tui import __version__
from tui.captures.telling import crash_report, told
from tui.cli.click_options import OnceGroup, plain_option, speed_option
from tui.cli.failing import FAILED, INTERRUPTED, fail, reading
from tui.cli.show import OutputMode, screen_possible, show
from tui.cli.standard_input import take_pipe
from tui.cli.standard_streams import OutputFailed, guard

if TYPE_CHECKING:
    from tui.sources import SourceFactory


class Commands(OnceGroup):
    """All commands. `run`, with its many options, is made when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), "run"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "run":
            from tui.cli.run_command import run

            return run
        return super().get_command(ctx, cmd_name)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="streamscope")
@click.pass_context
def cli(context: click.Context) -> None:
    """An oscilloscope for Claude streams.

    Without a command: the dashboard on the demo tour. No key and no network are needed for it.
    """
    if context.invoked_subcommand is None:
        context.invoke(demo)


@cli.command()
@click.argument("name", default="tour")
@click.option("--list", "listing", is_flag=True, help="List the demo streams.")
@speed_option
@plain_option
def demo(
    name: str = "tour", listing: bool = False, speed: float = 1.0, plain: bool = False
) -> None:
    """Play a built-in demo stream."""
    from tui.scenarios import UnknownScenario, header, names

    if listing:
        width = max(len(known) for known in names())
        for known in names():
            click.echo(f"{known:<{width}}  {header(known).description}")
        return
    from tui.sources.scenario import ScenarioSource

    if name not in names():
        fail(f"{UnknownScenario(name)}; streamscope demo --list shows them all")
    shown = header(name)
    output_mode = OutputMode(speed, plain, showed=(shown.title, shown.description))
    show([lambda: ScenarioSource(name)], output_mode=output_mode)


@cli.command("open")
@click.argument("files", nargs=-1, required=True)
@speed_option
@click.option("--follow", is_flag=True, help="Wait for more of a capture that is being written.")
@plain_option
def open_files(files: tuple[str, ...], speed: float, follow: bool, plain: bool) -> None:
    """Play recorded streams: FILE... or - for standard input, drawn as it arrives.

    Server-sent events, captures, events as JSON, whole Messages, Claude Code sessions, batch
    results, Bedrock event streams, claude-trace logs, HAR files, mitmproxy flows, VCR cassettes,
    and other recordings of requests and responses in JSON.
    """
    from tui.captures.importers import ImportFailure
    from tui.sources.capture import following, from_pipe, recorded

    if "-" in files and len(files) > 1:
        fail("- cannot be opened together with files")
    factories: list[SourceFactory] = []
    failures: list[str] = []
    for name in files:
        path = Path(name)
        if name == "-":
            screen = not plain and screen_possible()
            pipe = take_pipe("curl -N ... | streamscope open -", screen=screen)
            opening = partial(from_pipe, partial(os.read, pipe), "standard input")
            if screen:
                show([], output_mode=OutputMode(speed), opening=opening)
        # Not `Path.is_dir`: that one raises where a name is too long or a folder is locked.
        elif os.path.isdir(path):
            fail(f"{name} is a folder: name a file in it, or use streamscope inspect {name}")
        else:
            opening = partial(following if follow else recorded, path)
        with reading(name):
            try:
                found, warnings = opening()
            except ImportFailure as problem:
                found, warnings = [], [str(problem)]
        factories += found
        failures += [f"{name}: {warning}" for warning in warnings]
    if not factories:
        fail("; ".join(failures), FAILED)
    for failure in failures:
        click.echo(f"streamscope: {told(failure)}", err=True)
    show(factories, output_mode=OutputMode(speed, plain, incomplete=bool(failures)))


@cli.command()
@click.argument("targets", nargs=-1, required=True, metavar="FILE...|DIR|-")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
def inspect(targets: tuple[str, ...], as_json: bool) -> None:
    """Report on recorded streams, without a screen."""
    from tui.cli.inspect import Inspector

    if targets.count("-") > 1:
        fail("- is standard input, which can be read once")
    inspector = Inspector(sys.stdout, sys.stderr, as_json=as_json)
    for target in targets:
        inspector.inspect(target, sys.stdin.buffer if sys.stdin else None)
    sys.exit(inspector.status)


@cli.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0: any free port.")
@speed_option
@click.option("--jitter", type=float, default=0.0, metavar="S", help="Silences longer by up to S.")
@click.option("--seed", type=int, metavar="N", help="The same ids, jitter and faults every time.")
@click.option("--fault", "faults", multiple=True, metavar="FAULT", help="Goes wrong, as cut:500.")
@click.option(
    "--fault-rate",
    type=click.FloatRange(0, 1),
    default=1.0,
    metavar="SHARE",
    help="The share of requests that gets a fault; all of them without it.",
)
def mock(
    port: int,
    speed: float,
    jitter: float,
    seed: int | None,
    faults: tuple[str, ...],
    fault_rate: float,
) -> None:
    """Serve a Messages API on loopback that answers from the demo streams.

    A model scenario:NAME plays that demo; any claude model is answered by the words of the prompt.
    A client asks for a fault itself with the header x-streamscope-fault or after the model name:
    scenario:plain!overloaded:5
    """
    from tui.mock.mock import serve

    try:
        serve(port, speed, jitter=jitter, seed=seed, faults=faults, fault_rate=fault_rate)
    except ValueError as error:
        fail(str(error))
    except OSError as error:
        fail(f"port {port}: {error.strerror or error}; another port: --port N, any: --port 0")


def _run(command: click.Command) -> NoReturn:
    """Run the command line, with its mistakes told on one line each."""
    try:
        try:
            status = command.main(standalone_mode=False, prog_name="streamscope")
        finally:
            # Not left to the interpreter's end, where nothing can be said any more.
            sys.stdout.flush()
    except OutputFailed as failure:
        if failure.reader_gone:
            sys.exit(FAILED)
        fail(str(failure), FAILED)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "streamscope"
        fail(f"{error.format_message()}  (see {path} --help)", error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        fail("interrupted", INTERRUPTED)
    except Exception as error:
        # A fault of this program: its traceback is of use to whoever mends it.
        sys.stderr.write(crash_report(error))
        sys.exit(FAILED)
    sys.exit(status)


def main() -> None:
    """Run the command line."""
    guard()
    _run(cli)
