"""What the objects of the dashboard may ask of the application."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from textual.screen import ModalScreen
from textual.widget import AwaitMount
from textual.worker import Worker

from tui.screens.dashboard import Dashboard

if TYPE_CHECKING:
    from tui.dashboard.app import StreamscopeApp

Result = TypeVar("Result")


class UI:
    """Modals, notes, workers and the clipboard, without the rest of the application."""

    def __init__(self, app: StreamscopeApp, dashboard: Dashboard, editor: str) -> None:
        self.dashboard = dashboard
        self._app = app
        self._editor = editor

    @property
    def modal(self) -> bool:
        """Whether something is open over the dashboard."""
        return isinstance(self._app.screen, ModalScreen)

    @property
    def focused_pane(self) -> str:
        """The id of the pane that has the focus; empty where none has."""
        focused = self._app.focused
        return focused.id or "" if focused is not None else ""

    @property
    def keys(self) -> Mapping[str, str]:
        """Other keys than ours, by the id of what they do."""
        return self._app.settings.keys

    def is_open(self, kind: type[ModalScreen[Any]]) -> bool:
        """Whether the topmost modal is one of `kind`."""
        return isinstance(self._app.screen, kind)

    def open(
        self, screen: ModalScreen[Result], then: Callable[[Result | None], None] | None = None
    ) -> AwaitMount:
        """Open a modal; `then` is given what it was left with. Can be awaited."""
        self._app.escape.changed()
        return self._app.push_screen(screen, then)

    def close(self) -> None:
        """Close the topmost modal without an answer."""
        self._app.pop_screen()

    def work(self, coroutine: Coroutine[Any, Any, None], name: str = "") -> Worker[None]:
        """Run a coroutine as a worker. What it raises ends it alone: it has to show it itself."""
        return self._app.run_worker(coroutine, name=name, exit_on_error=False)

    def redraw(self) -> None:
        """Draw what has changed now."""
        self._app.redraw()

    def exit(self, status: int) -> None:
        """End the program with an exit status."""
        self._app.exit(status)

    # --- themes ---------------------------------------------------------------------------------

    @property
    def theme(self) -> str:
        """The name of the theme."""
        return self._app.theme

    @property
    def themes(self) -> list[str]:
        """The names of all themes, the dark ones first."""
        themes = self._app.available_themes
        return sorted(themes, key=lambda name: (not themes[name].dark, name))

    def show_theme(self, name: str) -> None:
        """Draw in another theme."""
        self._app.theme = name

    def keep_theme(self, name: str) -> None:
        """Draw in a theme, the next time too. Raises OSError."""
        self.show_theme(name)
        self._app.settings.keep_theme(name)

    # --- notes ----------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Tell the reader something small, in the place of the last such word."""
        self._app.notes.say(text)

    def note(self, text: str, *, seconds: float) -> None:
        """Tell the reader something to be read for some seconds."""
        self._app.notes.say(text, seconds)

    def complain(self, text: str) -> None:
        """Tell the reader what went wrong."""
        self._app.notes.complain(text)

    # --- what goes out --------------------------------------------------------------------------

    def copy(self, text: str) -> None:
        """Put a text on the terminal's clipboard."""
        self._app.copy_to_clipboard(text)

    def picture(self) -> str:
        """Return the screen as SVG."""
        return self._app.export_screenshot(title="streamscope")

    async def edit(self, data: bytes) -> bytes:
        """Open a text in the reader's editor, and return the edited one.

        Raises OSError, ValueError, and SuspendNotSupported where there is no terminal to give away.
        """
        from tui.dashboard.editing import in_editor

        return await in_editor(self._app, self._editor, data)
