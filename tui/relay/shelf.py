"""The folder of captures that nobody gave a name: private, and with room for so many bytes."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

SUFFIX: Final = ".jsonl"
OUTPUT_SUFFIX: Final = ".output.txt"
"""What a command printed, beside its capture."""


def new_path(folder: Path, *, now: datetime | None = None) -> Path:
    """Return the path of a new capture in a folder, which is made where it is not there.

    Raises OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chmod(folder, 0o700)
    name = (now or datetime.now(UTC)).strftime("relay-%Y-%m-%d-%H%M%S")
    path = folder / f"{name}-{os.getpid()}{SUFFIX}"
    number = 1
    while path.exists():
        number += 1
        path = folder / f"{name}-{os.getpid()}-{number}{SUFFIX}"
    return path


def output_path(capture: Path) -> Path:
    """Return a path beside a capture that nothing has yet, for what a command prints."""
    path, number = capture.with_suffix(OUTPUT_SUFFIX), 1
    while os.path.lexists(path):
        number += 1
        path = capture.with_suffix(f".output-{number}.txt")
    return path


def make_room(folder: Path, most: int, own: Path) -> int:
    """Remove the oldest captures of a folder until all are `most` bytes, and return their sum.

    `own`, and what another program is writing, stays.
    """
    found = sorted(_captures(folder), key=lambda entry: entry[1].st_mtime_ns)
    total = sum(was.st_size for _, was in found)
    for path, was in found:
        if total <= most:
            break
        if path == own or _is_written(path):
            continue
        try:
            path.unlink()
            output = path.with_suffix(OUTPUT_SUFFIX)
            output.unlink(missing_ok=True)
        except OSError:
            continue
        total -= was.st_size
    return total


def _captures(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        path = folder / name
        if name.endswith(SUFFIX):
            try:
                found = path.lstat()
            except OSError:
                continue
            if stat.S_ISREG(found.st_mode):
                yield path, found


def _is_written(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False
