"""The single rows: header, counters, keys."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from tui.core.text import format_count, format_ns
from tui.viewmodel import Counters, Scope, sparkline
from tui.widgets.paint import Piece, spread, wire

_DASH: Final = "\u2013"


class Row(Widget):
    """One row put together from pieces; drawn again only when they change."""

    DEFAULT_CSS = """
    Row { height: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._left: list[Piece] = []
        self._right: list[Piece] = []

    def put(self, left: list[Piece], right: list[Piece]) -> None:
        """Show these pieces; the right ones are kept whole."""
        if left != self._left or right != self._right:
            self._left, self._right = left, right
            self.refresh()

    def style(self, name: str) -> Style:
        """Return the style of a component class, without the row's own colours."""
        return self.get_component_rich_style(name, partial=True)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        strip = spread(self._left, self._right, width)
        return strip.apply_style(base).adjust_cell_length(width, base)


class Header(Row):
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

    def show(self, scope: Scope) -> None:
        """Draw the header of `scope`."""
        width = self.size.width
        badge, tone = _badge(scope)
        right: list[Piece] = []
        if scope.place[1] > 1:
            right.append((f"run {scope.place[0]}/{scope.place[1]}   ", self.style("header--title")))
        if scope.paced:
            sign = "\u2016" if scope.paused else "\u25b6"
            speed = "instant" if scope.speed == float("inf") else f"{scope.speed:g}x"
            right.append((f"{sign} {speed}  ", self.style("header--clock")))
        elif scope.paused:
            right.append(("\u2016 ", self.style("header--clock")))
        right.append((f"{format_ns(scope.now_ns):>6} ", self.style("header--clock")))
        model = wire(scope.state.model or scope.model or "", 32)
        left: list[Piece] = [
            (" streamscope  ", self.style("header--name")),
            (badge, self.style(f"header--{tone}")),
        ]
        if model and width >= 60:
            left.append((f"  {model}", self.style("header--model")))
        if not scope.run.timed:
            left.append(("  synthetic timing", self.style("header--warning")))
        used = sum(cell_len(text) for text, _ in [*left, *right])
        left.append((f"   {wire(scope.title, width - used - 4)}", self.style("header--title")))
        self.put(left, right)


def _badge(scope: Scope) -> tuple[str, str]:
    if scope.travelling:
        behind = scope.head - scope.count
        live = "" if scope.done else "LIVE "
        return f"\u25c0 PAST  {live}+{format_count(behind)}", "paused"
    status = scope.run.status
    if status == "streaming":
        if scope.paused:
            return "\u2016 PAUSED", "paused"
        return {
            "live": "\u25cf LIVE",
            "stdin": "\u25cf PIPE",
            "demo": "\u25cf DEMO",
        }.get(scope.kind, "\u25cf REPLAY"), "live"
    tones = {"complete": "good", "cancelled": "warning", "truncated": "warning"}
    signs = {"complete": "\u2713", "cancelled": "\u25cb", "truncated": "\u25d0"}
    words = {"not_sse": "NOT A STREAM"}
    label = f"{signs.get(status, chr(0x2717))} {words.get(status, status.upper())}"
    return label, tones.get(status, "bad")


class CounterBar(Row):
    """Latencies, rate, tokens, gaps; what does not fit is left out from the right."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "counter-bar--label",
        "counter-bar--value",
        "counter-bar--spark",
        "counter-bar--warning",
    }

    def show(self, numbers: Counters) -> None:
        """Draw the numbers."""
        label = self.style("counter-bar--label")
        value = self.style("counter-bar--value")
        warning = self.style("counter-bar--warning")
        metrics = numbers.metrics
        groups: list[list[Piece]] = [
            [("TTFT ", label), (format_ns(metrics.ttft), value)],
        ]
        if metrics.ttfo != metrics.ttft:
            groups.append([("TTFO ", label), (format_ns(metrics.ttfo), value)])
        rate: list[Piece] = [
            (_rate(numbers), value),
            (" tok/s ", label),
            (sparkline(numbers.pulse), self.style("counter-bar--spark")),
        ]
        groups.append(rate)
        groups.append(_tokens_in(numbers, label, value, warning))
        out: list[Piece] = [("out ", label), (_count(numbers.output_tokens), value)]
        if numbers.thinking_tokens:
            out.append((f" (thinking {_count(numbers.thinking_tokens)})", label))
        groups.append(out)
        icl = metrics.icl
        if icl.max is not None:
            gaps = f"{format_ns(icl.p50)[:-2]} p95 {format_ns(icl.p95)[:-2]}"
            if icl.p95 is not None and icl.p95 >= 1_000_000_000:
                gaps = f"{format_ns(icl.p50)} p95 {format_ns(icl.p95)}"
            groups.append([("gap p50 ", label), (f"{gaps} max {format_ns(icl.max)}", value)])
        if metrics.stalls:
            groups.append([(f"{metrics.stalls} stall{'s' * (metrics.stalls > 1)}", warning)])
        self._fit(groups, self._age(numbers, label, value, warning))

    def _age(self, numbers: Counters, label: Style, value: Style, warning: Style) -> list[Piece]:
        if numbers.stalled:
            age = format_ns(numbers.last_content_ns)
            return [
                (f"STALLED {age}", warning),
                ("  last byte ", label),
                (_age_text(numbers.last_byte_ns), value),
                (" ", None),
            ]
        if numbers.last_byte_ns is None:
            return []
        return [("last byte ", label), (_age_text(numbers.last_byte_ns), value), (" ", None)]

    def _fit(self, groups: list[list[Piece]], right: list[Piece]) -> None:
        room = self.size.width - sum(cell_len(text) for text, _ in right) - 2
        left: list[Piece] = [(" ", None)]
        for group in groups:
            size = sum(cell_len(text) for text, _ in group)
            if size > room:
                break
            left += [*group, ("   ", None)]
            room -= size + 3
        self.put(left, right)


def _age_text(age_ns: int | None) -> str:
    return _DASH if age_ns is None else f"{max(age_ns, 0) / 1e9:.1f}s"


def _rate(numbers: Counters) -> str:
    if numbers.metrics.tokens_per_s is not None and numbers.estimate is None:
        return f"{numbers.metrics.tokens_per_s:.0f}"
    return _DASH if numbers.estimate is None else f"~{numbers.estimate:.0f}"


def _count(value: int | None) -> str:
    return _DASH if value is None else format_count(value)


def _tokens_in(numbers: Counters, label: Style, value: Style, warning: Style) -> list[Piece]:
    pieces: list[Piece] = [("in ", label), (_count(numbers.input_tokens), value)]
    if numbers.cache_read or numbers.cache_write:
        cache = f" (cache {_count(numbers.cache_read)}r {_count(numbers.cache_write)}w)"
        pieces.append((cache, label))
    if numbers.conflict:
        pieces.append((" \u2260 start", warning))
    return pieces


class KeyBar(Row):
    """The keys that matter now. Each can be clicked."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-bar--key", "key-bar--what"}

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._targets: list[tuple[int, int, str]] = []
        self._keys: list[tuple[str, str, str]] = []

    def show(self, keys: list[tuple[str, str, str]]) -> None:
        """Draw keys as (key, what it does, action); those that do not fit are left out.

        The last two are always kept: help and quit.
        """
        key_style, what_style = self.style("key-bar--key"), self.style("key-bar--what")
        self._keys = keys
        self._targets = []
        pieces: list[Piece] = []
        at = 0
        fixed = keys[-2:]
        room = self.size.width - sum(len(key) + len(what) + 4 for key, what, _ in fixed)
        fitting = []
        for entry in keys[:-2]:
            size = len(entry[0]) + len(entry[1]) + 4
            if size > room:
                break
            room -= size
            fitting.append(entry)
        for key, what, action in [*fitting, *fixed]:
            text = f" {key} "
            size = len(text) + len(what) + 1
            pieces += [(text, key_style), (f"{what} ", what_style)]
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


__all__ = ["CounterBar", "Header", "KeyBar", "Row"]
