"""A conversation: its parameters, its turns so far, and the file it is kept in."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from tui.captures.files import check_kind
from tui.captures.redact import redact_json
from tui.conversation.toolbox import Toolbox
from tui.core.records import JsonObject, strict_loads
from tui.core.session import Run
from tui.messages.request import build_request, messages_of, waiting_tools, with_prompt
from tui.messages.turns import (
    ToolMode,
    after_answer,
    calls,
    compared_with,
    continuation,
    unfinished,
)

MAX_FILE_BYTES: Final = 64 * 1024 * 1024


class ConversationError(ValueError):
    """A file that holds no conversation. The message is one line."""


class SentRequest(NamedTuple):
    """A request that was sent, and the run that answered it."""

    request: JsonObject
    run: Run
    at: str = ""
    """When it was answered: `12:03:59`. A cache lives for minutes."""


class Printed(NamedTuple):
    """What a tool printed during a call. It is shown, and never sent."""

    tool: str
    text: str
    """Wire text: not sanitised."""


class Conversation:
    """What is said so far. `request` is everything but the next prompt."""

    def __init__(
        self,
        request: JsonObject | None = None,
        *,
        toolbox: Toolbox | None = None,
        tool_mode: ToolMode = "ask",
        path: Path | None = None,
    ) -> None:
        """Begin with the parameters and turns of `request`; `path` is where it is kept."""
        self.request: JsonObject = _whole(request or {})
        self.toolbox = toolbox
        self.tool_mode: ToolMode = tool_mode
        self.path = path
        self.sent: list[SentRequest] = []
        self.broken: SentRequest | None = None
        """The answer that broke off or whose calls were left open, until another one stands."""
        self.pending: JsonObject | None = None
        """A request that is ready to be sent, where the exchange stopped before it."""
        self.printed: dict[str, Printed] = {}
        """By the id of the call, in the order in which they ended."""
        self.failure: str | None = None
        """Why the conversation is not kept in its file any more, in one line."""

    @property
    def turns(self) -> int:
        """How many prompts and answers there are."""
        return len(self.request["messages"])

    @property
    def model(self) -> str:
        return str(self.request["model"])

    def asking(self, prompt: str) -> JsonObject:
        """Return the request that asks `prompt` next."""
        return with_prompt(self._so_far(), prompt)

    def _so_far(self) -> JsonObject:
        if self.pending is not None:
            return self.pending
        if self.broken is None:
            return self.request
        # What arrived of the answer was read: the next turn may speak of it.
        request, run, _ = self.broken
        message = run.state.message_json() or {}
        if run.status != "complete":
            message["content"] = unfinished(run.state, waiting_tools(request)).kept
        return after_answer(request, message) if message.get("content") else self.request

    def continuing(self) -> JsonObject | None:
        """Return the request that has a broken answer go on, None when there is nothing to do."""
        if self.pending is not None:
            return self.pending
        if self.broken is None:
            return None
        request, run, _ = self.broken
        return continuation(request, run.state, run.status)

    def open_calls(self) -> SentRequest | None:
        """Return the answer whose calls wait for their results, None when there is none."""
        broken = self.broken
        if broken is None or not calls(broken.run.state, broken.run.status):
            return None
        return broken

    def set_parameters(self, parameters: JsonObject) -> None:
        """Take other parameters; the turns stay."""
        request = _whole({**parameters, "messages": self.request["messages"]})
        if self.sent and request.get("diagnostics") == {"previous_message_id": None}:
            request = compared_with(request, self.sent[-1].run.state.message_json() or {})
        self.request = request

    # --- what became of a request ---------------------------------------------------------------

    def note_sent(self, request: JsonObject, run: Run) -> None:
        """A request was answered to its end."""
        self.sent.append(SentRequest(request, run, time.strftime("%H:%M:%S")))
        self.broken = self.pending = None

    def answered(self, request: JsonObject, run: Run) -> None:
        """An answer stands: the next prompt follows it."""
        message = run.state.message_json()
        assert message is not None
        if run.state.stop_reason == "max_tokens":
            self.broken = SentRequest(request, run)
        self._keep(after_answer(request, message))

    def broke_off(self, request: JsonObject, run: Run) -> None:
        """An answer ended before its end, or its calls were left open; it can be continued."""
        if run.state.blocks:
            self.broken = SentRequest(request, run)

    def stopped_before(self, request: JsonObject) -> None:
        """A request was made and not sent."""
        self.pending = request
        self._keep(request)

    def _keep(self, request: JsonObject) -> None:
        self.request = request
        if self.path is None:
            return
        try:
            write_conversation(self.path, request)
            self.failure = None
        except OSError as error:
            self.failure = f"{self.path.name}: {error.strerror or error}"


def _whole(request: JsonObject) -> JsonObject:
    made = build_request(None, base=request)
    made["messages"] = messages_of(made)
    return made


def read_conversation(path: Path) -> JsonObject:
    """Return the conversation in a file: what `write_conversation` wrote, or a request's body.

    Raises ConversationError, and OSError where the file cannot be read. It is kept in place of what
    was read, so neither a link nor a named pipe will do.
    """
    check_kind(path)
    return checked_request(read_request(path))


def read_request(path: Path) -> JsonObject:
    """Return the request in a file as it is, whether or not the API would take it.

    Raises ConversationError, and OSError where the file cannot be read.
    """
    with path.open("rb") as file:
        return parse_request(file.read(MAX_FILE_BYTES + 1))


def parse_request(data: bytes) -> JsonObject:
    """Return the request that JSON in UTF-8 holds. Raises ConversationError."""
    if len(data) > MAX_FILE_BYTES:
        raise ConversationError(f"larger than {MAX_FILE_BYTES >> 20} MiB")
    try:
        value = strict_loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ConversationError(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ConversationError("a request is a JSON object")
    return value


def checked_request(value: object) -> JsonObject:
    """Return `value` if it is a request with turns in it. Raises ConversationError."""
    if not isinstance(value, dict):
        raise ConversationError("a request is a JSON object")
    messages = value.get("messages", [])
    if not isinstance(messages, list):
        raise ConversationError("messages: has to be a list")
    for place, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise ConversationError(f"messages[{place}]: a turn needs a role and content")
    return value


def write_conversation(path: Path, request: JsonObject) -> None:
    """Replace the file at `path` by the conversation, 0600, whole or not at all."""
    text = json.dumps(redact_json(request), indent=2, allow_nan=False) + "\n"
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent or Path())
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
