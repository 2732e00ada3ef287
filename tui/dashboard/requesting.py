"""The request of a run: shown, edited, sent again; and what the prompt cache made of them all."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from tui.core.records import JsonObject, strict_loads
from tui.core.session import Run
from tui.core.text import one_line
from tui.dashboard.asking import NOWHERE
from tui.dashboard.desk import STILL_ARRIVING, ScreenDesk
from tui.dashboard.exporting import Exporting
from tui.dashboard.ui import UI
from tui.dashboard.verdicts import Verdicts
from tui.dashboard.watched import Shown, Watchlist

if TYPE_CHECKING:
    from tui.conversation.conversation import SentRequest
    from tui.findings import Evidence
    from tui.screens.cache import CacheRow


class Requesting:
    """The screens about what was sent."""

    def __init__(
        self,
        ui: UI,
        watchlist: Watchlist,
        desk: ScreenDesk,
        exporting: Exporting,
        verdicts: Verdicts,
    ) -> None:
        self._ui = ui
        self._watchlist = watchlist
        self._verdicts = verdicts
        self._desk = desk
        self._exporting = exporting
        self._edited: str | None = None
        """What came back from the editor and was no request: nothing typed is lost."""

    def show(self) -> None:
        """Show the request of the run exactly as it was sent."""
        shown = self._watchlist.shown
        if self._ui.modal:
            return
        request = None if shown is None else shown.feed.info.request
        if request is None:
            self._ui.say("This file has no request")
        else:
            self._view(request)

    def _view(self, request: JsonObject) -> None:
        from tui.screens.request import RequestView

        def chosen(what: str | None) -> None:
            if what == "edit":
                self._ui.work(self._edit(request))
            elif what == "send":
                self._send(request)
            elif what == "copy":
                from tui.captures.redact import redact_json

                self._exporting.copy(json.dumps(redact_json(request), indent=2))

        self._ui.open(RequestView(request), chosen)

    def _send(self, request: JsonObject) -> None:
        conversation = self._desk.conversation
        if conversation is None:
            self._ui.say(NOWHERE)
        elif self._desk.is_busy(conversation):
            self._ui.say(STILL_ARRIVING)
        else:
            self._desk.send(conversation, request)

    async def _edit(self, request: JsonObject) -> None:
        """Open a request in the reader's editor, and show the edited one."""
        from tui.conversation.conversation import ConversationError, checked_request

        text = self._edited or json.dumps(request, indent=2, ensure_ascii=False) + "\n"
        try:
            edited = await self._ui.edit(text.encode("utf-8", "surrogatepass"))
        except (OSError, ValueError, SuspendNotSupported) as error:
            problem = one_line(str(error)) or "no editor can be opened from here"
            self._ui.complain(f"Not edited: {problem}")
            return
        try:
            self._edited = edited.decode("utf-8", "replace")
            changed = checked_request(strict_loads(self._edited))
        except (ValueError, RecursionError) as error:
            kind = "" if isinstance(error, ConversationError) else "not JSON: "
            self._ui.complain(
                f"Not a request: {kind}{one_line(str(error))}. "
                "What was typed is kept: e, e goes on with it"
            )
            return
        self._edited = None
        self._view(changed)

    def cache(self) -> None:
        """Show what the prompt cache did for the requests of the conversation."""
        conversation, shown = self._desk.conversation, self._watchlist.shown
        if self._ui.modal:
            return
        # Of a batch, each request has a conversation of its own, and may still go on from another.
        if conversation is not None and (len(conversation.sent) > 1 or shown is None):
            self._show_cache(conversation.sent)
        elif shown is not None and shown.feed.info.request is not None:
            self._ui.work(self._recorded_cache(shown))
        else:
            self._ui.say("This file has no request: nothing is known of its prompt cache")

    async def _recorded_cache(self, shown: Shown) -> None:
        """Show the same for the conversation that the shown run of a file belongs to."""
        known = self._verdicts.neighbours(shown.watched)
        # Histories of many megabytes are compared: not on the loop that draws.
        sent = await asyncio.to_thread(_conversation_of, shown.run, known)
        if not self._ui.modal:
            self._show_cache(sent)

    def _show_cache(self, sent: Sequence[SentRequest]) -> None:
        from tui.screens.cache import CacheView
        from tui.viewmodel.verdict import verdict_on_cache

        shown = self._watchlist.shown
        verdict = None if shown is None else verdict_on_cache(self._verdicts.of(*shown))
        self._ui.open(CacheView(_cache_rows(sent), verdict))


def _conversation_of(run: Run, known: Sequence[Evidence]) -> list[SentRequest]:
    """Return the requests of the conversation that a run is of, in the order sent."""
    from tui.conversation.conversation import SentRequest
    from tui.findings import linked

    evidence = linked(known)
    first: dict[Run, Run] = {}
    for one in evidence:
        before = None if one.before is None else one.before.run
        first[one.run] = one.run if before is None else first.get(before, before)
    return [
        SentRequest(one.request, one.run, _clock(one.sent_ns))
        for one in evidence
        if one.request is not None and first[one.run] is first[run]
    ]


def _clock(at_ns: int | None) -> str:
    return "" if at_ns is None else time.strftime("%H:%M:%S", time.localtime(at_ns // 10**9))


def _cache_rows(sent: Sequence[SentRequest]) -> list[CacheRow]:
    from tui.messages.prompt_cache import cache_use, first_difference
    from tui.screens.cache import CacheRow
    from tui.viewmodel.usage_words import usage_words

    rows = []
    before: JsonObject | None = None
    for number, (request, run, at) in enumerate(sent, 1):
        use = cache_use(run.state.usage)
        broke = None if before is None else first_difference(before, request)
        before = request
        rows.append(
            CacheRow(
                number=number,
                when=at,
                model=run.state.model or str(request.get("model", "")),
                input=use.input,
                read=use.read,
                write=use.write,
                hit_rate=use.hit_rate,
                broke_at="" if broke is None else broke.path,
                before=None if broke is None else broke.before,
                after=None if broke is None else broke.after,
                notes=tuple(usage_words(run.state.usage)),
            )
        )
    return rows
