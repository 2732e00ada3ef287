"""Text can be read: in every theme that Textual ships, and in terminals with few colours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES

from tests.app_harness import LATER_S, Stage, drawn, on_stage
from tui.dashboard.legible import CONTRAST, Legible, contrast, readable
from tui.widgets.component_styles import ComponentStyles, component_classes

THEMES = [name for name, theme in BUILTIN_THEMES.items() if not theme.ansi]
ANSI_THEMES = [name for name, theme in BUILTIN_THEMES.items() if theme.ansi]
FRAMES = {chr(code) for code in [*range(0x2500, 0x25A0), *range(0x2800, 0x2900)]}
COLORS = st.builds(ColorTriplet, *[st.integers(0, 255)] * 3)
BLACK, WHITE = ColorTriplet(0, 0, 0), ColorTriplet(255, 255, 255)


def has_words(text: str) -> bool:
    return any(not character.isspace() and character not in FRAMES for character in text)


def contrast_of(style: Style | None) -> float:
    assert style is not None
    assert style.color is not None and style.color.triplet is not None
    assert style.bgcolor is not None and style.bgcolor.triplet is not None
    return contrast(style.color.triplet, style.bgcolor.triplet)


def on_screen(stage: Stage) -> Iterator[Segment]:
    """Everything that is drawn, in its last colours."""
    for line in stage.app.screen._compositor.render_strips():
        yield from line


def component_styles(screen: Screen[object]) -> Iterator[tuple[str, Style]]:
    """The styles of all component classes of what is on a screen, over their widgets' own."""
    for widget in screen.walk_children(ComponentStyles):
        for name in component_classes(type(widget)):
            yield name, widget.base_style() + widget.style(name)


def assert_legible(stage: Stage, filter: Legible, theme: str) -> None:
    for segment in on_screen(stage):
        if has_words(segment.text):
            assert contrast_of(segment.style) >= CONTRAST, (theme, segment)
    screen = stage.app.screen
    for name, style in component_styles(screen):
        (segment,) = filter.apply([Segment("text", style)], screen.background_colors[1])
        assert contrast_of(segment.style) >= CONTRAST, (theme, name)


# --- the colours ----------------------------------------------------------------------------------


def test_contrast_is_that_of_the_guideline() -> None:
    assert contrast(BLACK, WHITE) == contrast(WHITE, BLACK) == pytest.approx(21)
    assert contrast(WHITE, WHITE) == 1
    # The lightest grey that passes on white, as the guideline's examples have it.
    assert contrast(ColorTriplet(118, 118, 118), WHITE) == pytest.approx(4.54, abs=0.01)


@given(COLORS, COLORS)
def test_any_text_on_any_background_is_made_readable(
    color: ColorTriplet, background: ColorTriplet
) -> None:
    better = readable(color, background)
    assert contrast(better, background) >= CONTRAST
    if contrast(color, background) >= CONTRAST:
        assert better == color


@given(COLORS, COLORS)
def test_so_it_is_in_the_colours_that_a_terminal_with_256_has(
    color: ColorTriplet, background: ColorTriplet
) -> None:
    style = Style.from_color(RichColor.from_triplet(color), RichColor.from_triplet(background))
    (segment,) = Legible("256").apply([Segment("a", style)], Color.parse("#808080"))
    assert segment.style is not None and segment.style.color and segment.style.bgcolor
    ink, ground = (
        each.downgrade(ColorSystem.EIGHT_BIT).get_truecolor()
        for each in (segment.style.color, segment.style.bgcolor)
    )
    assert contrast(ink, ground) >= CONTRAST


def test_what_is_changed_is_changed_no_more_than_it_needs_and_keeps_its_hue() -> None:
    amber = readable(ColorTriplet(255, 166, 43), WHITE)
    assert contrast(amber, WHITE) < CONTRAST + 0.2
    assert amber.red > amber.green > amber.blue


def test_frames_and_charts_may_be_faint() -> None:
    faint = Style(color="#222222", bgcolor="#111111")
    segments = [Segment("\u2500\u2502 \u2588\u2804", faint), Segment("\u2500 a", faint)]
    frame, title = Legible().apply(segments, Color.parse("#111111"))
    assert frame.style == faint
    assert contrast_of(title.style) >= CONTRAST


# --- the themes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [["comma"] * 4, ["d"], ["y"]], ids=str)
async def test_every_theme_is_legible(keys: list[str]) -> None:
    async with on_stage("max-tokens", "two-tools", size=(100, 30)) as stage:
        (filter,) = (each for each in stage.app.get_line_filters() if isinstance(each, Legible))
        await stage.at(LATER_S)
        await stage.press(*keys)
        for theme in THEMES:
            stage.app.theme = theme
            await drawn(stage.app, frame=False)
            stage.app.redraw()
            await drawn(stage.app)
            assert_legible(stage, filter, theme)


# --- few colours ----------------------------------------------------------------------------------


def in_sixteen(color: str, background: str) -> tuple[int | None, int | None]:
    """The numbers in the terminal's palette for a text and what is behind it."""
    style = Style(color=color, bgcolor=background)
    (segment,) = Legible("standard").apply([Segment("a", style)], Color.parse("#808080"))
    assert segment.style is not None and segment.style.color and segment.style.bgcolor
    return segment.style.color.number, segment.style.bgcolor.number


def test_sixteen_colours_keep_the_hue() -> None:
    dark = "#121212"
    assert in_sixteen("#e0e0e0", dark) == (15, 0)
    assert in_sixteen("#777777", dark) == (7, 0)
    assert in_sixteen("#ffa62b", dark) == (11, 0), "amber is yellow, never the red of errors"
    assert in_sixteen("#ba3c5b", dark) == (9, 0)
    assert in_sixteen("#4ebf71", dark) == (10, 0)
    light = "#e0e0e0"
    assert in_sixteen("#202020", light) == (0, 15)
    assert in_sixteen("#ffa62b", light) == (3, 15)
    assert in_sixteen("#ba3c5b", light) == (1, 15)


@given(COLORS, COLORS)
def test_no_text_vanishes_in_sixteen_colours(color: ColorTriplet, background: ColorTriplet) -> None:
    ink, ground = in_sixteen(color.hex, background.hex)
    assert ink is not None and ground is not None and ink != ground
    assert {ink, ground} not in ({0, 8}, {7, 15}), "greys beside each other"


def selected_row(stage: Stage) -> list[Segment]:
    """The row of the log at the cursor, as it reaches the terminal."""
    region = stage.log_pane.content_region
    number = str(stage.moment.count - 1)
    lines = stage.app.screen._compositor.render_strips()[region.y : region.bottom]
    rows = [line.crop(region.x, region.right - 1) for line in lines]
    return next(list(row) for row in rows if row.text.lstrip().startswith(f"{number} "))


def assert_reversed(stage: Stage) -> None:
    row = selected_row(stage)
    assert len({(seg.style.color, seg.style.bgcolor) for seg in row if seg.style}) <= 2
    assert all(segment.style and segment.style.reverse for segment in row)
    assert not any(segment.style and segment.style.dim for segment in row)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", *ANSI_THEMES])
async def test_in_sixteen_colours_the_selected_row_is_reversed(
    theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLORTERM")
    async with on_stage("two-tools", size=(80, 24)) as stage:
        await stage.at(LATER_S)
        stage.app.theme = theme
        await drawn(stage.app)
        await stage.press("comma", "comma")
        assert_reversed(stage)
        for segment in on_screen(stage):
            color = segment.style.color if segment.style else None
            assert color is None or color.triplet is None, "a colour that the terminal has not"


async def test_without_colours_the_selected_row_is_reversed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with on_stage("two-tools", size=(80, 24)) as stage:
        await stage.at(LATER_S)
        await stage.press("comma", "comma")
        assert_reversed(stage)
        default = RichColor.default()
        assert {seg.style.color for seg in on_screen(stage) if seg.style} <= {default, None}


@pytest.mark.parametrize(
    "env", [{"NO_COLOR": "1"}, {"TERM": "xterm", "COLORTERM": ""}], ids=["none", "sixteen"]
)
@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", *ANSI_THEMES])
async def test_with_few_colours_the_chosen_entry_of_a_menu_stands_out(
    env: dict[str, str], theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    async with on_stage("plain", size=(80, 24)) as stage:
        await stage.at(LATER_S)
        stage.app.theme = theme
        await drawn(stage.app)
        await stage.press("y", "down")
        lines = stage.app.screen._compositor.render_strips()
        looks = [
            (style.bgcolor, bool(style.reverse))
            for entry in ("its data line", "Text of the answer")
            for text, style, _ in next(line for line in lines if entry in line.text)
            if entry in text and style is not None
        ]
        assert len(looks) == len(set(looks)) == 2
