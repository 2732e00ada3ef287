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
from tui.dashboard.textual_hacks import KeyboardText, SafeText, add_line_filter

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


# --- the keyboard ---------------------------------------------------------------------------------

BEGIN, END = "\x1b[200~", "\x1b[201~"
_KEYS = st.lists(
    st.sampled_from(["q", "\x1b", "\x1b[", "\x1b[20", "\x1b[A", "0~", "1~", "\u6f22", "\x00", "["]),
    max_size=8,
).map("".join)


def decoded(data: bytes, cuts: list[int]) -> str:
    """Feed it in pieces, and have each come as soon as it can."""
    keyboard = KeyboardText()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in zip(places, places[1:], strict=False)]
    return "".join([*map(keyboard.decode, pieces), keyboard.decode(b"", final=True)])


@given(
    st.lists(st.tuples(_KEYS, _KEYS), max_size=3), _KEYS, st.lists(st.integers(0, 60), max_size=9)
)
def test_escapes_in_a_paste_are_shown_and_keys_pass(
    parts: list[tuple[str, str]], last: str, cuts: list[int]
) -> None:
    typed = [(keys, paste) for keys, paste in parts if END not in f"{paste}\x1b"]
    if any(BEGIN in keys for keys in [last, *(keys for keys, _ in typed)]):
        return
    sent = "".join(f"{keys}{BEGIN}{paste}{END}" for keys, paste in typed) + last
    shown = [(keys, paste.replace("\x1b", "\u241b")) for keys, paste in typed]
    expected = "".join(f"{keys}{BEGIN}{paste}{END}" for keys, paste in shown) + last
    assert decoded(sent.encode(), cuts) == expected


def test_a_key_is_never_held_back() -> None:
    keyboard = KeyboardText()
    for key in ("\x1b", "[", "2", "0", "0", "x", "\x1b", "\x1b[A"):
        assert keyboard.decode(key.encode()) == key


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert decoded(b"a\xff\xc3b\xe6\xbc\xa2\xc3", [1, 2, 3, 5, 6]) == "a\ufffd\ufffdb\u6f22\ufffd"
