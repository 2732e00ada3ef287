"""The command line. The only reader of arguments and environment; everything else comes late."""

from __future__ import annotations

import os
import sys
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from tui import __version__
from tui.captures.telling import crash_report, told
from tui.cli.click_options import (
    OnceGroup,
    plain_option,
    smooth_option,
    speed_option,
    theme_option,
)
from tui.cli.failing import FAILED, INTERRUPTED, USAGE, fail, reading
from tui.cli.show import OutputMode, leave_garbage, screen_possible, show
from tui.cli.standard_input import take_pipe
from tui.cli.standard_streams import OutputFailed, guard
from tui.cli.web import web

if TYPE_CHECKING:
    from tui.mock.matching import MatchMode
    from tui.sources import Opened, SourceFactory
    from tui.sources.followed import CaptureFollower
    from tui.viewmodel.smooth import Reveal


class Commands(OnceGroup):
    """All commands. `run` and `proxy`, with their many options, are made when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), "proxy", "run"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "proxy":
            from tui.cli.proxy_command import proxy

            return proxy
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

    Without a command it plays the demo tour, for which you need neither a key nor a network.
    """
    name = context.invoked_subcommand or "demo"
    if name in ("demo", "open", "run", "proxy"):
        _take_config(context, name)
    if context.invoked_subcommand is None:
        context.invoke(demo)


def _take_config(context: click.Context, name: str) -> None:
    """Have the defaults of a command be those of the config file, where there is one."""
    from platformdirs import user_config_path

    path = user_config_path("streamscope", appauthor=False) / "config.toml"
    # Most have none: then nothing more is imported for it.
    if not os.path.lexists(path):
        return
    from tui.cli.config import read_config

    context.obj = config = read_config(path)
    command = cli.get_command(context, name)
    if config.values and command is not None:
        context.default_map = {name: config.defaults(command)}


@cli.command()
@click.argument("name", default="tour")
@click.option("--list", "listing", is_flag=True, help="List the demo streams.")
@click.option("--loop", is_flag=True, help="Start again at the end, again and again.")
@speed_option
@smooth_option
@theme_option
@plain_option
def demo(
    name: str,
    listing: bool,
    loop: bool,
    speed: float,
    smooth: Reveal | None,
    theme: str | None,
    plain: bool,
) -> None:
    """Play a built-in demo stream."""
    from tui.scenarios import UnknownScenario, header, names
    from tui.scenarios.sessions import load_session, session_names

    if listing:
        known = {one: header(one).description for one in names()}
        known |= {one: load_session(one)[0].description for one in session_names()}
        width = max(map(len, known))
        for one, description in known.items():
            click.echo(f"{one:<{width}}  {description}")
        return
    from tui.sources.scenario import ScenarioSource

    if name in session_names():
        parts = [partial(ScenarioSource, part) for part in load_session(name)]
        if loop:
            fail(f"--loop plays one stream, and {name} is a session of several")
        output_mode = OutputMode(speed, plain, smooth=smooth, theme=theme)
        show(list(parts), output_mode=output_mode)
    if name not in names():
        fail(f"{UnknownScenario(name)}; streamscope demo --list shows them all")
    shown = header(name)
    output_mode = OutputMode(
        speed,
        plain,
        smooth=smooth,
        showed=None if loop else (shown.title, shown.description),
        theme=theme,
        loop=loop,
    )
    if loop and output_mode.screenless:
        fail("--loop needs a screen: leave out --plain, and do not write into a pipe")
    show([lambda: ScenarioSource(name)], output_mode=output_mode)


@cli.command("open")
@click.argument("files", nargs=-1, required=True, metavar="FILE...|DIR|-")
@speed_option
@click.option("--follow", is_flag=True, help="Show a capture while it is being written.")
@smooth_option
@theme_option
@plain_option
def open_files(
    files: tuple[str, ...],
    speed: float,
    follow: bool,
    smooth: Reveal | None,
    theme: str | None,
    plain: bool,
) -> None:
    """Play recorded streams: files, a folder, or - for standard input as it arrives.

    Of a folder, or of several files, you get a list of all streams: the one that you look at is
    loaded first, and r plays it. The row of a file that cannot be read says why.

    It reads server-sent events, captures, events as JSON, whole Messages, Claude Code sessions,
    batch results, Bedrock event streams, claude-trace logs, HAR files, mitmproxy flows, VCR
    cassettes, and other recordings of requests and responses in JSON.
    """
    from tui.captures.importers import ImportFailure
    from tui.sources.capture import following, from_pipe, recorded
    from tui.sources.opened import is_folder, open_pipe

    if "-" in files and len(files) > 1:
        fail("- cannot be opened together with files: name one or the other")
    if not plain:
        leave_garbage()
    output_mode = OutputMode(speed, plain, smooth=smooth, theme=theme)
    if follow and "-" not in files and not output_mode.screenless:
        show([], output_mode=output_mode, following=_followers(files))
    paths = [Path(name) for name in files]
    if not follow and (len(paths) > 1 or is_folder(paths[0])):
        _open_together(paths, output_mode)
    factories: list[SourceFactory] = []
    failures: list[str] = []
    for name, path in zip(files, paths, strict=True):
        if name == "-":
            screen = not plain and screen_possible()
            pipe = take_pipe("curl -N ... | streamscope open -", screen=screen)
            read = partial(os.read, pipe)
            if screen:
                show([], output_mode=output_mode, opening=open_pipe(read, "standard input"))
            opening = partial(from_pipe, read, "standard input")
        elif is_folder(path):
            fail(f"{name} is a folder: --follow needs a capture file")
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
    show(factories, output_mode=output_mode._replace(least_status=FAILED if failures else 0))


def _open_together(paths: list[Path], output_mode: OutputMode) -> NoReturn:
    """Open several files and folders; on a screen, what is behind the first of them later."""
    from tui.captures.telling import why_unread
    from tui.sources.opened import open_together

    found = open_together(paths)
    seen: list[Opened] = []
    failures: list[str] = []
    status = 0
    for opened in found:
        seen.append(opened)
        failures += [f"{opened.name}: {warning}" for warning in opened.warnings]
        if opened.problem is not None:
            failures.append(f"{opened.name}: {why_unread(opened.problem)}")
            status = max(status, USAGE if isinstance(opened.problem, OSError) else FAILED)
        elif not output_mode.screenless:
            show([], output_mode=output_mode, opening=chain(seen, found))
    good = [one for one in seen if one.problem is None]
    if not good and not failures:
        fail(f"{paths[0]}: no streams in this folder (looked for *.sse and logs)")
    if not good:
        fail("; ".join(failures), status)
    for failure in failures:
        click.echo(f"streamscope: {told(failure)}", err=True)
    factories = [stream.source for one in good for stream in one.streams]
    status = max(status, FAILED if failures else 0)
    show(factories, output_mode=output_mode._replace(least_status=status))


def _followers(files: tuple[str, ...]) -> list[CaptureFollower]:
    """Return what follows these captures; fail where one cannot be."""
    from tui.sources.capture import following
    from tui.sources.followed import CaptureFollower

    for name in files:
        with reading(name):
            following(Path(name))
    return [CaptureFollower(Path(name)) for name in files]


@cli.command()
@click.argument("targets", nargs=-1, required=True, metavar="FILE...|DIR|-")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object for each file.")
def inspect(targets: tuple[str, ...], as_json: bool) -> None:
    """Say what is in recorded streams, and what is wrong with them."""
    from tui.cli.inspect import Inspector

    if targets.count("-") > 1:
        fail("- is standard input, which can be read only once: name it once")
    inspector = Inspector(sys.stdout, sys.stderr, as_json=as_json)
    for target in targets:
        inspector.inspect(target, sys.stdin.buffer if sys.stdin else None)
    sys.exit(inspector.status)


@cli.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port to listen on; without it, any free one.",
)
@speed_option
@click.option(
    "--jitter", type=float, default=0.0, metavar="S", help="Make each pause up to S seconds longer."
)
@click.option(
    "--seed", type=int, metavar="N", help="Make the same ids, jitter and faults every time."
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT",
    help="Go wrong in this way, such as cut:500.",
)
@click.option(
    "--fault-rate",
    type=click.FloatRange(0, 1),
    default=1.0,
    metavar="SHARE",
    help="The share of requests with a fault, 0 to 1 (default 1).",
)
@click.option("--from", "capture", metavar="CAPTURE", help="Answer with what this file recorded.")
@click.option(
    "--match",
    type=click.Choice(["exact", "content", "order"]),
    default="content",
    help="With --from: which recorded answer a request gets (default content).",
)
@click.pass_context
# A parameter for each option: click calls it with all of them.
def mock(
    context: click.Context,
    port: int,
    speed: float,
    jitter: float,
    seed: int | None,
    faults: tuple[str, ...],
    fault_rate: float,
    capture: str | None,
    match: MatchMode,
) -> None:
    """Serve a Messages API on this machine, which answers with demos or with what was recorded.

    The model scenario:NAME plays that demo; any claude model gets an answer that fits the prompt.
    A client can ask for a fault itself, in the header x-streamscope-fault or after the model name:
    scenario:plain!overloaded:5
    """
    from tui.captures.recording import ImportFailure
    from tui.mock.mock import MockSettings, serve

    given = context.get_parameter_source
    if capture is None and given("match") is not click.core.ParameterSource.DEFAULT:
        fail("--match needs --from: name the file to answer from")
    try:
        if capture is not None:
            from tui.mock.recorded import serve_recorded

            if given("speed") is click.core.ParameterSource.DEFAULT and os.environ.get("CI"):
                speed = float("inf")
            with reading(capture):
                os.stat(capture)
            settings = MockSettings(speed, jitter, seed, faults, fault_rate)
            serve_recorded(Path(capture), match, settings, port)
        serve(port, speed, jitter=jitter, seed=seed, faults=faults, fault_rate=fault_rate)
    except ImportFailure as error:
        fail(f"{capture}: {error}")
    except ValueError as error:
        fail(str(error))
    except OSError as error:
        fail(
            f"port {port}: {error.strerror or error}; use another one, or --port 0 for any free one"
        )


cli.add_command(web)


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
