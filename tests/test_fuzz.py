"""The fuzz targets, for a moment each, and the runner that runs them for longer."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import __main__ as runner
from tests.fuzz.targets import laws, names


@pytest.mark.parametrize("name", names())
def test_no_law_is_broken_at_once(name: str) -> None:
    found = laws(name)
    assert found
    for law in found:
        law()
