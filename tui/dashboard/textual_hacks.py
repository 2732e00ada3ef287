"""What Textual cannot be asked for by its public interface, in one place.

Checked against Textual 8.2.8, which `pyproject.toml` pins to its minor version.
"""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable, Mapping
from functools import partial
from traceback import walk_tb
from typing import Any, Final, Literal, TextIO

from rich.console import RenderableType
from rich.segment import Segment, Segments
from textual import constants
from textual.app import App
from textual.color import Color
from textual.filter import LineFilter, Monochrome
from textual.screen import Screen

from tui.captures.telling import crash_report
from tui.core.text import one_line
from tui.dashboard.legible import Legible, NoColours
from tui.dashboard.terminal_output import TerminalOutput


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


class KeyboardText:
    """A decoder of what the terminal sends, whatever is in it.

    Bytes that are not UTF-8 are replaced. Textual decodes strictly: one such byte, in a paste for
    instance, ends the thread that reads the keyboard, and the app no longer hears anything.

    An escape in a paste is made visible. Textual takes it for the beginning of a key, and what
    follows for keys that were pressed: a pasted text could quit, or allow a tool call.
    """

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._pasting = False
        self._kept = ""
        """In a paste: what may be the beginning of its end. Else: what may be that of a paste,
        which was passed on already."""

    def decode(self, data: bytes, final: bool = False) -> str:
        """Return the text of the next bytes; what may be the end of a paste comes later."""
        rest, out = self._utf8.decode(data, final), []
        while True:
            mark, text = _PASTE[self._pasting], self._kept + rest
            # Outside of a paste, what was kept has been passed on already: no key is held back.
            passed = 0 if self._pasting else len(self._kept)
            at = text.find(mark)
            if at < 0:
                break
            end = at + len(mark)
            out.append(_harmless(text[:at]) + mark if self._pasting else text[passed:end])
            self._pasting, self._kept, rest = not self._pasting, "", text[end:]
        self._kept = "" if final else _beginning(text, mark)
        kept = len(text) - len(self._kept)
        out.append(_harmless(text[:kept]) if self._pasting else text[passed:])
        return "".join(out)


_PASTE: Final = ("\x1b[200~", "\x1b[201~")
"""What begins and what ends a paste."""


def _harmless(text: str) -> str:
    return text.replace("\x1b", "\u241b")


def _beginning(text: str, mark: str) -> str:
    """Return the end of `text` with which `mark` may begin."""
    sizes = range(min(len(text), len(mark) - 1), 0, -1)
    return next((mark[:size] for size in sizes if text.endswith(mark[:size])), "")


def forgive_bad_input() -> None:
    """Have the keyboard read by something that no input breaks."""
    if sys.platform == "win32":
        return  # Another driver, which reads characters.
    from textual.drivers import linux_driver

    vars(linux_driver)["getincrementaldecoder"] = lambda _: KeyboardText
    if constants.DRIVER is not None:
        from textual.drivers import web_driver

        vars(web_driver)["getincrementaldecoder"] = lambda _: KeyboardText


def never_wait_for_the_terminal() -> None:
    """Have the screen written by something that does not hold the program up.

    The queue of Textual's own writer holds 30 texts. After that whoever draws waits for the
    terminal, in the event loop: nothing is read any more, and no signal is heard.
    """
    if sys.platform == "win32":
        return
    from textual.drivers import linux_driver

    vars(linux_driver)["WriterThread"] = _output


def _output(file: TextIO) -> TerminalOutput:
    # Textual draws on standard error, which may be a file where standard output is the terminal.
    stdout = sys.__stdout__
    elsewhere = stdout is not None and stdout.isatty() and not file.isatty()
    return TerminalOutput(stdout if elsewhere and stdout is not None else file)


def terminal_output(app: App[Any]) -> TerminalOutput | None:
    """Return what writes the screen, None where it is not a terminal."""
    output = getattr(app._driver, "_writer_thread", None)
    return output if isinstance(output, TerminalOutput) else None


def drop_frames(app: App[Any]) -> None:
    """Have frames left out while the terminal has not taken the one before."""
    real = app._display

    def display(screen: Screen[Any], renderable: RenderableType | None) -> None:
        output = terminal_output(app)
        if output is not None and output.behind:
            output.missed = True
        else:
            real(screen, renderable)

    vars(app)["_display"] = display


def nobody_looks(app: App[Any]) -> bool:
    """Whether the terminal is not read now; once it is again, all of the screen is drawn."""
    output = terminal_output(app)
    if output is None or output.behind:
        return output is not None
    if output.missed:
        output.missed = False
        app.refresh()
    return False


def left_unread(app: App[Any]) -> bool:
    """Whether output was given up because the terminal did not read it."""
    output = terminal_output(app)
    return output is not None and output.left


def survive_no_room() -> None:
    """Draw nothing for lists and wrapped texts that have no room.

    In a terminal of a few cells, Textual wraps texts to a width of 0 and turns pages of no lines:
    both raise, and end the app.
    """
    from textual import content
    from textual.widgets import OptionList

    divide: Callable[..., list[int]] = vars(content)["divide_line"]
    turn = OptionList._move_page
    if divide.__module__ == __name__:
        return  # Done already, for another app of this process.

    def divide_line(text: str, width: int, fold: bool = True) -> list[int]:
        return divide(text, max(width, 1), fold)

    def move_page(self: OptionList, direction: Literal[-1, 1]) -> None:
        if (self.highlighted or 0) in self._index_to_line:
            turn(self, direction)

    vars(content)["divide_line"] = divide_line
    OptionList._move_page = move_page  # type: ignore[method-assign]


def dismiss_once() -> None:
    """Have a screen that was dismissed ignore that it is dismissed again.

    Two quick keys, or a key and a click, both reach a screen before it goes. Textual would take
    away the screen below for the second one, and end the app where there is none.
    """
    from textual.await_complete import AwaitComplete
    from textual.screen import Screen

    real = Screen.dismiss
    if real.__module__ == __name__:
        return

    def dismiss(self: Screen[Any], result: object = None) -> AwaitComplete:
        return real(self, result) if self.is_active else AwaitComplete()

    Screen.dismiss = dismiss  # type: ignore[method-assign]


def left_behind(error: Exception) -> bool:
    """Whether the command palette missed a part of itself, because it was closed meanwhile.

    Its searches and what they call later do that, and would end the app.
    """
    from textual.css.query import NoMatches
    from textual.worker import WorkerFailed

    cause = error.error if isinstance(error, WorkerFailed) else error
    frames = (frame.f_globals.get("__name__") for frame, _ in walk_tb(cause.__traceback__))
    return isinstance(cause, NoMatches) and "textual.command" in frames


def click_beside_the_palette() -> None:
    """Have a click where nothing is, in a terminal that has just grown, close the palette.

    Textual asks what is there without expecting that it may be nothing.
    """
    from textual.command import CommandPalette
    from textual.errors import NoWidget
    from textual.events import Click

    real = CommandPalette._on_click
    if real.__module__ == __name__:
        return

    def on_click(self: CommandPalette, event: Click) -> None:
        try:
            real(self, event)
        except NoWidget:
            self.dismiss()

    CommandPalette._on_click = on_click  # type: ignore[method-assign]


def keys_set(app: App[Any]) -> Mapping[str, str]:
    """Return the keys that the reader has set, by the id of what they do."""
    return app._keymap


def add_line_filter(app: App[Any], line_filter: LineFilter) -> None:
    """Have every drawn line go through `line_filter`."""
    app._filters.append(line_filter)


_REPORT_WIDTH: Final = 80


def crash_safely(app: App[Any]) -> None:
    """End the app after an unhandled exception.

    As Textual does, but the traceback shows no local variables, which may hold keys and prompts,
    and the words of the exception are masked.
    """
    from rich.text import Text

    app.bell()
    error = sys.exc_info()[1] or app._exception
    if error is not None:
        # In a terminal of a few cells a traceback would have a line for each of its characters.
        options = app.console.options
        options = options.update_width(max(options.max_width, _REPORT_WIDTH))
        report = app.console.render(Text(crash_report(error).rstrip()), options)
        app._exit_renderables.append(Segments(report))
    app._close_messages_no_wait()


def fail_safely(app: App[Any]) -> None:
    """Have a fault end the app with a report that holds no secrets, unless it is none of ours."""
    handle = app._handle_exception

    def handle_exception(error: Exception) -> None:
        if not left_behind(error):
            handle(error)

    vars(app)["_handle_exception"] = handle_exception
    vars(app)["_fatal_error"] = partial(crash_safely, app)


# --- all of it ------------------------------------------------------------------------------------


def harden(app: App[Any]) -> None:
    """Make an app legible, and safe: from hostile text, bad input, no reader, its own faults."""
    forgive_bad_input()
    never_wait_for_the_terminal()
    survive_no_room()
    dismiss_once()
    click_beside_the_palette()
    drop_frames(app)
    fail_safely(app)
    add_line_filter(app, SafeText())
    legible = Legible(app.console.color_system)
    app.set_class(legible.sixteen or app.no_color, "-few-colours")
    add_line_filter(app, legible)
    if app.no_color:
        # Textual's own answer to NO_COLOR is shades of grey, which are colours too.
        app._filters[:] = [one for one in app._filters if not isinstance(one, Monochrome)]
        add_line_filter(app, NoColours())
