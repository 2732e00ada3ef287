"""How late the event loop is while somebody looks through a large input, in a pseudo-terminal.

`python -m tests.bench.heartbeat FILE RESULT` opens a file, presses keys, and writes its figures as
JSON to the file RESULT.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

from textual.pilot import Pilot

from tests.bench import data
from tests.bench.measure import Row, at_most
from tests.bench.programs import Heartbeat
from tests.bench.terminal import until
from tui.dashboard.app import StreamscopeApp
from tui.dashboard.app_settings import AppSettings
from tui.sources.capture import recorded

_LINE: Final = 16 * 1024 * 1024
_FENCE: Final = 200_000
_EVENTS: Final = 1_000_000
_PIECE: Final = 12
_KEYS: Final = (
    *("G", "g", "j", "enter", "n", "x", "escape", "M", "M", "t", "b"),
    *("tab", "k", "g", "G", "pageup", "z", "z", "tab", "k", "G", "tab"),
    *("L", "escape", "right_square_bracket", "left_square_bracket", "F"),
)
"""Through the log, an event in full, both forms of the transcript, the other panes, the screens."""
_PAUSE_S: Final = 0.2
_LIMIT_S: Final = 60.0


# --- the inputs -----------------------------------------------------------------------------------


def _text(pieces: list[str]) -> bytes:
    deltas: list[dict[str, object]] = [{"type": "text_delta", "text": piece} for piece in pieces]
    return data.message({"type": "text", "text": ""}, deltas)


def _long_line() -> bytes:
    words = "lorem ipsum dolor sit amet "
    return _text([(words * (_LINE // len(words) + 1))[:_LINE]])


def _long_input() -> bytes:
    start: dict[str, object] = {"type": "tool_use", "id": "t", "name": "save", "input": {}}
    whole = json.dumps({"text": "lorem ipsum dolor sit amet " * (_LINE // 27)})
    return data.message(start, [{"type": "input_json_delta", "partial_json": whole}])


def _fence() -> bytes:
    code = "".join(f"def f{n}(a, b):\n    return a * {n}  # comment {n}\n" for n in range(5_000))
    text = f"```python\n{code[:_FENCE]}\n```\n"
    return _text([text[at : at + _PIECE] for at in range(0, len(text), _PIECE)])


_INPUTS: Final[dict[str, Callable[[], bytes]]] = {
    "16 MiB of text in one line": _long_line,
    "16 MiB of tool input in one line": _long_input,
    "200 kB of code in one fence": _fence,
    "1M events": lambda: data.text_stream(_EVENTS),
}


# --- the figures ----------------------------------------------------------------------------------


class Pulse(Heartbeat):
    """A heartbeat with all of its figures, in ms."""

    def figures(self) -> dict[str, float]:
        """Return lags, and the processor time that the loop took without a pause."""
        self.stop(0)
        late, busy = sorted(self._late), sorted(self._busy)
        return {
            "p50": late[len(late) // 2] * 1000,
            "p99": late[len(late) * 99 // 100] * 1000,
            "max": late[-1] * 1000,
            "busy": busy[-1] * 1000,
        }


def heartbeat(rounds: int) -> list[Row]:
    """Large files opened, scrolled and looked into."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="streamscope-bench-") as folder:
        path, result = Path(folder) / "large.sse", Path(folder) / "result.json"
        for name, make in _INPUTS.items():
            path.write_bytes(make())
            taken = []
            for _ in range(rounds):
                until(None, "-m", "tests.bench.heartbeat", str(path), str(result))
                taken.append(json.loads(result.read_text(encoding="utf-8")))
            lag = {kind: median(figures[kind] for figures in taken) for kind in taken[0]}
            shown = "  ".join(f"{kind} {lag[kind]:.3g}" for kind in ("p50", "p99", "max"))
            busy = lag["busy"]
            rows += [
                Row(f"{name}: lag of the event loop", f"{shown} ms", "", "",
                    lag["max"], at_most(100, " ms")),
                Row("    longest without a pause, processor time", f"{busy:.3g} ms", "", "",
                    busy, at_most(100, " ms")),
            ]  # fmt: skip
    return rows


# --- the program ----------------------------------------------------------------------------------


def main(path: str, result: str) -> None:
    """Look through a file, and write down how late the loop was."""
    factories, _ = recorded(Path(path))
    app = StreamscopeApp(factories, AppSettings(speed=100))

    async def look_through(pilot: Pilot[object]) -> None:
        pulse = Pulse()
        pulse.start()
        end = time.perf_counter() + _LIMIT_S
        while (
            not (app.watchlist.feeds and app.watchlist.feeds[0].done) and time.perf_counter() < end
        ):
            await asyncio.sleep(_PAUSE_S)
        for key in _KEYS:
            app.simulate_key(key)
            await asyncio.sleep(_PAUSE_S)
        Path(result).write_text(json.dumps(pulse.figures()), encoding="utf-8")
        app.exit(0)

    app.run(auto_pilot=look_through)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
