"""Whole lines, read at once, are those that are read token by token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.core.test_partial_json import ANY_TEXT, JSON, WIDTHS, cut, documents, seen
from tui.core import partial_json, whole_lines
from tui.core.partial_json import PartialJson
from tui.core.whole_lines import WholeLines

TEXTS = st.lists(documents(), min_size=2, max_size=6).map(lambda each: f"[{','.join(each)}]")


@contextmanager
def eager(at_once: int = 4_096) -> Iterator[None]:
    """Have whole lines looked for wherever one can begin."""
    with (
        patch.object(partial_json, "_FIRST_STEP", 1),
        patch.object(partial_json, "_SOON", 0),
        patch.object(partial_json, "_SHORT", 12),
        patch.object(whole_lines, "_AT_ONCE", at_once),
    ):
        yield


@contextmanager
def token_by_token() -> Iterator[None]:
    with patch.object(PartialJson, "_pass_lines", lambda _self, _text, pos: pos):
        yield


def read(pieces: list[str], width: int) -> list[object]:
    """All that can be seen of a text, after each piece."""
    view = PartialJson(width)
    states: list[object] = []
    for piece in pieces:
        view.feed(piece)
        widths = [view.line_width(number) for number in range(view.line_count())]
        states.append((seen(view), widths, view.settled_count()))
    view.finish()
    states.append((seen(view), [], view.settled_count()))
    return states


@given(
    TEXTS | ANY_TEXT,
    st.lists(st.integers(0, 60), max_size=12),
    WIDTHS,
    st.sampled_from([4, 40, 4_096]),
)
@example('[[{"a": [1, 2]}, {}, [ ], [[0]]], {"b": {"c": {}}}]', [3], 0, 4_096)
@example('[[1, 2, {"a": 1}, [3 x', [], 8, 4)
@example('{"aaaaaaaaaaaa": "' + "b" * 80 + '", "c": [1, {"d": 2}]}', [90], 20, 4_096)
@example('{"aaaaaaaaaaaa": "' + "b" * 80 + '", "c": [1, {"d": 2}]}', [99], 20, 4_096)
@example('{"aaaaaaaaaaaa": "' + "b" * 80 + '"}', [99], 20, 4_096)
@example("[[1, 2, 3], 4 [5, 6, {}], 7]", [8], 4, 4_096)
@example("[[1, 2, 3], 4, , [5, 6, {}], 7]", [12], 4, 4_096)
@example("[[1, 2, 3], [5, 6, {}] [{}, [{}]], 7]", [], 4, 4_096)
def test_lines_read_at_once_are_those_read_token_by_token(
    text: str, lengths: list[int], width: int, at_once: int
) -> None:
    pieces = list(cut(text, lengths))
    with token_by_token():
        expected = read(pieces, width)
    with eager(at_once):
        assert read(pieces, width) == expected
    assert read(pieces, width) == expected


@given(st.lists(JSON, min_size=1, max_size=6), WIDTHS)
def test_a_break_up_is_never_left_half_done(values: list[object], width: int) -> None:
    text = json.dumps([0, *values])
    stack = bytearray(b"[")
    lines = WholeLines(text, stack, width, 3)
    end = lines.read(2, comma=True)
    assert len(lines.starts) == len(lines.levels)
    assert lines.starts == sorted(set(lines.starts))
    if lines.starts:
        assert lines.starts[-1] < end
        assert text[end - 1] not in ",:"
        assert not stack or text[end - 1] not in "[{"
    else:
        assert end == 2


def records(count: int) -> str:
    items = [{"name": f"n{number}", "tags": ["a", "b"], "on": True} for number in range(count)]
    return json.dumps({"items": items})


@pytest.mark.parametrize("width", [0, 20, 60])
def test_records_are_read_at_once(width: int) -> None:
    text = records(400)
    view = PartialJson(width)
    slow = 0
    feed = view._reader.feed

    def counted(piece: str) -> None:
        nonlocal slow
        slow += len(piece)
        feed(piece)

    with patch.object(view._reader, "feed", counted):
        view.feed(text)
        view.line_count()
    assert view.complete
    assert slow < 300


def test_settled_lines_are_all_that_is_kept() -> None:
    view = PartialJson(40)
    text = records(400)
    for start in range(0, len(text), 700):
        view.feed(text[start : start + 700])
        view.line_count()
    assert len(view._reader.codes) < 40
