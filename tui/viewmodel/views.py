"""What each pane draws: a run at the point in time that is shown, and the pane's own facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from tui.core.citations import CitedText
from tui.core.records import JsonObject
from tui.core.session import Run
from tui.core.state import Buffer, RunState
from tui.core.timeline import Timeline
from tui.find.finder import FinderView
from tui.find.links import Contribution
from tui.viewmodel.lines import StyledLine

Tone = Literal["plain", "muted", "good", "warning", "bad"]


ItemKind = Literal[
    "prompt", "thinking", "text", "tool", "result", "block", "sources", "stop", "banner", "next"
]


_LOST: Final = ("reset", "timeout")
"""How a body ends whose connection was lost."""


class TranscriptItem(NamedTuple):
    """One part of the transcript. `body` is wire text; a growing one is a Buffer."""

    key: tuple[str, int]
    kind: ItemKind
    label: str
    body: Buffer | str
    open: bool
    tone: Tone = "plain"
    highlight: tuple[int, int] | None = None
    """The code points of the body that the event at the cursor added."""
    long: bool = False
    """So much text stands before or in it that it is shown as it came, not as Markdown."""
    cited: CitedText | None = None
    """What stands where in a body with the numbers of its sources in it."""
    version: int = 0
    """Another number says that the body is not the one before with more behind it."""
    lines: tuple[StyledLine, ...] = ()
    """What is shown above the body."""
    markdown: bool = False
    """Whether the body is text of a tool that is drawn as Markdown."""
    value: Callable[[], JsonObject] | None = None
    """Gives the JSON that the item was made of."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A run at the point in time that is shown."""

    run: Run
    state: RunState
    """Live, or as of the cursor."""
    count: int
    """How many events are shown."""
    travelling: bool
    """Whether the state is one of the past."""
    now_ns: int
    """Time since the request, on the scale of the records."""
    highlight: Contribution | None = None
    """What the event at the cursor added."""

    @property
    def timeline(self) -> Timeline:
        return self.run.timeline

    @property
    def head(self) -> int:
        """How many events have arrived."""
        return len(self.run.timeline)

    @property
    def done(self) -> bool:
        """Whether nothing more will arrive."""
        return self.run.state.end is not None

    @property
    def broke_off(self) -> bool:
        """Whether the connection was lost in the middle of a stream."""
        return self.count > 0 and self.run.state.end in _LOST


class HeaderView(NamedTuple):
    """What the header says of a moment."""

    moment: Moment
    title: str
    kind: str
    model: str | None
    """The model that was asked for."""
    place: tuple[int, int]
    """Number of the run, and how many there are."""
    paced: bool
    paused: bool
    speed: float
    progress: float | None = None
    """How much of a body of known size was loaded, 0 to 1."""
    pending: str = ""
    """Why its request is not on its way yet: it waits for its turn, or to be sent again."""
    concern: str = ""
    """What keeps a complete stream from being a whole answer, as the code of its finding."""
    failure: str | None = None
    """What went wrong in this program while it read the run."""


class TranscriptView(NamedTuple):
    """What the transcript shows of a moment."""

    moment: Moment
    kind: str
    prompt: str | None = None
    turns: tuple[TranscriptItem, ...] = ()
    """What was said before the answer, where the request is known."""
    paced_text: dict[int, Buffer] | None = None
    """The smoothed text of each text block, by position; None shows all that arrived."""
    stage: tuple[str, str] | None = None
    """What the run waits for: a word for it, and what can be done."""
    failure: str | None = None
    """What went wrong in this program while it read the run."""
    recording_failure: str | None = None
    """Why the run is no longer written to its capture."""
    damage: tuple[str, str] | None = None
    """How much of its file could not be read, and what it was."""
    showed: tuple[str, str] | None = None
    """A demo, and what it showed: told at its end. None for any other stream."""


class EventsView(NamedTuple):
    """What the event log shows of a moment."""

    moment: Moment
    found: FinderView
    paced: bool
    evidence: frozenset[int] = frozenset()
    """The events that findings lead to."""
    marker: str = ""
    """What the event at the cursor is, where it is one worth stopping at."""


class VerdictView(NamedTuple):
    """The verdict on a run: one line, and how many findings there are besides."""

    glyph: str
    tone: Tone
    text: str
    more: int


class DashboardView(NamedTuple):
    """Everything that is drawn at one tick, the numbers apart."""

    moment: Moment
    header: HeaderView
    transcript: TranscriptView
    events: EventsView
    verdict: VerdictView | None
    max_tokens: int | None
    """The request's limit, where it is known."""
