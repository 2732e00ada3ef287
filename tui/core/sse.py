"""A sans-IO decoder for server-sent events: bytes in, frames out.

Follows the event-stream grammar of the HTML standard (WHATWG, "Server-sent events"): lines end at
CR, LF or CRLF, one leading byte order mark is dropped, comments start with a colon, data lines are
joined with LF. `id` and `retry` are for clients that connect again; a stream of the Messages API
cannot be taken up again, so they are left aside. Nothing is decoded to text here, so a chunk may
end anywhere, also inside a UTF-8 sequence. Every frame says where its bytes lie in the stream; the
bytes that belong to no frame are line ends and the byte order mark only.
"""

from __future__ import annotations

import enum
import re
from typing import Final, NamedTuple


class FrameKind(enum.IntEnum):
    """What a frame is: an event, something without data, or what was left at the end."""

    EVENT = 0
    NOTE = 1
    """Comments, or fields without a data line: the grammar dispatches nothing for these."""
    TAIL = 2
    """Bytes after the last blank line when the response ended: never dispatched."""


class Frame(NamedTuple):
    """One block of the stream, up to and with the line end that closed it."""

    kind: FrameKind
    name: bytes
    """The `event` field, empty when absent."""
    data: bytes
    """The data lines, joined with LF."""
    offset: int
    """Where the frame starts, in bytes from the start of the stream."""
    length: int


_BOM: Final = b"\xef\xbb\xbf"
# As integers: `10 in chunk` is a memchr, while `b"\n" in chunk` first raises and drops a TypeError.
_LF: Final = 0x0A
_CR: Final = 0x0D
_DATA: Final = b"data: "
_LINE_END: Final = re.compile(rb"\r\n|[\r\n]")
_EVENT: Final = FrameKind.EVENT
_USUAL: Final = re.compile(rb"event: ([^\n]*+)\ndata: ([^\n]*+)\n\n|(.++)", re.DOTALL).findall
"""Frames of the usual two lines, one after another, and then what follows the last of them."""
_AROUND: Final = len(b"event: \ndata: \n\n")
_SHORT: Final = 4096
"""What is left at the end of a read waits uncut up to this size: its frame may be a usual one."""


class Decoder:
    """Cuts a stream of bytes into frames, whatever the chunks.

    `feed` returns the frames completed by a chunk, `close` what is left when the stream has ended.
    The cost is linear in the bytes, also for chunks of one byte.
    """

    __slots__ = (
        "_data",
        "_kept",
        "_name",
        "_offset",
        "_position",
        "_skip_lf",
        "_started",
        "_touched",
    )

    def __init__(self, *, strip_bom: bool = True) -> None:
        self._kept: list[bytes] = []  # bytes that are not cut yet, without a blank line
        self._position = 0  # stream offset of the bytes that are kept
        self._started = not strip_bom
        self._skip_lf = False
        self._offset = 0
        self._name = b""
        self._data: list[bytes] = []
        self._touched = False  # the frame at hand has at least one line

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take the bytes of one read; return the frames they complete."""
        kept = self._kept
        if _LF not in chunk and _CR not in chunk:
            kept.append(chunk)
            return []
        if kept:
            kept.append(chunk)
            buffer = b"".join(kept)
            kept.clear()
        else:
            buffer = chunk
        return self._scan(buffer)

    def uncut_before(self, chunk: bytes) -> bytes | None:
        """Give back the bytes before `chunk` that are not cut yet, if they can be cut with it.

        The caller has to feed them again before the chunk, or skip them. Returns None and keeps
        them where no frame ends in the chunk, a frame has begun, or a line ends at CR.
        """
        if self._touched or self._skip_lf or not self._started or _CR in chunk:
            return None
        if b"\n\n" not in chunk:
            return None
        return self.give_back()

    def give_back(self) -> bytes:
        """Give back the bytes from `position` on, not cut yet; the caller feeds them again."""
        kept = b"".join(self._kept)
        self._kept.clear()
        return kept

    @property
    def started(self) -> bool:
        """Whether a line was looked at, so that no byte order mark can come any more."""
        return self._started

    @property
    def position(self) -> int:
        """Where in the stream the bytes begin that are not cut yet."""
        return self._position

    def skip(self, length: int) -> None:
        """Go on after whole frames that the caller has cut itself. Nothing may be kept here."""
        self._position += length

    def close(self) -> list[Frame]:
        """End the stream; return the unfinished frame, if there is one."""
        rest = b"".join(self._kept)
        self._kept.clear()
        if not self._started and rest.startswith(_BOM):
            rest = rest[len(_BOM) :]
            self._position += len(_BOM)
        self._started = True
        position = self._position
        self._position += len(rest)
        for line in rest.split(b"\n"):
            if line:
                self._take_line(line, position)
            position += len(line) + 1
        if not self._touched:
            return []
        return [self._finish(FrameKind.TAIL, self._position)]

    def _scan(self, buffer: bytes) -> list[Frame]:
        if not self._started:
            self._started = True
            if buffer.startswith(_BOM):
                buffer = buffer[len(_BOM) :]
                self._position += len(_BOM)
        if self._skip_lf or _CR in buffer:
            return self._scan_any(buffer)
        return self._scan_lf(buffer)

    def _scan_lf(self, buffer: bytes) -> list[Frame]:
        """Cut a buffer without CR: there a blank line is two LF, and a split finds them all."""
        frames: list[Frame] = []
        append, new = frames.append, tuple.__new__
        position = self._position
        if not self._touched:
            rest = b""
            for name, data, rest in _USUAL(buffer):
                if not rest:
                    length = len(name) + len(data) + _AROUND
                    append(new(Frame, (_EVENT, name, data, position, length)))
                    position += length
            buffer = rest
        else:
            end = buffer.find(_LF)
            if end > _SHORT:  # A line that is very long: one look for its end is enough.
                self._take_line(buffer[:end], position)
                position += end + 1
                buffer = buffer[end + 1 :]
            if buffer.startswith(b"\n"):
                append(self._finish(self._kind(), position + 1))
        pieces = buffer.split(b"\n\n")
        tail = pieces.pop()
        if pieces and self._touched:
            position = self._take_piece(pieces.pop(0), position, frames)
        for piece in pieces:
            head, separator, data = piece.partition(b"\ndata: ")
            if separator and head[:7] == b"event: " and _LF not in data and _LF not in head:
                length = len(piece) + 2
                append(new(Frame, (_EVENT, head[7:], data, position, length)))
                position += length
            else:
                position = self._take_piece(piece, position, frames)
        if self._touched or len(tail) > _SHORT:
            *lines, tail = tail.split(b"\n")
            for line in lines:
                if line:
                    self._take_line(line, position)
                position += len(line) + 1
        if tail:
            self._kept.append(tail)
        self._position = position
        return frames

    def _take_piece(self, piece: bytes, position: int, frames: list[Frame]) -> int:
        """Take the lines before a blank line; return the position after it."""
        for line in piece.split(b"\n") if _LF in piece else (piece,):
            if line:
                self._take_line(line, position)
            position += len(line) + 1
        position += 1
        if self._touched:
            frames.append(self._finish(self._kind(), position))
        return position

    def _scan_any(self, buffer: bytes) -> list[Frame]:
        """Cut a buffer line by line, whatever its line ends."""
        frames: list[Frame] = []
        base = self._position
        at = 0
        if self._skip_lf and buffer[0] == _LF:
            at = 1
        self._skip_lf = False
        while (found := _LINE_END.search(buffer, at)) is not None:
            line_end, after = found.span()
            if line_end > at:
                self._take_line(buffer[at:line_end], base + at)
            elif self._touched:
                # The frame ends with the first byte of this line end: a CR may be the last byte
                # that has arrived, and whether an LF follows must not change the frame.
                frames.append(self._finish(self._kind(), base + line_end + 1))
            at = after
        self._skip_lf = at == len(buffer) and buffer[-1] == _CR
        if at < len(buffer):
            self._kept.append(buffer[at:])
        self._position = base + at
        return frames

    def _kind(self) -> FrameKind:
        return _EVENT if self._data else FrameKind.NOTE

    def _take_line(self, line: bytes, offset: int) -> None:
        if not self._touched:
            self._touched = True
            self._offset = offset
        if line.startswith(_DATA):  # One copy of what may be very long.
            self._data.append(line[len(_DATA) :])
            return
        field, _, value = line.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value

    def _finish(self, kind: FrameKind, end: int) -> Frame:
        frame = Frame(kind, self._name, b"\n".join(self._data), self._offset, end - self._offset)
        self._name = b""
        self._data = []
        self._touched = False
        return frame


def parse_frame(raw: bytes) -> Frame:
    """Decode the bytes of one frame again, as `Decoder` cut them out. Offsets count from `raw`."""
    decoder = Decoder(strip_bom=False)
    return (decoder.feed(raw) or decoder.close())[0]
