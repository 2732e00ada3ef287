"""What can go wrong with the bytes of an answer, whatever they say."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Final

from tui.core.records import Chunk

GARBAGE: Final = b"\xff\xfe\x00 not an event \xc3\n\nevent: content_block_delta\ndata: {]\n\n"
_GZIP: Final = 31
"""The largest window, with the head and the end that make it gzip."""


def with_garbage(chunks: Sequence[Chunk]) -> tuple[Chunk, ...]:
    """Bytes that are no event, half-way."""
    middle = len(chunks) // 2
    return (*chunks[:middle], Chunk(chunks[middle].t_ns, GARBAGE), *chunks[middle:])


def buffered(chunks: Sequence[Chunk]) -> tuple[Chunk, ...]:
    """All in one write, when the last of it is there."""
    data = b"".join(chunk.data for chunk in chunks)
    return (Chunk(chunks[-1].t_ns, data),) if data else ()


def packed(chunks: Sequence[Chunk]) -> tuple[Chunk, ...]:
    """Each chunk packed with gzip, such that it can be read as soon as it is there."""
    if not chunks:
        return ()
    packer = zlib.compressobj(wbits=_GZIP)
    out = [
        Chunk(t_ns, packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))
        for t_ns, data in chunks
    ]
    t_ns, data = out.pop()
    return (*out, Chunk(t_ns, data + packer.flush()))


def later(chunks: Sequence[Chunk], start_ns: int, stall_ns: int) -> tuple[Chunk, ...]:
    """Everything later by `start_ns`, and from half-way on by `stall_ns` as well."""
    middle = max(1, len(chunks) // 2)
    return tuple(
        Chunk(chunk.t_ns + start_ns + (stall_ns if at >= middle else 0), chunk.data)
        for at, chunk in enumerate(chunks)
    )


def rechunked(chunks: Sequence[Chunk], size: int) -> tuple[Chunk, ...]:
    """The same bytes in chunks of `size`, each when the last byte of it is there."""
    out: list[Chunk] = []
    held = b""
    for chunk in chunks:
        held += chunk.data
        whole = len(held) - len(held) % size
        out += (Chunk(chunk.t_ns, held[at : at + size]) for at in range(0, whole, size))
        held = held[whole:]
    return (*out, Chunk(chunks[-1].t_ns, held)) if held else tuple(out)


def limited(chunks: Sequence[Chunk], limit: int) -> tuple[Chunk, ...]:
    """The first `limit` bytes."""
    out: list[Chunk] = []
    for chunk in chunks:
        data = chunk.data[:limit]
        limit -= len(data)
        if data:
            out.append(Chunk(chunk.t_ns, data))
    return tuple(out)
