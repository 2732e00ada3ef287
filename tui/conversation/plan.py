"""What a command asks to be sent: many requests, each in a conversation of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Final

from tui.conversation.conversation import Conversation, ConversationError, checked_request
from tui.conversation.exchange import Desk, Exchange, Limits
from tui.conversation.toolbox import Toolbox, load_tools
from tui.core.records import JsonObject, strict_loads
from tui.core.skim import SkimSession
from tui.messages.request import build_request, parameters_of, with_prompt
from tui.messages.turns import ToolMode
from tui.run import Clock, Feed, Recorder
from tui.scheduler import Scheduler
from tui.sources.live import Api, LiveSource

CONCURRENCY: Final = 8
MOST: Final = 100_000
"""Requests that one command may ask for."""


DEMO: Final = "demo"
NONE: Final = "none"


async def toolbox_named(name: str) -> Toolbox | None:
    """Return the tools in a file, those built in (`demo`), or no tools (`none`).

    Raises ToolsError.
    """
    path = Path(name)
    if name == NONE:
        return None
    if name == DEMO and not path.exists():
        from tui.conversation.demo_tools import demo_tools

        return demo_tools()
    return await load_tools(path)


class PromptsError(ValueError):
    """A prompts file that cannot be used. The message is one line, with the line's number."""


@dataclass(frozen=True)
class Job:
    """A request to send; `request` is None where a prompt is still to be typed."""

    conversation: Conversation
    request: JsonObject | None


@dataclass
class LivePlan:
    """Everything that live calls need to know."""

    api: Api
    jobs: list[Job] = field(default_factory=list)
    limits: Limits = Limits()
    timeout_s: float | None = None
    concurrency: int = CONCURRENCY
    sink: Callable[[str], None] | None = None
    """Takes the text as it arrives; it is then not held."""
    scheduler: Scheduler = field(default_factory=Scheduler)
    """Shares the event loop among the calls."""

    def slots(self) -> asyncio.Semaphore | None:
        """Return what bounds how many of the jobs run at a time; None for a single one."""
        return asyncio.Semaphore(self.concurrency) if len(self.jobs) > 1 else None

    def feed(self, request: JsonObject, recorder: Recorder | None) -> Feed:
        """Return the feed of a request that is not sent yet."""
        now = self.limits.now
        source = LiveSource(request, api=self.api, timeout_s=self.timeout_s, now=now)
        session = None if self.sink is None else SkimSession(self.sink)
        return Feed(
            source,
            clock=Clock(now),
            now=now,
            recorder=recorder,
            session=session,
            scheduler=self.scheduler,
        )

    def exchanges(self, desk: Desk) -> Iterator[Exchange]:
        """Yield an exchange for each job that has a request."""
        slots = self.slots()
        for job in self.jobs:
            if job.request is not None:
                yield Exchange(job.conversation, job.request, desk, limits=self.limits, slots=slots)


def make_jobs(
    requests: list[JsonObject],
    *,
    models: tuple[str, ...] = (),
    repeat: int = 1,
    toolbox: Toolbox | None = None,
    tool_mode: ToolMode = "ask",
) -> list[Job]:
    """Return a job for every request with every model, `repeat` times."""
    jobs = []
    for request, model, _ in product(requests, models or (None,), range(repeat)):
        asked = request if model is None else {**request, "model": model}
        conversation = Conversation(parameters_of(asked), toolbox=toolbox, tool_mode=tool_mode)
        jobs.append(Job(conversation, build_request(None, base=asked)))
    return jobs


def read_prompts(path: Path, base: JsonObject) -> list[JsonObject]:
    """Return the requests in a file, as `parse_prompts` does; `.jsonl` in its name says requests.

    Raises PromptsError and OSError.
    """
    return parse_prompts(path.read_bytes(), base, as_json=path.suffix == ".jsonl")


def parse_prompts(data: bytes, base: JsonObject, *, as_json: bool = False) -> list[JsonObject]:
    """Return the requests in a text: a prompt a line, or a request as JSON a line.

    It holds requests where its first line is a JSON object; each is laid over `base`. Blank lines
    are left out. Raises PromptsError.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PromptsError(f"not UTF-8 at byte {error.start}") from None
    lines = [
        (number, line.rstrip("\r"))
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip()
    ]
    if not lines:
        raise PromptsError("there is no prompt in it")
    as_json = as_json or _is_object(lines[0][1])
    requests = []
    for number, line in lines:
        if not as_json:
            requests.append(with_prompt(base, line.strip()))
            continue
        try:
            requests.append(_request(strict_loads(line), base))
        except ValueError as error:
            raise PromptsError(f"line {number}: {error}") from None
    return requests


def _is_object(line: str) -> bool:
    try:
        return isinstance(strict_loads(line), dict)
    except ValueError:
        return False


def _request(value: object, base: JsonObject) -> JsonObject:
    if isinstance(value, str):
        return with_prompt(base, value)
    request = checked_request(value)
    if "prompt" in request and "messages" not in request:
        prompt = request["prompt"]
        if not isinstance(prompt, str):
            raise ConversationError("prompt: has to be a string")
        rest = {name: item for name, item in request.items() if name != "prompt"}
        return with_prompt({**base, **rest}, prompt)
    if not request.get("messages"):
        raise ConversationError("a request needs messages, or a prompt")
    return {**base, **request}
