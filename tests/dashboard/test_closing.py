"""What a demo says at its end: once, and not over what is to be read then."""

from __future__ import annotations

import pytest
from textual.widgets._toast import Toast

from tests.app_harness import LATER_S, on_stage
from tests.command_line import run_command
from tui.cli.show import OutputMode
from tui.scenarios import header, names

SAID = "A proxy that buffers: Nothing for seven seconds."


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_end_of_a_demo_names_what_it_showed(size: tuple[int, int]) -> None:
    async with on_stage("buffered", closing=SAID, size=size) as stage:
        await stage.at(3)
        assert not stage.app.screen.query(Toast)
        await stage.at(LATER_S)
        (toast,) = stage.app.screen.query(Toast)
        assert SAID in str(toast.render())
        verdict = stage.dashboard.verdict
        assert verdict.display
        assert toast.region.bottom <= verdict.region.y
        # Said once: not again when it is played again.
        stage.app.clear_notifications()
        await stage.press("r")
        await stage.at(2 * LATER_S)
        assert not stage.app.screen.query(Toast)


async def test_without_it_nothing_is_said() -> None:
    async with on_stage("buffered") as stage:
        await stage.at(LATER_S)
        assert not stage.app.screen.query(Toast)


@pytest.mark.parametrize("name", names())
def test_each_demo_has_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    shown: list[OutputMode] = []

    def show(factories: list[object], output_mode: OutputMode) -> None:
        shown.append(output_mode)

    monkeypatch.setattr("tui.cli.main.show", show)
    assert run_command(monkeypatch, "demo", name).status == 0
    (mode,) = shown
    assert mode.closing.startswith(f"{header(name).title}: {header(name).description}")
