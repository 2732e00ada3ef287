"""Two runs side by side, as lines: what differs, the numbers, the texts, the calls, the request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from textwrap import wrap
from typing import Final

from tui.compare.comparison import Comparison, Measure, RequestDiff, ToolDiff, Unit
from tui.compare.json_diff import JsonDiff
from tui.compare.text_diff import TextDiff
from tui.core.state import ToolReport
from tui.core.text import clip, format_bytes, format_count, format_ns, one_line
from tui.viewmodel.compare_lines import (
    ADDED,
    ARROW,
    CHANGED,
    EMPTY,
    NO_MARK,
    REMOVED,
    VALUE,
    CompareLine,
    count,
    json_lines,
    text_lines,
    value,
)
from tui.viewmodel.lines import LineStyle, Pieces, StyledLine

WIDE: Final = 100
"""From so many cells on there are two columns."""

_COUNTED: Final = re.compile(r"\b(\d+) ")
_ROWS: Final = 8
"""Rows that a fact takes at most."""
_LABEL: Final = 13
_NUMBER: Final = 11
_UNKNOWN: Final = "\u2013"
_UP: Final = "\u25b2"
_DOWN: Final = "\u25bc"
_WORDS: Final = {"ns": ("faster", "slower"), "rate": ("slower", "faster")}
"""What less and more of a unit are called."""


def compare_lines(comparison: Comparison, width: int) -> Iterator[CompareLine]:
    """Return the view of a comparison in `width` cells."""
    wide = width >= WIDE
    yield _summary(comparison)
    yield EMPTY
    yield from _facts(comparison, width)
    yield from _latency(comparison)
    yield from _usage(comparison)
    yield from _text("Text", comparison.text, wide=wide)
    yield from _text("Thinking", comparison.thinking, wide=wide)
    yield from _tools(comparison.tools, wide=wide)
    if not comparison.rest.equal:
        yield _heading("Other fields")
        yield from json_lines(comparison.rest, wide=wide)
        yield EMPTY
    yield from _request(comparison.request, wide=wide)


def _heading(name: str, facts: str = "") -> CompareLine:
    return CompareLine(StyledLine(((name, "heading"), (f"   {facts}" if facts else "", "muted"))))


def _muted(text: str, indent: int = 0) -> CompareLine:
    return CompareLine(StyledLine(((text, "muted"),), NO_MARK, indent=indent))


def _summary(comparison: Comparison) -> CompareLine:
    differing = comparison.differing
    if not differing:
        return CompareLine(StyledLine((("No differences", "better"),)))
    return CompareLine(StyledLine((("Differ in ", "muted"), (", ".join(differing), "plain"))))


# --- tables ---------------------------------------------------------------------------------------


def _facts(comparison: Comparison, width: int) -> Iterator[CompareLine]:
    # Where there are two columns, the right value begins where the right column does.
    room = width // 2 - 10 if width >= WIDE else max((width - len(NO_MARK) - _LABEL) // 2, 8)
    head = f"{'left':<{room}}right"
    yield CompareLine(StyledLine(((f"{'Run':<{_LABEL + 2}}", "heading"), (head, "muted"))))
    stop = True
    for fact in comparison.facts:
        if fact.left is None and fact.right is None:
            continue
        texts = (clip(one_line(text or _UNKNOWN), _ROWS * (room - 2)) for text in fact[1:])
        rows = zip_longest(*(_wrapped(text, room - 2) for text in texts), fillvalue="")
        looks: tuple[LineStyle, LineStyle] = (
            ("plain", "plain") if fact.equal else ("removed", "added")
        )
        for number, (left, right) in enumerate(rows):
            name = "" if number else fact.name
            label: Pieces = ((f"{name:<{_LABEL}}", "muted"),)
            pieces: Pieces = (*label, (f"{left:<{room}}", looks[0]), (right, looks[1]))
            if fact.equal or number:
                yield CompareLine(StyledLine(pieces, NO_MARK))
            else:
                yield CompareLine(StyledLine(pieces, CHANGED, "changed"), stop=stop)
                stop = False
    yield EMPTY


def _wrapped(text: str, width: int) -> list[str]:
    """Wrap what a run holds; a number stays with what it counts."""
    kept = _COUNTED.sub("\\1\u00a0", text)
    return [line.replace("\u00a0", " ") for line in wrap(kept, width)]


def _latency(comparison: Comparison) -> Iterator[CompareLine]:
    if any(comparison.timed):
        yield from _table("Latency", comparison.metrics)
    for side, timed in zip(("left", "right"), comparison.timed, strict=True):
        if not timed:
            yield _muted(f"The times of the {side} side are made up: there is nothing to measure.")
    if not all(comparison.timed):
        yield EMPTY


def _usage(comparison: Comparison) -> Iterator[CompareLine]:
    yield from _table("Tokens and size", comparison.usage)


def _table(name: str, measures: Sequence[Measure]) -> Iterator[CompareLine]:
    head = f"{'left':>{_NUMBER}}{'right':>{_NUMBER}}{'difference':>{_NUMBER + 2}}"
    yield CompareLine(StyledLine(((f"{name:<{_LABEL + 2}}", "heading"), (head, "muted"))))
    stop = True
    for measure in measures:
        if measure.left is None and measure.right is None:
            continue
        yield CompareLine(StyledLine(_measure(measure), NO_MARK), stop=stop and not measure.equal)
        stop = stop and measure.equal
    yield EMPTY


def _measure(measure: Measure) -> Pieces:
    unit = measure.unit
    values = (_amount(number, unit) for number in (measure.left, measure.right))
    row = "".join(f"{text:>{_NUMBER}}" for text in values)
    pieces: Pieces = ((f"{measure.name:<{_LABEL}}", "muted"), (row, "plain"))
    delta, verdict = measure.delta, measure.verdict
    if delta is None:
        return pieces
    amount = _amount(abs(delta), unit)
    if amount == _amount(0, unit):
        return (*pieces, (f"{'=':>{_NUMBER + 2}}", "muted"))
    sign, arrow, word = ("+", _UP, 1) if delta > 0 else ("\u2212", _DOWN, 0)
    look: LineStyle = verdict if verdict in ("better", "worse") else "changed"
    words = "" if measure.better is None else _WORDS.get(unit, ("fewer", "more"))[word]
    change = f"{sign}{amount}"
    return (
        *pieces,
        (f"{change:>{_NUMBER + 2}}", look),
        (f"{_percent(measure):>8}", "plain"),
        (f"  {arrow} {words}", look),
    )


def _amount(number: float | None, unit: Unit) -> str:
    if number is None:
        return _UNKNOWN
    if unit == "bytes":
        return format_bytes(int(number))
    if unit == "count":
        return format_count(int(number))
    if unit == "rate":
        return f"{number:.1f}"
    # A gap of a millisecond or two must not become "1ms" on both sides.
    return f"{number / 1e6:.1f}ms" if number < 9_950_000 else format_ns(int(number))


def _percent(measure: Measure) -> str:
    percent = measure.percent
    if percent is None or abs(percent) < 0.5:
        return ""
    if percent >= 1_000:
        return f"\u00d7{percent / 100 + 1:.0f}"
    return f"{percent:+.0f}%".replace("-", "\u2212")


# --- texts, calls, requests -----------------------------------------------------------------------


def _text(name: str, diff: TextDiff, *, wide: bool) -> Iterator[CompareLine]:
    left, right = diff.left, diff.right
    if not left.chars and not right.chars:
        return
    if diff.equal:
        yield _heading(name, f"equal, {count(left.chars, 'character')}")
    else:
        facts = [f"{left.chars:,}{ARROW}{count(right.chars, 'character')}"]
        facts.append(f"{left.lines:,}{ARROW}{count(right.lines, 'line')}")
        if diff.mode == "lines":
            facts.append("too long to look at every word")
        yield _heading(name, ", ".join(facts))
        yield from text_lines(diff, wide=wide)
    yield EMPTY


def _tools(tools: Sequence[ToolDiff], *, wide: bool) -> Iterator[CompareLine]:
    if not tools:
        return
    left = sum(tool.left is not None for tool in tools)
    right = sum(tool.right is not None for tool in tools)
    equal = sum(tool.equal for tool in tools)
    yield _heading("Tool calls", f"{left}{ARROW}{right}, {equal} equal")
    for tool in tools:
        yield from _tool(tool, wide=wide)
    yield EMPTY


def _tool(tool: ToolDiff, *, wide: bool) -> Iterator[CompareLine]:
    one, other = tool.left, tool.right
    title: Pieces = ((clip(one_line(tool.name) or "a tool without a name", 60), "plain"),)
    if one is None or other is None:
        if one is not None:
            yield CompareLine(
                StyledLine((*title, _given(one, "removed")), REMOVED, "removed"), stop=True
            )
        if other is not None:
            yield CompareLine(
                StyledLine((*title, _given(other, "added")), ADDED, "added"), stop=True
            )
    elif tool.equal:
        yield CompareLine(StyledLine((*title, ("  equal", "muted")), NO_MARK))
    else:
        states: Pieces = ()
        if one.state != other.state:
            states = (
                ("  ", "muted"),
                (one.state, "removed"),
                (ARROW, "muted"),
                (other.state, "added"),
            )
        yield CompareLine(StyledLine((*title, *states), CHANGED, "changed"), stop=bool(states))
        if tool.input is not None:
            yield from json_lines(tool.input, wide=wide, indent=2)
        elif tool.raw is not None and not tool.raw.equal:
            yield from text_lines(tool.raw, wide=wide, indent=2)


def _given(report: ToolReport, look: LineStyle) -> tuple[str, LineStyle]:
    """Return the input of a call that stands alone."""
    shown = one_line(clip(report.raw, VALUE)) if report.input is None else value(report.input)
    return "  " + shown, look


def _request(request: RequestDiff, *, wide: bool) -> Iterator[CompareLine]:
    if request.known != (True, True):
        where = {
            (True, False): "known of the left side only",
            (False, True): "known of the right side only",
        }
        yield _heading("Request", where.get(request.known, "not known"))
        return
    if request.equal:
        yield _heading("Request", "equal")
        return
    yield _heading("Request")
    for name, part in request.parts:
        yield from _part(name, part, wide=wide)


def _part(name: str, part: JsonDiff, *, wide: bool) -> Iterator[CompareLine]:
    if part.equal:
        yield _muted(f"{name:<{_LABEL}}equal")
        return
    how_many = "" if part.too_large else count(part.total, "difference")
    yield _muted(f"{name:<{_LABEL}}{how_many}")
    yield from json_lines(part, wide=wide, indent=2)
