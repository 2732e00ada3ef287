"""Frames come out as they went in, however their bytes are cut."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from tui.relay.frames import FrameReader, TapeFrame, encode_head

FRAMES = st.builds(
    TapeFrame,
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**63 - 1),
    st.binary(max_size=40),
)


@given(st.lists(FRAMES, max_size=8), st.integers(1, 60), st.integers(1, 60))
def test_frames_are_cut_out_of_any_blocks(told: list[TapeFrame], size: int, most: int) -> None:
    data = b"".join(
        encode_head(frame.kind, frame.number, frame.t_ns, len(frame.data)) + frame.data
        for frame in told
    )
    reading, writing = os.pipe()
    reader, found = FrameReader(most), []
    try:
        for at in range(0, len(data), size):
            block = data[at : at + size]
            os.write(writing, block)
            while block:
                # As much as is read at once, or all that there is.
                room = len(reader._buffer) - reader._filled
                assert reader.fill(reading)
                found += list(reader.frames())
                block = block[room:]
        assert found == told
    finally:
        os.close(writing)
        assert not reader.fill(reading)
        os.close(reading)
