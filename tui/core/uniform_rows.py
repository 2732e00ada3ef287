"""Rows of bytes that are alike but for their middles: cut and read all at once."""

from __future__ import annotations

from collections.abc import Sequence

from jiter import from_json


def all_begin(rows: list[bytes], head: bytes) -> bool:
    """Whether every row begins with `head`."""
    # What lies between two that begin with the head begins with it too.
    return not rows or (min(rows).startswith(head) and max(rows).startswith(head))


def middles(rows: list[bytes], head: bytes, tail: bytes, whole: bytes) -> list[bytes] | None:
    """Return what each row has between `head` and `tail`; None where one does not have them.

    `whole` are the rows, joined with LF.
    """
    start, end = len(head), -len(tail)
    found = [row[start:end] for row in rows]
    return found if head + (tail + b"\n" + head).join(found) + tail == whole else None


def read_strings(bodies: Sequence[bytes]) -> list[str] | None:
    """Read JSON strings by what stands between their quotes; None where one is no string."""
    ends = b"".join([body[-1:] for body in bodies])
    if b"\\" in ends and any(map(_escapes, bodies)):
        return None
    try:
        texts: list[str] = from_json(b'["' + b'","'.join(bodies) + b'"]', cache_mode="none")
    except ValueError:
        return None
    # None of the quotes put here is escaped, so they end as many strings as there are. A quote too
    # many in between would make for more strings, or hide them inside of another value.
    return texts if len(texts) == len(bodies) and set(map(type, texts)) == {str} else None


def _escapes(body: bytes) -> bool:
    """Whether the quote after a string would be part of it."""
    return (len(body) - len(body.rstrip(b"\\"))) % 2 == 1
