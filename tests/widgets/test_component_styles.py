"""Styles from the theme: every piece of text can be read, in every theme."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from rich.style import Style
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.theme import BUILTIN_THEMES

from tests.app_harness import drawn, on_stage
from tui.widgets.component_styles import ComponentStyles, markdown_theme

THEMES = sorted(BUILTIN_THEMES)


class Probe(ComponentStyles):
    COMPONENT_CLASSES = {
        "probe--solid",
        "probe--half",
        "probe--auto",
        "probe--plain",
        "probe--ground",
    }
    DEFAULT_CSS = """
    Probe { background: #000000; color: #ffffff; }
    .probe--solid { color: #ff0000; text-style: bold; }
    .probe--half { color: #ff0000 50%; }
    .probe--auto { color: auto; }
    .probe--ground { background: #ffffff 50%; color: #00ff00; }
    """


class Frame(App[None]):
    def compose(self) -> ComposeResult:
        yield Probe()


@asynccontextmanager
async def probe() -> AsyncIterator[tuple[Probe, Pilot[None]]]:
    app = Frame()
    async with app.run_test() as pilot:
        yield app.query_one(Probe), pilot


def colours(style: Style) -> tuple[str | None, str | None]:
    """Foreground and background as hex."""
    return (
        style.color.get_truecolor().hex if style.color else None,
        style.bgcolor.get_truecolor(foreground=False).hex if style.bgcolor else None,
    )


async def test_colours_are_blended_with_what_is_behind_them() -> None:
    async with probe() as (widget, _):
        assert colours(widget.style("probe--solid")) == ("#ff0000", None)
        assert widget.style("probe--solid").bold
        red, ground = colours(widget.style("probe--half"))
        assert red in ("#7f0000", "#800000") and ground is None
        green, grey = colours(widget.style("probe--ground"))
        assert green == "#00ff00" and grey in ("#7f7f7f", "#808080")


async def test_an_automatic_colour_stands_out_from_the_ground() -> None:
    async with probe() as (widget, _):
        light, _ = colours(widget.style("probe--auto"))
        assert light is not None and int(light[1:3], 16) > 200


async def test_a_class_without_rules_changes_nothing() -> None:
    async with probe() as (widget, _):
        style = widget.style("probe--plain")
        assert style.bgcolor is None and not style.bold


async def test_styles_are_looked_up_once_until_they_change() -> None:
    async with probe() as (widget, _):
        first = widget.style("probe--solid")
        assert widget.style("probe--solid") is first
        widget.notify_style_update()
        assert widget.style("probe--solid") == first


@pytest.mark.parametrize("half", range(2))
async def test_in_every_theme_all_text_differs_from_its_ground(half: int) -> None:
    async with on_stage("two-tools") as stage:
        await stage.at(1.5)
        dashboard = stage.dashboard
        widgets = [w for w in dashboard.query("*") if isinstance(w, ComponentStyles)]
        assert len(widgets) >= 6
        for theme in THEMES[half::2]:
            stage.app.theme = theme
            await drawn(stage.app, frame=False)
            for widget in widgets:
                ground = widget.rich_style
                for name in type(widget).COMPONENT_CLASSES:
                    style = ground + widget.style(name)
                    # The terminal's own two colours have the same name and are told apart there.
                    own = style.color is None or style.color.is_default
                    assert own or style.color != style.bgcolor, (theme, name)


@pytest.mark.parametrize("theme", THEMES)
def test_every_theme_gives_markdown_its_styles(theme: str) -> None:
    variables = BUILTIN_THEMES[theme].to_color_system().generate()
    styles = markdown_theme(variables)
    ground = variables["background"].lower()
    for name, style in styles._asdict().items():
        if isinstance(style, Style) and style.color and style.color.triplet:
            assert style.color.triplet.hex != ground, name


def test_without_variables_there_are_styles_all_the_same() -> None:
    styles = markdown_theme({})
    assert styles.title.bold
    assert styles.title.color is None
    assert markdown_theme({"accent": "no colour", "background": "#000"}).title.color is None
