"""What Textual cannot be asked for by its public interface, in one place.

Checked against Textual 8.2.8, which `pyproject.toml` pins to its minor version.
"""

from __future__ import annotations

import codecs
import sys
from functools import partial
from typing import Any

from rich.segment import Segment
from textual.app import App
from textual.color import Color
from textual.filter import LineFilter

from tui.core.text import one_line
from tui.telling import crash_report


class SafeText(LineFilter):
    """The last line of defence: no control code reaches the terminal inside a drawn line.

    Every pane sanitises what it draws; this catches what a widget of Textual's own passes on.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if all(segment.text.isprintable() for segment in segments):
            return segments
        return [
            segment
            if segment.control or segment.text.isprintable()
            else Segment(one_line(segment.text), segment.style)
            for segment in segments
        ]


def forgive_bad_input() -> None:
    """Have bytes from the keyboard that are not UTF-8 replaced.

    Textual decodes strictly: one such byte, in a paste for instance, ends the thread that reads the
    keyboard, and the app no longer hears anything.
    """
    if sys.platform == "win32":
        return  # Another driver, which reads characters.
    from textual.drivers import linux_driver

    decoder = partial(codecs.getincrementaldecoder("utf-8"), errors="replace")
    vars(linux_driver)["getincrementaldecoder"] = lambda _: decoder


def add_line_filter(app: App[Any], line_filter: LineFilter) -> None:
    """Have every drawn line go through `line_filter`."""
    app._filters.append(line_filter)


def crash_safely(app: App[Any]) -> None:
    """End the app after an unhandled exception.

    As Textual does, but the traceback shows no local variables, which may hold keys and prompts,
    and the words of the exception are masked.
    """
    from rich.text import Text

    app.bell()
    error = sys.exc_info()[1] or app._exception
    if error is not None:
        app._exit_renderables.append(Text(crash_report(error).rstrip()))
    app._close_messages_no_wait()
