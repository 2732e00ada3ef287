"""The request of a run: shown, edited, sent again."""

from __future__ import annotations

import json

from textual.app import SuspendNotSupported

from tui.core.records import JsonObject, strict_loads
from tui.core.text import one_line
from tui.dashboard.asking import NOWHERE
from tui.dashboard.desk import STILL_ARRIVING, ScreenDesk
from tui.dashboard.exporting import Exporting
from tui.dashboard.ui import UI
from tui.dashboard.watched import Watchlist


class Requesting:
    """The screens about what was sent."""

    def __init__(
        self,
        ui: UI,
        watchlist: Watchlist,
        desk: ScreenDesk,
        exporting: Exporting,
    ) -> None:
        self._ui = ui
        self._watchlist = watchlist
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
        if shown is None:
            self._ui.say("Nothing was sent yet")
        elif request is None:
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
