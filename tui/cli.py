"""The command line. The only reader of arguments and environment; everything else comes late."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from tui import __version__

if TYPE_CHECKING:
    from tui.app import SourceFactory
    from tui.captures.writer import CaptureWriter
    from tui.run import Feed

_Json = TypeVar("_Json", dict[str, Any], list[Any])
_FAILED = 1
_USAGE = 2
_INTERRUPTED = 130


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


_speed = click.option(
    "--speed", type=Speed(), default=1.0, show_default="1", help="0.1 to 100, or instant."
)
_plain = click.option("--plain", is_flag=True, help="No screen: the answer as plain text.")


def fail(message: str, status: int = _USAGE) -> NoReturn:
    """End with one line on standard error."""
    from tui.core.text import one_line

    sys.stderr.write(f"streamscope: {one_line(message)}\n")
    sys.exit(status)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
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
@_speed
@_plain
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
    show([lambda: ScenarioSource(name)], speed=speed, plain=plain)


@cli.command("open")
@click.argument("files", nargs=-1, required=True)
@_speed
@click.option("--follow", is_flag=True, help="Wait for more of a capture that is being written.")
@_plain
def open_files(files: tuple[str, ...], speed: float, follow: bool, plain: bool) -> None:
    """Play recorded streams: FILE... or - for standard input, drawn as it arrives.

    Also captures, claude-trace logs, HAR files, VCR cassettes, and an event as JSON on each line.
    """
    from tui.core.text import one_line
    from tui.sources.capture import following, recorded

    factories: list[SourceFactory] = []
    for name in files:
        if name == "-":
            if len(files) > 1:
                fail("- cannot be opened together with files")
            factories.append(_stdin_source(plain or not _screen_possible()))
            continue
        path = Path(name)
        # Not `Path.is_dir`: that one raises where a name is too long or a folder is locked.
        if os.path.isdir(path):
            fail(f"{name} is a folder: name a file in it, or use streamscope inspect {name}")
        try:
            found, warnings = (following if follow else recorded)(path)
        except FileNotFoundError:
            fail(f"{name}: no such file")
        except OSError as error:
            fail(f"{name}: cannot be read: {error.strerror or error}")
        except ValueError as error:
            fail(f"{name}: {error}")
        factories += found
        for warning in warnings:
            click.echo(f"streamscope: {one_line(f'{name}: {warning}')}", err=True)
    show(factories, speed=speed, plain=plain)


def _stdin_source(plain: bool) -> SourceFactory:
    """Take the pipe off descriptor 0 and, for a screen, put the terminal in its place."""
    from tui.sources.replay import PipeSource

    if sys.stdin is None or os.isatty(0):
        fail("nothing is piped in: curl -N ... | streamscope open -")
    pipe = 0
    if not plain:
        pipe = os.dup(0)
        try:
            terminal = os.open(os.ctermid(), os.O_RDWR)
        except OSError:
            fail("there is no terminal to draw on; use --plain")
        os.dup2(terminal, 0)
        os.close(terminal)
    return lambda: PipeSource(lambda size: os.read(pipe, size))


@cli.command()
@click.argument("prompt", required=False)
@click.option("--model", metavar="M", help="The model.")
@click.option("--system", metavar="S", help="The system prompt.")
@click.option("--max-tokens", type=click.IntRange(min=1), metavar="N", help="Length of the answer.")
@click.option("--tools", type=click.Path(path_type=Path), metavar="FILE", help="Tools, as JSON.")
@click.option(
    "--thinking", type=click.IntRange(min=1), metavar="N", help="Thinking budget in tokens."
)
@click.option("--set", "settings", multiple=True, metavar="K=JSON", help="Any other parameter.")
@click.option(
    "--request", type=click.Path(path_type=Path), metavar="FILE", help="A request, as JSON."
)
@click.option("--base-url", metavar="U", help="Where the API is.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Limit of the whole call, in seconds.",
)
@click.option("--record", type=click.Path(path_type=Path), metavar="FILE", help="Write a capture.")
@_plain
@click.option("--json", "as_json", is_flag=True, help="No screen: a report as JSON at the end.")
def run(
    prompt: str | None,
    model: str | None,
    system: str | None,
    max_tokens: int | None,
    tools: Path | None,
    thinking: int | None,
    settings: tuple[str, ...],
    request: Path | None,
    base_url: str | None,
    timeout: float | None,
    record: Path | None,
    plain: bool,
    as_json: bool,
) -> None:
    """Send PROMPT to the Messages API and watch the answer arrive.

    The key comes from ANTHROPIC_API_KEY or another of the SDK's usual places.
    """
    from tui.core.request import build_request
    from tui.sources.live import LiveSource

    base = _read_json(request, dict, "a request is a JSON object") if request else None
    if prompt is None and not (base or {}).get("messages"):
        fail('nothing to send: streamscope run "your prompt", or --request FILE')
    body = build_request(
        prompt,
        base=base,
        model=model,
        system=system,
        max_tokens=max_tokens,
        thinking=thinking,
        tools=_read_json(tools, list, "tools are a JSON list") if tools else None,
        extra=_parse_settings(settings),
    )
    if not _key_in_environment() and not _key_found():
        fail("no API key: set ANTHROPIC_API_KEY, or try the demo without one: streamscope demo")
    writer = None
    if record is not None:
        from tui.captures.writer import CaptureWriter

        try:
            writer = CaptureWriter(record, tool=f"streamscope {__version__}")
        except (OSError, ValueError) as error:
            fail(f"--record: {getattr(error, 'strerror', None) or error}: {record}")
    address = base_url or os.environ.get("ANTHROPIC_BASE_URL") or None
    show(
        [lambda: LiveSource(body, base_url=address, timeout_s=timeout)],
        plain=plain,
        as_json=as_json,
        writer=writer,
    )


def _key_in_environment() -> bool:
    return bool(os.environ.get("ANTHROPIC_API_KEY") or os.environ.get("ANTHROPIC_AUTH_TOKEN"))


def _key_found() -> bool:
    from tui.sources.live import has_credentials

    return has_credentials()


def _read_json(path: Path, kind: type[_Json], wanted: str) -> _Json:
    from tui.core.records import strict_loads

    try:
        value = strict_loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        fail(f"{path}: no such file")
    except OSError as error:
        fail(f"{path}: cannot be read: {error.strerror or error}")
    except ValueError as error:
        fail(f"{path}: not JSON: {error}")
    if not isinstance(value, kind):
        fail(f"{path}: {wanted}")
    return value


def _parse_settings(settings: tuple[str, ...]) -> dict[str, Any]:
    from tui.core.records import strict_loads

    extra: dict[str, Any] = {}
    for setting in settings:
        name, separator, text = setting.partition("=")
        if not separator or not name:
            fail(f"--set {setting}: write it as name=value, the value in JSON")
        try:
            extra[name] = strict_loads(text)
        except ValueError:
            fail(f"--set {setting}: the value is not JSON; a string needs quotes: {name}='\"...\"'")
    return extra


@cli.command()
@click.argument("targets", nargs=-1, required=True, metavar="FILE...|DIR|-")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
def inspect(targets: tuple[str, ...], as_json: bool) -> None:
    """Report on recorded streams, without a screen."""
    from tui.inspect import Inspector

    inspector = Inspector(sys.stdout, sys.stderr, as_json=as_json)
    for target in targets:
        inspector.inspect(target, sys.stdin.buffer if sys.stdin else None)
    sys.stdout.flush()
    sys.exit(inspector.status)


@cli.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0: any free port.")
@click.option(
    "--speed", type=Speed(), default=1.0, show_default="1", help="0.1 to 100, or instant."
)
def mock(port: int, speed: float) -> None:
    """Serve a Messages API on loopback that answers from the demo streams."""
    from tui.relay.mock import serve

    try:
        serve(port, speed)
    except OSError as error:
        fail(f"port {port}: {error.strerror or error}; another port: --port N, any: --port 0")


def _screen_possible() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def show(
    factories: list[SourceFactory],
    *,
    speed: float = 1.0,
    plain: bool = False,
    as_json: bool = False,
    writer: CaptureWriter | None = None,
) -> NoReturn:
    """Show sources on the screen, or without one where that was asked for or there is none.

    With a `writer`, every live run is recorded.
    """
    try:
        if plain or as_json or not _screen_possible():
            sys.exit(asyncio.run(_read_all(factories, speed, as_json, writer)))
        # Starting up makes a hundred thousand objects that stay. To look for garbage among them
        # would hold up the first frame; after it the app sets a threshold of its own.
        gc.set_threshold(1_000_000)
        from tui.app import Settings, StreamscopeApp

        record = None if writer is None else writer.begin
        app = StreamscopeApp(factories, Settings(speed=speed, record=record))
        result = app.run()
        sys.exit(app.return_code if result is None else result)
    finally:
        if writer is not None:
            writer.close()
            if writer.failure is not None:
                sys.stderr.write(f"streamscope: {writer.failure}\n")


async def _read_all(
    factories: list[SourceFactory], speed: float, as_json: bool, writer: CaptureWriter | None
) -> int:
    from tui.plain import read_as_json, read_plainly
    from tui.run import Clock, Feed

    task = asyncio.current_task()
    assert task is not None
    stopped: list[int] = []
    feeds: list[Feed] = []

    def stop(number: int) -> None:
        stopped.append(number)
        for feed in feeds:
            feed.stopped_as = "interrupted"
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    complete = True
    try:
        for factory in factories:
            recorder = None if writer is None else writer.begin()
            feed = Feed(factory(), clock=Clock(speed=speed), recorder=recorder)
            feeds[:] = [feed]
            if as_json:
                complete &= await read_as_json(feed, sys.stdout)
            else:
                complete &= await read_plainly(feed, sys.stdout, sys.stderr)
    except asyncio.CancelledError:
        sys.stderr.write("\nstreamscope: interrupted\n")
        return 128 + int(stopped[0]) if stopped else _INTERRUPTED
    return 0 if complete else _FAILED


def _run(command: click.Command) -> NoReturn:
    """Run the command line, with its mistakes told on one line each.

    Where the reader of the output has gone, click ends with status 1 and without a word.
    """
    try:
        status = command.main(standalone_mode=False)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "streamscope"
        fail(f"{error.format_message()}  (see {path} --help)", error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        fail("interrupted", _INTERRUPTED)
    sys.exit(status)


def main() -> None:
    """Run the command line."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # Closed by whoever started this: what goes there is lost, and nothing else is.
            setattr(sys, name, open(os.devnull, "w"))
        elif hasattr(stream, "reconfigure"):
            # Wire text holds what a terminal's encoding may not have: replaced, never a traceback.
            stream.reconfigure(errors="replace")
    _run(cli)
