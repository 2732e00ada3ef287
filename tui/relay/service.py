"""The relay as a program: the server, its recording, perhaps a command, until a signal ends it.

What happens is reported as small JSON objects, for whoever shows it:

    {"event": "ready", "url": …, "page": …, "capture": …, "output": …, "upstream": …, "pid": …}
    {"event": "counts", "messages": 3, "others": {"GET /v1/models": 1}}
    {"event": "note", "text": …}                     the recording has ended
    {"event": "command", "pid": …} {"event": "ended", "status": …}
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tui.captures.files import FileRefused, create
from tui.core.text import one_line
from tui.relay.forwarding import Forwarder
from tui.relay.memory import keep_freed_memory
from tui.relay.tape_queue import RecordingRefused, TapeQueue, TapeSettings
from tui.relay.upstream import PUBLIC_API, Upstream, UpstreamRefused, parsed_upstream
from tui.serving.server import LoopbackServer
from tui.serving.site import site_with_key

BASE_URL: Final = "ANTHROPIC_BASE_URL"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_COUNTS_EVERY_S: Final = 0.2
_GRACE_S: Final = 5.0
"""How long a command may take to end when it was told to, before it is killed."""

Report = Callable[[dict[str, Any]], None]


class CannotRelay(Exception):
    """A relay that cannot be started. The message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """What a relay is started with; made of JSON values, to be handed to another process."""

    tape: TapeSettings
    port: int = 0
    upstream: str = PUBLIC_API
    proxy: str | None = None
    """The HTTP proxy to the upstream, None for none."""
    command: list[str] = field(default_factory=list)
    """Run with the relay as its base URL; the relay ends with it."""
    output: str | None = None
    """A file for what the command prints; None: it has the terminal."""
    browser: dict[str, str] | None = field(default=None, repr=False)
    """The headers, with a key, of what its page for browsers asks; None: it has no page."""

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> RelaySettings:
        """Return settings that went through JSON."""
        return cls(**{**value, "tape": TapeSettings(**value["tape"])})


async def relay(settings: RelaySettings, report: Report) -> int:
    """Run a relay until its command has ended, or a signal came; return the exit status.

    Raises CannotRelay.
    """
    keep_freed_memory()
    stopped: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    _on_signals(stopped, terminal=bool(settings.command) and settings.output is None)
    try:
        base = parsed_upstream(settings.upstream)
        tape = TapeQueue(settings.tape, lambda text: report({"event": "note", "text": text}))
        upstream = Upstream(base, proxy=settings.proxy)
        counts = _Counts(report)
        forwarder = Forwarder(upstream, tape, seen=counts.changed)
        counts.forwarder = forwarder
        pages = None if settings.browser is None else site_with_key(settings.browser)
        server = LoopbackServer(forwarder, port=settings.port, pages=pages)
        async with upstream, server:
            upstream.own_port = server.port
            await upstream.check()
            await tape.open()
            try:
                report(
                    {
                        "event": "ready",
                        "url": server.url,
                        "page": pages and pages.address(server.url),
                        "capture": settings.tape.path,
                        "output": settings.output,
                        "upstream": str(base),
                        "pid": os.getpid(),
                    }
                )
                if not settings.command:
                    return 128 + await stopped
                return await _run_command(settings, server.url, stopped, report)
            finally:
                # What is open breaks, and is recorded as that, before the capture is closed.
                await server.aclose()
                await tape.aclose()
                counts.tell()
    except (UpstreamRefused, RecordingRefused) as error:
        raise CannotRelay(str(error)) from None
    except FileRefused as error:
        raise CannotRelay(str(error)) from None
    except OSError as error:
        why = error.strerror or error
        raise CannotRelay(
            f"port {settings.port}: {why}; use another one, or --port 0 for any free one"
        ) from None


def _on_signals(stopped: asyncio.Future[int], *, terminal: bool) -> None:
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        if not stopped.done():
            stopped.set_result(number)

    for number in _SIGNALS:
        if terminal and number in (signal.SIGINT, signal.SIGQUIT):
            # The terminal sends it to the command too, which decides what becomes of it.
            loop.add_signal_handler(number, lambda: None)
        else:
            loop.add_signal_handler(number, stop, number)


class _Counts:
    """Reports what was counted, a few times a second."""

    def __init__(self, report: Report) -> None:
        self.forwarder: Forwarder | None = None
        self._report = report
        self._timer: asyncio.TimerHandle | None = None

    def changed(self) -> None:
        """Have it reported soon."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_COUNTS_EVERY_S, self.tell)

    def tell(self) -> None:
        """Report it now, where there is something new."""
        timer, self._timer = self._timer, None
        if timer is None or self.forwarder is None:
            return
        timer.cancel()
        others = {one_line(text): count for text, count in self.forwarder.others.items()}
        self._report({"event": "counts", "messages": self.forwarder.messages, "others": others})


# --- the command ----------------------------------------------------------------------------------


async def _run_command(
    settings: RelaySettings, url: str, stopped: asyncio.Future[int], report: Report
) -> int:
    """Run the command to its end; pass on a signal that came for it."""
    try:
        output = None if settings.output is None else create(Path(settings.output))
    except FileRefused:
        raise
    except OSError as error:
        raise CannotRelay(f"{settings.output}: {error.strerror or error}") from None
    null = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            *settings.command,
            # The environment as it is, and the one variable that leads here.
            env={**os.environ, BASE_URL: url},
            stdin=None if output is None else null,
            stdout=output,
            stderr=output,
            start_new_session=output is not None,
        )
    except OSError as error:
        name = one_line(settings.command[0])
        missing = isinstance(error, FileNotFoundError)
        raise CannotRelay(
            f"{name}: {'no such command' if missing else error.strerror or error}"
        ) from None
    finally:
        if output is not None:
            os.close(output)
    report({"event": "command", "pid": process.pid})
    ending = asyncio.create_task(process.wait())
    await asyncio.wait({ending, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not ending.done():
        await _end(process.pid, ending, stopped.result(), group=output is not None)
    code = await ending
    status = 128 - code if code < 0 else code
    report({"event": "ended", "status": status})
    return status


async def _end(pid: int, ending: asyncio.Task[int], number: int, *, group: bool) -> None:
    """Pass a signal on, and kill what does not heed it."""
    for one in (number, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(pid, one) if group else os.kill(pid, one)
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_S):
                await asyncio.shield(ending)
                return
