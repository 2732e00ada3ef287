"""The command `run`: from its options to a plan of live calls."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from tui import __version__
from tui.shell import Manner, fail, plain_option, reading, show

if TYPE_CHECKING:
    from tui.captures.writer import CaptureWriter
    from tui.conversation.plan import Job
    from tui.conversation.toolbox import Toolbox
    from tui.core.records import JsonObject
    from tui.core.turns import ToolMode
    from tui.output import OutputFile

_File = click.Path(path_type=Path)
_Count = click.IntRange(min=1)


@click.command()
@click.argument("prompt", required=False)
@click.option("--model", "models", multiple=True, metavar="M", help="The model; more for several.")
@click.option("--system", metavar="S", help="The system prompt.")
@click.option("--max-tokens", type=_Count, metavar="N", help="Length of the answer.")
@click.option("--thinking", type=_Count, metavar="N", help="Thinking budget in tokens.")
@click.option("--set", "settings", multiple=True, metavar="K=JSON", help="Any other parameter.")
@click.option("--tools", metavar="FILE", help="Tools: JSON, or Python functions; demo: built in.")
@click.option(
    "--run-tools",
    type=click.Choice(["ask", "always", "hand"]),
    default="ask",
    show_default=True,
    help="Ask before a tool runs, run it always, or answer by hand.",
)
@click.option("--request", type=_File, metavar="FILE", help="A request to begin from, as JSON.")
@click.option("--prompts", type=_File, metavar="FILE", help="A prompt or a JSON request a line.")
@click.option("--repeat", type=_Count, default=1, metavar="N", help="Send each so many times.")
@click.option("--concurrency", type=_Count, metavar="N", help="Calls at a time (default 8).")
@click.option("--resume", type=_File, metavar="FILE", help="Go on with a conversation, kept there.")
@click.option("--base-url", metavar="U", help="Where the API is.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Limit of a whole call, in seconds.",
)
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    metavar="N",
    help="Attempts after a failure without output (default 2).",
)
@click.option("--record", type=_File, metavar="FILE", help="Write a capture.")
@click.option("--output", type=_File, metavar="FILE", help="Write the text there as it arrives.")
@click.option(
    "--smooth",
    type=click.Choice(["sentence", "character"]),
    help="Show text sentence by sentence, or at an even pace.",
)
@click.option("--bell", is_flag=True, help="Ring when a run ends.")
@plain_option
@click.option("--json", "as_json", is_flag=True, help="No screen: a report a run as JSON.")
def run(
    prompt: str | None,
    models: tuple[str, ...],
    system: str | None,
    max_tokens: int | None,
    thinking: int | None,
    settings: tuple[str, ...],
    tools: str | None,
    run_tools: ToolMode,
    request: Path | None,
    prompts: Path | None,
    repeat: int,
    concurrency: int | None,
    resume: Path | None,
    base_url: str | None,
    timeout: float | None,
    retries: int | None,
    record: Path | None,
    output: Path | None,
    smooth: Literal["sentence", "character"] | None,
    bell: bool,
    plain: bool,
    as_json: bool,
) -> None:
    """Send PROMPT to the Messages API and watch the answer arrive.

    Without PROMPT the dashboard asks for one. The key comes from ANTHROPIC_API_KEY or another of
    the SDK's usual places.
    """
    from tui.conversation.conversation import Conversation
    from tui.conversation.exchange import Limits
    from tui.conversation.plan import CONCURRENCY, Job, LivePlan
    from tui.conversation.retry import RetryPolicy
    from tui.core.request import build_request, with_prompt, without_open_prompt
    from tui.sources.live import Api

    manner = Manner(plain=plain or output is not None, as_json=as_json, smooth=smooth, bell=bell)
    if request is not None and resume is not None:
        fail("--request and --resume are two beginnings: name one of them")
    toolbox = _toolbox(tools)
    extra = _parse_settings(settings)
    base = build_request(
        None,
        base=_beginning(request, resume),
        model=models[0] if models else None,
        system=system,
        max_tokens=max_tokens,
        thinking=thinking,
        tools=None if toolbox is None else toolbox.definitions,
        extra=extra,
    )
    if prompt is not None or prompts is not None:
        base = without_open_prompt(base)
    many = prompts is not None or len(models) > 1 or repeat > 1
    if many:
        if resume is not None:
            fail("--resume goes on with one conversation: not with several prompts or models")
        if output is not None:
            fail("--output takes the text of one run: not with several prompts or models")
    if output is not None and (as_json or resume is not None or run_tools != "ask"):
        fail("--output does not hold the text: not with --json, --resume or --run-tools")
    if prompt is None and prompts is None and _nothing_to_send(base, resume):
        if manner.screenless or many:
            fail('nothing to send: streamscope run "your prompt", or --request FILE')
        conversation = Conversation(base, toolbox=toolbox, tool_mode=run_tools, path=resume)
        jobs = [Job(conversation, None)]
    elif many:
        jobs = _many(base, prompt, prompts, models, repeat, toolbox, run_tools)
    else:
        so_far = without_open_prompt(base)
        conversation = Conversation(so_far, toolbox=toolbox, tool_mode=run_tools, path=resume)
        asked = base if prompt is None else with_prompt(base, prompt)
        # Also what makes no sense is sent as it was set: the API's own answer says it best.
        jobs = [Job(conversation, {**asked, **extra})]
    if not _key_in_environment() and not _key_found():
        fail("no API key: set ANTHROPIC_API_KEY, or try the demo without one: streamscope demo")
    policy = RetryPolicy(asks=not manner.screenless)
    if retries is not None:
        policy = replace(policy, retries=retries)
    file = _output(output)
    plan = LivePlan(
        Api(base_url or os.environ.get("ANTHROPIC_BASE_URL") or None),
        jobs,
        Limits(policy),
        timeout_s=timeout,
        concurrency=concurrency or CONCURRENCY,
        sink=None if file is None else file.write,
    )
    show([], manner=manner, live=plan, writer=_writer(record), output=file)


def _output(path: Path | None) -> OutputFile | None:
    if path is None:
        return None
    from tui.output import OutputFile

    try:
        return OutputFile(path)
    except OSError as error:
        fail(f"--output: {error.strerror or error}: {path}")


def _nothing_to_send(base: JsonObject, resume: Path | None) -> bool:
    """Whether there is no turn that waits for its answer."""
    messages = base.get("messages")
    if not messages:
        return True
    last = messages[-1] if isinstance(messages, list) else None
    return resume is not None and isinstance(last, dict) and last.get("role") == "assistant"


def _many(
    base: JsonObject,
    prompt: str | None,
    prompts: Path | None,
    models: tuple[str, ...],
    repeat: int,
    toolbox: Toolbox | None,
    run_tools: ToolMode,
) -> list[Job]:
    from tui.conversation.plan import MOST, make_jobs, read_prompts
    from tui.core.request import with_prompt

    if prompts is None:
        requests = [base if prompt is None else with_prompt(base, prompt)]
    elif prompt is not None:
        fail("--prompts and a PROMPT are two lists of what to ask: name one of them")
    else:
        with reading(f"--prompts: {prompts}"):
            requests = read_prompts(prompts, base)
    count = len(requests) * max(len(models), 1) * repeat
    if count > MOST:
        fail(f"that is {count} calls: {MOST} at most")
    # A model in a request of its own is kept, unless models were named.
    return make_jobs(requests, models=models, repeat=repeat, toolbox=toolbox, tool_mode=run_tools)


def _toolbox(tools: str | None) -> Toolbox | None:
    if tools is None:
        return None
    from tui.conversation.plan import toolbox_named
    from tui.conversation.toolbox import ToolsError

    try:
        return toolbox_named(tools)
    except ToolsError as error:
        fail(f"--tools: {error}")


def _beginning(request: Path | None, resume: Path | None) -> JsonObject | None:
    """Return what the request begins from. A conversation that is not there yet begins empty."""
    from tui.conversation.conversation import read_conversation, read_request

    path = request or resume
    if path is None:
        return None
    with reading(str(path)):
        try:
            return read_conversation(path) if path is resume else read_request(path)
        except FileNotFoundError:
            if path is resume and path.parent.is_dir():
                return None
            raise


def _writer(record: Path | None) -> CaptureWriter | None:
    if record is None:
        return None
    from tui.captures.writer import CaptureWriter

    try:
        return CaptureWriter(record, tool=f"streamscope {__version__}")
    except (OSError, ValueError) as error:
        fail(f"--record: {getattr(error, 'strerror', None) or error}: {record}")


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
