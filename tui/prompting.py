"""Prompts, parameters, the request: the screens around a conversation."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final

from textual.app import SuspendNotSupported
from textual.screen import ModalScreen

from tui.core.records import JsonObject, strict_loads
from tui.core.request import parameters_of
from tui.core.text import one_line
from tui.talk import Talk

if TYPE_CHECKING:
    from tui.conversation.conversation import Conversation
    from tui.screens.cache import CacheRow
    from tui.screens.settings import SettingsScreen, Setup
    from tui.widgets.composer import Composer

_NOWHERE: Final = 'Nothing can be asked here: streamscope run "your prompt"'


class Prompting(Talk):
    """What a reader types for the API, and what is shown of it before it is sent."""

    _edited: str | None = None
    """What came back from the editor and was no request: nothing typed is lost."""

    async def action_compose(self) -> None:
        """Type the next prompt."""
        conversation = self.conversation
        if conversation is None or isinstance(self.screen, ModalScreen):
            self._say(_NOWHERE)
            return
        composer = await self._dashboard.open_composer()
        composer.show(self._composer_note(conversation), self._busy(conversation))
        composer.focus_text()

    def _composer_note(self, conversation: Conversation) -> str:
        turns = conversation.turns
        said = f"{turns} turn{'s' * (turns != 1)}" if turns else "new conversation"
        return f"{conversation.model} \u00b7 {said}"

    # Found by their names, so that the composer is imported when it is first wanted.
    def on_composer_sent(self, message: Composer.Sent) -> None:
        conversation = self.conversation
        composer = self._dashboard.composer
        assert composer is not None
        if conversation is None or self._busy(conversation):
            composer.restore(message.text)
            self._say("The answer is still arriving: esc, then esc again cancels it")
            return
        self._send(conversation, conversation.asking(message.text))
        self._dashboard.close_composer()

    def on_composer_left(self) -> None:
        self._dashboard.close_composer()

    async def on_composer_settings_wanted(self) -> None:
        await self.action_settings()

    async def action_settings(self) -> None:
        """Change model, system prompt, limits, thinking, tools of the conversation."""
        conversation = self.conversation
        if conversation is None or isinstance(self.screen, ModalScreen):
            self._say(_NOWHERE)
            return
        from tui.screens.settings import SettingsScreen

        parameters = parameters_of(conversation.request)
        screen = SettingsScreen(parameters, tool_mode=conversation.tool_mode)

        def kept(setup: Setup | None) -> None:
            if setup is not None:
                self.run_worker(self._take_setup(conversation, setup), exit_on_error=False)

        await self.push_screen(screen, kept)
        self.run_worker(self._offer_models(screen), exit_on_error=False)

    async def _offer_models(self, screen: SettingsScreen) -> None:
        from tui.sources import SourceEnded
        from tui.sources.live import known_models

        assert self.live is not None
        try:
            models, note = await self.live.api.models(), "from the models endpoint"
        except SourceEnded as end:
            models = await asyncio.to_thread(known_models)
            note = f"a short list: {end.label}"
        if screen.is_attached:
            screen.offer(models, note)

    async def _take_setup(self, conversation: Conversation, setup: Setup) -> None:
        from tui.conversation.plan import toolbox_named
        from tui.conversation.toolbox import ToolsError

        parameters = dict(setup.parameters)
        try:
            if setup.tools:
                toolbox = await toolbox_named(setup.tools)
                conversation.toolbox = toolbox
                parameters.pop("tools", None)
                if toolbox is not None:
                    parameters["tools"] = toolbox.definitions
        except ToolsError as error:
            self.notify(str(error), title="Tools", severity="error", timeout=8, markup=False)
        conversation.tool_mode = setup.tool_mode
        conversation.set_parameters(parameters)
        composer = self._dashboard.composer
        if composer is not None:
            composer.show(self._composer_note(conversation), self._busy(conversation))

    # --- the request ----------------------------------------------------------------------------

    def action_request(self) -> None:
        """Show the request of the run exactly as it was sent."""
        shown = self.deck.shown
        if isinstance(self.screen, ModalScreen):
            return
        request = None if shown is None else shown.feed.info.request
        if request is None:
            self._say("The request of this run is not known")
            return
        self._show_request(request)

    def _show_request(self, request: JsonObject) -> None:
        from tui.screens.request import RequestView

        def chosen(what: str | None) -> None:
            if what == "edit":
                self.run_worker(self._edit(request), exit_on_error=False)
            elif what == "send":
                self._send_edited(request)
            elif what == "copy":
                from tui.captures.redact import redact_json

                self._copy(json.dumps(redact_json(request), indent=2))

        self.push_screen(RequestView(request), chosen)

    def _send_edited(self, request: JsonObject) -> None:
        conversation = self.conversation
        if conversation is None:
            self._say(_NOWHERE)
        elif self._busy(conversation):
            self._say("The answer is still arriving: esc cancels it")
        else:
            self._send(conversation, request)

    async def _edit(self, request: JsonObject) -> None:
        """Have the reader edit a request in their editor, and show what came of it."""
        from tui.conversation.conversation import ConversationError, checked_request
        from tui.editing import in_editor

        text = self._edited or json.dumps(request, indent=2, ensure_ascii=False) + "\n"
        try:
            edited = await in_editor(
                self, self.settings.editor, text.encode("utf-8", "surrogatepass")
            )
        except (OSError, ValueError, SuspendNotSupported) as error:
            problem = one_line(str(error)) or "no editor can be opened from here"
            self.notify(problem, title="Not edited", severity="error", timeout=8, markup=False)
            return
        try:
            self._edited = edited.decode("utf-8", "replace")
            changed = checked_request(strict_loads(self._edited))
        except (ValueError, RecursionError) as error:
            kind = "" if isinstance(error, ConversationError) else "not JSON: "
            self.notify(
                f"{kind}{one_line(str(error))}. What was typed is kept: e, e goes on with it",
                title="Not a request",
                severity="error",
                timeout=10,
                markup=False,
            )
            return
        self._edited = None
        self._show_request(changed)

    # --- the prompt cache -----------------------------------------------------------------------

    def action_cache(self) -> None:
        """Show what the prompt cache did for the requests of the conversation."""
        conversation = self.conversation
        if conversation is None or isinstance(self.screen, ModalScreen):
            self._say(_NOWHERE)
            return
        from tui.screens.cache import CacheView

        self.push_screen(CacheView(_cache_rows(conversation)))


def _cache_rows(conversation: Conversation) -> list[CacheRow]:
    from tui.core.cache import cache_use, first_difference
    from tui.screens.cache import CacheRow

    rows = []
    before: JsonObject | None = None
    for number, (request, run, at) in enumerate(conversation.sent, 1):
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
            )
        )
    return rows
