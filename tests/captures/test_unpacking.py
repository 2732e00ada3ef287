"""Bodies that come packed and in pieces: unpacked, or left as they are."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.captures.unpacking import BodyUnpacker


def fed(unpacker: BodyUnpacker, data: bytes, size: int) -> bytes:
    return b"".join(unpacker.feed(data[at : at + size]) for at in range(0, len(data), size))


@given(st.binary(max_size=300), st.integers(1, 400), st.sampled_from(["gzip", "deflate", "GZIP "]))
def test_a_packed_body_is_unpacked_in_any_pieces(body: bytes, size: int, coding: str) -> None:
    packed = zlib.compress(body) if coding == "deflate" else gzip.compress(body)
    assert fed(BodyUnpacker(coding), packed, size) == body


def without_head(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


@given(st.binary(max_size=300), st.integers(1, 400))
def test_deflate_is_unpacked_without_its_head_too(body: bytes, size: int) -> None:
    assert fed(BodyUnpacker("deflate"), without_head(body), size) == body


@given(st.lists(st.binary(max_size=99), min_size=1, max_size=5), st.integers(1, 400))
def test_parts_that_were_packed_by_themselves_are_one_body(parts: list[bytes], size: int) -> None:
    packed = b"".join(map(gzip.compress, parts))
    assert fed(BodyUnpacker("gzip"), packed, size) == b"".join(parts)


@given(st.sampled_from(["gzip", "deflate"]), st.integers(1, 20))
def test_what_is_no_packed_body_loses_nothing(coding: str, size: int) -> None:
    body = b"event: ping\ndata: {}\n\n"
    unpacker = BodyUnpacker(coding)
    assert fed(unpacker, body, size) == body and not unpacker.is_packed


@pytest.mark.parametrize("coding", ["", "identity", "br", "zstd", "gzip, br"])
def test_any_other_body_stays_as_it_is(coding: str) -> None:
    unpacker = BodyUnpacker(coding)
    assert not unpacker.is_packed and fed(unpacker, b"hello", 2) == b"hello"


def test_a_body_that_is_not_what_it_says_stays_as_it_is() -> None:
    unpacker = BodyUnpacker("gzip")
    assert fed(unpacker, b"event: ping\n", 100) == b"event: ping\n" and not unpacker.is_packed


def test_what_a_few_bytes_unpack_to_is_bounded() -> None:
    assert len(fed(BodyUnpacker("gzip", most=1000), gzip.compress(bytes(100_000)), 50)) == 1000


def test_a_damaged_body_ends_where_it_is_damaged() -> None:
    packed = bytearray(gzip.compress(bytes(range(256)) * 40))
    packed[-8:] = bytes(8)
    unpacker = BodyUnpacker("gzip")
    plain = fed(unpacker, bytes(packed), 20)
    assert unpacker.is_packed and plain and (bytes(range(256)) * 40).startswith(plain)
    assert unpacker.feed(b"more") == b""
