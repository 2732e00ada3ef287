"""A fast path for deltas that differ only in their text: many are cut and read at once.

Nearly all of a long answer is one delta after another for one block, and a server puts the same
bytes around each text. Once these bytes are known, one split finds the next deltas, and one JSON
parse reads all their texts. The outcome equals that of `Decoder`, `from_frame` and `apply`; a delta
that is written differently, or has anything wrong with it, is left to them.
"""

from __future__ import annotations

import re
from array import array
from itertools import accumulate
from typing import Final, NamedTuple

from jiter import from_json

from tui.core.delta_text import FIELDS
from tui.core.records import EventRecord
from tui.core.sse import Frame
from tui.core.uniform_rows import all_begin, middles, read_strings

DELTA: Final = "content_block_delta"
TEXTS: Final = {delta: name for delta, (_, name) in FIELDS.items()}
"""The deltas that come in runs, and where their text is."""
_TAIL: Final = b'"}}'
_PADDED: Final = re.compile(rb'"[ \t]*\}[ \t]*\}[ \t]*\n')
"""The same with the spaces that the API puts there to hide the length of a text."""


class Burst(NamedTuple):
    """Deltas of one type for one block, one after another on the wire."""

    kind: str
    block_index: int
    edges: array[int]
    """Where each begins in the stream, and where the last one ends."""
    lengths: array[int]
    texts: list[str]


class Template(NamedTuple):
    """The bytes around the text of a delta."""

    name: bytes
    """The `event` line, empty where there is none."""
    head: bytes
    """The `data` line up to its text."""
    kind: str
    block_index: int

    def cut(self, data: bytes, at: int, offset: int) -> Burst | None:
        """Return the deltas of this template that begin at `at`, as far as they are whole.

        `offset` is their place in the stream. None where there are none, and where one of them has
        something wrong with it.
        """
        if not data.startswith(self.name or self.head, at):
            return None
        lines = data[at:].split(b"\n")
        lines.pop()  # This one has not ended.
        stride = 3 if self.name else 2
        del lines[len(lines) // stride * stride :]
        rows = lines[stride - 2 :: stride]
        del rows[self._count(lines, rows, stride) :]
        bodies = self._bodies(rows)
        texts = None if bodies is None else read_strings(bodies)
        if texts is None:
            return None
        around = len(self.name) + stride
        lengths = array("I", [around + length for length in map(len, rows)])
        edges = array("Q", accumulate(lengths, initial=offset))
        return Burst(self.kind, self.block_index, edges, lengths, texts)

    def _count(self, lines: list[bytes], rows: list[bytes], stride: int) -> int:
        """Return how many events from the first on have this name, this head and a blank line."""
        name, head, count = self.name, self.head, len(rows)
        if (
            rows
            and lines[stride - 1 :: stride].count(b"") == count
            and (not name or lines[::stride].count(name) == count)
            and all_begin(rows, head)
        ):
            return count
        wrong = (
            number
            for number, row in enumerate(rows)
            if not row.startswith(head)
            or lines[number * stride + stride - 1]
            or (name and lines[number * stride] != name)
        )
        return next(wrong, 0)

    def _bodies(self, rows: list[bytes]) -> list[bytes] | None:
        """Return the texts as they are written, None where one is followed by something else."""
        if not rows:
            return None
        bodies = middles(rows, self.head, _TAIL, b"\n".join(rows))
        if bodies is not None:
            return bodies
        start = len(self.head)
        bodies = _PADDED.split(b"\n".join([row[start:] for row in rows]) + b"\n")
        return bodies if not bodies.pop() and len(bodies) == len(rows) else None


def template_of(frame: Frame, record: EventRecord) -> Template | None:
    """Return the template of a delta, None for all else and for one that is written unusually."""
    kind = text_kind(record)
    if not kind or record.flaws:
        return None
    data = frame.data
    head = data[: max(data.rfind(b'":"') + 3, data.rfind(b'": "') + 4)]
    like = {"type": DELTA, "index": record.block_index, "delta": {"type": kind, TEXTS[kind]: "x"}}
    try:
        # With any text in place of this one it is the same event but for its text.
        if b"\n" in head or from_json(head + b"x" + _TAIL) != like:
            return None
    except ValueError:
        return None
    name = b"event: " + frame.name if frame.name else b""
    return Template(name, b"data: " + head, kind, record.block_index)


def text_kind(record: EventRecord) -> str:
    """Return the type of a delta that has text and may begin a run, empty for anything else."""
    delta = (record.payload or {}).get("delta")
    if record.type != DELTA or not isinstance(delta, dict):
        return ""
    kind = delta.get("type")
    if not isinstance(kind, str) or kind not in TEXTS:
        return ""
    text = delta.get(TEXTS[kind])
    return kind if isinstance(text, str) and text else ""
