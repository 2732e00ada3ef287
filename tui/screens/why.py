"""Why: everything that was found in a run, over the dashboard."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.message import Message
from textual.screen import ModalScreen
from textual.strip import Strip

from tui.core.text import sanitize
from tui.viewmodel.verdict import FindingText
from tui.widgets.cell_wrap import wrap
from tui.widgets.line_view import LineView
from tui.widgets.paint import StyledText, strip_of

_MARGIN: Final = "  "
_NOTHING: Final = "Nothing is wrong so far. What is found appears here, most of it at the end."


class FindingsView(LineView):
    """The findings, one below the other; one of them is chosen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "why--plain",
        "why--muted",
        "why--good",
        "why--warning",
        "why--bad",
        "why--code",
        "why--chosen",
    }
    BINDINGS = [
        ("j,down,n", "choose(1)", "Next"),
        ("k,up,p", "choose(-1)", "Previous"),
        ("end", "bottom", "Bottom"),
    ]

    placeholder = "Nothing is known yet: the verdict comes when the run has ended"

    class Chosen(Message):
        """The reader has chosen a finding."""

    def __init__(self, findings: list[FindingText]) -> None:
        super().__init__(id="why")
        self._findings = findings
        self.chosen = 0
        self._rows: list[Strip] = []
        self._tops: list[int] = []

    def on_mount(self) -> None:
        self.call_after_refresh(self._lay_out)

    def on_resize(self) -> None:
        self._lay_out()

    def row(self, y: int, width: int) -> Strip:
        return self._rows[y] if y < len(self._rows) else Strip([])

    def action_choose(self, step: int) -> None:
        """Go to the next or the previous finding."""
        if self._findings:
            self.chosen = min(max(self.chosen + step, 0), len(self._findings) - 1)
            self._lay_out()
            self.show_row(self._tops[self.chosen])
            self.post_message(self.Chosen())

    def _lay_out(self) -> None:
        self._rows = []
        self._tops = []
        if not self._findings:
            said = [(_NOTHING, self.style("why--muted"))]
            self._rows += [strip_of(line) for line in wrap(said, max(self.row_width, 20))]
            self._rows.append(Strip([]))
        for number, finding in enumerate(self._findings):
            self._tops.append(len(self._rows))
            self._add(finding, chosen=number == self.chosen)
            self._rows.append(Strip([]))
        self.follow = False
        self.styles.height = len(self._rows) + 1  # With its border; the style sheet has the limit.
        self.set_height(max(len(self._rows) - 1, 0))
        self.refresh()

    def _add(self, finding: FindingText, *, chosen: bool) -> None:
        width = max(self.row_width, 20)
        own = self.style(f"why--{finding.tone}")
        bar: StyledText = ("\u258e " if chosen else "  ", self.style("why--chosen"))
        where = "" if finding.seq is None else f"  event {finding.seq}"
        self._rows.append(
            strip_of(
                [
                    bar,
                    (f"{finding.glyph} {finding.code}", own + self.style("why--code")),
                    (where, self.style("why--muted")),
                ],
                width,
            )
        )
        for text, style in ((finding.text, "plain"), (finding.advice, "muted")):
            if not text:
                continue
            for line in wrap([(sanitize(text), self.style(f"why--{style}"))], width - 6):
                self._rows.append(strip_of([bar, (_MARGIN, None), *line], width))


class Why(ModalScreen[int]):
    """Shows the findings of a run. Its result is the event that the reader wants to see."""

    BINDINGS = [
        ("escape,q,d", "close", "Close"),
        ("enter", "go", "Go there"),
        ("y", "copy", "Copy the sentence"),
        ("ctrl+c", "app.interrupt", "Cancel, then quit"),
    ]

    def __init__(self, findings: list[FindingText]) -> None:
        super().__init__()
        self._findings = findings
        self._view = FindingsView(findings)

    def compose(self) -> ComposeResult:
        yield self._view

    def on_mount(self) -> None:
        self._view.border_title = "Why"
        self._view.focus()
        self._tell_keys()

    def on_findings_view_chosen(self) -> None:
        """Offer what can be done with the finding that is chosen now."""
        self._tell_keys()

    def _tell_keys(self) -> None:
        there = "enter go there  " if self._seq() is not None else ""
        several = "n p next, previous  " if len(self._findings) > 1 else ""
        copy = "y copy  " if self._findings else ""
        self._view.border_subtitle = f"{there}{several}{copy}esc closes"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done with the finding that is chosen is offered."""
        if action == "go":
            return self._seq() is not None
        return action != "copy" or bool(self._findings)

    def _seq(self) -> int | None:
        return self._findings[self._view.chosen].seq if self._findings else None

    def action_go(self) -> None:
        """Close, and go to the evidence of the finding."""
        if self._seq() is not None:
            self.dismiss(self._seq())

    def action_copy(self) -> None:
        """Copy the sentence, with its advice."""
        if self._findings:
            finding = self._findings[self._view.chosen]
            self.app.copy_to_clipboard(f"{finding.text} {finding.advice}".strip())
            self.notify("Copied the sentence")

    def action_close(self) -> None:
        """Close, and stay where the reader was."""
        self.dismiss(None)
