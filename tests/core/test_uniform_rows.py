"""Rows that are alike: read together they are what they are one by one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jiter import from_json

from tests.core.test_bursts import BODIES
from tests.streams import pieces
from tui.core.uniform_rows import all_begin, middles, read_strings

ROWS = st.lists(st.text("ab<>", max_size=6).map(str.encode), max_size=6)


@given(ROWS, st.sampled_from([b"<", b"<a", b"ab"]), st.sampled_from([b">", b"b>"]))
def test_middles_are_had_where_every_row_has_head_and_tail(
    rows: list[bytes], head: bytes, tail: bytes
) -> None:
    framed = [head + row + tail for row in rows]
    assert all_begin(framed, head)
    if rows:
        assert middles(framed, head, tail, b"\n".join(framed)) == rows
        assert all_begin(rows, head) is all(row.startswith(head) for row in rows)
        fit = all(
            row.startswith(head) and row.endswith(tail) and len(row) >= len(head + tail)
            for row in rows
        )
        assert (middles(rows, head, tail, b"\n".join(rows)) is not None) is fit


@given(BODIES)
def test_strings_are_read_together_as_each_alone(bodies: list[bytes]) -> None:
    alone: list[object] | None
    try:
        alone = [from_json(b'"' + body + b'"') for body in bodies]
    except ValueError:
        alone = None
    assert read_strings(bodies) == alone


@given(st.text("ab\"\\'\n\u00e9\U0001f30d{}", max_size=60).flatmap(lambda text: pieces(text)))
def test_strings_come_back(texts: list[str]) -> None:
    texts = [*texts, "\\", '"', "\\\\"]
    assert read_strings([written_string(text) for text in texts]) == texts


def written_string(text: str) -> bytes:
    return json.dumps(text)[1:-1].encode()


@pytest.mark.parametrize(
    "bodies",
    [
        [b"abc\\", b',"x'],  # A quote that is no end makes up for one that is too many.
        [b'a",["x', b"y", b'z"],"b'],
        [b'a",{"x":"y'],
        [b'a","b'],
        [b"\\ud83d", b"\\ude00"],
        [b"a\tb"],
        [b"\xff"],
    ],
)
def test_bytes_that_only_together_look_like_strings(bodies: list[bytes]) -> None:
    assert read_strings(bodies) is None
