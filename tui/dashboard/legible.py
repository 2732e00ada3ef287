"""Text that can be read: in any theme, and where the terminal has only 16 colours.

The style sheet takes its colours from the theme, and a theme promises nothing about how its green
looks on its own background, or on that of a selected row. So every line that is drawn goes through
here last: a text that stands out too little is made darker or lighter, of the same hue.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from colorsys import rgb_to_hls
from functools import lru_cache
from typing import Final, TypeAlias

from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

CONTRAST: Final = 4.5
"""The least contrast of text: https://www.w3.org/TR/WCAG22/#contrast-minimum"""

_STEPS: Final = 7
"""Of a search between 0 and 1: finer than a 255th is not seen."""
_WHITE: Final = ColorTriplet(255, 255, 255)
_BLACK: Final = ColorTriplet(0, 0, 0)
_DRAWN: Final = "\u2500-\u259f\u2800-\u28ff"
"""Lines, blocks and dots: frames and charts, which may be faint."""
_WORDS: Final = re.compile(rf"[^\s{_DRAWN}]")


FEW_COLOURS: Final = ("standard", "windows")
"""What Rich calls terminals with 16 colours."""

Shown: TypeAlias = Callable[[ColorTriplet], ColorTriplet]


def _as_it_is(color: ColorTriplet) -> ColorTriplet:
    return color


@lru_cache(4096)
def _in_256(color: ColorTriplet) -> ColorTriplet:
    """Return the colour that Rich takes for one in a terminal with 256."""
    return RichColor.from_triplet(color).downgrade(ColorSystem.EIGHT_BIT).get_truecolor()


class Legible(LineFilter):
    """Gives text enough contrast, in the colours that a terminal has: as Rich names them."""

    def __init__(self, colours: str | None = "truecolor") -> None:
        super().__init__()
        self.sixteen = colours in FEW_COLOURS
        self._shown = _in_256 if colours == "256" else _as_it_is

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if self.sixteen:
            return [
                Segment(text, style and _in_sixteen(style, background), control)
                for text, style, control in segments
            ]
        # Most are left as they are: those are not made again, since every line comes through here.
        return [
            segment
            if (style := segment.style) is None
            or (better := _readable(style, background, self._shown)) is style
            or not _WORDS.search(segment.text)
            else Segment(segment.text, better, segment.control)
            for segment in segments
        ]


class NoColours(LineFilter):
    """Takes all colours away; what was on a background of its own is reversed."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            Segment(text, None if style is None else _without_colours(style, background), control)
            for text, style, control in segments
        ]


def contrast(one: ColorTriplet, other: ColorTriplet) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable(
    color: ColorTriplet, background: ColorTriplet, shown: Shown = _as_it_is
) -> ColorTriplet:
    """Return `color`, made darker or lighter as far as text on `background` needs it.

    `shown` gives the colour that the terminal has for one.
    """
    behind = shown(background)

    def is_enough(color: ColorTriplet) -> bool:
        return contrast(shown(color), behind) >= CONTRAST

    if is_enough(color):
        return color
    lighter = _luminance(color) >= _luminance(behind)
    end = _WHITE if lighter else _BLACK
    if not is_enough(end):
        end = _BLACK if lighter else _WHITE
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if is_enough(_mixed(color, end, middle)):
            high = middle
        else:
            low = middle
    return _mixed(color, end, high)


@lru_cache(1024)
def _luminance(color: ColorTriplet) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in color.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mixed(color: ColorTriplet, end: ColorTriplet, share: float) -> ColorTriplet:
    return ColorTriplet(*(round(a + (b - a) * share) for a, b in zip(color, end, strict=True)))


_NOT_DIM: Final = Style(dim=False)


def _behind(style: Style, background: Color) -> RichColor:
    return background.rich_color if style.bgcolor is None else style.bgcolor


def _in_own_colours(style: Style) -> Style:
    """Return a style in the terminal's own colours, of which nothing is known."""
    return style + _NOT_DIM if style.dim and style.reverse else style


@lru_cache(4096)
def _readable(style: Style, background: Color, shown: Shown) -> Style:
    color, behind = style.color, _behind(style, background).triplet
    if color is None or color.triplet is None or behind is None:
        return _in_own_colours(style)
    better = readable(color.triplet, behind, shown)
    return style if better is color.triplet else style + Style(color=RichColor.from_triplet(better))


_DEFAULT: Final = Style.from_color(RichColor.default(), RichColor.default())
_PATCH: Final = 2.0
"""From this contrast with what is around it a background is one of its own."""


@lru_cache(4096)
def _without_colours(style: Style, background: Color) -> Style:
    color, around = style.bgcolor, background.rich_color
    if color is None or color.is_default:
        is_patch = False
    elif color.triplet is None or around.triplet is None:
        is_patch = True
    else:
        is_patch = contrast(color.triplet, around.triplet) >= _PATCH
    return style + _DEFAULT + Style(reverse=bool(style.reverse) != is_patch)


# --- 16 colours -----------------------------------------------------------------------------------

_BLACKS: Final = (0, 8)
_WHITES: Final = (15, 7)
"""Of the terminal's palette: plain text and lesser text on white, and on black."""
_HUES: Final = {1: 0, 3: 40, 2: 120, 6: 180, 4: 220, 5: 300}
"""Degrees. Yellow stands for amber too, and blue is in most themes nearer to cyan."""
_BRIGHT: Final = 8
_COLOURFUL: Final = 60
"""From here the difference of the highest and the lowest of red, green, blue is seen as a hue."""
_LIGHT: Final = 0.2
"""The luminance from which a background is a light one."""
_PLAIN: Final = 0.45
"""Plain text has at least this share of the contrast that there can be."""


@lru_cache(4096)
def _in_sixteen(style: Style, background: Color) -> Style:
    """Return a style in colours of the terminal's palette, chosen by hue.

    Rich takes the nearest by distance: amber becomes the red of errors, and what is faint becomes
    the background.
    """
    behind = _behind(style, background).triplet
    if behind is None:
        return _in_own_colours(style)
    color = None if style.color is None else style.color.triplet
    light = _luminance(behind) >= _LIGHT
    patch = _is_colourful(behind)
    if patch:
        ground = _hue(behind) + (_BRIGHT if light else 0)
    else:
        ground = (_WHITES if light else _BLACKS)[0]
    if color is not None and not patch and _is_colourful(color):
        ink = _hue(color) + (0 if light else _BRIGHT)
    else:
        strong = color is None or patch or style.reverse or _is_plain(color, behind, light=light)
        ink = (_BLACKS if light else _WHITES)[0 if strong else 1]
    return style + Style(color=RichColor.from_ansi(ink), bgcolor=RichColor.from_ansi(ground))


def _is_plain(color: ColorTriplet, behind: ColorTriplet, *, light: bool) -> bool:
    """Whether a grey is the one of plain text."""
    most = contrast(_BLACK if light else _WHITE, behind)
    return contrast(color, behind) >= most * _PLAIN


def _is_colourful(color: ColorTriplet) -> bool:
    return max(color) - min(color) >= _COLOURFUL


def _hue(color: ColorTriplet) -> int:
    """Return which of the terminal's six colours has the nearest hue."""
    degrees = rgb_to_hls(*color.normalized)[0] * 360
    return min(_HUES, key=lambda number: abs((_HUES[number] - degrees + 180) % 360 - 180))
