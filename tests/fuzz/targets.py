"""The targets, found by looking at this folder."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

Law: TypeAlias = Callable[[], None]
"""A test under Hypothesis' `given`: it draws its own arguments."""

_HELPERS = {"__init__", "__main__", "targets"}


def names() -> list[str]:
    """Return the names of all targets."""
    found = {path.stem for path in Path(__file__).parent.glob("*.py")}
    return sorted(name for name in found - _HELPERS if not name.startswith("_"))


def laws(name: str) -> list[Law]:
    """Return the laws of a target."""
    found: list[Law] = import_module(f"tests.fuzz.{name}").LAWS
    return found
