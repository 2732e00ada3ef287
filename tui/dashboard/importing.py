"""Imports that the first frame does not wait for: in a thread, as soon as that frame is out."""

from __future__ import annotations

from importlib import import_module
from threading import Thread
from typing import Final

SOON: Final = (
    "tui.widgets.markdown.lines",
    "tui.conversation.diagnosis",
    "tui.widgets.tool_call",
    "tui.findings.so_far",
    "tui.find.writers",
)
"""What any stream needs a moment later, and what would hold up the tick in which it does."""


def import_soon(*, live: bool) -> Thread:
    """Begin to import what will be wanted, for live calls the SDK too: over a second of work.

    A daemon: whoever leaves at once does not wait for it.
    """
    thread = Thread(target=_import, args=(live,), name="imports", daemon=True)
    thread.start()
    return thread


def _import(live: bool) -> None:
    for name in SOON:
        import_module(name)
    if live:
        from tui.sources.live import import_sdk

        import_sdk()
