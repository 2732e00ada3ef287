"""Text in the reader's own editor."""

from __future__ import annotations

import asyncio
import shlex
import tempfile
from pathlib import Path
from typing import Any

from textual.app import App


async def in_editor(app: App[Any], command: str, data: bytes) -> bytes:
    """Have `command` edit a file with these bytes, and return what is in it then.

    Streams go on being read while the editor has the terminal; nothing is drawn. Raises OSError,
    ValueError for a command that cannot be split, and SuspendNotSupported.
    """
    words = shlex.split(command)
    with tempfile.TemporaryDirectory(prefix="streamscope-") as folder:
        path = Path(folder) / "request.json"
        path.touch(mode=0o600)
        path.write_bytes(data)
        with app.batch_update(), app.suspend():
            process = await asyncio.create_subprocess_exec(*words, str(path))
            status = await process.wait()
        if status:
            raise OSError(f"{command} ended with status {status}")
        return path.read_bytes()
