"""The key bar: what it offers at each moment."""

from __future__ import annotations

import pytest

from tests.app_harness import BytesSource, PushedSource, on_stage, timed
from tests.dashboard.answer import ANSWER
from tests.manual_clock import ManualClock
from tests.playbook import message_start, text, text_start
from tui.dashboard.commands import KEYS
from tui.dashboard.footer import _BARS, Footing, _of_modal, entries
from tui.screens.why import Why


@pytest.mark.parametrize("moment", _BARS)
def test_each_moment_has_six_to_nine_keys_help_and_quit_last(moment: str) -> None:
    shown = entries(Footing(moment, relayed=True))
    assert 6 <= len(shown) <= 11
    assert [action for _, _, action in shown[-2:]] == ["open('help')", "quit"]
    known = {key.action for key in KEYS} | {"open('detail')", "play('go', 1)", "command_palette"}
    known |= {"side('open')"}
    own = ("focused.", "simulate_key(")
    assert {action for _, _, action in shown if not action.startswith(own)} <= known
    assert "O" not in [key for key, _, _ in entries(Footing(moment))]


def test_a_modal_has_its_own_keys_only() -> None:
    shown = entries(Footing("", tuple(_of_modal(Why([])))))
    assert [key for key, _, _ in shown] == ["esc", "ctrl+q"]


async def test_the_bar_follows_what_happens() -> None:
    clock = ManualClock()
    source = PushedSource(clock)
    async with on_stage(source, clock=clock) as stage:
        source.push(message_start(), text_start(0), text(0, "so far"))
        await stage.advance(1)
        assert stage.lines[-1].startswith(" esc cancel  space pause")
        await stage.press("comma")
        assert stage.lines[-1].startswith(" esc live") and "enter event" in stage.lines[-1]
        await stage.press("tab")
        assert stage.lines[-1].startswith(" esc live")
        assert "enter who wrote this" in stage.lines[-1]
        await stage.press("tab")
        await stage.press("escape")
        assert "M JSON/code" in stage.lines[-1]
        await stage.press("tab", "comma")
        await stage.press("escape", "d")
        assert stage.lines[-1].startswith(" esc close")
        await stage.press("escape", "tab")
        assert "enter who wrote this" in stage.lines[-1]
        source.end()
        await stage.advance(1)
        await stage.press("shift+tab")
        assert stage.lines[-1].startswith(" c continue") and "pause" not in stage.lines[-1]


async def test_a_key_of_the_bar_can_be_clicked_for_the_focused_pane() -> None:
    async with on_stage(BytesSource(timed(*ANSWER))) as stage:
        await stage.at(60)
        await stage.pilot.click("#keys", offset=(stage.lines[-1].index("from the start"), 0))
        await stage.settle()
        assert stage.moment.count == 1


async def test_while_a_line_is_typed_no_letter_is_offered() -> None:
    async with on_stage(BytesSource(timed(*ANSWER)), size=(80, 24)) as stage:
        await stage.at(60)
        await stage.press("slash")
        assert stage.lines[-1].startswith(" enter go  esc leave  up earlier")
        assert stage.lines[-1].rstrip().endswith("f1 help  ctrl+q quit")
        await stage.press("escape")
        assert stage.lines[-1].startswith(" g from the start")


async def test_every_key_of_a_modal_closes_what_it_says() -> None:
    async with on_stage(BytesSource(timed(*ANSWER))) as stage:
        await stage.at(60)
        for key in ("d", "L", "P", "W", "question_mark", "y", "x"):
            await stage.press(key)
            assert " q quit" not in stage.lines[-1], key
            while stage.app.screen is not stage.app.dashboard:
                await stage.press("escape")
            assert stage.app.is_running


async def test_where_nothing_is_wrong_yet_it_is_said_and_nothing_else_is_offered() -> None:
    async with on_stage(BytesSource(timed(*ANSWER)), size=(80, 24)) as stage:
        await stage.at(0.3)
        await stage.press("d")
        assert "Nothing is wrong so far" in stage.text
        assert stage.lines[-1].split() == ["esc", "close", "ctrl+q", "quit"]
        await stage.press("enter", "y", "escape")
        await stage.at(60)
        await stage.press("d")
        assert "enter go there  y copy" in stage.lines[-1]
