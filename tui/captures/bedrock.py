"""Imports files with the body of a response of Bedrock: its binary event stream."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from tui.captures.eventstream import Unwrapper, fault_lines, unwrapped
from tui.captures.in_memory_file import Readable, size_of, untimed_chunks
from tui.captures.recording import Loaded, Recording
from tui.core.records import Chunk

FORMAT: Final = "Bedrock event stream"
_KEPT: Final = 1 << 24
"""The events of a larger file are not kept, but read once more."""


def load_eventstream(file: Readable) -> Loaded:
    """Return the stream in a file, as server-sent events and untimed. Raises OSError."""
    unwrapper = Unwrapper()
    is_small = size_of(file) <= _KEPT
    kept: list[Chunk] = []
    size = 0
    for chunk in unwrapped(untimed_chunks(file), unwrapper):
        size += len(chunk.data)
        if is_small:
            kept.append(chunk)
    chunks = partial(iter, kept) if is_small else partial(_chunks, file)
    recording = Recording("r1", file.name, chunks, size=size, bare=True)
    return Loaded(FORMAT, [recording], fault_lines(unwrapper.faults))


def _chunks(file: Readable) -> Iterator[Chunk]:
    return unwrapped(untimed_chunks(file))
