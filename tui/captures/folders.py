"""Which files in a folder hold streams: by their names, and by what is in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tui.captures.sniffing import Format

STREAMS: Final = frozenset({".sse"})
"""What is looked for in folders; a file that is named is read whatever its name."""
LOGS: Final = frozenset({".jsonl", ".ndjson", ".json", ".har", ".yaml", ".yml"})
"""What in folders is looked into, and passed over where it holds no stream."""
HEAD: Final = 64
"""How many bytes of a file tell whether it may be a log."""


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and of those in it that may hold streams, in order.

    What cannot be listed is passed over, and no link to a folder is followed.
    """
    waiting = [(folder, True)]
    while waiting:
        path, is_folder = waiting.pop()
        if is_folder:
            waiting += _inside(path)
        elif path.suffix.lower() in STREAMS | LOGS and path.is_file():
            yield path


def _inside(folder: Path) -> list[tuple[Path, bool]]:
    """Return what is in a folder, the last first, and whether it is a folder too."""
    with suppress(OSError), os.scandir(folder) as entries:
        found = [(Path(one), one.is_dir(follow_symlinks=False)) for one in entries]
        return sorted(found, reverse=True)
    return []


def format_in_folder(path: Path) -> Format | None:
    """Tell the format of a file that was found in a folder; None where it holds no stream.

    Raises OSError.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not may_be_log(head, path.suffix):
        return "body"
    # Late: most files are plain streams, and need none of it.
    from tui.captures.importers import mentions_streams, sniff

    if not mentions_streams(path):
        return None
    found = sniff(path)
    return None if found == "body" and path.suffix.lower() in LOGS else found


def may_be_log(head: bytes, suffix: str) -> bool:
    """Whether a file may be something else than a response body, by how it begins."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return suffix.lower() in LOGS or not start.startswith((b"event:", b"data:", b":"))
