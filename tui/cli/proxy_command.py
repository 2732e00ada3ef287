"""`streamscope proxy`: watch what another program sends and receives."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import urlsplit

import click

from tui.captures.telling import told
from tui.cli.click_options import OnceCommand, theme_option
from tui.cli.failing import USAGE, fail
from tui.cli.show import screen_possible

if TYPE_CHECKING:
    from tui.relay.service import RelaySettings

_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_SIZE: Final = re.compile(r"(\d{1,12})\s?([kmg]?)b?", re.IGNORECASE)
_SHELF_BYTES: Final = 4 * 10**9
_SMALLEST: Final = 10**6


class Size(click.ParamType[int]):
    """A size such as `500MB` or `4G`."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(str(value).strip())
        size = int(found[1]) * _UNITS[found[2].lower()] if found else 0
        if size < _SMALLEST:
            self.fail(f"{value!r} is not a size of 1MB or more, such as 500MB or 4G", param, ctx)
        return size


@click.command(
    cls=OnceCommand,
    context_settings={"allow_interspersed_args": False},
    epilog="The start says which line to paste into another terminal. With -- COMMAND... that "
    "command is started for you, with the address set.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port to listen on; without it, any free one.",
)
@click.option("--upstream", metavar="URL", help="Where requests go; without it, to the public API.")
@click.option(
    "--record",
    metavar="FILE",
    help="Record into this file; without it, into one in the state folder.",
)
@click.option("--headless", is_flag=True, help="Show no screen; COMMAND has the terminal.")
@click.option(
    "--max-size",
    type=Size(),
    metavar="SIZE",
    help="Record no more than this. In the state folder, the oldest recordings are removed for new "
    "ones (default 4G).",
)
@click.option("--no-content", is_flag=True, help="Record times, usage and lengths, but no text.")
@click.option(
    "--browser", is_flag=True, help="Serve a page too, from which you can ask with your key."
)
@click.option("--force", is_flag=True, help="Replace the file of --record if it exists.")
@theme_option
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
# A parameter for each option: click calls it with all of them.
def proxy(
    port: int,
    upstream: str | None,
    record: str | None,
    headless: bool,
    max_size: int | None,
    no_content: bool,
    browser: bool,
    force: bool,
    theme: str | None,
    command: tuple[str, ...],
) -> None:
    """Watch what a program asks the API and what it answers, and record it.

    A relay on this machine passes every byte on, in both directions. Point a program at it with
    ANTHROPIC_BASE_URL. Its keys pass through, and are never written down.
    """
    if force and record is None:
        fail("--force needs --record: name the file to replace")
    if not headless and not screen_possible():
        fail("there is no terminal for the screen: use --headless")
    if command:
        _check_command(command[0])
    asking = _key_headers() if browser else None
    tape = _tape(record, max_size, content=not no_content, force=force)
    settings = _settings(port, upstream, tape, asking, list(command))
    if headless:
        _headless(settings)
    from tui.cli.proxy_screen import on_screen

    on_screen(settings, theme)


def _check_command(name: str) -> None:
    """Refuse a command that cannot be run, before anything is made for it."""
    if shutil.which(name) is None:
        there = os.path.lexists(name) if os.path.dirname(name) else False
        why = "cannot be run" if there else "no such command"
        fail(f"{told(name)}: {why}")


def _tape(record: str | None, max_size: int | None, *, content: bool, force: bool) -> Any:  # noqa: ANN401
    from tui.relay.tape_queue import TapeSettings

    if record is not None:
        path = str(Path(record).absolute())
        return TapeSettings(path, max_size=max_size, content=content, force=force)
    from platformdirs import user_state_path

    from tui.relay.shelf import new_path

    folder = user_state_path("streamscope", appauthor=False) / "relay"
    try:
        path = str(new_path(folder))
    except OSError as error:
        fail(f"{folder}: {error.strerror or error}; name a file with --record")
    return TapeSettings(
        path, folder=str(folder), max_size=max_size or _SHELF_BYTES, content=content
    )


def _settings(
    port: int,
    upstream: str | None,
    tape: Any,  # noqa: ANN401  # TapeSettings, whose module is imported late.
    browser: dict[str, str] | None,
    command: list[str],
) -> RelaySettings:
    from dataclasses import replace

    from tui.relay.service import RelaySettings
    from tui.relay.upstream import PUBLIC_API, UpstreamRefused, parsed_upstream

    base = upstream or PUBLIC_API
    try:
        parsed_upstream(base)
    except UpstreamRefused as refused:
        fail(f"--upstream: {refused}")
    tape = replace(tape, base=base.rstrip("/"))
    return RelaySettings(tape, port, base, _proxy_to(base), command, browser=browser)


def _key_headers() -> dict[str, str]:
    """Return the headers of a request with the key that the environment has."""
    for name, header, scheme in (
        ("ANTHROPIC_API_KEY", "x-api-key", ""),
        ("ANTHROPIC_AUTH_TOKEN", "authorization", "Bearer "),
    ):
        if key := os.environ.get(name, "").strip():
            if not (key.isascii() and key.isprintable()):
                fail(f"{name} holds what no header may hold: only ASCII, on one line")
            return {header: scheme + key, "anthropic-version": "2023-06-01"}
    fail("--browser asks with your key: set ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN")


def _proxy_to(base: str) -> str | None:
    """Return the proxy that the environment names for a URL; never one for this machine."""
    from ipaddress import ip_address
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(base)
    host = parts.hostname or ""
    try:
        local = ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost" or host.endswith(".localhost")
    if local or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


# --- without a screen -----------------------------------------------------------------------------


def _headless(settings: RelaySettings) -> NoReturn:
    from tui.relay.service import CannotRelay, relay

    said = _Said(settings)
    try:
        status = asyncio.run(relay(settings, said.report))
    except CannotRelay as error:
        fail(str(error), USAGE)
    said.summary()
    sys.exit(status)


class _Said:
    """Tells on standard error what a relay reports."""

    def __init__(self, settings: RelaySettings) -> None:
        self._settings = settings
        self._counts: dict[str, Any] = {"messages": 0, "others": {}}

    def report(self, value: dict[str, Any]) -> None:
        """Take a report."""
        if value["event"] == "ready":
            _tell(f"relaying {value['url']} to {value['upstream']}")
            _tell(f"recording to {value['capture']}")
            if value["page"] is not None:
                # Said as it is: the token in it is for whoever reads this.
                click.echo(f"streamscope: in a browser: {value['page']}", err=True)
            if not self._settings.command:
                _tell(f"point a program at it: export ANTHROPIC_BASE_URL={value['url']}")
                _tell(f"watch it: streamscope open --follow {value['capture']}")
        elif value["event"] == "note":
            _tell(value["text"])
        elif value["event"] == "counts":
            self._counts = value

    def summary(self) -> None:
        """Say what was relayed."""
        messages, others = self._counts["messages"], sum(self._counts["others"].values())
        text = f"{messages} request{'' if messages == 1 else 's'} for messages"
        text += f", {others} other{'' if others == 1 else 's'}"
        _tell(f"relayed {text}; recorded in {self._settings.tape.path}")


def _tell(text: str) -> None:
    click.echo(f"streamscope: {told(text)}", err=True)
