"""What answers with more than text look like, cell by cell; also light, and in 16 colours."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

import pytest
from textual.pilot import Pilot

from tests.app_harness import LATER_S, Stage, drawn
from tests.manual_clock import ManualClock
from tui.dashboard.app import StreamscopeApp
from tui.dashboard.app_settings import AppSettings
from tui.sources.scenario import ScenarioSource

SMALL: Final = (80, 24)
LARGE: Final = (120, 40)


class Shown(NamedTuple):
    """A demo, and what is pressed at its end."""

    scenario: str
    keys: tuple[str, ...] = ()
    sizes: tuple[tuple[int, int], ...] = (SMALL,)


MOMENTS: Final = {
    "sources": Shown("web-search", sizes=((40, 12), (60, 20), SMALL, LARGE)),
    "cited": Shown("web-search", ("tab", "end", *["up"] * 4, "enter")),
    "results": Shown("code-execution", ("tab", "z", "g"), (SMALL, LARGE)),
    "code": Shown("code-execution", ("tab", "tab", "M", "g"), (SMALL, LARGE)),
    "json": Shown("code-execution", ("tab", "tab", "g", "b")),
    "event": Shown("web-search", ("comma", "comma", "enter"), (SMALL, LARGE)),
    "fallback": Shown("fallback", ("tab", "g")),
    "cut": Shown("max-tokens", sizes=(SMALL, LARGE)),
    "refusal": Shown("refusal"),
    "compaction": Shown("compaction", ("tab", "g")),
    "lost": Shown("connection-lost"),
    "stage": Shown("code-execution", ("tab", "z", "z")),
}
LOOKS: Final = {
    "light": ("textual-light", {"COLORTERM": "truecolor"}),
    "sixteen": ("textual-dark", {"COLORTERM": "", "TERM": "xterm"}),
}


def looks_the_same(
    shown: Shown, size: tuple[int, int], snap_compare: Callable[..., bool], theme: str = ""
) -> bool:
    clock = ManualClock()
    settings = AppSettings(now=clock, ticking=False)
    app = StreamscopeApp([partial(ScenarioSource, shown.scenario)], settings)
    app.animation_level = "none"

    async def perform(pilot: Pilot[Any]) -> None:
        stage = Stage(app, pilot, clock)
        await stage.begin(1)
        if theme:
            app.theme = theme
            await drawn(app)
        await stage.at(LATER_S)
        await stage.press(*shown.keys)
        await stage.settle()

    return snap_compare(app, terminal_size=size, run_before=perform)


@pytest.mark.parametrize(
    ("moment", "size"),
    [
        pytest.param(name, size, id=f"{name}-{size[0]}x{size[1]}")
        for name, shown in MOMENTS.items()
        for size in shown.sizes
    ],
)
def test_content_looks_as_it_did(
    moment: str, size: tuple[int, int], snap_compare: Callable[..., bool]
) -> None:
    assert looks_the_same(MOMENTS[moment], size, snap_compare)


@pytest.mark.parametrize("moment", ["sources", "cut"])
@pytest.mark.parametrize("look", LOOKS)
def test_content_looks_as_it_did_in_other_colours(
    look: str,
    moment: str,
    snap_compare: Callable[..., bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theme, env = LOOKS[look]
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert looks_the_same(MOMENTS[moment], SMALL, snap_compare, theme)
