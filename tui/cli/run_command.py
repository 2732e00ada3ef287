"""The command `run`: from its options to a plan of live calls."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from tui import __version__
from tui.cli.click_options import OnceCommand, plain_option, smooth_option, theme_option
from tui.cli.failing import fail, reading
from tui.cli.run_options import STDIN, RunOptions, agreed, contradiction
from tui.cli.show import OutputMode, show

if TYPE_CHECKING:
    from tui.captures.writer import CaptureWriter
    from tui.cli.output import OutputFile
    from tui.conversation.plan import Job
    from tui.conversation.toolbox import Toolbox
    from tui.core.records import JsonObject

_File = click.Path(path_type=Path)
_Count = click.IntRange(min=1)


@click.command(cls=OnceCommand)
@click.argument("prompt", required=False)
@click.option(
    "--model", "models", multiple=True, metavar="M", help="The model; give several to ask them all."
)
@click.option("--system", metavar="S", help="The system prompt.")
@click.option(
    "--max-tokens",
    type=click.IntRange(min=0),
    metavar="N",
    help="Most tokens of the answer; 0 only fills the prompt cache.",
)
@click.option("--thinking", type=_Count, metavar="N", help="Most tokens for thinking.")
@click.option(
    "--set", "settings", multiple=True, metavar="K=JSON", help="Any other parameter of the request."
)
@click.option(
    "--tools",
    metavar="FILE",
    help="Tools from a JSON or Python file, or demo for the built-in ones.",
)
@click.option(
    "--run-tools",
    type=click.Choice(["ask", "always", "hand"]),
    default="ask",
    help="Ask before a tool runs (default), always run it, or answer by hand.",
)
@click.option(
    "--request", type=_File, metavar="FILE", help="Start from the request in this JSON file."
)
@click.option(
    "--prompts",
    type=_File,
    metavar="FILE",
    help="Send each line of a file: a prompt, or a request in JSON.",
)
@click.option("--repeat", type=_Count, default=1, metavar="N", help="Send each request N times.")
@click.option(
    "--concurrency", type=_Count, metavar="N", help="At most N calls at the same time (default 8)."
)
@click.option(
    "--resume",
    type=_File,
    metavar="FILE",
    help="Go on with the conversation in this file, and keep it there.",
)
@click.option("--base-url", metavar="U", help="The address of the API.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="End a call that takes longer than S seconds.",
)
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    metavar="N",
    help="Try again N times where nothing had come yet (default 2).",
)
@click.option(
    "--record",
    type=_File,
    metavar="FILE",
    help="Record into this capture; one that exists gets longer.",
)
@click.option(
    "--output",
    type=_File,
    metavar="FILE",
    help="Write the text into this file as it arrives, and run no tools.",
)
@click.option(
    "--force", is_flag=True, help="Replace the file of --output or --record if it exists."
)
@smooth_option
@theme_option
@click.option("--bell", is_flag=True, help="Ring the bell when a run ends.")
@plain_option
@click.option(
    "--json", "as_json", is_flag=True, help="Write one JSON object for each run, without a screen."
)
def run(**given: Any) -> None:  # noqa: ANN401
    """Send PROMPT to the Messages API and watch the answer arrive.

    Without PROMPT the dashboard asks for one. A - reads it from standard input; so do --prompts -
    and --request -. The key comes from ANTHROPIC_API_KEY, or where else the SDK finds one.
    """
    from tui.conversation.exchange import Limits
    from tui.conversation.plan import CONCURRENCY, LivePlan
    from tui.conversation.retry import RetryPolicy
    from tui.sources.live import Api

    options = agreed(RunOptions(**given), _from_config())
    problem = contradiction(options)
    if problem is not None:
        fail(problem)
    output_mode = OutputMode(
        plain=options.plain or options.output is not None,
        as_json=options.as_json,
        smooth=options.smooth,
        bell=options.bell,
        theme=options.theme,
    )
    jobs = _jobs(options, output_mode)
    _require_key()
    policy = RetryPolicy(asks=not output_mode.screenless)
    if options.retries is not None:
        policy = replace(policy, retries=options.retries)
    file = _output(options)
    plan = LivePlan(
        Api(options.base_url or os.environ.get("ANTHROPIC_BASE_URL") or None),
        jobs,
        Limits(policy),
        timeout_s=options.timeout,
        concurrency=options.concurrency or CONCURRENCY,
        sink=None if file is None else file.write,
    )
    show([], output_mode=output_mode, live=plan, writer=_writer(options), output=file)


def _from_config() -> dict[str, object]:
    """Return the options that the config file set, with what they are without it."""
    context = click.get_current_context()
    plain: dict[str, object] = {}
    for option in context.command.params:
        name = option.name or ""
        if context.get_parameter_source(name) is ParameterSource.DEFAULT_MAP:
            # Other defaults than these are none at all.
            default = option.default if isinstance(option.default, (str, bool)) else None
            plain[name] = () if option.multiple else default
    return plain


def _jobs(options: RunOptions, output_mode: OutputMode) -> list[Job]:
    """Return what is to be sent, put together from all that was given."""
    from tui.conversation.conversation import Conversation
    from tui.conversation.plan import Job
    from tui.messages.request import build_request, with_prompt, without_open_prompt

    toolbox = _toolbox(options.tools)
    extra = _parse_settings(options.settings)
    piped = _piped(options, output_mode)
    prompt = _piped_prompt(piped) if options.prompt == STDIN else options.prompt
    base = build_request(
        None,
        base=_beginning(options, piped),
        model=options.models[0] if options.models else None,
        system=options.system,
        max_tokens=options.max_tokens,
        thinking=options.thinking,
        tools=None if toolbox is None else toolbox.definitions,
        extra=extra,
    )
    if prompt is not None or options.prompts is not None:
        base = without_open_prompt(base)
    nothing = prompt is None and options.prompts is None and _nothing_to_send(base, options.resume)
    if nothing and (output_mode.screenless or options.many):
        fail('nothing to send: streamscope run "your prompt", or --request FILE')
    if options.many and not nothing:
        return _many(options, base if prompt is None else with_prompt(base, prompt), piped, toolbox)
    conversation = Conversation(
        base if nothing else without_open_prompt(base),
        toolbox=toolbox,
        tool_mode=options.run_tools,
        path=options.resume,
    )
    if nothing:
        return [Job(conversation, None)]
    asked = base if prompt is None else with_prompt(base, prompt)
    # Also what makes no sense is sent as it was set: the API's own answer says it best.
    return [Job(conversation, {**asked, **extra})]


def _piped(options: RunOptions, output_mode: OutputMode) -> bytes:
    """Return what comes on standard input, where something is to come from there."""
    if not options.from_stdin:
        return b""
    # Before anything is waited for.
    _require_key()
    from tui.cli.standard_input import read_all, take_pipe

    (place,) = options.from_stdin
    example = "run -" if place == "PROMPT" else f"run {place} -"
    pipe = take_pipe(f"... | streamscope {example}", screen=not output_mode.screenless)
    with reading(STDIN):
        return read_all(pipe)


def _piped_prompt(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fail(f"-: not UTF-8 at byte {error.start}")
    if not text.strip():
        fail("-: nothing came on standard input")
    return text.rstrip("\r\n")


def _output(options: RunOptions) -> OutputFile | None:
    if options.output is None:
        return None
    from tui.cli.output import OutputFile

    with _making("--output", options.output):
        return OutputFile(options.output, replace=options.force)


def _writer(options: RunOptions) -> CaptureWriter | None:
    if options.record is None:
        return None
    from tui.captures.writer import CaptureWriter

    tool = f"streamscope {__version__}"
    with _making("--record", options.record):
        return CaptureWriter(options.record, tool=tool, replace=options.force)


@contextmanager
def _making(option: str, path: Path) -> Iterator[None]:
    """Have a file that cannot be made end the command in one line."""
    from tui.captures.files import FileRefused

    try:
        yield
    except FileRefused as error:
        hint = "; --force replaces it" if error.replaceable else ""
        fail(f"{option}: {error}{hint}")
    except OSError as error:
        fail(f"{option}: {path}: {error.strerror or error}")


def _nothing_to_send(base: JsonObject, resume: Path | None) -> bool:
    """Whether there is no turn that waits for its answer."""
    messages = base.get("messages")
    if not messages:
        return True
    last = messages[-1] if isinstance(messages, list) else None
    return resume is not None and isinstance(last, dict) and last.get("role") == "assistant"


def _many(
    options: RunOptions, request: JsonObject, piped: bytes, toolbox: Toolbox | None
) -> list[Job]:
    from tui.conversation.plan import MOST, make_jobs, parse_prompts, read_prompts

    path = options.prompts
    if path is None:
        requests = [request]
    else:
        with reading(f"--prompts: {path}"):
            is_piped = str(path) == STDIN
            requests = parse_prompts(piped, request) if is_piped else read_prompts(path, request)
    count = len(requests) * max(len(options.models), 1) * options.repeat
    if count > MOST:
        fail(f"that would be {count} calls: at most {MOST} can be made")
    # A model in a request of its own is kept, unless models were named.
    return make_jobs(
        requests,
        models=options.models,
        repeat=options.repeat,
        toolbox=toolbox,
        tool_mode=options.run_tools,
    )


def _toolbox(tools: str | None) -> Toolbox | None:
    if tools is None:
        return None
    from tui.conversation.plan import toolbox_named
    from tui.conversation.toolbox import ToolsError

    try:
        return asyncio.run(toolbox_named(tools))
    except ToolsError as error:
        fail(f"--tools: {error}")


def _beginning(options: RunOptions, piped: bytes) -> JsonObject | None:
    """Return what the request begins from. A conversation that is not there yet begins empty."""
    from tui.conversation.conversation import parse_request, read_conversation, read_request

    path = options.request or options.resume
    if path is None:
        return None
    with reading(str(path)):
        if path is options.request:
            return parse_request(piped) if str(path) == STDIN else read_request(path)
        try:
            return read_conversation(path)
        except FileNotFoundError:
            if path.parent.is_dir():
                return None
            raise


def _require_key() -> None:
    if not _key_in_environment() and not _key_found():
        fail(
            "no API key: set ANTHROPIC_API_KEY; without one: "
            "streamscope demo, streamscope open FILE, streamscope mock"
        )


def _key_in_environment() -> bool:
    return bool(os.environ.get("ANTHROPIC_API_KEY") or os.environ.get("ANTHROPIC_AUTH_TOKEN"))


def _key_found() -> bool:
    from tui.sources.live import has_credentials

    return has_credentials()


def _parse_settings(settings: tuple[str, ...]) -> dict[str, Any]:
    from tui.core.records import strict_loads
    from tui.core.text import clip

    extra: dict[str, Any] = {}
    for setting in settings:
        name, separator, text = setting.partition("=")
        if not separator or not name:
            fail(f"--set {setting}: write it as name=value, the value in JSON")
        try:
            extra[name] = strict_loads(text)
        except ValueError as error:
            about = clip(setting, 80)
            if not isinstance(error, json.JSONDecodeError):
                fail(f"--set {about}: {error}")
            fail(f"--set {about}: the value is not JSON; a string needs quotes: {name}='\"...\"'")
    return extra
