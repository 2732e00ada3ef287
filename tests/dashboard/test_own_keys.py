"""Keys and theme of the reader's own, and streams that are played in a loop."""

from __future__ import annotations

import pytest

from tests import playbook as pb
from tests.app_harness import on_stage, timed
from tui.dashboard.commands import KEYS, shown_keys

STREAM = timed(pb.message_start(), *pb.text_block(0, "Hello"), *pb.ending())


async def test_a_key_of_ones_own_does_it_and_is_the_one_that_is_shown() -> None:
    async with on_stage(STREAM, keys={"why": "f5,K", "search": "ctrl+s"}) as stage:
        await stage.at(10)
        assert "f5 K why" in stage.lines[-1] and "ctrl+s search" in stage.lines[-1]
        await stage.press("d")
        assert len(stage.app.screen_stack) == 1
        await stage.press("K")
        assert len(stage.app.screen_stack) == 2
        await stage.press("escape", "question_mark")
        assert "f5 K" in stage.text and "ctrl+s" in stage.text


async def test_the_theme_that_was_asked_for_is_drawn() -> None:
    async with on_stage(STREAM, theme="nord") as stage:
        assert stage.app.theme == "nord"


@pytest.mark.parametrize("looks_back", [False, True])
async def test_a_loop_begins_anew_in_its_place_unless_somebody_looks_back(
    looks_back: bool,
) -> None:
    async with on_stage(STREAM, loop=True) as stage:
        watchlist = stage.app.watchlist
        first = watchlist.all[0]
        await stage.at(5)
        assert watchlist.all == [first] and first.feed.done
        if looks_back:
            await stage.press("comma")
        await stage.advance(5)
        assert len(watchlist.all) == 1
        assert (watchlist.all == [first]) is looks_back
        if not looks_back:
            await stage.advance(5)
            assert watchlist.all[0].feed.done and "Hello" in stage.transcript


async def test_a_list_of_runs_forgets_what_was_dropped() -> None:
    async with on_stage(STREAM, loop=True) as stage:
        await stage.press("R")
        await stage.at(5)
        first = stage.app.watchlist.all[0].feed.runs[0]
        await stage.advance(5)
        await stage.settle()
        assert stage.dashboard.runs is not None
        assert stage.dashboard.runs_in_view() == [stage.app.watchlist.all[0].feed.runs[0]]
        assert stage.dashboard.runs_in_view() != [first]


def test_keys_are_written_as_people_write_them() -> None:
    assert shown_keys({}) == {key.id: key.shown for key in KEYS}
    assert shown_keys({"search": "slash,ctrl+s"})["search"] == "/ ctrl+s"
