"""Every screen can be read in every theme: what is drawn is measured, text by text."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

import pytest
from textual.geometry import Offset
from textual.selection import Selection
from textual.theme import BUILTIN_THEMES

from tests.app_harness import LATER_S, Stage, drawn, on_stage
from tests.dashboard.test_legible import THEMES, contrast_of, has_words, on_screen
from tests.sweeps import exhaustive
from tui.dashboard.legible import CONTRAST
from tui.scenarios.sessions import load_session
from tui.sources import SourceFactory
from tui.sources.scenario import ScenarioSource

_EACH: Final = 2
"""Themes that each screen is drawn in; all of them in `make fuzz`."""


class Opened(NamedTuple):
    """What is opened and pressed, and the words that it then shows."""

    scenes: Callable[[], list[SourceFactory]]
    keys: tuple[str, ...]
    words: tuple[str, ...]


def scene(*names: str) -> Callable[[], list[SourceFactory]]:
    return lambda: [partial(ScenarioSource, name) for name in names]


def session() -> list[SourceFactory]:
    return [partial(ScenarioSource, one) for one in load_session("agent")]


SCREENS: Final = {
    "search results": Opened(scene("web-search"), (), ("[1]", "sources")),
    "code": Opened(scene("code-execution"), ("tab", "tab", "M"), ("JSON/code", "exit 0")),
    "an error": Opened(scene("overloaded"), (), ("overloaded_error", "ERROR")),
    "a stall": Opened(scene("stall"), (), ("stall", "gap")),
    "a refusal": Opened(scene("refusal"), (), ("the model declined", "refusal")),
    "the past": Opened(scene("max-tokens"), ("comma", "comma", "b", "m"), ("PAST", "behind")),
    "a search": Opened(scene("plain"), ("slash", "a", "enter"), ("search: a",)),
    "a filter": Opened(scene("plain"), ("f", "x"), ("filter",)),
    "the runs": Opened(session, ("R", "down"), ("Runs", "healthy")),
    "an event": Opened(scene("two-tools"), ("comma", "enter"), ("Bytes, as received",)),
    "a source": Opened(scene("web-search"), ("tab", "end", *["up"] * 3, "enter"), ("esc closes",)),
    "findings": Opened(scene("max-tokens"), ("d",), ("Why", "max_tokens")),
    "latency": Opened(scene("stall"), ("L",), ("Latency",)),
    "the waterfall": Opened(session, ("W", "down"), ("Conversation", "your tools")),
    "the ledger": Opened(session, ("W", "L"), ("lost",)),
    "a comparison": Opened(scene("plain", "two-tools"), ("C", "n"), ("Differ in", "Tokens")),
    "the keys": Opened(scene("plain"), ("question_mark",), ("Keys", "Event log")),
    "a menu": Opened(scene("plain"), ("y", "down"), ("Copy",)),
    "the request": Opened(scene("thinking-tool"), ("e",), ("messages",)),
    "the cache": Opened(session, ("P",), ("cache",)),
    "the palette": Opened(scene("plain"), ("ctrl+p",), ("Search",)),
}


def themes_for(screen: str) -> list[str]:
    """The light one, which is the hardest, and others in turn: each screen adds to them all."""
    place = list(SCREENS).index(screen) * (_EACH - 1)
    turn = [THEMES[(place + step) % len(THEMES)] for step in range(_EACH - 1)]
    return THEMES if exhaustive() else ["textual-light", *turn]


def test_every_theme_has_its_turn() -> None:
    drawn_in = {theme for screen in SCREENS for theme in themes_for(screen)}
    assert drawn_in == {name for name, theme in BUILTIN_THEMES.items() if not theme.ansi}


async def assert_legible(stage: Stage, theme: str) -> None:
    stage.app.theme = theme
    await drawn(stage.app)
    await stage.settle()
    texts = [segment for segment in on_screen(stage) if has_words(segment.text)]
    for segment in texts:
        assert contrast_of(segment.style) >= CONTRAST, (theme, segment)
    assert len(texts) > 30


@pytest.mark.parametrize("screen", SCREENS)
async def test_what_a_screen_says_can_be_read(screen: str) -> None:
    opened = SCREENS[screen]
    async with on_stage(*opened.scenes(), size=(120, 40)) as stage:
        await stage.at(LATER_S)
        await stage.press(*opened.keys)
        for word in opened.words:
            assert word in stage.text
        for theme in themes_for(screen):
            await assert_legible(stage, theme)


@pytest.mark.parametrize("pane", ["transcript", "tools", "events"])
async def test_what_is_selected_can_be_read(pane: str) -> None:
    async with on_stage("two-tools", size=(120, 40)) as stage:
        await stage.at(LATER_S)
        view = stage.dashboard.query_one(f"#{pane}")
        for theme in themes_for("code"):
            stage.app.theme = theme
            await drawn(stage.app)
            before = [segment.style for segment in on_screen(stage)]
            stage.dashboard.selections = {view: Selection(Offset(0, 0), None)}
            await assert_legible(stage, theme)
            assert [segment.style for segment in on_screen(stage)] != before
            stage.dashboard.selections = {}
