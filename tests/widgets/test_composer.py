"""The composer: what is sent, what is pasted, what is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hypothesis import given
from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import TextArea

from tests.app_harness import drawn
from tests.hostile import MARKUP, SEQUENCES, hostile_in, hostile_text
from tests.screen_host import Hand, Host, shown
from tui.screens.dashboard import Dashboard
from tui.widgets.composer import Composer, Entry, LineEntry, clean, is_large

KEYS = ["q", "question_mark", "space", "slash", "backspace", "end", "left_curly_bracket", "1", "z"]
BIG = "x" * 1_048_576
BIG_MARK = "[pasted 1,048,576 characters]"


class Desk(Host):
    """The dashboard with a composer in it, and an app that has letters as keys."""

    BINDINGS = [Binding(",".join(KEYS), "fire", "Fire")]

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.fired = 0

    def get_default_screen(self) -> Screen[Any]:
        return Dashboard()

    def action_fire(self) -> None:
        self.fired += 1

    def on_composer_sent(self, message: Composer.Sent) -> None:
        self.heard.append(message.text)

    def on_composer_left(self) -> None:
        self.heard.append("<left>")

    def on_composer_settings_wanted(self) -> None:
        self.heard.append("<settings>")


class Writer(Hand):
    app: Desk

    @property
    def composer(self) -> Composer:
        return self.app.screen.query_one(Composer)

    @property
    def entry(self) -> Entry:
        return self.composer.query_one(Entry)

    @property
    def box(self) -> str:
        """What is drawn of the composer."""
        region = self.composer.region
        return "\n".join(self.lines[region.y : region.bottom])


@asynccontextmanager
async def writing(size: tuple[int, int] = (80, 24)) -> AsyncIterator[Writer]:
    app = Desk()
    async with shown(app, size) as hand:
        screen = app.screen
        assert isinstance(screen, Dashboard)
        composer = await screen.open_composer()
        composer.focus_text()
        await drawn(app)
        yield Writer(app, hand.pilot)


# --- sending --------------------------------------------------------------------------------------


async def test_enter_sends_and_leaves_an_empty_field() -> None:
    async with writing() as writer:
        await writer.type("Why is the sky blue?")
        assert "\u203a Why is the sky blue?" in writer.box
        await writer.press("enter")
        assert writer.app.heard == ["Why is the sky blue?"]
        assert writer.entry.value == ""
        assert writer.composer.history == ["Why is the sky blue?"]


async def test_blank_text_is_not_sent_and_stays() -> None:
    async with writing() as writer:
        await writer.press("enter")
        await writer.type("  ")
        await writer.press("ctrl+j", "enter")
        assert writer.app.heard == []
        assert writer.entry.value == "  \n"


async def test_keys_for_a_new_line() -> None:
    async with writing() as writer:
        for key in ("ctrl+j", "shift+enter", "alt+enter"):
            await writer.type("a")
            await writer.press(key)
            await writer.type("b")
            assert writer.entry.value == "a\nb"
            await writer.press("enter")
            assert writer.app.heard.pop() == "a\nb"


async def test_it_grows_to_six_rows_and_shrinks_again() -> None:
    async with writing((120, 40)) as writer:
        heights = []
        for number in range(8):
            await writer.type(str(number))
            heights.append(writer.entry.size.height)
            await writer.press("ctrl+j")
        assert heights == [1, 2, 3, 4, 5, 6, 6, 6]
        assert "7" in writer.box
        assert "0" not in writer.box
        await writer.press("enter")
        assert writer.entry.size.height == 1


async def test_escape_leaves_and_keeps_the_draft() -> None:
    async with writing() as writer:
        await writer.type("half a thought")
        await writer.press("escape")
        assert writer.app.heard == ["<left>"]
        assert writer.entry.value == "half a thought"


async def test_the_settings_key() -> None:
    async with writing() as writer:
        await writer.press("ctrl+o")
        assert writer.app.heard == ["<settings>"]


async def test_letters_are_typed_and_no_keys() -> None:
    async with writing() as writer:
        await writer.press("backspace", "end")
        await writer.type("q? /{1z")
        assert writer.entry.value == "q? /{1z"
        assert writer.app.fired == 0
        await writer.press("tab")
        assert not writer.entry.has_focus
        await writer.press("q")
        assert writer.app.fired == 1


async def test_a_click_beside_the_text_begins_to_write() -> None:
    async with writing() as writer:
        await writer.press("tab")
        assert not writer.entry.has_focus
        await writer.click("#composer-label")
        assert writer.entry.has_focus


# --- what is said ---------------------------------------------------------------------------------


async def test_it_says_what_to_do_and_where_it_goes() -> None:
    async with writing() as writer:
        assert "Ask something \u2014 enter sends, ctrl+j new line, esc leaves" in writer.box
        writer.composer.show("claude-sonnet-4-6 \u00b7 3 turns", False)
        await drawn(writer.app)
        assert "claude-sonnet-4-6 \u00b7 3 turns" in writer.box
        writer.composer.show("[b]x[/b]\x1b", True)
        await drawn(writer.app)
        assert "An answer is arriving: esc, then esc again cancels it" in writer.box
        assert "[b]x[/b]\u241b" in writer.box
        assert "Ask something" not in writer.box


async def test_a_low_terminal_has_it_in_one_row() -> None:
    async with writing((60, 16)) as writer:
        writer.composer.show("claude-sonnet-4-6", False)
        await drawn(writer.app)
        assert writer.composer.region.height == 1
        assert writer.box.endswith("claude-sonnet-4-6")


async def test_a_tiny_terminal_has_none() -> None:
    async with writing() as writer:
        await writer.resize(30, 8)
        writer.app.screen.add_class("-too-small")
        await drawn(writer.app)
        assert writer.composer.region.height == 0


# --- pasting --------------------------------------------------------------------------------------


async def test_a_paste_keeps_its_lines_and_sends_nothing() -> None:
    async with writing() as writer:
        await writer.type("see: ")
        await writer.paste("one\r\ntwo\rthree\n\tfour\n")
        assert writer.entry.value == "see: one\ntwo\nthree\n\tfour\n"
        assert writer.app.heard == []
        await writer.type("x")
        assert writer.entry.value.endswith("\nx")


async def test_a_paste_takes_the_place_of_what_is_selected() -> None:
    async with writing() as writer:
        await writer.type("abc")
        await writer.press("shift+left")
        await writer.paste("Z")
        assert writer.entry.value == "abZ"


async def test_what_a_terminal_acts_on_is_drawn_as_symbols() -> None:
    async with writing((120, 40)) as writer:
        for sequence in [*SEQUENCES, *MARKUP]:
            await writer.paste(sequence)
            assert writer.entry.value == clean(sequence)
            assert not hostile_in(writer.text)
            await writer.press("enter")
        assert writer.app.heard == [clean(text) for text in [*SEQUENCES, *MARKUP]]
        await writer.press("up")
        assert not hostile_in(writer.text)


async def test_it_says_that_a_paste_was_altered_until_the_next_key() -> None:
    async with writing() as writer:
        writer.composer.show("a model", False)
        await writer.paste("plain\r\ntext")
        assert "a model" in writer.box
        await writer.paste("\x1b")
        assert "control characters became symbols" in writer.box
        await writer.type("a")
        assert "control characters" not in writer.box
        assert "a model" in writer.box


async def test_what_was_copied_here_is_made_safe_too() -> None:
    async with writing() as writer:
        writer.app.copy_to_clipboard("a\x1b[2J\r\nb")
        await writer.press("ctrl+v")
        assert writer.entry.value == "a\u241b[2J\nb"


@given(hostile_text(12))
def test_clean_text_is_safe_and_clean_again(text: str) -> None:
    safe = clean(text)
    assert not hostile_in(safe)
    assert "\r" not in safe
    assert clean(safe) == safe
    assert len(safe.splitlines()) <= safe.count("\n") + 1


# --- large pastes ---------------------------------------------------------------------------------


def test_what_is_large() -> None:
    assert not is_large("x" * 50_000)
    assert is_large("x" * 50_001)
    assert is_large("\u6f22" * 20_000)
    assert not is_large("\n" * 5_000)
    assert is_large("\n" * 5_001)


async def test_a_large_paste_is_a_mark_and_is_sent_whole() -> None:
    async with writing() as writer:
        await writer.type("Sum this up: ")
        await writer.paste(BIG)
        assert writer.entry.text == f"Sum this up: {BIG_MARK}"
        assert BIG_MARK in writer.box
        assert writer.entry.value == f"Sum this up: {BIG}"
        await writer.type("!")
        await writer.press("enter")
        assert writer.app.heard == [f"Sum this up: {BIG}!"]
        await writer.press("up")
        assert writer.entry.text == f"Sum this up: {BIG_MARK}!"
        await writer.press("enter")
        assert writer.app.heard[1] == writer.app.heard[0]


async def test_small_pastes_are_folded_once_the_field_is_full() -> None:
    async with writing() as writer:
        await writer.paste("y" * 50_000)
        assert writer.entry.text == "y" * 50_000
        await writer.paste("z" * 999)
        await writer.paste("z" * 1_000)
        assert writer.entry.text.endswith("z[pasted 1,000 characters]")
        assert writer.entry.value == "y" * 50_000 + "z" * 1_999


async def test_pastes_of_one_size_are_told_apart() -> None:
    async with writing() as writer:
        for char in "aba":
            await writer.paste(char * 60_000)
        mark = "[pasted 60,000 characters]"
        assert writer.entry.text == f"{mark}{mark[:-1]} #2]{mark}"
        assert writer.entry.value == "a" * 60_000 + "b" * 60_000 + "a" * 60_000


async def test_a_mark_that_is_pasted_in_a_paste_stands_for_nothing() -> None:
    async with writing() as writer:
        await writer.paste(BIG)
        await writer.paste("w" * 60_000 + BIG_MARK)
        assert writer.entry.value == BIG + "w" * 60_000 + BIG_MARK


async def test_a_mark_goes_as_a_whole() -> None:
    async with writing() as writer:
        for keys in (["backspace"], ["left", "delete"], ["ctrl+w"], ["ctrl+u"]):
            await writer.paste(BIG)
            await writer.press(*keys)
            assert writer.entry.text == "", keys
            await writer.press("ctrl+z")
            assert writer.entry.value == BIG
            writer.entry.value = ""


async def test_the_cursor_never_stands_inside_a_mark() -> None:
    async with writing() as writer:
        await writer.type("ab")
        await writer.paste(BIG)
        await writer.type("cd")
        end = 2 + len(BIG_MARK)
        await writer.press("left", "left")
        places = []
        for key in ("left", "left", "right", "right", "ctrl+left", "ctrl+right"):
            await writer.press(key)
            places.append(writer.entry.cursor_location[1])
        assert places == [2, 1, 2, end, 2, end]
        writer.entry.move_cursor((0, 9))
        assert writer.entry.cursor_location == (0, 2)
        await writer.type("X")
        assert writer.entry.text == f"abX{BIG_MARK}cd"


async def test_a_part_of_a_mark_cannot_be_taken_out() -> None:
    async with writing() as writer:
        await writer.type("ab")
        await writer.paste(BIG)
        writer.entry.delete((0, 1), (0, 8))
        assert writer.entry.text == "a"


# --- earlier prompts ------------------------------------------------------------------------------


async def test_up_and_down_walk_through_what_was_sent() -> None:
    async with writing() as writer:
        for text in ("one", "two", "two", "three"):
            await writer.type(text)
            await writer.press("enter")
        assert writer.composer.history == ["one", "two", "three"]
        await writer.type("draft")
        drafts = []
        for key in ("up", "up", "up", "up", "down", "down", "down", "down"):
            await writer.press(key)
            drafts.append(writer.entry.value)
        assert drafts == ["three", "two", "one", "one", "two", "three", "draft", "draft"]


async def test_a_change_to_an_earlier_prompt_is_kept_while_walking() -> None:
    async with writing() as writer:
        await writer.type("one")
        await writer.press("enter")
        await writer.type("draft")
        await writer.press("up")
        await writer.type("!")
        await writer.press("down", "up")
        assert writer.entry.value == "one!"
        await writer.press("enter")
        assert writer.composer.history == ["one", "one!"]
        await writer.press("up", "up")
        assert writer.entry.value == "one"


async def test_in_a_text_of_several_rows_the_arrows_move_first() -> None:
    async with writing() as writer:
        await writer.type("old")
        await writer.press("enter")
        await writer.paste("first\nsecond")
        await writer.press("up")
        assert writer.entry.cursor_location[0] == 0
        assert writer.entry.value == "first\nsecond"
        await writer.press("up")
        assert writer.entry.value == "old"
        await writer.press("down")
        assert writer.entry.value == "first\nsecond"
        assert writer.entry.cursor_location == (1, 6)


async def test_a_wrapped_line_counts_as_several_rows() -> None:
    async with writing() as writer:
        await writer.type("old")
        await writer.press("enter")
        await writer.paste("word " * 30)
        await writer.press("up")
        assert writer.entry.value == "word " * 30
        await writer.press("up", "up")
        assert writer.entry.value == "old"


async def test_going_up_through_long_prompts_takes_one_key_each() -> None:
    async with writing() as writer:
        for text in ("a\nb\nc", "d\ne"):
            await writer.paste(text)
            await writer.press("enter")
        await writer.press("up", "up")
        assert writer.entry.value == "a\nb\nc"


async def test_a_history_is_shared() -> None:
    history = ["from before\x1b"]
    composer = Composer(history)
    app = Desk()
    async with shown(app) as hand:
        await app.screen.mount(composer)
        app.screen.add_class("-composing")
        composer.focus_text()
        await drawn(app)
        await hand.press("up")
        assert composer.query_one(Entry).value == "from before\u241b"
        await hand.press("enter")
    assert history == ["from before\x1b", "from before\u241b"]


# --- nothing is lost ------------------------------------------------------------------------------


async def test_what_could_not_be_sent_comes_back() -> None:
    async with writing() as writer:
        await writer.paste("a\nb")
        await writer.press("enter")
        writer.composer.restore(writer.app.heard[0])
        assert writer.entry.value == "a\nb"
        assert writer.entry.cursor_location == (1, 1)
        await writer.press("enter")
        assert writer.app.heard == ["a\nb", "a\nb"]
        assert writer.composer.history == ["a\nb"]


async def test_what_was_typed_meanwhile_stays_behind_it() -> None:
    async with writing() as writer:
        await writer.type("first")
        await writer.press("enter")
        await writer.type("second")
        await writer.press("up")
        writer.composer.restore("first")
        assert writer.entry.value == "first\nsecond"


async def test_a_large_prompt_comes_back_folded() -> None:
    async with writing() as writer:
        writer.composer.restore("v" * 60_000)
        assert writer.entry.text == "[pasted 60,000 characters]"
        assert writer.entry.value == "v" * 60_000


async def test_resizes_from_one_cell_to_many() -> None:
    async with writing() as writer:
        await writer.paste("word " * 40 + "\n")
        await writer.paste(BIG)
        for size in ((1, 1), (20, 5), (300, 100), (80, 24)):
            await writer.resize(*size)
        assert writer.entry.value == "word " * 40 + "\n" + BIG
        assert BIG_MARK in writer.box


# --- the fields -----------------------------------------------------------------------------------


async def test_a_line_takes_one_line_of_a_paste() -> None:
    app = Host()
    async with shown(app) as hand:
        entry = LineEntry("a\x1bb\nc")
        await app.screen.mount(entry)
        assert entry.value == "a\u241bb\u23cec"
        entry.focus()
        await drawn(app)
        entry.value = ""
        await hand.paste("\r\n\r\nfirst\x07\tline\r\nsecond")
        assert entry.value == "first\u2407 line"
        app.copy_to_clipboard("\x9b2J")
        await hand.press("ctrl+v")
        assert entry.value == "first\u2407 line<U+009B>2J"


async def test_enter_in_another_field_begins_a_line() -> None:
    app = Host()
    async with shown(app) as hand:
        entry = Entry("x\ry")
        await app.screen.mount(entry)
        assert entry.value == "x\ny"
        entry.focus()
        await drawn(app)
        await hand.press("enter")
        assert entry.value == "\nx\ny"
        assert isinstance(entry, TextArea)


async def test_what_is_said_before_it_stands_there() -> None:
    app = Desk()
    async with shown(app) as hand:
        composer = Composer()
        composer.show("a model", True)
        composer.restore("a draft")
        app.screen.add_class("-composing")
        await app.screen.mount(composer)
        await drawn(app)
        assert "a model" in hand.text
        assert "a draft" in hand.text
        assert composer.query_one(Entry).value == "a draft"
