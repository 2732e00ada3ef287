"""Saving, exporting and copying from the dashboard."""

from __future__ import annotations

from pathlib import Path

from textual.screen import ModalScreen

from tui.engine import Engine


class Keeping(Engine):
    """The actions that take something out of the dashboard: to a file, or to be pasted."""

    def action_save(self) -> None:
        """Save the run as a capture, with all its times."""
        self._export("capture")

    def action_export(self) -> None:
        """Offer what the run can be exported as."""
        if self.deck.shown is None or isinstance(self.screen, ModalScreen):
            return
        from tui.captures.exporters import EXPORTS
        from tui.screens.menu import Choice, Menu

        choices = [Choice(kind, entry.title, entry.extension) for kind, entry in EXPORTS.items()]
        choices.append(Choice("svg", "Picture of the screen", ".svg"))
        # Whoever is in the past might take a file for what is shown there.
        title = "Export as" if self.deck.cursor is None else "Export the whole run as"
        self.push_screen(Menu(title, choices), self._export)

    def _export(self, kind: str | None) -> None:
        shown = self.deck.shown
        if kind is None or shown is None:
            return
        from tui.captures.material import NotAvailable, file_name
        from tui.saving import material, save_export, save_new

        what = material(shown.run, shown.feed)
        try:
            if kind == "svg":
                picture = self.export_screenshot(title="streamscope").encode()
                path = save_new(Path.cwd() / file_name(what, ".svg"), picture)
            else:
                path = save_export(kind, what, Path.cwd())
        except (NotAvailable, OSError) as error:
            self.notify(f"Not saved: {error}", severity="error", timeout=6, markup=False)
        else:
            whole = self.deck.cursor is not None and kind != "svg"
            saved = f"Saved the whole run: {path}" if whole else f"Saved {path}"
            self.notify(saved, timeout=4, markup=False)

    def action_copy(self) -> None:
        """Offer what can be copied from here."""
        shown, state = self.deck.shown, self.deck.state()
        if shown is None or state is None or isinstance(self.screen, ModalScreen):
            return
        from tui.saving import copyables
        from tui.screens.menu import Choice, Menu

        seq = self.deck.count() - 1
        items = {item.id: item for item in copyables(shown.run, shown.feed, state, seq)}
        choices = [Choice(item.id, item.title, item.note) for item in items.values()]

        def chosen(id: str | None) -> None:
            if id is not None:
                self._copy(items[id].text())

        if choices:
            title = "Copy" if self.deck.cursor is None else f"Copy, as of event {seq}"
            self.push_screen(Menu(title, choices), chosen)
        else:
            self._say("There is nothing to copy yet")

    def _copy(self, text: str) -> None:
        from tui.saving import keep_copy

        self.copy_to_clipboard(text)
        try:
            kept = f"Also in {keep_copy(text)}"
        except OSError as error:
            kept = f"No copy in a file: {error}"
        self.notify(f"Copied {len(text)} characters. {kept}", timeout=5, markup=False)
