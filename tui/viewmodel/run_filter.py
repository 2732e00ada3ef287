"""Which runs of the list the reader wants to see: by findings, level and words."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tui.findings.finding import LEVELS
from tui.viewmodel.run_rows import RunRow

_WORD: Final = re.compile(r'(!?)(?:"([^"]*)"?|(\S+))')


class _Word(NamedTuple):
    text: str
    unwanted: bool


class RunFilter:
    """Words that a row has to fit, all of them; one behind `!` it must not fit.

    A word fits the most severe level of a row (`error`, `warning`, `notice`, `info`), or it is part
    of the code of any finding, or of the state, the title, the prompt or the model.
    """

    def __init__(self, text: str = "") -> None:
        self.text = text.strip()
        self._words = [
            _Word((quoted or plain).casefold(), bool(sign))
            for sign, quoted, plain in _WORD.findall(self.text)
            if quoted or plain
        ]

    def matches(self, row: RunRow) -> bool:
        """Whether the reader wants to see this row."""
        return all(_fits(row, word.text) != word.unwanted for word in self._words)


def _fits(row: RunRow, word: str) -> bool:
    if word in LEVELS and row.verdict is not None:
        return row.verdict.level == word
    if any(word in finding.code for finding in row.findings):
        return True
    return any(word in text.casefold() for text in (row.state, row.title, row.about, row.model))
