"""Two runs side by side: their numbers, their texts, their tool calls, and what was asked.

Swapping the runs gives the same comparison, mirrored. What always
differs (the ids of messages and calls, signatures) is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple

from tui.compare.json_diff import JsonDiff, json_diff
from tui.compare.text_diff import TextDiff, text_diff
from tui.core.citations import joins
from tui.core.metrics import UNKNOWN, GapRanks, Metrics, measure
from tui.core.records import JsonObject
from tui.core.session import Run
from tui.core.state import Block, RunState, ToolReport, as_count
from tui.core.steps import Steps
from tui.core.usage import DETAILS, INPUTS, token_counts

Unit = Literal["ns", "rate", "count", "bytes"]
MeasureVerdict = Literal["unknown", "same", "better", "worse", "other"]


class Fact(NamedTuple):
    """Something about a run in a few words, None where it is not known."""

    name: str
    left: str | None
    right: str | None

    @property
    def equal(self) -> bool:
        return self.left == self.right

    def mirrored(self) -> Fact:
        return Fact(self.name, self.right, self.left)


class Measure(NamedTuple):
    """A number of each run. `better` says which way is good, None where neither is."""

    name: str
    unit: Unit
    better: Literal["lower", "higher"] | None
    left: float | None
    right: float | None

    @property
    def equal(self) -> bool:
        return self.left == self.right

    @property
    def delta(self) -> float | None:
        """How much more it is on the right."""
        return None if self.left is None or self.right is None else self.right - self.left

    @property
    def percent(self) -> float | None:
        """The same in percent of the left, None when that is nothing."""
        delta = self.delta
        return None if delta is None or not self.left else 100 * delta / self.left

    @property
    def verdict(self) -> MeasureVerdict:
        """What the right is, seen from the left."""
        delta = self.delta
        if delta is None:
            return "unknown"
        if not delta:
            return "same"
        if self.better is None:
            return "other"
        return "better" if (delta < 0) == (self.better == "lower") else "worse"

    def mirrored(self) -> Measure:
        return self._replace(left=self.right, right=self.left)


class ToolDiff(NamedTuple):
    """The calls that stand for each other: the nth of a tool, on both sides.

    `input` compares whole inputs; where one is not whole, `raw` compares what was sent.
    """

    name: str
    places: tuple[int | None, int | None]
    """Its number among the calls of each side, from 0."""
    left: ToolReport | None
    right: ToolReport | None
    input: JsonDiff | None = None
    raw: TextDiff | None = None

    @property
    def equal(self) -> bool:
        if self.left is None or self.right is None or self.left.state != self.right.state:
            return False
        return (self.input is None or self.input.equal) and (self.raw is None or self.raw.equal)

    def mirrored(self) -> ToolDiff:
        value = None if self.input is None else self.input.mirrored()
        raw = None if self.raw is None else self.raw.mirrored()
        return ToolDiff(self.name, self.places[::-1], self.right, self.left, value, raw)


class RequestDiff(NamedTuple):
    """What was asked. `known` says of which sides that is known; both are needed for the rest."""

    known: tuple[bool, bool]
    parameters: JsonDiff = JsonDiff()
    system: JsonDiff = JsonDiff()
    tools: JsonDiff = JsonDiff()
    messages: JsonDiff = JsonDiff()

    @property
    def parts(self) -> tuple[tuple[str, JsonDiff], ...]:
        """The parts with their names."""
        names = ("Parameters", "System", "Tools", "Messages")
        return tuple(zip(names, self[1:], strict=True))

    @property
    def equal(self) -> bool:
        return self.known[0] == self.known[1] and all(part.equal for _, part in self.parts)

    def mirrored(self) -> RequestDiff:
        return RequestDiff(self.known[::-1], *(part.mirrored() for _, part in self.parts))


class Comparison(NamedTuple):
    """All differences of two runs."""

    timed: tuple[bool, bool]
    facts: tuple[Fact, ...]
    metrics: tuple[Measure, ...]
    usage: tuple[Measure, ...]
    """Tokens, and the size of the stream."""
    text: TextDiff
    thinking: TextDiff
    tools: tuple[ToolDiff, ...]
    rest: JsonDiff
    """Other blocks, citations, fields that have no place of their own."""
    request: RequestDiff

    @property
    def differing(self) -> tuple[str, ...]:
        """What differs, in a word or two each."""
        parts: tuple[tuple[str, bool], ...] = (
            *((fact.name, fact.equal) for fact in self.facts),
            ("latency", all(measure.equal for measure in self.metrics)),
            ("tokens and size", all(measure.equal for measure in self.usage)),
            ("text", self.text.equal),
            ("thinking", self.thinking.equal),
            ("tool calls", all(tool.equal for tool in self.tools)),
            ("other fields", self.rest.equal),
            ("request", self.request.equal),
        )
        return tuple(name for name, equal in parts if not equal)

    def mirrored(self) -> Comparison:
        """Return the comparison of the same runs the other way round."""
        return Comparison(
            self.timed[::-1],
            tuple(fact.mirrored() for fact in self.facts),
            tuple(measure.mirrored() for measure in self.metrics),
            tuple(measure.mirrored() for measure in self.usage),
            self.text.mirrored(),
            self.thinking.mirrored(),
            _in_order([tool.mirrored() for tool in self.tools]),
            self.rest.mirrored(),
            self.request.mirrored(),
        )


def compare(
    left: Run, right: Run, left_request: JsonObject | None, right_request: JsonObject | None
) -> Steps[Comparison]:
    """Compare two runs as they are now, also when they go on meanwhile."""
    one = yield from _side(left)
    other = yield from _side(right)
    text = yield from text_diff(one.text, other.text)
    thinking = yield from text_diff(one.thinking, other.thinking)
    tools = yield from _tools(one.tools, other.tools)
    rest = yield from json_diff(one.rest, other.rest)
    request = yield from _request(left_request, right_request)
    facts = zip(one.facts.items(), other.facts.values(), strict=True)
    return Comparison(
        timed=(one.timed, other.timed),
        facts=tuple(Fact(name, mine, others) for (name, mine), others in facts),
        metrics=tuple(
            Measure(name, unit, better, get(one.metrics), get(other.metrics))
            for name, unit, better, get in _METRICS
        ),
        usage=tuple(
            Measure(name, "bytes" if name == "bytes" else "count", None, mine, other.usage[name])
            for name, mine in one.usage.items()
        ),
        text=text,
        thinking=thinking,
        tools=tools,
        rest=rest,
        request=request,
    )


_Metric = tuple[
    str, Unit, Literal["lower", "higher"] | None, Callable[[Metrics], "int | float | None"]
]
_METRICS: Final[tuple[_Metric, ...]] = (
    ("TTFB", "ns", "lower", lambda metrics: metrics.ttfb),
    ("TTFT", "ns", "lower", lambda metrics: metrics.ttft),
    ("TTFO", "ns", "lower", lambda metrics: metrics.ttfo),
    ("TTST", "ns", "lower", lambda metrics: metrics.ttst),
    ("total", "ns", "lower", lambda metrics: metrics.e2e),
    ("decode", "ns", "lower", lambda metrics: metrics.decode),
    ("per token", "ns", "lower", lambda metrics: metrics.itl),
    ("gap p50", "ns", "lower", lambda metrics: metrics.icl.p50),
    ("gap p95", "ns", "lower", lambda metrics: metrics.icl.p95),
    ("gap p99", "ns", "lower", lambda metrics: metrics.icl.p99),
    ("gap max", "ns", "lower", lambda metrics: metrics.icl.max),
    ("tok/s", "rate", "higher", lambda metrics: metrics.tokens_per_s),
    ("stalls", "count", "lower", lambda metrics: metrics.stalls),
)
_LONGEST_INPUT: Final = 1_000_000
"""Characters of tool input up to which its values are compared; beyond, its text is."""
# Compared elsewhere, or never the same in two runs.
_PLACED_MESSAGE: Final = frozenset({"id", "content", "usage"})
_PLACED_BLOCK: Final = frozenset({"id", "type", "name", "input", "text", "thinking", "signature"})


class _Side(NamedTuple):
    """What is compared of a run. It is taken in the first steps, and then no longer looked at."""

    timed: bool
    metrics: Metrics
    facts: dict[str, str | None]
    usage: dict[str, int | None]
    text: str
    thinking: str
    tools: list[ToolReport]
    rest: JsonObject


def _side(run: Run) -> Steps[_Side]:
    state = run.state
    blocks = state.blocks
    metrics = yield from _measured(run)
    yield
    text = _whole_text(blocks)
    yield
    thinking = "\n".join([block.thinking.text() for block in blocks if len(block.thinking)])
    yield
    rest = _rest(state, run.error)
    yield
    reports = state.tool_reports(_LONGEST_INPUT)
    return _Side(run.timed, metrics, _facts(run), _usage(run), text, thinking, reports, rest)


def _whole_text(blocks: Sequence[Block]) -> str:
    """Return the texts on lines of their own, those that citations split as one."""
    parts: list[str] = []
    for before, block in zip([None, *blocks], blocks, strict=False):
        if len(block.text):
            if parts and not joins(before, block):
                parts.append("\n")
            parts.append(block.text.text())
    return "".join(parts)


def _measured(run: Run) -> Steps[Metrics]:
    """Return the latencies of a run, as `Run.metrics`, without sorting a million gaps at once."""
    if not run.timed:
        return UNKNOWN
    ranks = GapRanks()
    while (icl := ranks.follow(run.state.gaps_ns)) is None:
        yield
    return measure(run.state, run.first_byte_ns, run.last_byte_ns, icl)


def _facts(run: Run) -> dict[str, str | None]:
    state = run.state
    counts: dict[str, int] = defaultdict(int)
    for block in state.blocks:
        counts[block.type] += 1
    error = run.error or {}
    kind = error.get("type")
    return {
        "model": state.model,
        "status": run.status,
        "stop reason": state.stop_reason,
        "content": ", ".join(f"{count} {kind}" for kind, count in counts.items()) or None,
        "error": kind if isinstance(kind, str) else None,
        "anomalies": str(len(state.anomalies)) if state.anomalies else None,
    }


def _usage(run: Run) -> dict[str, int | None]:
    tokens = token_counts(run.state.usage)
    return {
        "input": tokens.input,
        "cache read": tokens.cache_read,
        "cache write": tokens.cache_write,
        "all input": tokens.all_input,
        "output": tokens.output,
        "thinking": tokens.thinking,
        "events": run.state.events,
        "bytes": run.size,
    }


def _rest(state: RunState, error: JsonObject | None) -> JsonObject:
    """Return what has no place of its own as one JSON object."""
    message = {}
    for name, value in state.fields().items():
        is_fact = name in ("model", "stop_reason") and (value is None or isinstance(value, str))
        if not is_fact and name not in _PLACED_MESSAGE:
            message[name] = value
    usage = dict(state.usage)
    for key in (*INPUTS, "output_tokens"):
        if as_count(usage.get(key)) is not None:
            del usage[key]
    details = usage.get(DETAILS)
    if isinstance(details, dict) and as_count(details.get("thinking_tokens")) is not None:
        usage[DETAILS] = {
            name: value for name, value in details.items() if name != "thinking_tokens"
        }
    content = [rest for block in state.blocks if (rest := _block_rest(block))]
    return {"message": message, "usage": usage, "content": content, "error": error}


def _block_rest(block: Block) -> JsonObject:
    if not block.is_tool and block.type not in ("text", "thinking"):
        return block.to_json()
    value = block.fields()
    if block.citations is not None:
        value["citations"] = list(block.citations)
    if block.unknown_deltas:
        value["unknown_deltas"] = list(block.unknown_deltas)
    return {name: item for name, item in value.items() if name not in _PLACED_BLOCK}


def _tools(left: list[ToolReport], right: list[ToolReport]) -> Steps[tuple[ToolDiff, ...]]:
    """Match the nth call of a tool with the nth call of it on the other side."""
    pairs: dict[tuple[str, str, int], list[int | None]] = {}
    for side, reports in enumerate((left, right)):
        seen: dict[tuple[str, str], int] = defaultdict(int)
        for place, report in enumerate(reports):
            kind = (report.type, report.name or "")
            pairs.setdefault((*kind, seen[kind]), [None, None])[side] = place
            seen[kind] += 1
    tools = []
    for (_, name, _), (at, other_at) in pairs.items():
        one = None if at is None else left[at]
        other = None if other_at is None else right[other_at]
        value = raw = None
        if one is not None and other is not None:
            if _is_whole(one) and _is_whole(other):
                value = yield from json_diff(one.input, other.input)
            else:
                raw = yield from text_diff(one.raw, other.raw)
        tools.append(ToolDiff(name, (at, other_at), one, other, value, raw))
    return _in_order(tools)


def _is_whole(report: ToolReport) -> bool:
    return report.state in ("complete", "empty") and len(report.raw) <= _LONGEST_INPUT


def _in_order(tools: list[ToolDiff]) -> tuple[ToolDiff, ...]:
    """Sort by where the calls stand; of two at one place the one on the left is first."""

    def place(tool: ToolDiff) -> tuple[int, int, bool, int]:
        left = tool.places[0]
        both = [place for place in tool.places if place is not None]
        return min(both), max(both), left is None, left or 0

    return tuple(sorted(tools, key=place))


def _request(left: JsonObject | None, right: JsonObject | None) -> Steps[RequestDiff]:
    known = (left is not None, right is not None)
    if left is None or right is None:
        return RequestDiff(known)

    def part(request: JsonObject, name: str) -> dict[str, Any]:
        return {name: request[name]} if name in request else {}

    apart = ("system", "tools", "messages")
    parameters, others = (
        {name: value for name, value in request.items() if name not in apart}
        for request in (left, right)
    )
    diffs = [(yield from json_diff(parameters, others))]
    for name in apart:
        one, other = part(left, name), part(right, name)
        diffs.append((yield from json_diff(one, other, named=("tools",))))
    return RequestDiff(known, *diffs)
