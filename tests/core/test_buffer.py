"""Text that grows at its end, against a plain string."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tui.core.buffer import Buffer

# Longer than a segment, so that few appends fill several.
LONG = "0123456789" * 2_000


class BufferMachine(RuleBasedStateMachine):
    """A buffer does what a plain string does, and its copies go their own ways."""

    @initialize(start=st.text(max_size=5))
    def begin(self, start: str) -> None:
        self.pairs = [(Buffer(start), start)]

    def pick(self, number: int) -> int:
        return number % len(self.pairs)

    @rule(number=st.integers(0, 9), text=st.text(max_size=5), times=st.sampled_from([1, 2, 600]))
    def append(self, number: int, text: str, times: int) -> None:
        buffer, plain = self.pairs[self.pick(number)]
        for _ in range(times):
            buffer.append(text)
        self.pairs[self.pick(number)] = (buffer, plain + text * times)

    @rule(number=st.integers(0, 9), size=st.integers(16_000, 20_000))
    def append_much(self, number: int, size: int) -> None:
        self.append(number, LONG[:size], 1)

    @rule(number=st.integers(0, 9))
    def append_in_many_parts(self, number: int) -> None:
        self.append(number, LONG[:40], 520)

    @rule(number=st.integers(0, 9))
    def copy(self, number: int) -> None:
        buffer, plain = self.pairs[self.pick(number)]
        if len(self.pairs) < 4:
            self.pairs.append((buffer.copy(), plain))

    @rule(number=st.integers(0, 9), data=st.data())
    def upto(self, number: int, data: st.DataObject) -> None:
        buffer, plain = self.pairs[self.pick(number)]
        length = data.draw(st.integers(0, len(plain) + 2))
        if len(self.pairs) < 4:
            self.pairs.append((buffer.upto(length), plain[:length]))

    @rule(number=st.integers(0, 9))
    def byte_size(self, number: int) -> None:
        buffer, plain = self.pairs[self.pick(number)]
        assert buffer.byte_size() == len(plain.encode("utf-8", "surrogatepass"))

    @rule(number=st.integers(0, 9), data=st.data())
    def slice(self, number: int, data: st.DataObject) -> None:
        buffer, plain = self.pairs[self.pick(number)]
        start = data.draw(st.integers(0, len(plain) + 2))
        end = data.draw(st.none() | st.integers(0, len(plain) + 2))
        assert buffer.slice(start, end) == plain[start:end]

    @invariant()
    def lengths_agree(self) -> None:
        for buffer, plain in self.pairs:
            assert len(buffer) == len(plain)

    def teardown(self) -> None:
        for buffer, plain in self.pairs:
            assert buffer.text() == plain
            assert buffer.slice() == plain
            assert buffer.byte_size() == len(plain.encode("utf-8", "surrogatepass"))


TestBuffer = BufferMachine.TestCase


def long_buffer() -> tuple[Buffer, str]:
    """A buffer of several segments and a tail."""
    buffer, plain = Buffer(), ""
    for number in range(2_000):
        piece = f"<{number}>" * 5
        buffer.append(piece)
        plain += piece
    return buffer, plain


def test_slices_across_segments() -> None:
    buffer, plain = long_buffer()
    assert len(plain) > 40_000
    for start in range(0, len(plain) + 700, 700):
        for end in (start, start + 1, start + 650, start + 20_000, None):
            assert buffer.slice(start, end) == plain[start:end]


def test_the_first_part_across_segments() -> None:
    buffer, plain = long_buffer()
    for length in range(0, len(plain) + 700, 700):
        part = buffer.upto(length)
        assert part.text() == plain[:length]
        part.append("more")
        assert part.text() == plain[:length] + "more"
    assert buffer.text() == plain


def test_what_stands_never_changes() -> None:
    buffer, plain = long_buffer()
    before = buffer.slice(0, len(plain))
    twin = buffer.copy()
    buffer.append("more")
    assert buffer.slice(0, len(plain)) == before == twin.text()
    assert buffer != twin


def test_buffers_compare_by_text() -> None:
    parts = Buffer("a")
    parts.append("b")
    assert parts == Buffer("ab")
    assert parts != Buffer("a")
    assert parts != "ab"
    assert repr(parts) == "Buffer('ab')"
    with pytest.raises(TypeError):
        hash(parts)
