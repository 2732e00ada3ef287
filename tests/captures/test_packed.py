"""Packed bodies: unpacked up to a limit, and what is missing is said."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.processor_time import within
from tui.captures.importers import load
from tui.captures.packed import PackedError, Unpacker

BODY: Final = pb.wire(pb.message_start(), *pb.text_block(0, "hi"), *pb.ending())


@given(st.binary(max_size=300), st.integers(1, 300))
def test_a_body_is_unpacked_up_to_the_limit(plain: bytes, most: int) -> None:
    unpacker = Unpacker(most)
    assert unpacker.unpack(gzip.compress(plain)) == plain[:most]
    assert unpacker.was_cut == (len(plain) > most)
    assert unpacker.unpack(b"plain") == b"plain"
    assert not unpacker.was_cut


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=9), st.integers(1, 100))
def test_bodies_are_limited_together(bodies: list[bytes], together: int) -> None:
    unpacker, left = Unpacker(20, together), together
    for body in bodies:
        if not left:
            with pytest.raises(PackedError, match="too much together"):
                unpacker.unpack(gzip.compress(body))
            continue
        plain = unpacker.unpack(gzip.compress(body))
        assert plain == body[: min(20, left)]
        left -= len(plain)


def test_what_is_broken_or_cut_off() -> None:
    packed = gzip.compress(BODY)
    assert BODY.startswith(Unpacker().unpack(packed[:-12]))
    with pytest.raises(PackedError, match="^a gzip body that cannot be unpacked: "):
        Unpacker().unpack(b"\x1f\x8bxx")


def test_bombs_in_a_file_take_bounded_time_and_are_told(tmp_path: Path) -> None:
    bomb = b64encode(gzip.compress(BODY + b": " + b"x" * 100_000_000)).decode()
    entry = {
        "request": {"method": "POST", "url": "https://api.anthropic.com/v1/messages"},
        "response": {"status": 200, "content": {"encoding": "base64", "text": bomb}},
    }
    path = tmp_path / "bombs.har"
    path.write_text(json.dumps({"log": {"entries": [entry] * 40}}))
    with within(30):
        loaded = load(path)
    assert [recording.size for recording in loaded.recordings] == [64_000_000] * 2
    assert next(loaded.recordings[0].chunks()).data.startswith(BODY)
    too_much = "the packed bodies of this file are too much together"
    assert loaded.warnings == [
        *(f"left out, entry {number}: {too_much}" for number in (3, 4, 5)),
        "left out, 35 more",
        *(f"entry {number} unpacks to more than 64.0 MB: cut there" for number in (1, 2)),
    ]
