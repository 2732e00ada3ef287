"""The file that text is written to as it arrives."""

from __future__ import annotations

import os
from pathlib import Path

from tui.captures.files import FileRefused, check_kind, create, create_or_replace, write_all


class OutputFile:
    """A file that takes text. When it cannot take any more, the reading goes on without it."""

    def __init__(self, path: Path, *, replace: bool = False) -> None:
        """Make the file; with `replace` it may be there, and what was in it goes.

        Raises FileRefused and OSError.
        """
        self._path = path
        try:
            # Not buffered: whoever looks at the file sees what has arrived.
            self._fd = create_or_replace(path) if replace else create(path)
        except FileExistsError:
            check_kind(path)
            raise FileRefused(f"{path} exists already", replaceable=True) from None
        self.failure: str | None = None
        """Why nothing more is written, in one line."""

    def write(self, text: str) -> None:
        """Write text as it came; what has no UTF-8 is replaced."""
        if self.failure is not None:
            return
        try:
            write_all(self._fd, text.encode("utf-8", "replace"))
        except OSError as error:
            self.failure = f"{self._path}: not all of the text is there: {error.strerror or error}"

    def close(self) -> None:
        """Close the file."""
        try:
            os.close(self._fd)
        except OSError as error:
            self.failure = self.failure or f"{self._path}: {error.strerror or error}"
