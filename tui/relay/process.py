"""A relay in a process of its own, for a screen that may go and come back.

`python -m tui.relay.process` reads its settings, a JSON object, from standard input, and reports on
standard output, a JSON object a line. It does not mind when nobody reads that any more.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from typing import Any

from tui.relay.service import CannotRelay, RelaySettings, relay


def _report(value: dict[str, Any]) -> None:
    # A pipe that is full has a reader that sleeps: the next report says it all again.
    with suppress(OSError):
        os.write(1, json.dumps(value).encode() + b"\n")


def main() -> None:
    """Relay until the command has ended, or a signal came."""
    settings = RelaySettings.from_json(json.loads(sys.stdin.buffer.read()))
    os.set_blocking(1, False)
    try:
        status = asyncio.run(relay(settings, _report))
    except CannotRelay as error:
        _report({"event": "failed", "text": str(error)})
        status = 2
    sys.exit(status)


if __name__ == "__main__":
    main()
