"""The question about a tool call: what is shown, every way to decide, results by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.app_harness import all_rows, drawn
from tests.hostile import MARKUP, SEQUENCES, hostile_in
from tests.screen_host import Hand, Host, shown
from tui.messages.turns import Decision
from tui.screens.request import JsonView
from tui.screens.tool_ask import ToolAsk
from tui.widgets.composer import Entry

INPUT = {"location": "Paris", "days": [1, 2, 3]}
WORDS = "Current weather for a place, in degrees Celsius."


def asking(**options: Any) -> ToolAsk:  # noqa: ANN401
    return ToolAsk("get_weather", INPUT, **{"description": WORDS, **options})


def entry(hand: Hand) -> Entry:
    return hand.app.screen.query_one(Entry)


# --- the question ---------------------------------------------------------------------------------


async def test_it_shows_the_call_and_what_can_be_done() -> None:
    async with shown(asking(number=(2, 3))) as hand:
        assert "Tool call  2 of 3" in hand.text
        for text in ("get_weather", WORDS, '{"location": "Paris", "days": [1, 2, 3]}'):
            assert text in hand.text
        for button in ("y run it", "a always run", "n refuse", "h by hand", "esc decides later"):
            assert button in hand.text
        assert "ctrl+s" not in hand.text
        assert "No function" not in hand.text


async def test_keys_that_were_meant_for_something_else_decide_nothing() -> None:
    question = asking(deaf_s=3600.0)
    async with shown(question) as hand:
        await hand.press("y", "a", "n", "h")
        assert hand.app.screen is question and not entry(hand).has_focus
        question._listen()
        await hand.press("h")
        assert entry(hand).has_focus


async def test_a_call_alone_has_no_number_and_may_have_no_description() -> None:
    async with shown(asking(description=" ")) as hand:
        assert "Tool call \u2500" in hand.text
        assert "1 of 1" not in hand.text
        assert not hand.app.screen.query("#tool-ask-description")


async def test_keys() -> None:
    async with shown(Host()) as hand:
        for key, result in {
            "y": Decision("run"),
            "enter": Decision("run"),
            "a": Decision("always"),
            "n": Decision("refuse"),
            "escape": None,
        }.items():
            await hand.open(asking())
            await hand.press(key)
            assert hand.app.results == [result], key


async def test_buttons() -> None:
    async with shown(Host()) as hand:
        for kind in ("run", "always", "refuse"):
            await hand.open(asking())
            await hand.click(f"#{kind}", 2)
            assert hand.app.results == [Decision(kind)]
            await hand.open(asking())
            hand.app.screen.query_one(f"#{kind}").focus()
            await hand.press("enter")
            assert hand.app.results == [Decision(kind)]


async def test_keys_without_a_meaning_do_nothing() -> None:
    async with shown(asking()) as hand:
        await hand.press("q", "ctrl+s", "ctrl+e", "x", "space")
        assert hand.app.results == []
        await hand.press("n")
        assert hand.app.results == [Decision("refuse")]


async def test_what_cannot_run_here_can_only_be_refused_or_answered() -> None:
    async with shown(asking(runnable=False)) as hand:
        assert "No function get_weather to run: answer by hand, or refuse" in hand.text
        assert "run it" not in hand.text
        assert "always run" not in hand.text
        await hand.press("y", "enter", "a")
        assert hand.app.results == []
        await hand.press("n")
        assert hand.app.results == [Decision("refuse")]


async def test_a_long_input_scrolls() -> None:
    async with shown(ToolAsk("t", {f"key {n}": n for n in range(100)})) as hand:
        view = hand.app.screen.query_one(JsonView)
        assert view.size.height == 10
        assert "n refuse" in hand.text
        await hand.press("G")
        assert '"key 99": 99' in hand.text
        await hand.press("g", "j")
        assert view.scroll_offset.y == 1


# --- by hand --------------------------------------------------------------------------------------


async def test_a_result_by_hand() -> None:
    async with shown(asking()) as hand:
        await hand.press("h")
        assert entry(hand).has_focus
        assert "sent as the result of get_weather" in hand.text
        assert "y run it" not in hand.text
        await hand.type("yes, 17 degrees")
        await hand.press("enter")
        await hand.paste("rain\r\nand \x1b[31mwind")
        await hand.press("ctrl+s")
        result = "yes, 17 degrees\nrain\nand \u241b[31mwind"
        assert hand.app.results == [Decision("hand", result, False)]


async def test_a_result_that_is_an_error() -> None:
    async with shown(asking(runnable=False)) as hand:
        await hand.press("h")
        assert "ctrl+e result" in hand.text
        await hand.type("no such place")
        await hand.press("ctrl+e")
        assert "sent as an error of get_weather" in hand.text
        assert "ctrl+e error" in hand.text
        assert hand.app.screen.query_one("#error").has_class("-on")
        await hand.press("ctrl+e", "ctrl+e", "ctrl+s")
        assert hand.app.results == [Decision("hand", "no such place", True)]


async def test_escape_goes_back_and_keeps_what_was_typed() -> None:
    async with shown(asking()) as hand:
        await hand.press("h")
        await hand.type("half")
        await hand.press("ctrl+e", "escape")
        assert hand.app.results == []
        assert "y run it" in hand.text
        assert "half" not in hand.text
        await hand.press("h")
        await hand.type(" more")
        assert "sent as an error" in hand.text
        await hand.press("ctrl+s")
        assert hand.app.results == [Decision("hand", "half more", True)]


async def test_after_going_back_the_letters_decide_again() -> None:
    async with shown(asking()) as hand:
        await hand.press("h")
        await hand.type("any")
        await hand.press("escape", "n")
        assert hand.app.results == [Decision("refuse")]


async def test_by_hand_with_the_mouse() -> None:
    async with shown(asking()) as hand:
        await hand.click("#hand", 2)
        await hand.type("ok")
        await hand.click("#error", 2)
        await hand.click("#back", 2)
        assert "y run it" in hand.text
        await hand.click("#hand", 2)
        await hand.click("#send", 2)
        assert hand.app.results == [Decision("hand", "ok", True)]


async def test_an_empty_result_is_a_result() -> None:
    async with shown(asking()) as hand:
        await hand.press("h", "ctrl+s")
        assert hand.app.results == [Decision("hand", "", False)]


async def test_a_large_result_is_folded_and_given_whole() -> None:
    async with shown(asking()) as hand:
        await hand.press("h")
        await hand.paste("r" * 70_000)
        assert "[pasted 70,000 characters]" in hand.text
        await hand.press("ctrl+s")
        assert hand.app.results == [Decision("hand", "r" * 70_000, False)]


# --- drawing --------------------------------------------------------------------------------------


async def test_hostile_text_is_neither_drawn_nor_obeyed() -> None:
    async with shown(Host(), (120, 40)) as hand:
        for evil in ("".join(SEQUENCES), " ".join(MARKUP), "[/", "[@click=app.quit]"):
            screen = ToolAsk(evil, {evil: [evil]}, description=f"{evil}\n\t{evil}")
            await hand.open(screen)
            await poke(hand, screen)


async def poke(hand: Hand, screen: ToolAsk) -> None:
    assert not hostile_in(hand.text)
    assert not hostile_in("\n".join(all_rows(screen.query_one(JsonView))))
    await hand.click("#tool-ask-name", 1)
    await hand.click("#tool-ask-description", 1)
    await hand.press("h")
    assert not hostile_in(hand.text)
    assert hand.app.results == []
    assert hand.app.is_running


@pytest.mark.parametrize("runnable", [True, False])
async def test_all_that_can_be_done_is_in_view(runnable: bool) -> None:
    call = {f"key {n}": n for n in range(60)}
    async with shown(Host()) as hand:
        for size in ((120, 40), (80, 24), (70, 20), (60, 19), (40, 12), (40, 10)):
            await hand.resize(*size)
            screen = ToolAsk("get_weather", call, description=WORDS * 20, runnable=runnable)
            await hand.open(screen)
            await look_at_all(hand, runnable)
            hand.app.pop_screen()


async def look_at_all(hand: Hand, runnable: bool) -> None:
    ways = ["y run it", "a always run"] if runnable else []
    for text in ("get_weather", '"key 0": 0', *ways, "n refuse", "h by hand"):
        assert text in hand.text
    assert ("No function" in hand.text) is not runnable
    await hand.press("h")
    await hand.paste("\n" * 20 + "typed")
    for text in ("typed", "ctrl+s send", "ctrl+e result", "esc back"):
        assert text in hand.text


async def test_resizes() -> None:
    async with shown(asking()) as hand:
        for size in ((1, 1), (20, 5), (300, 100), (80, 24)):
            await hand.resize(*size)
            await drawn(hand.app)
        assert "y run it" in hand.text
        assert "Paris" in hand.text
