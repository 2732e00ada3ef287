"""What is known of a run when it is judged: the stream, and what stood around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from tui.core.records import JsonObject
from tui.core.session import Run
from tui.core.state import RunState
from tui.messages.linking import RequestAndAnswer, link
from tui.messages.request import messages_of

COARSEST_NS: Final = 10_000_000
"""Times that are coarser than this say nothing about bursts."""
_REPEATED_TIMES: Final = 8
"""So many different times, all round and most of them shared, are those of a coarse clock."""


def _as_it_is(value: Any) -> Any:  # noqa: ANN401
    return value


@dataclass(frozen=True, slots=True)
class Evidence:
    """A run with what is known of its request, its response's head and its neighbours.

    What is not known is None or empty; a rule that needs it then says nothing.
    """

    run: Run
    request: JsonObject | None = None
    """The body of the request."""
    status: int | None = None
    """The HTTP status."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the response, with names in lower case."""
    sent_ns: int | None = None
    """The time of day when the request was sent, on one clock for the whole conversation."""
    resolution_ns: int = 1
    """How coarse the times are that the run was recorded with."""
    bare: bool = False
    """The run comes from a file of bare events: how these stood on the wire is not known."""
    counts: bool = False
    """The request has tokens counted: it is of no conversation."""
    before: Evidence | None = None
    """The run before it in the conversation: the one whose answer or turns it goes on from."""
    next_request: JsonObject | None = None
    """The body of the request that goes on from this answer or its turns."""
    earlier: tuple[Evidence, ...] = ()
    """As many as there are runs before it with the very same request; each stands for the last."""
    mask: Callable[[Any], Any] = _as_it_is
    """Masks secrets. Requests in files are masked, and so is what they are compared with."""
    masked: bool = False
    """Whether that was done to the requests."""

    @property
    def state(self) -> RunState:
        return self.run.state

    @property
    def ended(self) -> bool:
        """Whether the run is over."""
        return self.run.status != "streaming"

    @property
    def complete(self) -> bool:
        return self.run.status == "complete"

    @property
    def timed(self) -> bool:
        """Whether the times are real."""
        return self.run.timed

    @property
    def from_request(self) -> bool:
        """Whether times count from this run's own request: a later one of a body has none."""
        return self.run.timed and not self.run.first_offset

    @property
    def finely_timed(self) -> bool:
        """Whether the times are fine enough to speak of bursts."""
        return self.timed and self.resolution_ns <= COARSEST_NS and not _is_coarse(self.run)

    def asked(self, name: str) -> object:
        """Return a parameter of the request, None where it is not known or not given."""
        return (self.request or {}).get(name)

    def body_head(self, size: int) -> bytes:
        """Return the first bytes of the body."""
        return self.run.timeline.raw.read(self.run.first_offset, min(self.run.size, size))


def _is_coarse(run: Run) -> bool:
    """Whether the reads were timed by a coarse clock: many at the same few round times.

    At most of these times there are several; a few bursts among single reads are real.
    """
    times = run.timeline.raw.chunk_times
    reads = Counter(times[:1_000])
    if len(reads) < _REPEATED_TIMES or len(reads) * 2 > reads.total():
        return False
    shared = sum(count > 1 for count in reads.values())
    return shared * 2 > len(reads) and all(time % (2 * COARSEST_NS) == 0 for time in reads)


def linked(runs: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence with the neighbours that are found among `runs`, in the order sent."""
    if sum(one.request is not None for one in runs) < 2:
        return list(runs)
    runs = _with_masked_requests(runs)
    links = link([_exchange(one) for one in runs])
    following: dict[int, int] = {}
    for number, found in enumerate(links):
        if found.before is not None:
            following.setdefault(found.before, number)
    return [
        replace(
            one,
            before=None if found.before is None else runs[found.before],
            next_request=None if number not in following else runs[following[number]].request,
            earlier=() if found.same is None else (runs[found.same],) * found.times,
        )
        for number, (one, found) in enumerate(zip(runs, links, strict=True))
    ]


def _exchange(one: Evidence) -> RequestAndAnswer:
    # A later message of a body has no request of its own.
    if one.request is None or one.run.first_offset or one.counts:
        return RequestAndAnswer(None, None)
    return RequestAndAnswer(one.request, one.mask(one.state.message_json()))


def _with_masked_requests(runs: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence with its requests masked, once for all rules.

    Requests of a capture share the turns that they have in common. So do they when masked, or a
    long conversation would be masked as often as it has requests.
    """
    found: list[Evidence] = []
    before: tuple[JsonObject, JsonObject] | None = None
    for one in runs:
        request = one.request
        if request is not None and not one.masked:
            masked = _masked_after(before, request, one.mask)
            before = request, masked
            one = replace(one, request=masked, masked=True)
        found.append(one)
    return found


def _masked_after(
    before: tuple[JsonObject, JsonObject] | None,
    request: JsonObject,
    mask: Callable[[Any], Any],
) -> JsonObject:
    """Return a request masked; turns that are those of the one `before` are not masked again."""
    turns = messages_of(request)
    if mask is _as_it_is or before is None or not turns:
        return cast(JsonObject, mask(request))
    old, place = messages_of(before[0]), 0
    while place < min(len(old), len(turns)) and old[place] is turns[place]:
        place += 1
    masked: JsonObject = mask({**request, "messages": turns[place:]})
    masked["messages"] = messages_of(before[1])[:place] + masked["messages"]
    return masked
