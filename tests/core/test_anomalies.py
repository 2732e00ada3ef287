"""Every code that an anomaly can have is explained, and no other."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

from tui.core import anomalies
from tui.core.anomalies import EXPLANATIONS, explain

CODE_AT: Final = {"note": 2, "Anomaly": 1, "Flaw": 0, "Verdict": 0, "_verdict": 0}
"""What makes an anomaly, and which of its arguments is the code."""


def codes_in_the_source() -> set[str]:
    found: set[str] = set()
    for path in Path(anomalies.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "_ILLEGAL":
                assert node.value is not None
                found.update(ast.literal_eval(node.value))
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in CODE_AT:
                argument = node.args[CODE_AT[ast.unparse(node.func)]]
                if isinstance(argument, ast.Constant):
                    found.add(str(argument.value))
                elif isinstance(argument, ast.Name) and argument.id == "code":
                    found.update({"missing_index", "unknown_index"})
    return found


def test_every_code_is_explained_and_no_other() -> None:
    assert codes_in_the_source() == set(EXPLANATIONS)


@pytest.mark.parametrize("code", sorted(EXPLANATIONS))
def test_an_explanation_is_a_sentence(code: str) -> None:
    assert explain(code)[0].isupper() and explain(code).endswith(".")


def test_another_code_has_no_explanation() -> None:
    assert explain("never_heard_of") == ""
