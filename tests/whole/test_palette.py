"""Keys and palette: every action has both, and each can be run from the palette."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.actions import parse
from textual.app import SystemCommand
from textual.command import CommandList, CommandPalette
from textual.events import Click
from textual.worker import WorkerFailed

from tests.app_harness import LATER_S, Stage, drawn, on_stage
from tui.dashboard.app import StreamscopeApp
from tui.dashboard.asking import Asking
from tui.dashboard.commands import KEYS, help_groups
from tui.dashboard.desk import ScreenDesk
from tui.dashboard.exporting import Exporting
from tui.dashboard.modals import Modals
from tui.dashboard.navigator import Navigator
from tui.dashboard.requesting import Requesting
from tui.dashboard.watched import Watchlist
from tui.screens.dashboard import Dashboard
from tui.screens.menu import Menu

# Ctrl+C is what the terminal's interrupt has always been; cancel and quit stand in the palette.
NOT_OFFERED = {"interrupt"}
VERBS_OF: dict[str, type] = {
    "ask": Asking,
    "find": Navigator,
    "keep": Exporting,
    "open": Modals,
    "play": Watchlist,
    "request": Requesting,
    "send": ScreenDesk,
}
"""Whose verb an action names."""


def commands(stage: Stage) -> dict[str, SystemCommand]:
    """What the palette offers, by title."""
    return {command.title: command for command in stage.app.get_system_commands(stage.app.screen)}


async def run_command(stage: Stage, title: str) -> Stage:
    commands(stage)[title].callback()
    await drawn(stage.app)
    return await stage.settle()


def test_every_action_is_in_the_palette_and_says_what_it_does() -> None:
    for key in KEYS:
        assert bool(key.palette) == (key.id not in NOT_OFFERED), key
        assert key.tooltip and key.what, key


def test_titles_ids_and_keys_are_used_once() -> None:
    titles = [key.palette for key in KEYS if key.palette]
    ids = [key.id for key in KEYS]
    keys = [name for key in KEYS for name in key.keys.split(",")]
    for values in (titles, ids, keys):
        assert len(set(values)) == len(values)


def test_every_action_exists() -> None:
    holders = {"": StreamscopeApp, "app": StreamscopeApp, "screen": Dashboard}
    for key in KEYS:
        holder, name, parameters = parse(key.action)
        assert callable(getattr(holders[holder], f"action_{name}")), key
        if name in VERBS_OF:
            assert callable(getattr(VERBS_OF[name], str(parameters[0]))), key


def test_every_key_is_in_the_help() -> None:
    shown = {row for _, rows in help_groups("events") for row in rows}
    assert {(key.shown, key.what) for key in KEYS} <= shown


async def test_every_command_of_the_palette_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with on_stage("two-tools", "plain") as stage:
        await stage.at(1.5)
        titles = [title for title in commands(stage) if title != "app: quit"]
        assert len(titles) >= 15
        for title in titles:
            await run_command(stage, title)
            assert stage.app.is_running, title
            while len(stage.app.screen_stack) > 1:
                stage.app.pop_screen()
                await stage.settle()
            stage.log_pane.focus()
        await run_command(stage, "app: quit")
    assert stage.app.return_value == 0


async def test_commands_do_what_their_keys_do() -> None:
    async with on_stage("plain", "two-tools") as stage:
        await stage.at(1.5)
        head = stage.moment.count
        await run_command(stage, "stream: step back")
        assert stage.moment.count == head - 1
        await run_command(stage, "view: follow the end")
        assert stage.moment.count == head
        await run_command(stage, "stream: play or pause")
        assert stage.app.watchlist.paused
        await run_command(stage, "stream: faster")
        assert " 2x " in stage.header
        await run_command(stage, "run: previous")
        assert "run 1/2" in stage.header
        await run_command(stage, "stream: cancel")
        assert "CANCELLED" in stage.header
        await run_command(stage, "view: next pane")
        assert stage.app.focused is not stage.log_pane


async def test_the_palette_is_opened_searched_and_obeyed() -> None:
    async with on_stage("two-tools") as stage:
        await stage.at(1)
        await stage.press("ctrl+p")
        assert len(stage.app.screen_stack) == 2
        await stage.pilot.press(*"fragment bound")
        await stage.pilot.press("enter")
        await stage.settle()
        assert len(stage.app.screen_stack) == 1
        assert stage.tool_pane.boundaries


async def test_a_key_can_be_bound_to_another() -> None:
    async with on_stage("two-tools") as stage:
        await stage.at(1)
        stage.app.set_keymap({"boundaries": "B"})
        await stage.press("b")
        assert not stage.tool_pane.boundaries
        await stage.press("B")
        assert stage.tool_pane.boundaries


@pytest.mark.parametrize("opening", ["y", "question_mark", "ctrl+p"])
async def test_what_has_no_room_ends_nothing(opening: str) -> None:
    async with on_stage("plain", size=(1, 1)) as stage:
        await stage.at(LATER_S)
        stage.app.notify("words that are wrapped")
        await stage.press(opening, "pagedown", "pageup", "end", "home")
        for size in [(2, 1), (9, 3), (40, 3)]:
            await stage.change_size(size)
            await stage.press("pagedown", "pageup")
        assert stage.app.is_running and not stage.app._exit


@pytest.mark.parametrize("opening", ["y", "x", "question_mark", "L", "enter", "ctrl+p"])
async def test_what_is_closed_twice_at_once_is_closed_once(opening: str) -> None:
    async with on_stage("plain") as stage:
        await stage.at(LATER_S)
        await stage.press(opening)
        screen = stage.app.screen
        assert screen is not stage.dashboard

        def close() -> None:
            screen.dismiss(None)

        # Both are waiting in the screen's queue before the first is looked at.
        screen.call_later(close)
        screen.call_later(close)
        await drawn(stage.app)
        assert stage.app.screen is stage.dashboard and not stage.app._exit


async def test_a_search_of_the_palette_that_is_left_ends_nothing() -> None:
    async with on_stage("plain") as stage:
        await stage.press("ctrl+p")
        palette = stage.app.screen
        assert isinstance(palette, CommandPalette)
        await palette.query_one(CommandList).remove()
        palette._gather_commands("a")
        await drawn(stage.app)
        assert not stage.app._exit
        palette.dismiss()
        await drawn(stage.app)
        assert stage.app.screen is stage.dashboard


async def test_a_click_where_nothing_is_closes_the_palette() -> None:
    async with on_stage("plain") as stage:
        await stage.press("ctrl+p")
        palette = stage.app.screen
        palette.post_message(Click(palette, 0, 0, 0, 0, 1, False, False, False, 300, 300))
        await drawn(stage.app)
        assert stage.app.screen is stage.dashboard and not stage.app._exit


async def test_any_other_failure_of_a_worker_is_one() -> None:
    async def broken() -> None:
        raise RuntimeError("the floor gave way")

    with pytest.raises(WorkerFailed, match="the floor gave way"):
        async with on_stage("plain") as stage:
            stage.app.run_worker(broken())
            await stage.settle()


# --- what the palette looks like ------------------------------------------------------------------


async def test_the_palette_shows_the_key_beside_each_action_ours_in_their_order() -> None:
    async with on_stage("plain", size=(100, 40)) as stage:
        await stage.press("ctrl+p")
        options = stage.app.screen.query_one(CommandList).options
        heads = [re.split("  +", str(option.prompt).splitlines()[0]) for option in options]
        assert heads[0] == ["stream: play or pause", "space"]
        assert ["stream: step", "."] in heads and ["view: follow the end", "F end"] in heads
        assert [name for name in commands(stage) if ": " not in name] == []
        assert stage.keys.split()[0] == "esc" and " q quit" not in stage.keys, (
            "letters go into the field"
        )
        stage.app.set_keymap({"latency": "T"})
        await stage.press(*"lat")
        (first, *_) = stage.app.screen.query_one(CommandList).options
        assert str(first.prompt).splitlines()[0].split() == ["view:", "latency", "T"]


async def choose_theme(stage: Stage) -> None:
    await run_command(stage, "app: theme")
    assert isinstance(stage.app.screen, Menu)


async def test_a_theme_is_seen_before_it_is_chosen_and_left_without_a_trace() -> None:
    kept: list[str] = []
    async with on_stage("plain", keep_theme=kept.append) as stage:
        before = stage.app.theme
        await choose_theme(stage)
        assert stage.app.theme == before
        await stage.press("down")
        other = stage.app.theme
        assert other != before
        await stage.press("escape")
        assert stage.app.theme == before and kept == []
        await choose_theme(stage)
        await stage.press("down", "enter")
        assert stage.app.theme == other and kept == [other]


async def test_a_theme_that_cannot_be_kept_is_shown_all_the_same() -> None:
    def refuse(name: str) -> None:
        raise OSError(f"no room for {name}")

    async with on_stage("plain", keep_theme=refuse) as stage:
        await choose_theme(stage)
        await stage.press("down", "enter")
        assert f"not kept for the next time: no room for {stage.app.theme}" in stage.text


@pytest.mark.parametrize(("name", "shown"), [("nord", "nord"), ("no such", "textual-dark")])
async def test_the_app_begins_in_the_theme_that_was_kept(name: str, shown: str) -> None:
    async with on_stage("plain", theme=name) as stage:
        assert stage.app.theme == shown


async def test_a_picture_is_saved_from_the_palette(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with on_stage("plain") as stage:
        await stage.at(1)
        await run_command(stage, "save: picture of the screen")
        assert [path.suffix for path in tmp_path.iterdir()] == [".svg"]
