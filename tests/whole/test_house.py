"""How the code is kept: one meaning a name, short modules, objects instead of tables by `id`."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from typing import Final

import pytest

from tests.conftest import ROOT

LONGEST_MODULE: Final = 400
LONGEST_TEST_FILE: Final = 800

# Where an address is no key: objects are told apart for one call, or in words.
KEPT_BY_ID: Final = {
    "tui/conversation/tool_module.py",
    "tui/messages/following.py",
}


@cache
def sources(folder: str) -> dict[str, str]:
    """The text of every Python file below a folder, by its path."""
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in found}


def class_names(source: str) -> list[str]:
    """The names of the classes in a module.

    Inner ones too, but for messages: those go by their widget's name, as in `Input.Changed`.
    """
    tree = ast.parse(source)
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    inner = {child for node in classes for child in node.body}
    return [node.name for node in classes if node not in inner or not is_message(node)]


def is_message(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "Message" for base in node.bases)


def calls_id(source: str) -> bool:
    """Whether a module asks for the address of an object, or has it asked for as a key."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            asked = [node.func, *(word.value for word in node.keywords if word.arg == "key")]
            if any(isinstance(name, ast.Name) and name.id == "id" for name in asked):
                return True
    return False


def longer(folder: str, lines: int) -> set[str]:
    return {path for path, source in sources(folder).items() if len(source.splitlines()) > lines}


def test_no_two_classes_have_the_same_name() -> None:
    counts = Counter(name for source in sources("tui").values() for name in class_names(source))
    assert {name for name, count in counts.items() if count > 1} == set()


def test_no_module_is_long() -> None:
    assert longer("tui", LONGEST_MODULE) == set()


def test_no_test_file_is_long() -> None:
    assert longer("tests", LONGEST_TEST_FILE) == set()


def test_no_object_is_known_by_its_address() -> None:
    found = {path for path, source in sources("tui").items() if calls_id(source)}
    assert found - KEPT_BY_ID == set()


def test_every_class_is_counted() -> None:
    assert class_names("class A:\n    class B: ...\n\ndef f():\n    class A: ...\n") == [*"ABA"]
    assert class_names("class A:\n    class B(Message): ...\nclass C(Message): ...") == [*"AC"]


@pytest.mark.parametrize("line", ["t[id(feed)]", "t.get(id(feed))", "sorted(t, key=id)"])
def test_an_address_as_a_key_is_found(line: str) -> None:
    assert calls_id(line)
    assert not calls_id(line.replace("id", "uid"))
    assert not calls_id("def f(id): return t[id]")
