"""The run on the screen, at the point in time that is shown."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tui.core.links import Contribution
from tui.core.session import Run
from tui.core.state import Buffer, RunState
from tui.core.timeline import Timeline

if TYPE_CHECKING:
    from tui.core.search import Searcher

Tone = Literal["plain", "muted", "good", "warning", "bad"]


ItemKind = Literal["prompt", "thinking", "text", "tool", "result", "block", "stop", "banner"]


@dataclass(frozen=True, slots=True)
class Item:
    """One part of the transcript. `body` is wire text; a growing one is a Buffer."""

    key: tuple[str, int]
    kind: ItemKind
    label: str
    body: Buffer | str
    open: bool
    tone: Tone = "plain"
    lit: tuple[int, int] | None = None
    """The code points of the body that the event at the cursor added."""
    long: bool = False
    """So much text stands before or in it that it is shown as it came, not as Markdown."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the reader looks for, and what of it was found."""

    rows: array[int] | None = None
    """The events that match the filter, None without one."""
    filter: str = ""
    searcher: Searcher | None = None
    search: str = ""
    progress: float = 1.0
    marks: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Scope:
    """The run on the screen, at the point in time that is shown."""

    key: int
    """Another run, another key."""
    run: Run
    state: RunState
    count: int
    """How many events are shown."""
    travelling: bool
    """Whether the state is one of the past."""
    now_ns: int
    """Time since the request, on the scale of the records."""
    title: str
    kind: str
    prompt: str | None
    model: str | None
    paused: bool
    paced: bool
    speed: float
    done: bool
    failure: str | None
    lit: Contribution | None
    """What the event at the cursor added."""
    found: Found
    progress: float | None
    """How much of a body of known size was loaded, 0 to 1."""
    place: tuple[int, int]
    """Number of the run, and how many there are."""
    turns: tuple[Item, ...] = ()
    """What was said before the answer, where the request is known."""
    stage: tuple[str, str] | None = None
    """What the run waits for: a word for it, and what can be done."""
    queued: bool = False
    """Whether its request waits for its turn."""
    paced_text: dict[int, Buffer] | None = None
    """What of each text block is shown to somebody who reads along; None: all that arrived."""
    max_tokens: int | None = None
    recording_failure: str | None = None
    """Why the run is no longer written to its capture."""
    damage: tuple[str, str] | None = None
    """How much of its file could not be read, and what it was."""

    @property
    def timeline(self) -> Timeline:
        return self.run.timeline

    @property
    def head(self) -> int:
        """How many events have arrived."""
        return len(self.run.timeline)
