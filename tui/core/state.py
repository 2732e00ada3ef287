"""The state of one run: what the events so far add up to.

Only the reducer changes these objects; it says what its parts are. Everything else reads them.
"""

from __future__ import annotations

import enum
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from tui.core import buffer
from tui.core.buffer import Buffer as Buffer
from tui.core.extras import Extras
from tui.core.records import JsonObject

if TYPE_CHECKING:
    from tui.core.json_check import JsonCheck

End = Literal["eof", "reset", "timeout", "cancelled", "interrupted", "refused", "http_error"]
Status = Literal["streaming", "complete", "truncated", "error", "cancelled", "not_sse", "empty"]
ToolState = Literal["streaming", "complete", "partial", "invalid", "empty"]

STALL_NS: Final = 2_000_000_000
"""A longer gap between two content chunks is a stall (METRICS: default 2 s)."""
PULSE_NS: Final = 250_000_000
"""Width of a bucket of `RunState.pulse`."""
_SHORT_INPUT: Final = 65_536
TOOL_TYPES: Final = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})


class Phase(enum.IntEnum):
    """Where the message is."""

    WAITING = 0
    OPEN = 1
    STOPPED = 2
    FAILED = 3


class Anomaly(NamedTuple):
    """Something the protocol does not allow; the event is shown and applied all the same."""

    seq: int
    code: str
    detail: str


@dataclass(slots=True)
class Block:
    """One content block, as it grows."""

    index: int
    type: str
    start: JsonObject
    """The `content_block` it began with."""
    started_seq: int
    started_ns: int
    position: int = 0
    """Where it stands in `RunState.blocks`. Its index on the wire may be another number."""
    implicit: bool = False
    """No `content_block_start` was seen for it."""
    stopped_ns: int | None = None
    text: Buffer = field(default_factory=Buffer)
    thinking: Buffer = field(default_factory=Buffer)
    json: Buffer = field(default_factory=Buffer)
    fragments: array[int] = field(default_factory=lambda: array("I"))
    """Length in code points of each `input_json_delta`."""
    citations: list[Any] | None = None
    patch: JsonObject = field(default_factory=dict)
    """Fields set by deltas that overwrite: signature, compaction."""
    extras: Extras = field(default_factory=Extras)
    """Undeclared fields of deltas."""
    unknown_deltas: list[JsonObject] = field(default_factory=list)
    input_size: int | None = None
    """Code points of `json` that are the input; set at the block's stop when that is valid."""
    input_error: tuple[int, str] | None = None
    """Where and why the input was not JSON at the block's stop."""
    check: JsonCheck | None = field(default=None, compare=False, repr=False)
    """Reads `json` as it grows, so that little is left to do at the stop."""
    check_at: int = field(default_factory=lambda: buffer.PIECE, compare=False, repr=False)
    """Length of `json` at which it is read on; what is short can wait for the stop."""
    _parsed: tuple[int, Any] | None = field(default=None, init=False, compare=False, repr=False)

    @property
    def stopped(self) -> bool:
        return self.stopped_ns is not None

    @property
    def input(self) -> Any:  # noqa: ANN401
        """The value of the input, None where that is not whole and valid.

        Parsed when it is asked for, and kept where it is short: a value takes ten times the memory
        of its text.
        """
        size = self.input_size
        if size is None:
            return None
        if self._parsed is not None and self._parsed[0] == size:
            return self._parsed[1]
        from tui.core.json_check import value_of

        value = value_of(self.json.slice(0, size))
        if size <= _SHORT_INPUT:
            self._parsed = size, value
        return value

    @property
    def is_tool(self) -> bool:
        """A call to a tool, or any block that was sent tool input."""
        return self.type in TOOL_TYPES or len(self.fragments) > 0

    @property
    def tool_state(self) -> ToolState:
        """Where the tool input stands: `streaming` until the block stops."""
        if not self.stopped:
            return "streaming"
        if self.input_error is not None:
            return "invalid"
        if len(self.json):
            return "complete"
        return "complete" if self.start.get("input") else "empty"

    def fields(self) -> JsonObject:
        """Return what the block began with and what deltas set or added beside the content."""
        return self.extras.onto({**self.start, **self.patch})

    def to_json(self) -> JsonObject:
        """Return the block as a response without streaming would have had it, extras kept."""
        result = self.fields()
        if self.implicit:
            result.setdefault("type", self.type)
        for name, grown in (("text", self.text), ("thinking", self.thinking)):
            if len(grown):
                result[name] = grown.text()
        if self.citations is not None:
            result["citations"] = list(self.citations)
        if len(self.json) and self.stopped and self.input_error is None:
            result["input"] = self.input
        result.update(self.patch)
        if self.unknown_deltas:
            result["unknown_deltas"] = list(self.unknown_deltas)
        return result


@dataclass(frozen=True, slots=True)
class ToolReport:
    """A tool call as `inspect --json` reports it."""

    index: int
    id: str | None
    name: str | None
    type: str
    fragments: int
    raw: str
    input: Any
    state: ToolState


@dataclass(slots=True)
class RunState:
    """One message and everything around it. Built by `reducer.apply`, one record after another."""

    phase: Phase = Phase.WAITING
    message: JsonObject | None = None
    """`message_start.message` without content and usage, with what later events put on it."""
    extras: Extras = field(default_factory=Extras)
    """Undeclared fields of events, which belong to the message."""
    headless: bool = False
    """Events came without a `message_start` before them, which is said once."""
    blocks: list[Block] = field(default_factory=list)
    """In the order of their first appearance."""
    by_index: dict[int, Block] = field(default_factory=dict)
    usage: JsonObject = field(default_factory=dict)
    usage_start: JsonObject = field(default_factory=dict)
    usage_seen: bool = False
    counted_tokens: int | None = None
    """Output tokens of the last `message_delta`; what `message_start` says is no count yet."""
    error: JsonObject | None = None
    anomalies: list[Anomaly] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    """Events by type. Comments and a cut-off tail are no events."""
    records: int = 0
    first_content_ns: int | None = None
    second_content_ns: int | None = None
    first_output_ns: int | None = None
    last_content_ns: int | None = None
    gaps_ns: array[int] = field(default_factory=lambda: array("I"))
    """Gaps between consecutive content chunks; another column once one is over four seconds."""
    stalls: list[tuple[int, int]] = field(default_factory=list)
    """Sequence number of the event that ended the stall, and its length in ns."""
    pulse: array[int] = field(default_factory=lambda: array("q"))
    """Bucket number (of PULSE_NS) and content characters in it, in turn; empty ones left out."""
    pulse_end_ns: int = -(2**63)
    end: End | None = None
    end_error: JsonObject | None = None

    @property
    def events(self) -> int:
        """How many events were dispatched."""
        return sum(self.counts.values())

    @property
    def content_chars(self) -> int:
        """Code points of text, thinking and tool input so far."""
        return sum(len(b.text) + len(b.thinking) + len(b.json) for b in self.blocks)

    @property
    def status(self) -> Status:
        """Where the run stands. Complete means that `message_stop` was seen, nothing else does."""
        if self.phase is Phase.FAILED:
            return "error"
        if self.phase is Phase.STOPPED:
            return "complete"
        if self.end is None:
            return "streaming"
        if self.end in ("cancelled", "interrupted"):
            return "cancelled"
        return "truncated" if self.end == "eof" else "error"

    @property
    def tools(self) -> list[Block]:
        """The blocks that are tool calls, in order."""
        return [block for block in self.blocks if block.is_tool]

    @property
    def stop_reason(self) -> str | None:
        reason = (self.message or {}).get("stop_reason")
        return reason if isinstance(reason, str) else None

    @property
    def model(self) -> str | None:
        model = (self.message or {}).get("model")
        return model if isinstance(model, str) else None

    @property
    def output_tokens(self) -> int | None:
        """The latest cumulative count, None when it is absent or no count."""
        return as_count(self.usage.get("output_tokens"))

    def usage_conflicts(self) -> dict[str, tuple[Any, Any]]:
        """Return the counters that changed although they should not: field → (start, latest).

        Output tokens grow as the answer does; the input counters are known at the start.
        """
        return {
            name: (before, self.usage.get(name))
            for name, before in self.usage_start.items()
            if name.endswith("input_tokens")
            and before is not None
            and self.usage.get(name) != before
        }

    def fields(self) -> JsonObject:
        """Return the message without content and usage, undeclared fields included."""
        return self.extras.onto(self.message or {})

    def message_json(self) -> JsonObject | None:
        """Return the message that the API would have returned without streaming, extras kept."""
        if self.message is None and not self.blocks:
            return None
        result = self.fields()
        content = [block.to_json() for block in self.blocks]
        if content or "content" not in result or isinstance(result["content"], list):
            result["content"] = content
        if self.usage_seen:
            result["usage"] = dict(self.usage)
        return result

    def tool_reports(self, longest: int | None = None) -> list[ToolReport]:
        """Return the tool calls; a call that never stopped is `partial` here.

        An input that has more than `longest` characters is not parsed: its value is None.
        """
        reports = []
        for block in self.tools:
            state = block.tool_state
            value: Any = None
            short = longest is None or len(block.json) <= longest
            if short and state in ("complete", "empty"):
                value = block.input if len(block.json) else block.start.get("input")
            reports.append(
                ToolReport(
                    block.index,
                    as_text(block.start.get("id")),
                    as_text(block.start.get("name")),
                    block.type,
                    len(block.fragments),
                    block.json.text(),
                    value,
                    "partial" if state == "streaming" else state,
                )
            )
        return reports


def as_text(value: object) -> str | None:
    """Return `value` if it is a string, else None."""
    return value if isinstance(value, str) else None


def as_count(value: object) -> int | None:
    """Return `value` if it is a whole number from 0 up to 2**63 - 1, else None."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        return value
    return None
