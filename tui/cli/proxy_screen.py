"""`streamscope proxy` with a screen: the relay in a process of its own, and the dashboard on it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from tui.captures.telling import told
from tui.cli.failing import FAILED, USAGE, fail
from tui.cli.show import OutputMode, app_for, run_app
from tui.core.records import strict_loads
from tui.dashboard.relaying import RelayLink
from tui.relay.service import BASE_URL, RelaySettings
from tui.relay.shelf import output_path
from tui.sources.followed import CaptureFollower

_ENDING_S: Final = 20.0


def on_screen(settings: RelaySettings, theme: str | None = None) -> NoReturn:
    """Start a relay, show what it records, and end with its command's exit status."""
    if settings.command:
        settings = replace(settings, output=str(output_path(Path(settings.tape.path))))
    process, ready = _start(settings)
    assert process.stdout is not None
    link = RelayLink(
        url=ready["url"],
        capture=ready["capture"],
        upstream=ready["upstream"],
        pid=ready["pid"],
        # A descriptor of its own: the screen closes it when it ends.
        reports=os.dup(process.stdout.fileno()),
        output=settings.output,
        command=shlex.join(settings.command) if settings.command else None,
        page=ready["page"],
    )
    process.stdout.close()
    click.echo(f"export {BASE_URL}={link.url}")
    click.echo(f"recording to {link.capture}")
    if link.page is not None:
        click.echo(f"in a browser: {link.page}")
    if link.command is None:
        click.echo(f"process {link.pid} relays, and goes on when the screen is closed")
    following = [CaptureFollower(Path(link.capture))]
    try:
        app = app_for([], OutputMode(theme=theme), following=following, relay=link)
    except BaseException:
        process.terminate()  # Nobody would know of it.
        raise
    status = run_app(app)
    relaying = app.following.relaying
    assert relaying is not None
    if relaying.end_wanted:
        process.terminate()
    elif relaying.running or (link.command is None and process.poll() is None):
        command = settings.command[:1]
        what = f"{command[0]} and the relay go" if command else "the relay goes"
        end = f"end {'both' if command else 'it'}: kill {link.pid}"
        _tell(f"{what} on at {link.url}, as process {link.pid}; {end}")
        _tell(f"watch it again: streamscope open --follow {link.capture}")
        sys.exit(status)
    with suppress(subprocess.TimeoutExpired):
        code = process.wait(_ENDING_S)
        status = 128 - code if code < 0 else code
        if link.command is None:
            status = FAILED
    if link.output is not None and not settings.tape.content:
        # It may have printed what it was answered.
        with suppress(OSError):
            os.unlink(link.output)
    if relaying.state.failed is not None:
        fail(relaying.state.failed, status)
    _tell(f"recorded in {link.capture}")
    if link.output is not None and settings.tape.content:
        _tell(f"what it printed is in {link.output}")
    sys.exit(status)


def _start(settings: RelaySettings) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """Return the relay's process, and what it says when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tui.relay.process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Neither Ctrl+C nor a terminal that is closed are for it.
        start_new_session=True,
        bufsize=0,
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(asdict(settings)).encode())
    process.stdin.close()
    line = b""
    # Byte by byte: what comes after this line is for the dashboard.
    while not line.endswith(b"\n") and (byte := process.stdout.read(1)):
        line += byte
    ready: Any = {}
    with suppress(ValueError):
        ready = strict_loads(line.decode())
    if not isinstance(ready, dict) or ready.get("event") != "ready":
        process.kill()
        process.wait()
        text = ready.get("text") if isinstance(ready, dict) else None
        fail(str(text or "the relay cannot be started"), USAGE)
    return process, ready


def _tell(text: str) -> None:
    click.echo(f"streamscope: {told(text)}", err=True)
