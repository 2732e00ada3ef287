"""Reads what is piped in, and leaves the keyboard to the terminal."""

from __future__ import annotations

import os
import sys
from typing import Final

from tui.cli.failing import fail

MOST: Final = 64 * 1024 * 1024
"""Bytes that are read at once. What is longer is no prompt and no request."""
_BLOCK: Final = 1 << 16


def take_pipe(example: str, *, screen: bool) -> int:
    """Return a descriptor of what is piped in, and end with one line where nothing is.

    For a `screen` the terminal is put in its place on descriptor 0, where the keyboard is read.
    """
    if sys.stdin is None or os.isatty(0):
        fail(f"nothing is piped in: {example}")
    if not screen:
        return 0
    pipe = os.dup(0)
    try:
        terminal = os.open(os.ctermid(), os.O_RDWR)
    except OSError:
        fail("there is no terminal to draw on; use --plain")
    os.dup2(terminal, 0)
    os.close(terminal)
    return pipe


def read_all(pipe: int) -> bytes:
    """Return what comes until the end. Raises OSError, and ValueError where it is too much."""
    data = bytearray()
    while block := os.read(pipe, _BLOCK):
        data += block
        if len(data) > MOST:
            raise ValueError(f"more than {MOST >> 20} MiB")
    return bytes(data)
