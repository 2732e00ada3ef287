"""Several runs side by side."""

from __future__ import annotations

from typing import NamedTuple

from tui.viewmodel.counters import Counters
from tui.viewmodel.views import HeaderView, Moment, TranscriptView


class LaneView(NamedTuple):
    """What is drawn of one of several runs that stand side by side."""

    name: str
    """What tells it from those beside it: its model, its title, or its number."""
    header: HeaderView
    transcript: TranscriptView
    max_tokens: int | None
    """The request's limit, where it is known."""
    numbers: Counters | None
    """None where they are as they were."""
    share: float
    """How much of the time that all of them took is its own, 0 to 1."""

    @property
    def moment(self) -> Moment:
        return self.header.moment


class SideView(NamedTuple):
    """Runs side by side, at the same time since the request of each."""

    lanes: tuple[LaneView, ...]
    focused: int
    """The lane that the reader is at."""
    first: int
    """The number of the first one, from one."""
    total: int
    """How many there are to be seen."""
    title: str
    """What all of them are called; empty where each is called otherwise."""
    now_ns: int
    """Time since the request."""
    behind: bool
    """Whether it is one of the past."""
    paused: bool
    speed: float | None
    """None where everything arrives when it does."""
