"""The single rows: header, counters, keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

from rich.cells import cell_len
from textual import events
from textual.strip import Strip

from tui.core.text import format_count, format_ns
from tui.viewmodel import Counters, HeaderView, sparkline
from tui.widgets.component_styles import ComponentStyles
from tui.widgets.paint import StyledText, spread, wire

Named = tuple[str, str | None]
"""Text and the component class that gives its style."""

_DASH: Final = "\u2013"
_LABEL: Final = "counter-bar--label"
_VALUE: Final = "counter-bar--value"
_WARNING: Final = "counter-bar--warning"
ROOMY: Final = 60
"""Columns from which on there is room for the name of the program."""
LEAST: Final = (3, 5, 6)
"""The ranks of what a run is measured by: output, rate, time to the first token."""
_HEADS: Final = (
    (" streamscope  ", "synthetic timing"),
    (" streamscope  ", "synthetic"),
    (" ", "synthetic"),
)
"""Name and note of the header, from the roomiest to the narrowest."""
_MODEL: Final = 16
"""Cells of a model's name for which the name and the note are shortened."""
_MARGIN: Final = 4
"""Cells around a name."""
_LEAST_NAME: Final = 8
"""Cells of a name that say something."""
_BAR_CELLS: Final = 16
_KEY: Final = "key-bar--key"
_WHAT: Final = "key-bar--what"


class Row(ComponentStyles):
    """One row put together from pieces; drawn again only when they change."""

    # A drag over several panes copies what they say, not what stands between them.
    ALLOW_SELECT = False

    DEFAULT_CSS = """
    Row { height: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._left: list[Named] = []
        self._right: list[Named] = []

    def put(self, left: list[Named], right: list[Named]) -> None:
        """Show these pieces; the right ones are kept whole."""
        if left != self._left or right != self._right:
            self._left, self._right = left, right
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.base_style()
        strip = spread(self._styled(self._left), self._styled(self._right), width)
        return strip.apply_style(base).adjust_cell_length(width, base)

    def _styled(self, pieces: list[Named]) -> list[StyledText]:
        # Looked up while drawing: the names outlast a change of theme.
        return [(text, self.style(name) if name else None) for text, name in pieces]


class HeaderBar(Row):
    """Name, state of the run, model, title; speed and time on the right."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "header--name",
        "header--live",
        "header--good",
        "header--warning",
        "header--bad",
        "header--paused",
        "header--model",
        "header--title",
        "header--clock",
    }

    def show_ready(self, model: str) -> None:
        """Draw the header of a conversation in which nothing was asked yet."""
        self.put(
            [
                (" streamscope  ", "header--name"),
                ("\u25cb READY", "header--good"),
                (f"  {wire(model, 32)}", "header--model"),
            ],
            [],
        )

    def show(self, view: HeaderView) -> None:
        """Draw the header of `view`."""
        width = self.size.width
        word, tone = badge(view)
        right: list[Named] = []
        if view.place[1] > 1:
            right.append((f"run {view.place[0]}/{view.place[1]}   ", "header--title"))
        if view.paced:
            sign = "\u2016" if view.paused else "\u25b6"
            speed = "instant" if view.speed == float("inf") else f"{view.speed:g}x"
            right.append((f"{sign} {speed}  ", "header--clock"))
        elif view.paused:
            right.append(("\u2016 ", "header--clock"))
        right.append((f"{format_ns(view.moment.now_ns):>6} ", "header--clock"))
        if view.progress is not None:
            full = round(view.progress * _BAR_CELLS)
            right.insert(0, ("\u2588" * full, "header--live"))
            right.insert(1, ("\u2591" * (_BAR_CELLS - full) + "  ", "header--clock"))
        left: list[Named] = []
        model = wire(view.moment.state.model or view.model or "", 32)
        timed = view.moment.run.timed
        # Narrow: what the times are worth is kept, words give way to the model.
        for name, note in _HEADS:
            notes: list[Named] = [] if timed else [(f"  {note}", "header--warning")]
            left = [(name, "header--name"), (word, f"header--{tone}")]
            room = width - _cells([*left, *notes, *right]) - _MARGIN
            if room >= min(cell_len(model), _MODEL):
                break
        if room < 2 - _MARGIN:
            right = right[-1:]
            room = width - _cells([*left, *notes, *right]) - _MARGIN
        if _is_told(model, room):
            left.append((f"  {wire(model, room)}", "header--model"))
        left += notes
        room = width - _cells([*left, *right]) - _MARGIN
        if _is_told(view.title, room):
            left.append((f"   {wire(view.title, room)}", "header--title"))
        self.put(left, right)


def _is_told(text: str, room: int) -> bool:
    """Whether a name has room, or so much of it that it says something."""
    return bool(text) and room >= min(cell_len(wire(text, _LEAST_NAME)), _LEAST_NAME)


def _cells(pieces: Sequence[Named]) -> int:
    return sum(cell_len(text) for text, _ in pieces)


def badge(view: HeaderView) -> tuple[str, str]:
    """Return the state of a run with its glyph, and the tone to say it in."""
    behind = view.moment.head - view.moment.count
    if behind:
        return f"\u25c0 PAST  {format_count(behind)} behind", "paused"
    if view.failure is not None:
        return "\u2717 FAILED", "bad"
    status = view.moment.run.status
    if view.pending:
        return view.pending, "paused"
    if status == "streaming":
        if view.progress is not None:
            return f"\u25cf LOADING {view.progress:.0%}", "live"
        if view.paused:
            return "\u2016 PAUSED", "paused"
        return {
            "live": "\u25cf LIVE",
            "stdin": "\u25cf PIPE",
            "demo": "\u25cf DEMO",
            "followed": "\u25cf LIVE",
        }.get(view.kind, "\u25cf REPLAY"), "live"
    if status == "complete" and view.concern:
        return f"\u25b2 COMPLETE  {view.concern}", "warning"
    if status == "error" and view.moment.broke_off:
        return "\u25d0 TRUNCATED", "warning"
    tones = {"complete": "good", "cancelled": "warning", "truncated": "warning"}
    signs = {"complete": "\u2713", "cancelled": "\u25cb", "truncated": "\u25d0"}
    words = {"not_sse": "NOT A STREAM"}
    label = f"{signs.get(status, chr(0x2717))} {words.get(status, status.upper())}"
    return label, tones.get(status, "bad")


class EventHead(Row):
    """The column heads of the event log."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"event-head--label"}

    def show(self, heads: str) -> None:
        """Show one line of column heads."""
        self.put([(heads, "event-head--label")], [])


class CounterBar(Row):
    """Latencies, rate, tokens, gaps. Where there is little room, what matters now is kept."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "counter-bar--label",
        "counter-bar--value",
        "counter-bar--spark",
        "counter-bar--warning",
    }

    def __init__(self, *, id: str | None = None, first: Sequence[int] = ()) -> None:
        """`first` are the ranks of the groups that find room before all others."""
        super().__init__(id=id)
        self._first = first
        self._numbers: Counters | None = None

    def on_resize(self) -> None:
        # Once a run is over there are no new numbers that would bring the rest of them back.
        if self._numbers is not None:
            self.show(self._numbers)

    def show(self, numbers: Counters) -> None:
        """Draw the numbers."""
        self._numbers = numbers
        self._fit(_groups(numbers), self._age(numbers))

    def _age(self, numbers: Counters) -> list[Named]:
        if numbers.stalled:
            age = format_ns(numbers.last_content_ns)
            return [
                (f"STALLED {age}", _WARNING),
                ("  last byte ", _LABEL),
                (_age_text(numbers.last_byte_ns), _VALUE),
                (" ", None),
            ]
        if numbers.last_byte_ns is None:
            return []
        return [("last byte ", _LABEL), (_age_text(numbers.last_byte_ns), _VALUE), (" ", None)]

    def _fit(self, groups: list[Group], right: list[Named]) -> None:
        room = self.size.width - _cells(right) - 2
        chosen: dict[Group, Sequence[Named]] = {}
        by_rank = sorted(groups, key=lambda group: (group.rank not in self._first, group.rank))
        for group in by_rank:
            if _cells(group.short) <= room:
                chosen[group] = group.short
                room -= _cells(group.short) + 2
        for group in by_rank:
            more = _cells(group.full) - _cells(group.short)
            if group in chosen and more <= room:
                chosen[group] = group.full
                room -= more
        left: list[Named] = [(" ", None)]
        for group in groups:
            if group in chosen:
                left += [*chosen[group], ("  ", None)]
        self.put(left, right)


class Group(NamedTuple):
    """Numbers that stand together."""

    rank: int
    """The lower, the sooner it finds room."""
    short: tuple[Named, ...]
    full: tuple[Named, ...]


def _group(rank: int, *pieces: Named, more: Sequence[Named] = ()) -> Group:
    """Return a group that has `more` to it where there is room."""
    return Group(rank, pieces, (*pieces, *more))


def _groups(numbers: Counters) -> list[Group]:
    """Return the numbers in their order on the screen."""
    metrics = numbers.metrics
    groups = [_group(6, ("TTFT ", _LABEL), (format_ns(metrics.ttft), _VALUE))]
    if metrics.ttfo != metrics.ttft:
        groups.append(_group(7, ("TTFO ", _LABEL), (format_ns(metrics.ttfo), _VALUE)))
    spark = (" " + sparkline(numbers.pulse), "counter-bar--spark")
    groups.append(_group(5, (_rate(numbers), _VALUE), (" tok/s", _LABEL), more=[spark]))
    changed = [(" \u2260 start", _WARNING)] if numbers.conflict else []
    known_in = (("in ", _LABEL), (_count(numbers.input_tokens), _VALUE))
    groups.append(_group(4, *known_in, more=changed))
    groups += _cache(numbers)
    rough = "" if numbers.output.counted else "~"
    used: list[Named] = []
    if numbers.used is not None:
        used.append((f" {rough}{numbers.used:.0%} of {_count(numbers.limit)}", _LABEL))
    out = (("out ", _LABEL), (numbers.output.told, _VALUE))
    groups.append(_group(3, *out, more=used))
    if numbers.thinking_share is not None:
        share = (("thinking ", _LABEL), (f"{rough}{numbers.thinking_share:.0%}", _VALUE))
        tokens = [(f" ({_count(numbers.thinking_tokens)})", _LABEL)]
        groups.append(_group(1, *share, more=tokens if numbers.thinking_tokens else ()))
    if metrics.stalls:
        plural = "s" * (metrics.stalls > 1)
        groups.append(_group(0, (f"{metrics.stalls} stall{plural}", _WARNING)))
    icl = metrics.icl
    if icl.max is not None:
        longest: list[Named] = [("gap max ", _LABEL), (format_ns(icl.max), _VALUE)]
        named = (("p50", icl.p50), ("p95", icl.p95), ("max", icl.max))
        full: list[Named] = [("gap", _LABEL)]
        for name, gap in named:
            full += [(f" {name} ", _LABEL), (format_ns(gap), _VALUE)]
        groups.append(Group(8, tuple(longest), tuple(full)))
    return groups


def _cache(numbers: Counters) -> list[Group]:
    """Return what was read from the cache and written to it, where anything was."""
    counts = ((numbers.cache_read, "read"), (numbers.cache_write, "written"))
    known = [(_count(count), word) for count, word in counts if count]
    if not known:
        return []
    full: list[Named] = []
    short: list[Named] = []
    for count, word in known:
        full += [(" \u00b7 " if full else "cache ", _LABEL), (count, _VALUE), (f" {word}", _LABEL)]
        short += [(" " if short else "cache ", _LABEL), (count, _VALUE), (word[0], _LABEL)]
    return [Group(2, tuple(short), tuple(full))]


def _age_text(age_ns: int | None) -> str:
    return _DASH if age_ns is None else f"{max(age_ns, 0) / 1e9:.1f}s"


def _rate(numbers: Counters) -> str:
    if numbers.metrics.tokens_per_s is not None and numbers.estimate is None:
        return f"{numbers.metrics.tokens_per_s:.0f}"
    return _DASH if numbers.estimate is None else f"~{numbers.estimate:.0f}"


def _count(value: int | None) -> str:
    return _DASH if value is None else format_count(value)


class KeyBar(Row):
    """The keys that matter now. Each can be clicked."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-bar--key", "key-bar--what"}

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._targets: list[tuple[int, int, str]] = []
        self._keys: list[tuple[str, str, str]] = []

    def show(self, keys: list[tuple[str, str, str]]) -> None:
        """Draw keys as (key, what it does, action); those that do not fit are left out.

        The last two are kept, help and quit, or on a narrow screen the last one beside the first.
        """
        self._keys = keys
        self._targets = []
        pieces: list[Named] = []
        at = 0
        fixed = keys[-2:]
        ends = [len(key) + len(what) + 3 for key, what, _ in (keys[0], *fixed)]
        if sum(ends) > self.size.width >= ends[0] + ends[-1]:
            fixed = keys[-1:]  # The first one is worth more.
        room = self.size.width - sum(len(key) + len(what) + 3 for key, what, _ in fixed)
        fitting = []
        for entry in keys[: len(keys) - len(fixed)]:
            size = len(entry[0]) + len(entry[1]) + 3
            if size > room:
                break
            room -= size
            fitting.append(entry)
        for key, what, action in [*fitting, *fixed]:
            text = f" {key} "
            size = len(text) + len(what) + 1
            pieces += [(text, _KEY), (f"{what} ", _WHAT)]
            self._targets.append((at, at + size, action))
            at += size
        self.put(pieces, [])

    def on_resize(self) -> None:
        if self._keys:
            self.show(self._keys)

    async def on_click(self, event: events.Click) -> None:
        """Do what the key under the pointer does."""
        for start, end, action in self._targets:
            if start <= event.x < end:
                await self.app.run_action(action)
                return


__all__ = ["CounterBar", "HeaderBar", "KeyBar", "LEAST", "Named", "ROOMY", "Row", "badge"]
