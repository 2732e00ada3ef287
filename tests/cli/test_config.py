"""The config file, and what it says where it cannot be understood."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from platformdirs import user_config_path

from tests.command_line import Call, Result, run_command
from tui.cli.show import OutputMode


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    def run(*arguments: str | Path) -> Result:
        return run_command(monkeypatch, *arguments)

    return run


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def config_file() -> Path:
    return user_config_path("streamscope", appauthor=False) / "config.toml"


Shown = Callable[..., dict[str, Any]]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, call: Call) -> Shown:
    """Run a command as far as what it would show."""

    def run(*arguments: str) -> dict[str, Any]:
        given: dict[str, Any] = {}

        def show(factories: object, **named: object) -> None:
            given.update(named)
            raise SystemExit(0)

        monkeypatch.setattr("tui.cli.main.show", show)
        monkeypatch.setattr("tui.cli.run_command.show", show)
        assert call(*arguments) == Result(0, "", "")
        return given

    return run


def configure(text: str) -> None:
    path = config_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def mode(shown: Shown, *arguments: str) -> OutputMode:
    found = shown(*arguments)["output_mode"]
    assert isinstance(found, OutputMode)
    return found


def test_no_file_is_as_good_as_an_empty_one(shown: Shown) -> None:
    before = mode(shown, "demo")
    configure("")
    assert mode(shown, "demo") == before


def test_defaults_are_those_of_the_file_and_options_win(shown: Shown) -> None:
    configure('theme = "nord"\nspeed = 2\nsmooth = "sentence"\n')
    for arguments in ([], ["demo"], ["demo", "plain"]):
        found = mode(shown, *arguments)
        assert (found.theme, found.speed, found.smooth) == ("nord", 2.0, "sentence")
    assert mode(shown, "demo", "--speed", "instant", "--theme", "x")[:1] == (float("inf"),)
    configure('speed = "instant"')
    assert mode(shown, "demo").speed == float("inf")


def test_a_run_has_defaults_of_its_own(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    configure('bell = true\n[run]\nmodel = "m"\nmax-tokens = 7\ntimeout = 30\n')
    found = shown("run", "hi")
    (job,) = found["live"].jobs
    assert (job.request["model"], job.request["max_tokens"]) == ("m", 7)
    assert (found["live"].timeout_s, found["output_mode"].bell) == (30, True)
    (job,) = shown("run", "hi", "--model", "n")["live"].jobs
    assert job.request["model"] == "n"


def test_defaults_give_way_to_what_leaves_no_room_for_them(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    configure('smooth = "sentence"\n[run]\nmodel = "m"\nsystem = "s"\n')
    assert mode(shown, "run", "hi", "--json").smooth is None
    base = tmp_path / "request.json"
    base.write_text('{"model": "own", "max_tokens": 1, "messages": []}')
    (job,) = shown("run", "hi", "--request", str(base))["live"].jobs
    assert job.request["model"] == "own" and "system" not in job.request


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("theme = ", "line 1: not TOML: invalid value"),
        ("\nspeed = 500", "line 2: speed: '500' is not a speed: 0.1 to 100, or instant"),
        ("speed = true", 'line 1: speed: write a number, or "instant"'),
        ("bell = 1", "line 1: bell: write true or false"),
        ("colour = 1", "line 1: colour: there is no such setting; there are theme, "),
        ('keys = "x"', "line 1: keys: make it a section: [keys], and below it"),
        ("[keys]\n\nsearch = 5", "line 3: keys.search: write the key as text"),
        (
            "[run]\nprompt = 'x'",
            "line 2: run.prompt: there is no such option of run; there are model, ",
        ),
    ],
)
def test_a_bad_file_is_one_line_that_names_it_and_the_line(
    call: Call, text: str, message: str
) -> None:
    configure(text)
    result = (
        call("demo", "plain", "--plain", "--speed", "instant")
        if "500" not in text
        else call("demo")
    )
    assert result.status == 2
    assert result.one_line().startswith(f"{config_file()}: {message}")


def test_a_default_of_run_is_checked_where_it_counts(call: Call) -> None:
    configure('theme = "nord"\n[run]\nmodel = "m"\ntimeout = "soon"\n')
    assert call("demo", "plain", "--plain", "--speed", "instant").status == 0
    message = call("run", "hi").one_line()
    assert message.startswith(f"{config_file()}: line 4: run.timeout: 'soon' is not a valid float")


def test_commands_that_need_none_read_none(call: Call) -> None:
    configure("broken")
    assert call("inspect", "absent.sse").one_line() == "absent.sse: no such file"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('theme = "neon"', "line 1: theme: there is no theme called neon; there are "),
        ('[keys]\nfly = "f5"', "line 2: keys.fly: no action: there are play, step, "),
        ('[keys]\nsearch = "f"', "line 2: keys.search: f is the key of filter: give that another"),
        ('[keys]\nsearch = "hyper+x"', "line 2: keys.search: 'hyper+x' is no key: write it as"),
    ],
)
def test_what_only_a_screen_knows_is_checked_before_it(
    call: Call, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.setattr("tui.cli.show.screen_possible", lambda: True)
    configure(text)
    assert call("demo").one_line().startswith(f"{config_file()}: {message}")


def test_an_unknown_theme_is_refused(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.cli.show.screen_possible", lambda: True)
    assert call("demo", "--theme", "x").one_line().startswith("--theme: there is no theme called x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_cannot_be_read_is_not_passed_over(call: Call) -> None:
    configure("")
    config_file().chmod(0)
    assert "cannot be read" in call("demo").one_line()


def test_a_session_of_the_demo_has_them_too(shown: Shown) -> None:
    configure('theme = "nord"\nspeed = 2\nsmooth = "sentence"\n')
    found = mode(shown, "demo", "agent")
    assert (found.theme, found.speed, found.smooth) == ("nord", 2.0, "sentence")


def test_a_session_is_played_once(call: Call) -> None:
    assert "--loop" in call("demo", "agent", "--loop").one_line()
