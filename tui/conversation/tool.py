"""One tool: how it is offered, how it is run, and what its answer looks like when it is sent."""

from __future__ import annotations

import copy
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tui.captures.redact import redact_text
from tui.core.records import JsonObject
from tui.core.text import clip, one_line

Content = str | list[JsonObject]
"""What a `tool_result` holds: text, or content blocks."""
ToolRunner = Callable[[JsonObject, "Printout"], Awaitable[object]]
Explain = Callable[[BaseException], object]
"""What an exception says in words of its own; None where it has none."""

MAX_CHARS: Final = 100_000
"""How much text of one answer is sent."""
MAX_PRINTED: Final = 65_536
"""Bytes that are kept of what a tool prints during a call."""
MAX_BLOCK_CHARS: Final = 30_000_000
"""How large content blocks may be as JSON; the API takes no larger request."""
_MESSAGE_CHARS: Final = 1_000
_READ_CHARS: Final = 20_000
_BLOCKS: Final = {
    "text": "text",
    "image": "source",
    "document": "source",
    "search_result": "content",
    "tool_reference": "tool_name",
}
"""The blocks that a tool result may hold, each with a field it always has."""


class Outcome(NamedTuple):
    """What a call came to, as it is sent back."""

    content: Content
    is_error: bool


class Printout:
    """What a tool wrote to its standard output and error: the beginning, and how much it was."""

    def __init__(self) -> None:
        self.size = 0
        """Bytes, with those that were not kept."""
        self._kept = bytearray()

    def add(self, data: bytes) -> None:
        """Take what was written next."""
        self.size += len(data)
        self._kept += data[: MAX_PRINTED - len(self._kept)]

    def take(self, other: Printout) -> None:
        """Take what somebody else has heard."""
        size = self.size + other.size
        self.add(bytes(other._kept))
        self.size = size

    def text(self) -> str:
        """Return it as wire text: not sanitised, but secrets are masked. No line break ends it."""
        text = redact_text(self._kept.decode("utf-8", "replace")).rstrip("\n")
        if self.size > MAX_PRINTED:
            return f"{text}\n[cut here: {self.size:,} bytes are too many]"
        return text


class ToolFailed(Exception):
    """A tool that could not give its answer; `content` is sent in its place."""

    def __init__(self, content: Content) -> None:
        super().__init__(content if isinstance(content, str) else "see the content")
        self.content = content


@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """A tool of the request. Without a `call` it can only be answered by hand."""

    definition: JsonObject
    """As it is sent in `tools`."""
    call: ToolRunner | None = None
    """Takes the input, and where to put what is printed meanwhile. Returns an Outcome, text,
    content blocks or any other JSON value."""

    @property
    def name(self) -> str:
        """What the model calls it. An MCP server's tools have names of their own."""
        return tool_name(self.definition)

    @property
    def runnable(self) -> bool:
        """Whether it can be run here."""
        return self.call is not None

    async def run(self, input: JsonObject, printout: Printout | None = None) -> Content:
        """Run it and return its answer; `printout` takes what it prints.

        Raises ToolFailed, and what the tool raises.
        """
        if self.call is None:
            raise ToolFailed(f"The tool {self.name} cannot be run here.")
        result = await self.call(input, printout or Printout())
        outcome = result if isinstance(result, Outcome) else outcome_of(result)
        if outcome.is_error:
            raise ToolFailed(outcome.content)
        return outcome.content


def tool_name(definition: JsonObject) -> str:
    """Return the name in a definition; for the tools of an MCP server, that of the server."""
    if "name" in definition or "mcp_server_name" not in definition:
        return str(definition.get("name", ""))
    # With a blank, so that it is no name of a tool.
    return f"mcp {definition['mcp_server_name']}"


# --- answers --------------------------------------------------------------------------------------


def outcome_of(value: object) -> Outcome:
    """Return what a tool returned as it is sent.

    A string is sent as it is, a list of content blocks as blocks, all else as compact JSON. Text
    over 100,000 characters is cut, with a note; half a surrogate pair becomes U+FFFD. What JSON
    cannot say gives an error that names its type.
    """
    try:
        return Outcome(_content(value), False)
    except RecursionError:
        problem = "it is nested too deeply"
    except (TypeError, ValueError, OverflowError) as error:
        problem = _line(str(error))
    kind = one_line(type(value).__name__)
    return Outcome(f"The tool's answer, of type {kind}, is not JSON: {problem}", True)


def failure_of(error: BaseException, explain: Explain | None = None) -> Outcome:
    """Return what is sent in place of an answer: the words of `explain`, else type and message.

    Secrets are masked in both, and there is no traceback: it would show the reader's files.
    """
    if isinstance(error, ToolFailed):
        return Outcome(error.content, True)
    said = None
    if explain is not None:
        try:
            said = explain(error)
        except Exception:
            said = None
    if said is None:
        return Outcome(describe(error), True)
    return Outcome(_masked(outcome_of(said).content), True)


def describe(error: BaseException) -> str:
    """Return an exception as one line, type and message, with secrets masked. Never raises."""
    kind = type(error).__name__
    try:
        said = str(error)
    except BaseException:  # An exception of the user's may fail even here.
        said = ""
    return _line(f"{kind}: {said}" if said.strip() else kind)


def _line(text: str) -> str:
    return clip(one_line(" ".join(redact_text(text[:_READ_CHARS]).split())), _MESSAGE_CHARS)


def _masked(content: Content) -> Content:
    if isinstance(content, str):
        return redact_text(content)
    return [
        {**block, "text": redact_text(block["text"])} if block["type"] == "text" else block
        for block in content
    ]


def _content(value: object) -> Content:
    if isinstance(value, str):
        return _cut(str.__str__(value), MAX_CHARS)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if isinstance(value, (list, tuple)) and _are_blocks(value):
        return _cut_blocks(json.loads(_sendable(text)), len(text))
    return _cut(text, MAX_CHARS)


def _are_blocks(items: list[Any] | tuple[Any, ...]) -> bool:
    return bool(items) and all(isinstance(item, dict) and _is_block(item) for item in items)


def _is_block(item: JsonObject) -> bool:
    kind = item.get("type")
    field = _BLOCKS.get(kind) if isinstance(kind, str) else None
    return field in item and (kind != "text" or isinstance(item["text"], str))


def _cut_blocks(blocks: list[JsonObject], size: int) -> list[JsonObject]:
    """Cut the text of blocks to what is sent in all. Half an image is none, so these stay whole."""
    kept = []
    left = MAX_CHARS
    for block in blocks:
        if block["type"] == "text":
            length = len(block["text"])
            if left < 0:  # The note is there.
                size -= length
                continue
            if length > left:
                block["text"] = _cut(block["text"], left)
                size -= length - left
            left -= length
        kept.append(block)
    if size > MAX_BLOCK_CHARS:
        raise ValueError(f"its blocks take {size:,} characters, {MAX_BLOCK_CHARS:,} can be sent")
    return kept


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return _sendable(text)
    return f"{_sendable(text[:limit])}\n[cut here: {len(text):,} characters are too many]"


def _sendable(text: str) -> str:
    """Return `text` as UTF-8 can say it: pairs of surrogates joined, single ones replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def plain_copy(definition: object) -> Any:  # noqa: ANN401
    """Return a copy of a JSON value. Raises TypeError and ValueError where it cannot be sent."""
    return json.loads(json.dumps(definition, allow_nan=False, ensure_ascii=False).encode())


def fresh(content: Content) -> Content:
    """Return a copy of content that its receiver may change."""
    return copy.deepcopy(content)
