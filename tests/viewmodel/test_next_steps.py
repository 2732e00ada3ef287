"""What a demo says at its end, and an idle screen at its beginning: what can be done next."""

from __future__ import annotations

import pytest
from click import Context

from tests.app_harness import LATER_S, on_stage, rows_of
from tests.command_line import run_command
from tui.cli.main import cli
from tui.cli.show import OutputMode
from tui.scenarios import header, names
from tui.viewmodel.next_steps import next_steps

SHOWED = ("A slow proxy", "A proxy that buffers: nothing for seven seconds, then all of it")
COMMANDS = ("run", "open FILE", "open -", "mock", "demo --list")


def words(*texts: str) -> str:
    return " ".join(" ".join(texts).split())


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (120, 40)])
async def test_the_end_of_a_demo_names_what_it_showed_and_what_comes_next(
    size: tuple[int, int],
) -> None:
    async with on_stage("buffered", showed=SHOWED, size=size) as stage:
        await stage.at(3)
        assert SHOWED[0] not in stage.transcript
        await stage.at(LATER_S)
        assert all(words(text) in stage.said for text in SHOWED)
        assert all(command in stage.said for command in COMMANDS)
        assert "?" in rows_of(stage.transcript_pane)[-1], "in view without a key"
        await stage.press("comma")
        assert SHOWED[0] not in stage.transcript, "the past is of the stream alone"
        await stage.press("escape", "r")
        assert SHOWED[0] not in stage.transcript


async def test_other_streams_end_without_it() -> None:
    async with on_stage("buffered") as stage:
        await stage.at(LATER_S)
        assert "streamscope mock" not in stage.transcript


@pytest.mark.parametrize("name", names())
def test_each_demo_has_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    shown: list[OutputMode] = []

    def show(factories: list[object], output_mode: OutputMode) -> None:
        shown.append(output_mode)

    monkeypatch.setattr("tui.cli.main.show", show)
    assert run_command(monkeypatch, "demo", name).status == 0
    (mode,) = shown
    head = header(name)
    assert mode.showed == (head.title, head.description) and all(mode.showed)


def test_what_is_named_exists() -> None:
    lines = ["".join(text for text, _ in line.pieces) for line in next_steps(*SHOWED).lines]
    named = {line.split("streamscope ")[1].split()[0] for line in lines if "streamscope " in line}
    assert named == {"run", "open", "mock", "demo"}
    assert named <= set(cli.list_commands(Context(cli)))
