"""Text from the wire made safe for a terminal, and the units that the screen shows.

No code point that a terminal acts on, or that hides or reorders what follows, may be drawn as it
is. Each is mapped on its own, so a sequence that is split over several deltas is caught as well.
"""

from __future__ import annotations

import re
from typing import Final


def _token(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"<U+{code:04X}>"


_HOSTILE_RANGES: Final = (
    (0x00, 0x08),  # C0, without TAB and LF
    (0x0B, 0x1F),
    (0x7F, 0x9F),  # DEL and C1
    (0x061C, 0x061C),  # Arabic letter mark
    (0x180E, 0x180E),
    (0x200B, 0x200B),  # zero width space; ZWNJ and ZWJ carry meaning and stay
    (0x200E, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0xD800, 0xDFFF),
    (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB),
    (0xE0000, 0xE007F),
)
_TOKENS: Final = {
    code: _token(code) for first, last in _HOSTILE_RANGES for code in range(first, last + 1)
}
_CLASS: Final = "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in _HOSTILE_RANGES)
_HOSTILE: Final = re.compile(f"[{_CLASS}]")
_HOSTILE_OR_BREAK: Final = re.compile(f"[{_CLASS}\t\n]")


def sanitize(text: str) -> str:
    """Return `text` with every code point that could act on a terminal as a visible token.

    LF and TAB stay; what draws the text has to place them. Clean text is returned as it is.
    """
    if text.isascii() and text.isprintable():
        return text
    if _HOSTILE.search(text) is None:
        return text
    return text.translate(_TOKENS)


def one_line(text: str) -> str:
    """Return `text` sanitised for a single row: LF as a return symbol, TAB as a blank."""
    if _HOSTILE_OR_BREAK.search(text) is None:
        return text
    return sanitize(text).replace("\n", "\u23ce").replace("\t", " ")


def clip(text: str, length: int) -> str:
    """Cut `text` to `length` code points, with an ellipsis where something is missing."""
    if len(text) <= length:
        return text
    return text[: max(length - 1, 0)] + "\u2026"[: max(length, 0)]


def common_length(one: str, other: str) -> int:
    """Return how many characters two texts begin with in common."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def format_count(value: int) -> str:
    """Format a count: `999`, `12.3k`, `4.5M`."""
    if value < 10_000:
        return str(value)
    if value < 999_950:
        return f"{value / 1000:.1f}k"
    return f"{value / 1_000_000:.1f}M"


def format_bytes(value: int) -> str:
    """Format a size in bytes: `21 B`, `6.1 kB`, `2.4 MB`."""
    if value < 1000:
        return f"{value} B"
    if value < 999_950:
        return f"{value / 1000:.1f} kB"
    return f"{value / 1_000_000:.1f} MB"


def format_ns(value: int | None) -> str:
    """Format a duration in ns: `0ms`, `412ms`, `1.20s`, `12.4s`, `3m05s`; None is a dash."""
    if value is None:
        return "\u2013"
    milliseconds = round(value / 1_000_000)
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    if milliseconds < 10_000:
        return f"{milliseconds / 1000:.2f}s"
    if milliseconds < 99_950:
        return f"{milliseconds / 1000:.1f}s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes}m{seconds:02d}s"
