"""Imports that the first frame does not wait for: as soon as that frame is out."""

from __future__ import annotations

import asyncio
from importlib import import_module
from threading import Thread
from typing import Final

_SOON: Final = (
    "re2",
    "tui.captures.redact",
    "tui.messages.prompt_cache",
    "tui.messages.linking",
    "statistics",
    "tui.findings",
    "tui.conversation.diagnosis",
    "tui.findings.so_far",
    "tui.widgets.markdown.draw",
    "tui.widgets.markdown.lines",
    "tui.core.json_spans",
    "tui.widgets.text_section",
    "tui.widgets.tool_call",
    "tui.find.needle",
    "tui.find.writers",
    "textual.scrollbar",
)
"""What any stream needs a moment later, and what would hold up the tick in which it does.

What others import stands before them, so that each takes a few milliseconds.
"""
_LIST: Final = (
    "tui.viewmodel.run_rows",
    "tui.viewmodel.run_table",
    "tui.dashboard.listing",
    "tui.widgets.runs_list",
)
"""What a list of runs needs besides."""


async def import_soon(*, listed: bool) -> None:
    """Import what streams are drawn with, and the list of them where there is one, piece by piece.

    Not in a thread: that would hold the interpreter's lock against the first ticks.
    """
    for name in (*_SOON, *(_LIST if listed else ())):
        import_module(name)
        await asyncio.sleep(0)


def import_sdk_soon() -> Thread:
    """Begin to import the SDK in a thread: over a second of work.

    A daemon: whoever leaves at once does not wait for it.
    """
    thread = Thread(target=_import_sdk, name="imports", daemon=True)
    thread.start()
    return thread


def _import_sdk() -> None:
    from tui.sources.live import import_sdk

    import_sdk()
