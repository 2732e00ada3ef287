"""Server-sent events: bytes to frames."""

from __future__ import annotations

from anthropic._streaming import SSEDecoder

from tests.bench import data
from tests.bench.measure import Limit, Row, in_turn, seconds, times
from tui.core.sse import Decoder


def decode(rounds: int) -> list[Row]:
    """Reads of 16 kB and of one byte."""
    return [
        _row(rounds, 16_384, 20_000, Limit(2)),
        _row(rounds, 1, 2_000, Limit(1)),
    ]


def _row(rounds: int, size: int, events: int, limit: Limit) -> Row:
    body = data.text_stream(events)
    reads = data.reads(body, size)

    def ours() -> None:
        decoder = Decoder()
        count = sum(len(decoder.feed(read)) for read in reads)
        _check(count, events)

    def theirs() -> None:
        _check(sum(1 for _ in SSEDecoder().iter_bytes(iter(reads))), events)

    mine, other = (
        len(body) / 1e6 / taken
        for taken in in_turn(rounds, lambda: seconds(ours), lambda: seconds(theirs))
    )
    name = "1-byte" if size == 1 else "16 kB"
    work = f"decoding server-sent events, {name} reads"
    ratio = mine / other
    return Row(work, f"{mine:.3g} MB/s", f"SDK {other:.3g} MB/s", times(ratio), ratio, limit)


def _check(count: int, deltas: int) -> None:
    if count != deltas + 5:
        raise AssertionError(f"{count} events")
