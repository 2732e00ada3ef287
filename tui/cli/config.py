"""The config file: defaults of options, the theme, and keys. It is read, and never written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from tui.captures.telling import why_unread
from tui.cli.failing import fail

OF_RUN: Final = {
    "model": "models",
    "system": "system",
    "max-tokens": "max_tokens",
    "thinking": "thinking",
    "tools": "tools",
    "run-tools": "run_tools",
    "base-url": "base_url",
    "timeout": "timeout",
    "retries": "retries",
    "concurrency": "concurrency",
}
"""What `[run]` may set, and the name of its option."""
_SHARED: Final = {
    "demo": ("theme", "speed", "smooth"),
    "open": ("theme", "speed", "smooth"),
    "run": ("theme", "smooth", "bell"),
    "proxy": ("theme",),
}
"""What stands outside of a section, and the commands that have an option for it."""
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "theme": (str,),
    "speed": (str, int, float),
    "smooth": (str,),
    "bell": (bool,),
    "keys": (dict,),
    "run": (dict,),
}


@dataclass(frozen=True)
class Config:
    """What a config file says."""

    path: Path
    values: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    @property
    def keys(self) -> dict[str, str]:
        """Keys by the id of what they do: several with commas between them."""
        return dict(self.values.get("keys", {}))

    def refuse(self, name: str, why: str, section: str = "") -> NoReturn:
        """End with one line that says where `name` stands, and what is wrong with it."""
        called = f"{section}.{name}" if section else name
        fail(f"{self.path}: line {_line_of(self.text, name, section)}: {called}: {why}")

    def defaults(self, command: click.Command) -> dict[str, Any]:
        """Return the defaults of a command's options, each checked as if it had been typed."""
        name = command.name or ""
        found = {key: (key, self.values[key], "") for key in _SHARED[name] if key in self.values}
        if name == "run":
            of_run = self.values.get("run", {})
            found |= {OF_RUN[key]: (key, value, "run") for key, value in of_run.items()}
        context = click.Context(command)
        options = {option.name: option for option in command.params}
        defaults: dict[str, Any] = {}
        for option_name, (key, value, section) in found.items():
            option = options[option_name]
            given = [value] if option.multiple and not isinstance(value, list) else value
            # A number may stand for a text that is a number, as it does on the command line.
            given = str(given) if isinstance(given, (int, float)) and key != "bell" else given
            try:
                option.type_cast_value(context, given)
            except click.BadParameter as error:
                self.refuse(key, error.message.rstrip("."), section)
            defaults[option_name] = given
        return defaults


def read_config(path: Path) -> Config:
    """Read a config file; one that cannot be understood ends the command in one line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        fail(f"{path}: {why_unread(error)}")
    except UnicodeDecodeError as error:
        fail(f"{path}: not UTF-8 text (byte {error.start}): save it as UTF-8")
    import tomllib

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).partition(" (at ")
        place = place.rstrip(")").split(",")[0] if place.startswith("line") else ""
        place = place or f"line {max(len(text.splitlines()), 1)}"
        fail(f"{path}: {place}: not TOML: {what[:1].lower()}{what[1:]}")
    config = Config(path, values, text)
    _check(config)
    return config


def _check(config: Config) -> None:
    for name, value in config.values.items():
        if name not in _TYPES:
            config.refuse(name, f"there is no such setting; there are {', '.join(_TYPES)}")
        if not isinstance(value, _TYPES[name]) or (name != "bell" and isinstance(value, bool)):
            config.refuse(name, _WANTED[name])
    for name in config.values.get("run", {}):
        if name not in OF_RUN:
            known = ", ".join(OF_RUN)
            config.refuse(name, f"there is no such option of run; there are {known}", "run")
    for name, value in config.values.get("keys", {}).items():
        if not isinstance(value, str) or not value:
            config.refuse(
                name, 'write the key as text: "ctrl+s", or several with commas between', "keys"
            )


_WANTED: Final = {
    "theme": 'write the name of a theme as text: "nord"',
    "speed": 'write a number, or "instant"',
    "smooth": 'write "sentence" or "character"',
    "bell": "write true or false",
    "keys": 'make it a section: [keys], and below it search = "ctrl+s"',
    "run": 'make it a section: [run], and below it model = "…"',
}


def _line_of(text: str, name: str, section: str) -> int:
    """Return the line in which a name is set, as well as that can be told."""
    here, best = "", 1
    wanted = re.compile(rf"\s*[\"']?{re.escape(name)}[\"']?\s*[=.]|\s*\[+\s*{re.escape(name)}\b")
    for number, line in enumerate(text.splitlines(), 1):
        head = re.match(r"\s*\[+\s*([\w.-]+)", line)
        if wanted.match(line) and (head is not None or here == section):
            return number
        here = head[1] if head is not None else here
        if here == section and best == 1:
            best = number
    return best


def check_keys(config: Config) -> None:
    """Refuse a key that is none, that has no action here, or that another action has."""
    if config.keys:
        from tui.dashboard.commands import key_problem

        problem = key_problem(config.keys)
        if problem is not None:
            config.refuse(*problem, "keys")


def check_theme(name: str, themes: Sequence[str], config: Config | None) -> None:
    """Refuse a theme that there is not."""
    if name in themes:
        return
    why = f"there is no theme called {name}; there are {', '.join(themes)}"
    if config is not None and config.values.get("theme") == name:
        config.refuse("theme", why)
    fail(f"--theme: {why}")
