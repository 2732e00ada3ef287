"""The command palette: every action, with its key beside it."""

from __future__ import annotations

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from tui.dashboard.commands import KEYS, shown_keys
from tui.dashboard.textual_hacks import keys_set

_IDS = {key.palette: key.id for key in KEYS}
_WIDTH = max(map(len, _IDS)) + 2


class Actions(Provider):
    """Finds actions by their names, in the order of the table of keys."""

    async def discover(self) -> Hits:
        for title, help, run, _ in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(self._beside(title, Content(title)), run, text=title, help=help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, help, run, _ in self.app.get_system_commands(self.screen):
            score = matcher.match(title)
            if score > 0:
                found = self._beside(title, matcher.highlight(title))
                yield Hit(score, found, run, text=title, help=help)

    def _beside(self, title: str, shown: Content) -> Content:
        """Return the name of an action with its key beside it, which the reader may have set."""
        key = shown_keys(keys_set(self.app)).get(_IDS.get(title, ""), "")
        return Content.assemble(shown, " " * (_WIDTH - len(title)), (key, "$accent"))
