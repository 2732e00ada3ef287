"""Checkpoints of a run's state, so that its past can be folded from nearby.

Nearly all of a state only ever grows: text, tool input, gaps, anomalies. A checkpoint keeps the
lengths of these and a copy of the little that is overwritten; what was there then is a prefix of
what the live state has now.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from tui.core import buffer
from tui.core.records import JsonObject
from tui.core.state import Block, RunState

if TYPE_CHECKING:
    from tui.core.json_check import JsonCheck

EVERY: Final = 1_024
"""Events between two checkpoints: to fold that many takes a few milliseconds."""
FINE: Final = 64
"""The same while somebody goes back step by step, from one of these checkpoints on."""
BYTES: Final = 2 * 1024 * 1024
"""Bytes between two checkpoints, where events are long; to fold them takes about as much."""

# Fields of a state that hold one value, and are copied as they are.
_SCALARS: Final = (
    "phase",
    "headless",
    "usage_seen",
    "counted_tokens",
    "error",
    "records",
    "first_content_ns",
    "second_content_ns",
    "first_output_ns",
    "last_content_ns",
    "pulse_end_ns",
)


_ExtrasMark: TypeAlias = tuple[int, JsonObject | None]


@dataclass(frozen=True, slots=True)
class _BlockMark:
    """One block at a checkpoint: lengths of what grows, copies of what is overwritten."""

    text: int
    thinking: int
    json: int
    fragments: int
    citations: int | None
    unknown_deltas: int
    stopped_ns: int | None
    patch: JsonObject
    extras: _ExtrasMark
    input_size: int | None
    input_error: tuple[int, str] | None
    check: JsonCheck | None = field(compare=False)


class _Checkpoint(NamedTuple):
    scalars: tuple[Any, ...]
    message: JsonObject | None
    extras: _ExtrasMark
    usage: JsonObject
    usage_start: JsonObject
    counts: dict[str, int]
    blocks: tuple[_BlockMark, ...]
    by_index: dict[int, int] | None
    """Wire index → position of the block; None where it is the usual one."""
    anomalies: int
    gaps: int
    stalls: int
    pulse: int
    last_pulse: int


class History:
    """The checkpoints of one live state, taken as it grows."""

    __slots__ = ("_anomalies", "_checkpoints", "_counts", "_end", "_fine", "_fine_counts", "_live")

    def __init__(self, live: RunState) -> None:
        self._live = live
        # Those of the events. Of a body that was no stream the state has others in the end.
        self._anomalies = live.anomalies
        self._checkpoints: list[_Checkpoint] = []
        self._counts: list[int] = []
        self._end = 0
        self._fine: list[_Checkpoint] = []
        self._fine_counts: list[int] = []
        """Checkpoints between two others, those where somebody goes back: in ascending order."""

    def note(self, end: int) -> None:
        """Look at the live state; take a checkpoint where enough has happened since the last.

        `end` is where in the stream the bytes of its last event end.
        """
        events = self._live.records - (self._counts[-1] if self._counts else 0)
        if events >= EVERY or (events and end - self._end >= BYTES):
            self._end = end
            self._counts.append(self._live.records)
            before = self._checkpoints[-1].blocks if self._checkpoints else ()
            self._checkpoints.append(_take(self._live, before))

    def note_past(self, past: RunState) -> None:
        """Look at a state that is folded from a checkpoint on, to go back in it more quickly."""
        counts = self._fine_counts
        coarse = bisect_right(self._counts, past.records)
        base = self._counts[coarse - 1] if coarse else 0
        if counts and not base <= counts[-1] < past.records:
            if bisect_right(self._counts, counts[-1]) == coarse:
                return  # This far it was noted before.
            counts.clear()
            self._fine.clear()
        if past.records - (counts[-1] if counts else base) >= FINE:
            before = self._checkpoints[coarse - 1].blocks if coarse else ()
            counts.append(past.records)
            self._fine.append(_take(past, before))

    def nearest(self, count: int) -> int:
        """Return the number of events at the last checkpoint not after `count`, 0 for none."""
        number, fine = bisect_right(self._counts, count), bisect_right(self._fine_counts, count)
        return max(
            self._counts[number - 1] if number else 0, self._fine_counts[fine - 1] if fine else 0
        )

    def restore(self, count: int) -> RunState:
        """Return an independent state as of the checkpoint that `nearest` found for `count`."""
        near = self.nearest(count)
        if not near:
            return RunState()
        fine = bisect_right(self._fine_counts, near)
        if fine and self._fine_counts[fine - 1] == near:
            checkpoint = self._fine[fine - 1]
        else:
            checkpoint = self._checkpoints[bisect_right(self._counts, near) - 1]
        state = _restore(checkpoint, self._live)
        state.anomalies = self._anomalies[: checkpoint.anomalies]
        return state

    def reached(self, position: int, field: str, length: int) -> tuple[int, int]:
        """Return where to look for the event with which a buffer grew past `length`.

        `position` is that of the block, `field` one of text, thinking, json. Returns
        events and buffer length at the last checkpoint where it was not longer: (0, 0) for none.
        """

        def size(checkpoint: _Checkpoint) -> int:
            if position >= len(checkpoint.blocks):
                return 0
            return int(getattr(checkpoint.blocks[position], field))

        found = bisect_right(self._checkpoints, length, key=size) - 1
        return (self._counts[found], size(self._checkpoints[found])) if found >= 0 else (0, 0)


def _take(state: RunState, before: tuple[_BlockMark, ...]) -> _Checkpoint:
    by_index = {index: block.position for index, block in state.by_index.items()}
    # What has not changed is shared with the checkpoint before: a long run has many blocks.
    marks = [
        earlier if earlier is not None and _unchanged(earlier, block) else _take_block(block)
        for earlier, block in zip_longest(before[: len(state.blocks)], state.blocks)
    ]
    return _Checkpoint(
        scalars=tuple(getattr(state, name) for name in _SCALARS),
        message=None if state.message is None else dict(state.message),
        extras=state.extras.mark(),
        usage=dict(state.usage),
        usage_start=dict(state.usage_start),
        counts=dict(state.counts),
        blocks=tuple(marks),
        by_index=None if by_index == _usual_index(state.blocks) else by_index,
        anomalies=len(state.anomalies),
        gaps=len(state.gaps_ns),
        stalls=len(state.stalls),
        pulse=len(state.pulse),
        last_pulse=state.pulse[-1] if state.pulse else 0,
    )


def _unchanged(mark: _BlockMark, block: Block) -> bool:
    """Whether a stopped block got nothing since, not even what the protocol forbids."""
    if mark.stopped_ns is None or mark.stopped_ns != block.stopped_ns:
        return False
    # A second stop may come at the time of the first one, and read more than that did.
    if (mark.input_error, mark.input_size) != (block.input_error, block.input_size):
        return False
    if mark.patch or block.patch or block.extras or block.citations or block.unknown_deltas:
        return mark == _take_block(block)
    sizes = (len(block.text), len(block.thinking), len(block.fragments))
    return (mark.text, mark.thinking, mark.fragments) == sizes


def _usual_index(blocks: list[Block]) -> dict[int, int]:
    """Return `by_index` of a state whose blocks were all started: the last one of an index."""
    return {block.index: block.position for block in blocks}


def _take_block(block: Block) -> _BlockMark:
    return _BlockMark(
        len(block.text),
        len(block.thinking),
        len(block.json),
        len(block.fragments),
        None if block.citations is None else len(block.citations),
        len(block.unknown_deltas),
        block.stopped_ns,
        dict(block.patch),
        block.extras.mark(),
        block.input_size,
        block.input_error,
        None if block.check is None else block.check.copy(),
    )


def _restore(mark: _Checkpoint, live: RunState) -> RunState:
    state = RunState()
    for name, value in zip(_SCALARS, mark.scalars, strict=True):
        setattr(state, name, value)
    state.message = None if mark.message is None else dict(mark.message)
    state.extras = live.extras.upto(mark.extras)
    state.usage = dict(mark.usage)
    state.usage_start = dict(mark.usage_start)
    state.counts = dict(mark.counts)
    pairs = zip(mark.blocks, live.blocks, strict=False)  # The live state may have more by now.
    state.blocks = [_restore_block(block_mark, block) for block_mark, block in pairs]
    by_index = _usual_index(state.blocks) if mark.by_index is None else mark.by_index
    state.by_index = {index: state.blocks[position] for index, position in by_index.items()}
    state.gaps_ns = live.gaps_ns[: mark.gaps]
    state.stalls = live.stalls[: mark.stalls]
    state.pulse = live.pulse[: mark.pulse]
    if state.pulse:
        # Only the last one still grows.
        state.pulse[-1] = mark.last_pulse
    return state


def _restore_block(mark: _BlockMark, block: Block) -> Block:
    citations = block.citations
    return Block(
        index=block.index,
        type=block.type,
        start=block.start,
        started_seq=block.started_seq,
        started_ns=block.started_ns,
        position=block.position,
        implicit=block.implicit,
        stopped_ns=mark.stopped_ns,
        text=block.text.upto(mark.text),
        thinking=block.thinking.upto(mark.thinking),
        json=block.json.upto(mark.json),
        fragments=block.fragments[: mark.fragments],
        citations=None if mark.citations is None else list((citations or [])[: mark.citations]),
        patch=dict(mark.patch),
        extras=block.extras.upto(mark.extras),
        unknown_deltas=block.unknown_deltas[: mark.unknown_deltas],
        input_size=mark.input_size,
        input_error=mark.input_error,
        check=None if mark.check is None else mark.check.copy(),
        check_at=buffer.PIECE + (0 if mark.check is None else mark.check.size),
    )
