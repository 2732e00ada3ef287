"""The relay that the dashboard watches: what it reports, what is said of it, leaving it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tui.core.records import strict_loads
from tui.core.text import clip, format_count, one_line
from tui.dashboard.ui import UI
from tui.dashboard.waiting import Waiting
from tui.dashboard.watched import Watched
from tui.run import Feed
from tui.sources import Awaited
from tui.viewmodel.lines import StyledLine, line_of

BASE_URL: Final = "ANTHROPIC_BASE_URL"
SILENT_NS: Final = 15_000_000_000
"""After so long without a request of a command the reader is told what usually is the cause."""
_TAIL_BYTES: Final = 64 * 1024
_MOST_LINES: Final = 400
_COMMAND_CHARS: Final = 160
"""A command can be a whole program; what it printed is to be seen below it."""
CAUSES: Final = (
    "the program sets a base URL of its own: one in its settings files or code beats the variable",
    "it asks another provider (Bedrock, Vertex, a gateway), which has a variable of its own",
    "its client was made before the variable was set, or it runs where the variable does not reach",
)


@dataclass
class RelayLink:
    """A relay in a process of its own."""

    url: str
    capture: str
    upstream: str
    pid: int
    reports: int
    """A descriptor that its reports are read from."""
    output: str | None = None
    """The file of what the command prints."""
    command: str | None = None
    """The command, as it was typed."""
    page: str | None = None
    """Where its page for browsers is, with the token that it needs."""


@dataclass
class RelayState:
    """What is known of the relay by now."""

    messages: int = 0
    others: dict[str, int] = field(default_factory=dict)
    """Requests that only passed, by what they were."""
    notes: list[str] = field(default_factory=list)
    began_ns: int | None = None
    """When the command began."""
    status: int | None = None
    """The exit status of the command, once it has ended."""
    failed: str | None = None
    """Why the relay could not go on."""
    gone: bool = False
    """Whether the relay has ended."""


class Relaying:
    """Watches the relay. Nothing that is done on the screen touches what is relayed."""

    def __init__(self, ui: UI, link: RelayLink, now: Callable[[], int]) -> None:
        self.link = link
        self.state = RelayState()
        self.end_wanted = False
        """Whether the reader wants the command ended."""
        self.awaited = Watched(Feed(Awaited("relay")))
        """What is shown until the first request comes."""
        self.awaited.notice = self.waiting
        self._ui = ui
        self._now = now

    @property
    def running(self) -> bool:
        """Whether a command is running."""
        state = self.state
        return self.link.command is not None and state.status is None and not state.gone

    async def listen(self) -> None:
        """Take reports until there are no more."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        pipe = os.fdopen(self.link.reports, "rb", buffering=0)
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        line = b"-"
        try:
            while line:
                try:
                    line = await reader.readline()
                    value = strict_loads(line.decode())
                except ValueError:
                    continue  # One that did not fit into the pipe whole.
                if isinstance(value, dict):
                    self.take(value)
        finally:
            transport.close()
        self._lost()

    def take(self, value: dict[str, Any]) -> None:
        """Take one report."""
        state, event = self.state, value.get("event")
        if event == "counts":
            state.messages, state.others = value["messages"], value["others"]
        elif event == "note":
            state.notes.append(one_line(value["text"]))
            self._ui.complain(state.notes[-1])
        elif event == "command":
            state.began_ns = self._now()
        elif event == "failed":
            state.failed = one_line(value["text"])
        elif event == "ended":
            state.status = value["status"]
            self._ui.note(f"{self._name} ended with status {state.status}", seconds=6)

    def _lost(self) -> None:
        state = self.state
        state.gone = True
        if state.failed is not None:
            self._ui.complain(f"Not relayed: {state.failed}")
        elif state.status is None:
            self._ui.complain("The relay has ended: nothing more is forwarded or recorded")

    @property
    def _name(self) -> str:
        return one_line((self.link.command or "the command").split(" ")[0])

    # --- what is said of it ---------------------------------------------------------------------

    def waiting(self) -> Waiting:
        """Return what is said before the first request."""
        link, state = self.link, self.state
        if state.failed is not None:
            return "Not relayed", state.failed
        if state.gone and state.status is None:
            return "The relay has ended", f"{link.url} answers no more"
        paste = f"export {BASE_URL}={link.url}"
        passed = self._passed()
        if link.command is None:
            return "Waiting for requests", f"Point a program here:\n{paste}{passed}"
        if state.status is not None:
            text = f"with status {state.status}; O shows what it printed{passed}"
            return f"{self._name} ended without a request for messages", text
        silent_ns = 0 if state.began_ns is None else self._now() - state.began_ns
        if silent_ns < SILENT_NS:
            return f"Waiting for requests of {self._name}", f"It runs with {paste[7:]}{passed}"
        causes = "\n".join(f"- {cause}" for cause in CAUSES)
        seconds = silent_ns // 1_000_000_000
        return (
            f"Nothing has come for {seconds} s",
            f"Usually that is because\n{causes}\nO shows what it printed{passed}",
        )

    def _passed(self) -> str:
        count = sum(self.state.others.values())
        return f"\n{_requests(count)} of other kinds passed" if count else ""

    def lines(self, width: int) -> list[StyledLine]:
        """Return all that is known of the relay."""
        link, state = self.link, self.state
        facts = [
            ("relay", f"{link.url} \u2192 {link.upstream}"),
            ("to use it", f"export {BASE_URL}={link.url}"),
            *([("in a browser", link.page)] if link.page is not None else []),
            ("capture", link.capture),
            ("watch again", f"streamscope open --follow {link.capture}"),
            ("process", f"{link.pid}{'  ended' if state.gone else ''}"),
            ("messages", _requests(state.messages)),
        ]
        found = [line_of((f"{name:<13}", "label"), (text, "plain")) for name, text in facts]
        found += [line_of((note, "warning")) for note in state.notes]
        if state.others:
            found += [line_of(), line_of(("passed on, not recorded", "heading"))]
            ordered = sorted(state.others.items(), key=lambda item: (-item[1], item[0]))
            found += [
                line_of((f"{format_count(count):>6}  ", "muted"), (text, "plain"))
                for text, count in ordered
            ]
        if link.command is not None:
            ended = "running" if state.status is None else f"ended with status {state.status}"
            command = clip(one_line(link.command), _COMMAND_CHARS)
            found += [
                line_of(),
                line_of((f"{'command':<13}", "label"), (ended, "plain")),
                line_of((command, "heading")),
            ]
            found += self._output()
        return found

    def _output(self) -> list[StyledLine]:
        """Return the end of what the command printed."""
        if self.link.output is None:
            return []
        path = Path(self.link.output)
        try:
            with path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(size - _TAIL_BYTES, 0))
                text = file.read().decode("utf-8", "replace")
        except OSError as error:
            return [line_of((f"{path}: {error.strerror or error}", "warning"))]
        lines = text.splitlines()[-_MOST_LINES:]
        head = line_of((str(path), "muted"))
        return [head, *(line_of((line, "plain")) for line in lines)]

    # --- closer looks and the end ---------------------------------------------------------------

    def show(self) -> None:
        """Show all that is known of the relay, and what the command printed."""
        if self._ui.modal:
            return
        from tui.screens.relay import RelayFacts

        self._ui.open(RelayFacts(self.lines))

    def leave(self, status: int) -> None:
        """Leave the screen; where a command runs, ask what becomes of it."""
        from tui.screens.relay import LeaveRelay

        if not self.running:
            self._ui.exit(status)
        elif not self._ui.is_open(LeaveRelay):
            self._ui.open(LeaveRelay(self._name), self._left)

    def _left(self, choice: str | None) -> None:
        if choice is None:
            return
        self.end_wanted = choice == "end"
        self._ui.exit(0)


def _requests(count: int) -> str:
    return f"{format_count(count)} request{'' if count == 1 else 's'}"
