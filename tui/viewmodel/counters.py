"""The numbers of the counter bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from tui.core.metrics import NO_PERCENTILES, UNKNOWN, GapRanks, Metrics, Percentiles, measure
from tui.core.session import Run
from tui.core.state import PULSE_NS, STALL_NS, Phase, RunState
from tui.core.text import format_count
from tui.core.usage import TokenCounts, token_counts
from tui.viewmodel.views import Moment

_CHARS_PER_TOKEN: Final = 4


class OutputTokens(NamedTuple):
    """How many tokens an answer has so far."""

    tokens: int | None
    counted: bool = True
    """Whether the API counted them; else they are estimated from the characters."""

    @property
    def told(self) -> str:
        """The number as the screen has it: `412`, `12.3k`, `~400`, a dash."""
        return self._told(format_count)

    @property
    def exact(self) -> str:
        """The number with all its digits: `412`, `12345`, `~400`, a dash."""
        return self._told(str)

    def _told(self, form: Callable[[int], str]) -> str:
        rough = "" if self.counted else "~"
        return rough + ("\u2013" if self.tokens is None else form(self.tokens))


class Counters(NamedTuple):
    """The numbers of the counter bar."""

    metrics: Metrics
    estimate: float | None
    """Tokens per second from characters, while the real count is not known."""
    input_tokens: int | None
    cache_read: int | None
    cache_write: int | None
    output: OutputTokens
    thinking_tokens: int | None
    thinking_share: float | None
    """The part of the output that is thinking; from characters while it is not counted."""
    limit: int | None
    """The request's max_tokens, where it is known."""
    used: float | None
    """The share of the limit that is used up; from characters while the count is not known."""
    conflict: bool
    last_byte_ns: int | None
    last_content_ns: int | None
    stalled: bool
    pulse: list[int]
    """Content characters in the buckets up to now, oldest first."""


_PULSE_BUCKETS: Final = 10


class Ranks:
    """Keeps the gap percentiles of the run on the screen up to date, a little at a time."""

    def __init__(self) -> None:
        self._of: tuple[Run | None, int] = (None, 0)
        self._ranks = GapRanks()
        self._last = NO_PERCENTILES
        self.settled = True
        """Whether the last percentiles cover all gaps."""

    def of(self, moment: Moment) -> Percentiles:
        """Return the percentiles at the shown point in time, or the last ones while catching up."""
        of = (moment.run, moment.count if moment.travelling else -1)
        if of != self._of:
            self._of, self._ranks, self._last = of, GapRanks(), NO_PERCENTILES
        found = self._ranks.follow(moment.state.gaps_ns)
        self.settled = found is not None
        self._last = found or self._last
        return self._last


def counters(moment: Moment, ranks: Ranks | None, max_tokens: int | None = None) -> Counters:
    """Return the numbers of the counter bar at the shown point in time; gaps need `ranks`."""
    run, state = moment.run, moment.state
    last_byte = run.last_byte_ns
    if moment.travelling:
        last_byte = run.timeline.times[moment.count - 1] if moment.count else None
    metrics = UNKNOWN
    if run.timed:
        gaps = NO_PERCENTILES if ranks is None else ranks.of(moment)
        metrics = measure(state, run.first_byte_ns, last_byte, gaps)
    over = state.end is not None or state.phase is Phase.STOPPED
    estimate = estimated_rate(state, metrics)
    tokens = token_counts(state.usage)
    output = output_tokens(state)
    last_content = state.last_content_ns
    age = None if last_content is None else moment.now_ns - last_content
    live = not over and not moment.travelling
    return Counters(
        metrics=metrics,
        estimate=estimate,
        input_tokens=tokens.input,
        cache_read=tokens.cache_read,
        cache_write=tokens.cache_write,
        output=output,
        thinking_tokens=tokens.thinking,
        thinking_share=_thinking_share(state, tokens),
        limit=max_tokens,
        used=_used(moment.state, max_tokens),
        conflict=bool(state.usage_conflicts()),
        last_byte_ns=moment.now_ns - last_byte if live and last_byte is not None else None,
        last_content_ns=age if live else None,
        stalled=live and age is not None and age > STALL_NS,
        pulse=_pulse(state, moment.now_ns if live else last_byte or 0),
    )


def estimated_rate(state: RunState, metrics: Metrics) -> float | None:
    """Return tokens per second from characters; None once the count is known, or too early."""
    if metrics.tokens_per_s is not None or not metrics.decode:
        return None
    return state.content_chars / _CHARS_PER_TOKEN * 1e9 / metrics.decode


def output_tokens(state: RunState) -> OutputTokens:
    """Return the tokens of the answer: what `message_start` says of them is no count yet."""
    if state.counted_tokens is None and state.content_chars:
        return OutputTokens(-(-state.content_chars // _CHARS_PER_TOKEN), counted=False)
    return OutputTokens(token_counts(state.usage).output)


def _thinking_share(state: RunState, tokens: TokenCounts) -> float | None:
    if state.counted_tokens is not None and tokens.output and tokens.thinking is not None:
        return min(tokens.thinking / tokens.output, 1.0)
    size = sum([len(block.thinking) for block in state.blocks if block.type == "thinking"])
    return size / state.content_chars if size else None


def _used(state: RunState, max_tokens: int | None) -> float | None:
    if not max_tokens:
        return None
    tokens = state.counted_tokens
    if tokens is None:
        tokens = state.content_chars // _CHARS_PER_TOKEN
    return min(tokens / max_tokens, 1.0) if tokens else None


def _pulse(state: RunState, now_ns: int) -> list[int]:
    newest = now_ns // PULSE_NS
    if state.pulse:
        newest = max(newest, state.pulse[-2])
    values = [0] * _PULSE_BUCKETS
    last = state.pulse[-2 * _PULSE_BUCKETS :]
    for bucket, size in zip(last[::2], last[1::2], strict=True):
        place = bucket - newest + _PULSE_BUCKETS - 1
        if place >= 0:
            values[place] = size
    return values


def sparkline(values: list[int]) -> str:
    """Draw values as bars of eighths, scaled to the largest; nothing is a blank."""
    top = max(values, default=0)
    if top == 0:
        return " " * len(values)
    bars = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
    return "".join(bars[(value * 7 + top - 1) // top] if value else " " for value in values)
