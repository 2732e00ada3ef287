"""What a demo says at its end: once, in words that fit."""

from __future__ import annotations

import pytest

from tests.app_harness import LATER_S, on_stage
from tests.command_line import run_command
from tui.cli.show import OutputMode
from tui.scenarios import header, names

LONG = "A proxy that buffers: nothing for seven seconds, and then the whole answer at once"
WORDINGS = (LONG, "A proxy that buffers")


@pytest.mark.parametrize(("size", "said"), [((80, 24), WORDINGS[1]), ((120, 40), LONG)])
async def test_the_end_of_a_demo_names_what_it_showed(size: tuple[int, int], said: str) -> None:
    async with on_stage("buffered", closing=WORDINGS, size=size) as stage:
        await stage.at(3)
        assert not stage.app.notes.text
        await stage.at(LATER_S)
        assert stage.app.notes.text == said
        assert f" {said} " in stage.text
        assert stage.dashboard.verdict.display
        # Said once: not again when it is played again.
        stage.app.notes.clear()
        await stage.press("r")
        await stage.at(2 * LATER_S)
        assert not stage.app.notes.text


async def test_without_it_nothing_is_said() -> None:
    async with on_stage("buffered") as stage:
        await stage.at(LATER_S)
        assert not stage.app.notes.text


@pytest.mark.parametrize("name", names())
def test_each_demo_has_it_in_words_that_fit(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    shown: list[OutputMode] = []

    def show(factories: list[object], output_mode: OutputMode) -> None:
        shown.append(output_mode)

    monkeypatch.setattr("tui.cli.main.show", show)
    assert run_command(monkeypatch, "demo", name).status == 0
    (mode,) = shown
    head = header(name)
    assert mode.closing[-1] == head.title
    assert mode.closing[1] == f"{head.title}: {head.description}".rstrip(".")
    lengths = [len(text) for text in mode.closing]
    assert lengths[0] > lengths[1] and lengths[-1] <= 70


def test_the_tour_names_all_of_it_on_a_small_screen() -> None:
    assert len(header("tour").description) <= 71
