"""Imports the session files of Claude Code, and what `claude --output-format stream-json` prints.

A line holds a message: of the user, or a part of an answer. The lines of one answer share the id of
its message, most of them with one content block each; results of tools may stand between them. The
request of an answer is not in the file: it is put together from what came before, without the
system prompt and the tools.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tui.captures.event_list import load_events
from tui.captures.in_memory_file import Readable
from tui.captures.json_values import values_of
from tui.captures.message_events import to_wire
from tui.captures.recording import Gathering, Loaded, Recording
from tui.captures.whole_messages import whole
from tui.core.records import Chunk, JsonObject

FORMAT: Final = "Claude Code session"
_TURNS: Final = ("user", "assistant")
_SYNTHETIC: Final = "<synthetic>"
_MANY: Final = 2_000
"""Answers from which on a request holds only the turns since the last prompt: what each holds of
the turns before it grows with the square of their number."""


def is_turn(value: object) -> bool:
    """Whether a JSON value is a line of such a file that holds a message."""
    return (
        isinstance(value, dict)
        and value.get("type") in _TURNS
        and isinstance(value.get("message"), dict)
    )


@dataclass(slots=True)
class _Answer:
    """An answer, as its lines come."""

    message: JsonObject
    request: JsonObject
    failed: bool


@dataclass(slots=True)
class _Thread:
    """One conversation of the file: the main one, or that of a subagent."""

    turns: list[JsonObject] = field(default_factory=list)
    prompt: int = 0
    """Where the last prompt that is no result of a tool stands."""


class _Session:
    """Takes lines, and gathers the answers in them."""

    def __init__(self) -> None:
        self.answers: list[_Answer] = []
        self._threads: dict[str, _Thread] = {}
        self._by_id: dict[str, _Answer] = {}
        self._seen: set[str] = set()
        self._sides: dict[str, str] = {}

    def take(self, line: JsonObject) -> None:
        """Take a line with a message, or any other."""
        thread = self._threads.setdefault(self._thread_of(line), _Thread())
        if line.get("subtype") == "compact_boundary":
            # What follows is sent with a summary of what came before, in place of it.
            thread.turns, thread.prompt = [], 0
        if not is_turn(line):
            return
        uuid = line.get("uuid")
        if isinstance(uuid, str):
            if uuid in self._seen:
                return
            self._seen.add(uuid)
        if line["type"] == "user":
            self._ask(thread, line["message"])
        else:
            self._answer(thread, line)

    def _thread_of(self, line: JsonObject) -> str:
        parent = line.get("parent_tool_use_id")
        if isinstance(parent, str):
            return parent
        if line.get("isSidechain") is not True:
            return ""
        # A helper's first line has no parent; each line after it names the line before.
        agent, uuid, above = line.get("agentId"), line.get("uuid"), line.get("parentUuid")
        name = agent if isinstance(agent, str) else None
        if name is None and isinstance(above, str):
            name = self._sides.get(above, above)
        name = name or str(uuid)
        if isinstance(uuid, str):
            self._sides[uuid] = name
        return name

    def _ask(self, thread: _Thread, message: JsonObject) -> None:
        content = _blocks(message.get("content"))
        if not content:
            return
        turns = thread.turns
        is_result = any(_is_result(block) for block in content)
        if turns and turns[-1].get("role") == "user":
            # Results of calls that ran at the same time come on a line each.
            content = [*_blocks(turns.pop()["content"]), *content]
        elif not is_result:
            thread.prompt = len(turns)
        turns.append({"role": "user", "content": content})

    def _answer(self, thread: _Thread, line: JsonObject) -> None:
        part: JsonObject = line["message"]
        if part.get("model") == _SYNTHETIC and line.get("isApiErrorMessage") is not True:
            return  # What the program said itself.
        ident = part.get("id")
        known = self._by_id.get(ident) if isinstance(ident, str) else None
        if known is not None:
            _extend(known.message, part)
            return
        message = {**part, "content": _blocks(part.get("content"))}
        first = thread.prompt if len(self.answers) >= _MANY else 0
        request: JsonObject = {"model": part.get("model"), "messages": thread.turns[first:]}
        failed = line.get("isApiErrorMessage") is True
        answer = _Answer(message, request, failed)
        self.answers.append(answer)
        if failed:
            del request["model"]
            return
        if isinstance(ident, str):
            self._by_id[ident] = answer
        # Shared with the answer: blocks that come later belong to this turn.
        thread.turns.append({"role": "assistant", "content": message["content"]})


def _extend(message: JsonObject, part: JsonObject) -> None:
    """Add a later line of an answer to it: its blocks, and what is known now."""
    message["content"] += _blocks(part.get("content"))
    for name in ("stop_reason", "stop_sequence", "stop_details", "usage", "container"):
        if part.get(name) is not None:
            message[name] = part[name]


def _blocks(content: object) -> list[JsonObject]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    items = content if isinstance(content, list) else []
    return [block for block in items if isinstance(block, dict)]


def _is_result(block: JsonObject) -> bool:
    return block.get("type") == "tool_result"


def load_session(file: Readable) -> Loaded:
    """Return the answers in a session, untimed, each with the turns before it as its request.

    Where the events of the answers are in the file as well, it is these. Raises ImportFailure, and
    OSError where the file cannot be read.
    """
    session = _Session()
    gathering = Gathering(FORMAT, file.name, "line")
    for place, value, _ in values_of(file):
        if not isinstance(value, dict):
            gathering.skip("not a JSON object", place)
        elif value.get("type") == "stream_event":
            return load_events(file)
        else:
            session.take(value)
    for answer in session.answers:
        gathering.add_recording(_recording(answer))
    return gathering.loaded()


def _recording(answer: _Answer) -> Recording:
    message = answer.message
    if not answer.failed:
        return whole({"type": "message", "role": "assistant", **message}, answer.request)
    texts = [block.get("text") for block in message["content"]]
    told = "\n".join(text for text in texts if isinstance(text, str)) or "no answer"
    chunk = Chunk(0, to_wire([{"type": "error", "error": {"type": "api_error", "message": told}}]))
    return Recording(
        "r1",
        "",
        lambda: iter([chunk]),
        request=answer.request,
        size=len(chunk.data),
        streamed=False,
    )
