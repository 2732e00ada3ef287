"""The settings: fields, models, tools, mistakes, and what comes back."""

from __future__ import annotations

import asyncio
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from textual.widgets import OptionList, Static

from tests.app_harness import drawn
from tests.hostile import MARKUP, SEQUENCES, hostile_in
from tests.screen_host import Hand, Host, shown
from tui.screens.settings import Pick, SettingsScreen, Setup
from tui.widgets.composer import Entry, LineEntry

MODELS = ["claude-opus-4-6", "claude-sonnet-4-6", "claude-haiku-4-5", "claude-opus-4-5"]
TOOLS = [{"name": "get_weather", "input_schema": {}}, {"type": "web_search_20250305"}]
PARAMETERS: dict[str, Any] = {
    "max_tokens": 4096,
    "model": "claude-sonnet-4-6",
    "messages": [{"role": "user", "content": "hi"}],
    "tools": TOOLS,
    "system": "Be brief.\nBe kind.",
    "thinking": {"type": "enabled", "budget_tokens": 2048},
    "stream": True,
    "temperature": 0.5,
}


def line(screen: SettingsScreen, name: str) -> LineEntry:
    return screen.query_one(f"#set-{name}", LineEntry)


def area(screen: SettingsScreen, name: str) -> Entry:
    return screen.query_one(f"#set-{name}", Entry)


def hint(screen: SettingsScreen, name: str) -> str:
    return str(screen.query_one(f"#hint-{name}", Static).content)


def listed(screen: SettingsScreen) -> list[str]:
    return [str(option.prompt) for option in screen.query_one(OptionList).options]


def setup_of(hand: Hand) -> Setup:
    [setup] = hand.app.results
    assert isinstance(setup, Setup)
    return setup


# --- what comes back ------------------------------------------------------------------------------


async def test_kept_as_it_is_nothing_changes_but_the_turns_are_left_out() -> None:
    async with shown(SettingsScreen(PARAMETERS, tool_mode="always")) as hand:
        await hand.press("ctrl+s")
        setup = setup_of(hand)
        expected = [name for name in PARAMETERS if name not in ("messages", "stream")]
        assert list(setup.parameters) == expected
        assert all(setup.parameters[name] == PARAMETERS[name] for name in expected)
        assert setup.tool_mode == "always"
        assert setup.tools == ""
        with pytest.raises(FrozenInstanceError):
            setup.tools = "demo"  # type: ignore[misc]


async def test_only_what_is_set_is_sent() -> None:
    async with shown(SettingsScreen({})) as hand:
        await hand.press("ctrl+s")
        assert setup_of(hand) == Setup({}, "ask", "")


async def test_every_field_can_be_changed() -> None:
    screen = SettingsScreen({"model": "old"})
    async with shown(screen) as hand:
        assert hand.app.focused is line(screen, "model")
        await hand.type("claude-x")
        await hand.press("tab")
        await hand.paste("Be brief.\r\nBe kind.")
        await hand.press("tab")
        await hand.type("512")
        await hand.press("enter")
        await hand.type("adaptive")
        await hand.press("enter", "right", "right", "tab", "right", "tab", "right", "tab")
        await hand.type('{"top_k": 3}')
        await hand.press("ctrl+s")
        assert setup_of(hand) == Setup(
            {
                "model": "claude-x",
                "system": "Be brief.\nBe kind.",
                "max_tokens": 512,
                "thinking": {"type": "adaptive"},
                "diagnostics": {"previous_message_id": None},
                "top_k": 3,
            },
            "always",
            "demo",
        )


async def test_the_api_can_be_asked_why_the_cache_missed() -> None:
    asks = {"diagnostics": {"previous_message_id": "msg_1"}}
    async with shown(SettingsScreen(asks)) as hand:
        await hand.press("ctrl+s")
        assert setup_of(hand).parameters == asks  # The message to compare with is kept.
    screen = SettingsScreen(asks)
    async with shown(screen) as hand:
        screen.query_one("#set-why").focus()
        await hand.press("right", "ctrl+s")
        assert setup_of(hand).parameters == {}


async def test_an_emptied_field_is_gone() -> None:
    screen = SettingsScreen(PARAMETERS)
    async with shown(screen) as hand:
        for name in ("model", "max_tokens", "thinking"):
            line(screen, name).value = ""
        area(screen, "system").value = ""
        area(screen, "other").value = ""
        await hand.press("ctrl+s")
        assert setup_of(hand).parameters == {"tools": TOOLS}


@pytest.mark.parametrize("way", ["escape", "button"])
async def test_leaving_changes_nothing_and_asks_nothing(way: str) -> None:
    parameters = dict(PARAMETERS)
    async with shown(SettingsScreen(parameters)) as hand:
        await hand.type("other")
        if way == "escape":
            await hand.press("escape")
        else:
            await hand.click("#leave", 2)
        assert hand.app.results == [None]
        assert parameters == PARAMETERS


async def test_the_buttons_work_by_mouse_and_by_key() -> None:
    async with shown(SettingsScreen({"model": "m"})) as hand:
        await hand.click("#keep", 2)
        assert setup_of(hand).parameters == {"model": "m"}
    async with shown(SettingsScreen({"model": "m"})) as hand:
        hand.app.screen.query_one("#keep").focus()
        await hand.press("enter")
        assert setup_of(hand).parameters == {"model": "m"}


async def test_a_large_system_prompt_is_folded_and_comes_back_whole() -> None:
    prompt = "word " * 20_000
    screen = SettingsScreen({"system": prompt})
    async with shown(screen) as hand:
        assert area(screen, "system").text == "[pasted 100,000 characters]"
        await hand.press("ctrl+s")
        assert setup_of(hand).parameters == {"system": prompt}


# --- models ---------------------------------------------------------------------------------------


async def test_models_are_listed_when_they_are_known() -> None:
    screen = SettingsScreen({"model": "claude-sonnet-4-6"})
    async with shown(screen) as hand:
        assert listed(screen) == []
        assert "asking which models there are" in hand.text
        screen.offer(MODELS, "from the models endpoint")
        await drawn(hand.app)
        assert listed(screen) == MODELS
        assert screen.query_one(OptionList).highlighted == 1
        assert "from the models endpoint \u00b7 any name can be typed" in hand.text


async def test_models_can_be_offered_before_the_screen_is_there() -> None:
    screen = SettingsScreen({}, models=["first"], models_note="a short list")
    screen.offer(MODELS, "all of them")
    async with shown(screen) as hand:
        assert listed(screen) == MODELS
        assert "all of them" in hand.text


async def test_typing_filters_and_enter_takes_what_is_pointed_at() -> None:
    screen = SettingsScreen({"model": "claude-sonnet-4-6"}, models=MODELS)
    async with shown(screen) as hand:
        await hand.type("OPUS")
        assert listed(screen) == ["claude-opus-4-6", "claude-opus-4-5"]
        await hand.press("down", "down", "down", "enter")
        assert line(screen, "model").value == "claude-opus-4-5"
        assert listed(screen) == MODELS
        assert hand.app.focused is line(screen, "model")
        await hand.press("up", "up", "enter", "ctrl+s")
        assert setup_of(hand).parameters == {"model": "claude-sonnet-4-6"}


async def test_up_begins_at_the_end_of_the_list() -> None:
    screen = SettingsScreen({}, models=MODELS)
    async with shown(screen) as hand:
        await hand.press("up", "enter")
        assert line(screen, "model").value == MODELS[-1]
        await hand.press("enter")
        assert hand.app.focused is area(screen, "system")


async def test_any_other_name_can_be_typed() -> None:
    screen = SettingsScreen({}, models=MODELS)
    async with shown(screen) as hand:
        await hand.type("my-model")
        assert listed(screen) == []
        assert "no known model has this in its name" in hand.text
        await hand.press("down", "enter")
        assert hand.app.focused is area(screen, "system")
        await hand.press("ctrl+s")
        assert setup_of(hand).parameters == {"model": "my-model"}


async def test_a_click_takes_a_model() -> None:
    screen = SettingsScreen({}, models=MODELS)
    async with shown(screen) as hand:
        await hand.click("#models", 3, 2)
        assert line(screen, "model").value == "claude-haiku-4-5"
        assert hand.app.focused is line(screen, "model")


# --- tools ----------------------------------------------------------------------------------------


async def test_tools_are_shown_by_name() -> None:
    screen = SettingsScreen(PARAMETERS)
    async with shown(screen) as hand:
        assert "now: get_weather, web_search_20250305" in hand.text
        assert "tools" not in area(screen, "other").text
    async with shown(SettingsScreen({"tools": "odd"})) as hand:
        assert "now: none" in hand.text


@pytest.mark.parametrize(("steps", "tools"), [(1, "none"), (2, "demo")])
async def test_other_tools_leave_out_those_that_were_there(steps: int, tools: str) -> None:
    screen = SettingsScreen({"tools": TOOLS})
    async with shown(screen) as hand:
        screen.query_one("#set-tools").focus()
        await hand.press(*["right"] * steps, "ctrl+s")
        assert setup_of(hand) == Setup({}, "ask", tools)


async def test_tools_from_a_file() -> None:
    screen = SettingsScreen({"tools": TOOLS})
    async with shown(screen) as hand:
        assert line(screen, "path").region.height == 0
        screen.query_one("#set-tools").focus()
        await hand.press("left")
        assert line(screen, "path").region.height == 1
        await hand.press("ctrl+s")
        assert hand.app.results == []
        assert hand.app.focused is line(screen, "path")
        assert hint(screen, "tools") == "name the file"
        await hand.type(" tools.json ")
        assert hint(screen, "tools") == "now: get_weather, web_search_20250305"
        await hand.press("ctrl+s")
        assert setup_of(hand) == Setup({}, "ask", "tools.json")


async def test_a_file_that_is_called_like_a_choice() -> None:
    screen = SettingsScreen({})
    async with shown(screen) as hand:
        screen.query_one("#set-tools").focus()
        await hand.press("left", "tab")
        await hand.type("demo")
        await hand.press("ctrl+s")
        assert setup_of(hand).tools == "./demo"


async def test_the_way_of_calls_by_mouse() -> None:
    screen = SettingsScreen({})
    async with shown(screen) as hand:
        pick = screen.query_one("#set-mode", Pick)
        rows = [strip.text for strip in (pick.render_line(0),)]
        await hand.click("#set-mode", rows[0].index("answer") + 2)
        assert pick.value == "hand"
        await hand.click("#set-mode", 0)
        assert pick.value == "ask"
        await hand.press("space", "h", "h", "ctrl+s")
        assert setup_of(hand).tool_mode == "hand"


# --- mistakes -------------------------------------------------------------------------------------


async def test_a_mistake_is_said_when_its_field_is_left_and_gone_when_it_is_right() -> None:
    screen = SettingsScreen({})
    async with shown(screen) as hand:
        line(screen, "max_tokens").focus()
        await hand.type("12a")
        assert hint(screen, "max_tokens") == "a whole number"
        await hand.press("tab")
        assert hint(screen, "max_tokens") == "has to be a whole number, 1 or more"
        assert screen.query_one("#hint-max_tokens").has_class("-wrong")
        await hand.press("shift+tab", "end", "backspace")
        assert hint(screen, "max_tokens") == "a whole number"
        assert not screen.query_one("#hint-max_tokens").has_class("-wrong")


async def test_mistakes_keep_it_open_one_line_for_each() -> None:
    screen = SettingsScreen({})
    async with shown(screen) as hand:
        line(screen, "max_tokens").value = "-5"
        line(screen, "thinking").value = "hard"
        area(screen, "other").value = '{"a": 1,\n "b" 2}'
        await hand.press("ctrl+s")
        assert hand.app.results == []
        assert line(screen, "max_tokens").has_focus
        assert "has to be a whole number, 1 or more" in hand.text
        assert "has to be off, adaptive, or a whole number" in hand.text
        assert "line 2, column 6: expected ':'" in hand.text
        line(screen, "max_tokens").value = "5"
        line(screen, "thinking").value = "off"
        await hand.press("ctrl+s")
        other = area(screen, "other")
        assert other.has_focus
        other.value = '{"messages": []}'
        await drawn(hand.app)
        assert "messages are what is said here: they cannot be set" in hand.text
        other.value = ""
        await hand.press("ctrl+s")
        assert setup_of(hand).parameters == {"max_tokens": 5, "thinking": {"type": "disabled"}}


# --- drawing --------------------------------------------------------------------------------------


async def test_all_of_it_fits_eighty_by_twenty_four() -> None:
    screen = SettingsScreen(PARAMETERS, models=MODELS)
    async with shown(screen) as hand:
        assert screen.query_one("#settings").max_scroll_y == 0
        for text in ("Model", "System", "Max tokens", "Thinking", "Tools", "Tool calls", "Other"):
            assert any(row[3:].startswith(f" {text}") for row in hand.lines), text
        assert "\u25cf ask before running   \u25cb run always   \u25cb answer by hand" in hand.text
        assert "ctrl+s save" in hand.text
        assert '{"temperature": 0.5}' in hand.text


async def test_on_a_small_terminal_it_scrolls_to_the_field_with_the_focus() -> None:
    screen = SettingsScreen(PARAMETERS, models=MODELS)
    async with shown(screen, (40, 10)) as hand:
        assert "save" not in hand.text
        await hand.press(*["tab"] * 7)
        assert hand.app.focused is area(screen, "other")
        assert '{"temperature": 0.5}' in hand.text
        await hand.press("tab")
        assert "ctrl+s save" in hand.text
        for size in ((1, 1), (20, 5), (300, 100)):
            await hand.resize(*size)
        assert "ctrl+s save" in hand.text


async def test_the_label_of_the_field_with_the_focus_stands_out() -> None:
    screen = SettingsScreen({})
    async with shown(screen) as hand:
        labels = [str(label.rich_style.color) for label in screen.query(".setting-label")]
        assert len(set(labels)) == 2
        await hand.press("tab")
        moved = [str(label.rich_style.color) for label in screen.query(".setting-label")]
        assert moved[:2] == labels[1::-1]


@pytest.mark.parametrize(
    "evil",
    ["".join(SEQUENCES), " ".join(MARKUP), "[/", "[@click=app.quit]"],
    ids=["sequences", "markup", "cut", "action"],
)
async def test_hostile_text_is_drawn_as_symbols_and_comes_back_as_it_was(evil: str) -> None:
    parameters = {
        "model": f"m{evil}",
        "system": f"{evil}\n{evil}.",
        "tools": [{"name": evil}],
        "metadata": {evil: [evil]},
    }
    screen = SettingsScreen(parameters, models=[evil], models_note=evil)
    async with shown(screen, (120, 40)) as hand:
        assert not hostile_in(hand.text)
        screen.offer([evil, f"m{evil}"], evil)
        await drawn(hand.app)
        assert not hostile_in(hand.text)
        assert not hostile_in(line(screen, "model").value + area(screen, "other").text)
        await hand.press("ctrl+s")
        assert setup_of(hand).parameters == parameters


async def test_choices_break_between_the_words_only() -> None:
    screen = SettingsScreen({})
    async with shown(screen, (40, 40)):
        pick = screen.query_one("#set-mode", Pick)
        rows = [pick.render_line(y).text.rstrip() for y in range(pick.size.height)]
        assert rows == [
            "\u25cf ask before running",
            "\u25cb run always   \u25cb answer by hand",
        ]


async def test_models_may_come_at_any_moment_of_the_beginning() -> None:
    async with shown(Host()) as hand:
        for turns in (0, 1, 3, 6, 10, 15, 21, 28):
            screen = SettingsScreen({})
            hand.app.push_screen(screen)
            for _ in range(turns):
                await asyncio.sleep(0)
            screen.offer(MODELS, "at last")
            await drawn(hand.app)
            assert listed(screen) == MODELS, turns
            assert "at last" in hand.text
            hand.app.pop_screen()
