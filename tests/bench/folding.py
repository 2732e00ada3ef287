"""Bytes to state: one long answer, and many at the same time."""

from __future__ import annotations

from tests.bench import data, sdk
from tests.bench.measure import Limit, Row, faster, in_turn, seconds
from tui.core.session import Session

_EVENTS = 100_000
_STREAMS = 50


def fold(rounds: int) -> list[Row]:
    """100k text deltas."""
    body = data.text_stream(_EVENTS)
    mine, theirs = _one_stream(rounds, data.reads(body))
    work = f"100k text deltas ({len(body) / 1e6:.0f} MB), bytes to state, log kept"
    return [faster(work, mine, "SDK", theirs, Limit(25))]


def streams(rounds: int) -> list[Row]:
    """50 streams in turn, each with its share of 100k text deltas, in reads of some 30 events."""
    share = _EVENTS // _STREAMS
    reads = data.reads(data.text_stream(share), 4096)

    def ours() -> None:
        sessions = [Session() for _ in range(_STREAMS)]
        for number, read in enumerate(reads):
            for session in sessions:
                session.feed(number, read)
        for session in sessions:
            session.finish(len(reads))
            _check(session, share)

    many = [reads] * _STREAMS
    mine, theirs = in_turn(
        rounds, lambda: seconds(ours), lambda: seconds(lambda: sdk.consume(many))
    )
    return [faster("50 streams at once, 100k events, 4 kB reads", mine, "SDK", theirs, Limit(30))]


def live_reads(rounds: int) -> list[Row]:
    """100k text deltas that come as they do from the API: an event a read."""
    reads = [event + b"\n\n" for event in data.text_stream(_EVENTS).split(b"\n\n")[:-1]]
    mine, theirs = _one_stream(rounds, reads)
    return [faster("100k text deltas, an event a read", mine, "SDK", theirs, Limit(10))]


def _one_stream(rounds: int, reads: list[bytes]) -> list[float]:
    """Return how long we and the SDK take for the events of one stream in these reads."""

    def ours() -> None:
        session = Session()
        for number, read in enumerate(reads):
            session.feed(number, read)
        session.finish(len(reads))
        _check(session, _EVENTS)

    return in_turn(rounds, lambda: seconds(ours), lambda: seconds(lambda: sdk.consume([reads])))


def _check(session: Session, deltas: int) -> None:
    if session.run.status != "complete" or len(session.run.timeline) != deltas + 5:
        raise AssertionError(f"{session.run.status}, {len(session.run.timeline)} events")
