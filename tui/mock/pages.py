"""What the mock has for browsers."""

from __future__ import annotations

from typing import Final

from tui.serving.chat import Chat
from tui.serving.own_server import OwnServer
from tui.serving.site import Site, new_token

_KEY: Final = {"x-api-key": "browser", "anthropic-version": "2023-06-01"}


def site() -> Site:
    """The pages of a mock. Nothing is spent by an answer of it, so it is open to all here."""
    chat = Chat(OwnServer(_KEY))
    return Site(
        chat, token=new_token(), open_to_all=True, note="Made-up answers: nothing is spent."
    )
