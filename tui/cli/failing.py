"""How a command fails: one line on standard error, and an exit status."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from tui.captures.telling import told, why_unread

FAILED = 1
USAGE = 2
INTERRUPTED = 130


def fail(message: str, status: int = USAGE) -> NoReturn:
    """End with one line on standard error."""
    sys.stderr.write(f"streamscope: {told(message)}\n")
    sys.exit(status)


@contextmanager
def reading(label: str) -> Iterator[None]:
    """Have a file that cannot be read, or is not what it should be, end the command in one line."""
    try:
        yield
    except (OSError, ValueError) as error:
        fail(f"{label}: {why_unread(error)}")
