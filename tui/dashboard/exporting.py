"""Saving, exporting and copying from the dashboard."""

from __future__ import annotations

from pathlib import Path

from tui.dashboard.ui import UI
from tui.dashboard.verdicts import Verdicts
from tui.dashboard.watched import Watchlist


class Exporting:
    """Takes something out of the dashboard: to a file, or to be pasted."""

    def __init__(self, ui: UI, watchlist: Watchlist, verdicts: Verdicts) -> None:
        self._ui = ui
        self._verdicts = verdicts
        self._watchlist = watchlist

    def save(self) -> None:
        """Save the run as a capture, with all its times."""
        self.export("capture")

    def choose_format(self) -> None:
        """Offer what the run can be exported as."""
        if self._watchlist.shown is None or self._ui.modal:
            return
        from tui.captures.exporters import EXPORTS
        from tui.screens.menu import Menu, MenuItem

        choices = [MenuItem(kind, entry.title, entry.extension) for kind, entry in EXPORTS.items()]
        choices.append(MenuItem("svg", "Picture of the screen", ".svg"))
        # Whoever is in the past might take a file for what is shown there.
        travelling = self._watchlist.cursor is not None
        title = "Export the whole run as" if travelling else "Export as"
        self._ui.open(Menu(title, choices), self.export)

    def export(self, kind: str | None) -> None:
        """Export the run in a format, or a picture of the screen; None: nothing was chosen."""
        shown = self._watchlist.shown
        if kind is None or shown is None:
            return
        from tui.captures.material import NotAvailable, file_name
        from tui.dashboard.saving import material, save_export, save_new

        what = material(shown.run, shown.feed, self._verdicts.for_export(*shown))
        try:
            if kind == "svg":
                picture = self._ui.picture().encode()
                path = save_new(Path.cwd() / file_name(what, ".svg"), picture)
            else:
                path = save_export(kind, what, Path.cwd())
        except (NotAvailable, OSError) as error:
            self._ui.complain(f"Not saved: {error}")
        else:
            whole = self._watchlist.cursor is not None and kind != "svg"
            self._ui.note(f"Saved the whole run: {path}" if whole else f"Saved {path}", seconds=4)

    def picture(self) -> None:
        """Save a picture of the screen."""
        self.export("svg")

    def choose_copy(self) -> None:
        """Offer what can be copied from here."""
        shown, state = self._watchlist.shown, self._watchlist.state()
        if shown is None or state is None or self._ui.modal:
            return
        from tui.dashboard.saving import copyables
        from tui.screens.menu import Menu, MenuItem

        seq = self._watchlist.count() - 1
        items = {item.id: item for item in copyables(shown.run, shown.feed, state, seq)}
        choices = [MenuItem(item.id, item.title, item.note) for item in items.values()]

        def chosen(id: str | None) -> None:
            if id is not None:
                self.copy(items[id].text())

        if choices:
            title = "Copy" if self._watchlist.cursor is None else f"Copy, as of event {seq}"
            self._ui.open(Menu(title, choices), chosen)
        else:
            self._ui.say("There is nothing to copy yet")

    def copy(self, text: str) -> None:
        """Copy a text, and save it to a file too: not every terminal allows copying."""
        from tui.dashboard.saving import keep_copy

        self._ui.copy(text)
        try:
            kept = f"Also in {keep_copy(text)}, secrets masked"
        except OSError as error:
            kept = f"No copy in a file: {error}"
        self._ui.note(f"Copied {len(text)} characters. {kept}", seconds=5)
