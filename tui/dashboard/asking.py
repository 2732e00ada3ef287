"""What the reader types for the API: prompts, and the parameters they are sent with."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from tui.dashboard.desk import STILL_ARRIVING, ScreenDesk
from tui.dashboard.ui import UI
from tui.messages.request import parameters_of
from tui.viewmodel.next_steps import IDLE

if TYPE_CHECKING:
    from tui.conversation.conversation import Conversation
    from tui.screens.settings import SettingsScreen, Setup

NOWHERE: Final = 'This is a recording. To ask: streamscope run "your prompt"'


class Asking:
    """The composer and the settings of the conversation that is shown."""

    def __init__(self, ui: UI, desk: ScreenDesk) -> None:
        self._ui = ui
        self._desk = desk

    def _conversation(self) -> Conversation | None:
        """Return the conversation that can be asked now, else say that there is none."""
        if self._ui.modal:
            return None
        if self._desk.conversation is None:
            self._ui.say(NOWHERE)
        return self._desk.conversation

    # --- the prompt -----------------------------------------------------------------------------

    async def begin(self) -> None:
        """Ask for the first prompt, where nothing else was asked for."""
        conversation = self._desk.conversation
        if conversation is not None:
            self._ui.dashboard.header.show_ready(conversation.model)
            self._ui.dashboard.transcript.placeholder = IDLE
            await self.compose()

    async def compose(self) -> None:
        """Type the next prompt."""
        conversation = self._conversation()
        if conversation is not None:
            composer = await self._ui.dashboard.open_composer()
            composer.show(_note(conversation), self._desk.is_busy(conversation))
            composer.focus_text()

    def sent(self, prompt: str) -> None:
        """Send what was typed, or give it back where nothing can be sent yet."""
        conversation = self._desk.conversation
        if conversation is None or self._desk.is_busy(conversation):
            composer = self._ui.dashboard.composer
            assert composer is not None
            composer.restore(prompt)
            self._ui.say(STILL_ARRIVING)
            return
        self._desk.send(conversation, conversation.asking(prompt))
        self._ui.dashboard.close_composer()

    # --- the settings ---------------------------------------------------------------------------

    async def settings(self) -> None:
        """Change model, system prompt, limits, thinking, tools of the conversation."""
        conversation = self._conversation()
        if conversation is None:
            return
        from tui.screens.settings import SettingsScreen

        parameters = parameters_of(conversation.request)
        screen = SettingsScreen(parameters, tool_mode=conversation.tool_mode)

        def kept(setup: Setup | None) -> None:
            if setup is not None:
                self._ui.work(self._take(conversation, setup))

        await self._ui.open(screen, kept)
        self._ui.work(self._offer_models(screen))

    async def _offer_models(self, screen: SettingsScreen) -> None:
        from tui.sources import SourceEnded
        from tui.sources.live import known_models

        live = self._desk.live
        assert live is not None
        try:
            models, note = await live.api.models(), "from the models endpoint"
        except SourceEnded as end:
            models = await asyncio.to_thread(known_models)
            note = f"a short list: {end.label}"
        if screen.is_attached:
            screen.offer(models, note)

    async def _take(self, conversation: Conversation, setup: Setup) -> None:
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
            self._ui.complain(f"Tools: {error}")
        conversation.tool_mode = setup.tool_mode
        conversation.set_parameters(parameters)
        composer = self._ui.dashboard.composer
        if composer is not None:
            composer.show(_note(conversation), self._desk.is_busy(conversation))


def _note(conversation: Conversation) -> str:
    turns = conversation.turns
    said = f"{turns} turn{'s' * (turns != 1)}" if turns else "new conversation"
    return f"{conversation.model} \u00b7 {said}"
