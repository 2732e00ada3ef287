"""JSON values on one line, for reading."""

from __future__ import annotations

from tui.core.text import clip, one_line


def compact(value: object, empty: str | None = None) -> str:
    """Return a JSON value on one line, for reading. Bounded: long values are cut."""
    if not value and empty is not None:
        return empty
    out: list[str] = []
    _compact(value, out, 4_000, 0)
    return "".join(out)


def _compact(value: object, out: list[str], budget: int, depth: int) -> int:
    if budget <= 0 or depth > 40:
        out.append("\u2026")
        return 0
    if isinstance(value, dict):
        out.append("{")
        for number, (name, item) in enumerate(value.items()):
            text = (", " if number else "") + one_line(clip(str(name), 200)) + ": "
            out.append(text)
            budget = _compact(item, out, budget - len(text), depth + 1)
            if budget <= 0:
                break
        out.append("}")
        return budget
    if isinstance(value, list):
        out.append("[")
        for number, item in enumerate(value):
            out.append(", " if number else "")
            budget = _compact(item, out, budget - 2, depth + 1)
            if budget <= 0:
                break
        out.append("]")
        return budget
    names = {None: "null", True: "true", False: "false"}
    if isinstance(value, str):
        shown = one_line(clip(value, budget))
        text = f'"{shown}"' if depth else shown
    else:
        text = names[value] if value is None or isinstance(value, bool) else clip(str(value), 60)
    out.append(text)
    return budget - len(text)
