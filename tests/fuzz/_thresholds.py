"""The sizes from which on the core works in another way, small or as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from hypothesis import strategies as st

from tui.core import buffer, history, session, sse

_MODULES = {"session": session, "history": history, "sse": sse, "buffer": buffer}
_SMALL = {
    "session._LONG": [1, 100],
    "session._STEP": [1, 30, 200],
    "session._FEW": [1, 2],
    "session._WINDOW": [60, 500],
    "history.EVERY": [1, 3, 20],
    "history.BYTES": [1, 300],
    "sse._SHORT": [1, 100],
    "buffer.PIECE": [1, 5],
}


def drawn() -> st.SearchStrategy[dict[str, int]]:
    """Some thresholds with other values; the others stay as they are."""
    one_by_one = st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(values) for name, values in _SMALL.items()}
    )
    return st.just({}) | one_by_one


@contextmanager
def set_to(values: Mapping[str, int]) -> Iterator[None]:
    """Have the core work with these thresholds."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            module, _, field = name.partition(".")
            patch.setattr(_MODULES[module], field, value)
        yield
