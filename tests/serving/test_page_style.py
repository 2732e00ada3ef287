"""The colours of the page: enough contrast between what is read and its ground, light and dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tui import serving

CSS = (Path(serving.__file__).parent / "page" / "page.css").read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
)
READ = [
    *((ink, ground) for ink in ("ink", "quiet", "accent") for ground in ("ground", "panel")),
    *((ink, "ground") for ink in ("good", "warning", "bad")),
    *((ink, "panel") for ink in ("good", "warning", "bad", "tool-lane")),
    ("ink", "odd"),
    ("on-accent", "accent"),
]
SEEN = ["text-lane", "thinking-lane", "tool-lane", "message-lane", "bad", "accent", "edge"]


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it, between 1 and 21."""
    lights = []
    for colour in (one, other):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
        )
        lights.append(0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
    return max(lights) / min(lights)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_what_is_read_and_seen_stands_out(colours: dict[str, str]) -> None:
    read = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in READ}
    assert {pair: ratio for pair, ratio in read.items() if ratio < 4.5} == {}
    # The marks of the strip, the frame of what has the focus, the edge of what is typed into.
    seen = {name: contrast(colours[name], colours["panel"]) for name in SEEN}
    assert {name: ratio for name, ratio in seen.items() if ratio < 3} == {}
    assert set(colours) == set(LIGHT)
