"""The backstop: whatever a widget draws, no control code gets past the filter."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.segment import ControlType, Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.color import Color
from textual.strip import Strip
from textual.widget import Widget

from tests.hostile import HOSTILE_CODES, hostile_in, hostile_text
from tui.textual_hacks import SafeText, add_line_filter

BLACK = Color(0, 0, 0)


def filtered(*texts: str) -> list[Segment]:
    segments = [Segment(text, Style(bold=True)) for text in texts]
    return SafeText().apply(segments, BLACK)


def test_every_hostile_code_point_becomes_visible() -> None:
    for code in HOSTILE_CODES:
        (segment,) = filtered(f"a{chr(code)}b")
        assert not hostile_in(segment.text), hex(code)
        assert segment.text.startswith("a") and segment.text.endswith("b")
        assert len(segment.text) >= 3
        assert segment.style == Style(bold=True)


def test_line_feeds_and_tabs_cannot_break_a_line_of_the_screen() -> None:
    (segment,) = filtered("one\ntwo\tthree\r")
    assert segment.text.isprintable()
    assert "one" in segment.text and "three" in segment.text


@given(st.lists(hostile_text(), max_size=5))
def test_what_is_clean_passes_and_nothing_else_does(texts: list[str]) -> None:
    segments = filtered(*texts)
    assert len(segments) == len(texts)
    for before, after in zip(texts, segments, strict=True):
        assert not hostile_in(after.text)
        if before.isprintable():
            assert after.text == before


def test_joined_emoji_are_left_whole() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f"
    (segment,) = filtered(family)
    assert segment.text == family


def test_clean_lines_cost_nothing() -> None:
    segments = [Segment("plain"), Segment("\u6f22\u5b57")]
    assert SafeText().apply(segments, BLACK) is segments


def test_the_screens_own_control_segments_pass() -> None:
    control = Segment("\x1b[2J", None, [(ControlType.CLEAR,)])
    assert SafeText().apply([control, Segment("\x1b")], BLACK)[0] is control


async def test_a_widget_that_sanitises_nothing_is_caught() -> None:
    class Careless(Widget):
        def render_line(self, y: int) -> Strip:
            return Strip([Segment("\x1b]0;OWNED\x07\u202e\x9b2J")])

    class Frame(App[None]):
        def __init__(self) -> None:
            super().__init__()
            add_line_filter(self, SafeText())

        def compose(self) -> ComposeResult:
            careless = Careless()
            careless.border_title = "title \x1b]0;OWNED\x07"
            careless.styles.border = ("round", "red")
            yield careless

    app = Frame()
    async with app.run_test(size=(60, 5)):
        drawn = "".join(
            segment.text for line in app.screen._compositor.render_strips() for segment in line
        )
    assert "OWNED" in drawn
    assert not hostile_in(drawn)
