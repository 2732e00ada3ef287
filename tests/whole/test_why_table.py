"""The README's table of questions names findings, keys and demos that there are."""

from __future__ import annotations

import re

from tests.conftest import ROOT
from tui.dashboard.commands import KEYS
from tui.findings.rules import CODES
from tui.scenarios import names


def _section() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.partition("## Why …?\n")[2].partition("\n## ")[0]


def _rows() -> list[list[str]]:
    lines = [line for line in _section().splitlines() if line.startswith("| Why ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_finding_answers_a_question() -> None:
    answering = {code for row in _rows() for code in re.findall(r"`(\w+)`", row[1])}
    # That all is well answers none.
    assert answering == set(CODES) - {"healthy"}


def test_the_keys_are_those_of_the_dashboard() -> None:
    known = {key.shown for key in KEYS}
    for question, _, how in _rows():
        assert question.endswith("?")
        assert set(re.findall(r"`([^`]+)`", how)) <= known | {"enter"}


def test_the_demos_are_there() -> None:
    shown = re.findall(r"`([^`]+)`", _section().rstrip().rpartition("\n")[2])
    assert {name.removeprefix("streamscope demo ") for name in shown} <= set(names())
    assert len(shown) > 3
