"""The command palette: every action, with its key beside it."""

from __future__ import annotations

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from tui.dashboard.commands import KEYS

_KEYS = {key.palette: key.shown for key in KEYS}
_WIDTH = max(map(len, _KEYS)) + 2


class Actions(Provider):
    """Finds actions by their names, in the order of the table of keys."""

    async def discover(self) -> Hits:
        for title, help, run, _ in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(_beside(title, Content(title)), run, text=title, help=help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, help, run, _ in self.app.get_system_commands(self.screen):
            score = matcher.match(title)
            if score > 0:
                found = _beside(title, matcher.highlight(title))
                yield Hit(score, found, run, text=title, help=help)


def _beside(title: str, shown: Content) -> Content:
    """Return the name of an action with its key beside it."""
    return Content.assemble(shown, " " * (_WIDTH - len(title)), (_KEYS.get(title, ""), "$accent"))
