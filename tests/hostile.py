"""Text that nobody should have to draw: control codes, direction overrides, markup, sequences."""

from __future__ import annotations

import re
from typing import Final

from hypothesis import strategies as st

_RANGES: Final = (
    (0x00, 0x08),
    (0x0B, 0x1F),
    (0x7F, 0x9F),
    (0x061C, 0x061C),
    (0x200B, 0x200B),
    (0x200E, 0x200F),
    (0x2028, 0x2029),
    (0x202A, 0x202E),
    (0x2060, 0x2060),
    (0x2066, 0x2069),
    (0xFEFF, 0xFEFF),
    (0xD800, 0xDFFF),
    (0xE0000, 0xE007F),
)
HOSTILE_CODES: Final = [code for first, last in _RANGES for code in range(first, last + 1)]
"""What acts on a terminal, hides, or turns around what follows."""
_HOSTILE: Final = re.compile("[" + "".join(re.escape(chr(code)) for code in HOSTILE_CODES) + "]")

SEQUENCES: Final = (
    "\x1b]0;OWNED\x07",
    "\x1b]2;OWNED\x1b\\",
    "\x1b]52;c;T1dORUQ=\x07",
    "\x1b[2J\x1b[H",
    "\x1b[?1049l",
    "\x1b[6n",
    "\x1bP$qm\x1b\\",
    "\x9b2J",
    "\x9d0;OWNED\x9c",
    "safe\rOWNED",
    "a\b\bXX",
    "gpj\u202eexe.\u202c",
    "\u2067admin\u2069",
    "pass\u200bword\u2060\ufeff",
    "\U000e0041\U000e007f",
)
MARKUP: Final = (
    "[@click=app.quit]quit[/]",
    "[@click=app.bell()]",
    "[/",
    "[/]",
    "[/nothing]",
    "[bold",
    "[bold red]warning[/bold red]",
    "[link=file:///etc/passwd]x[/link]",
    "\\[x]",
    "[on red]",
    "[]",
    "[$accent]",
    "[@click='app.quit']",
    '[@click="app.quit"]',
    "<script>",
    "[a](javascript:alert(1))",
    "![p](https://tracker.example/p.png)",
    "{x!r:>{y}}",
    "%s %(a)s",
)


def hostile_in(text: str) -> list[str]:
    """The code points in `text` that must not be drawn."""
    return _HOSTILE.findall(text)


def hostile_text(max_size: int = 6) -> st.SearchStrategy[str]:
    """Text near everything that could go wrong."""
    part = st.one_of(
        st.sampled_from([*SEQUENCES, *MARKUP]),
        st.sampled_from("[]/@='\"\\(){}<>:;|\t\n\r "),
        st.sampled_from(HOSTILE_CODES).map(chr),
        st.sampled_from(
            ["\u6f22\u5b57", "e\u0301", "\U0001f44d", "\u200d", "\ufe0f", "word", "\u00e9"]
        ),
    )
    return st.lists(part, max_size=max_size).map("".join)
