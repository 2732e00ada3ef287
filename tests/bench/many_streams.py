"""Many live streams at once, drawn, in a pseudo-terminal.

`python -m tests.bench.many_streams COUNT RATE VIEW RESULT` writes its figures as JSON to the file
RESULT. RATE is that of all streams together; VIEW is `one`, or `beside` for all side by side.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from functools import cache, partial
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench import data
from tests.bench.heartbeat import Pulse
from tests.bench.measure import Row, at_most
from tests.bench.terminal import until
from tui.core.records import Chunk
from tui.dashboard.app import StreamscopeApp
from tui.sources import SourceInfo

_RATE: Final = 10_000
"""Events a second, of all streams together."""
_BESIDE: Final = 2_000
"""Events a second, of each of two side by side."""
_FOR_S: Final = 4.0
_SETTLED_S: Final = 1.0
"""What comes before is the making of the screen, and is not counted."""
_COUNTS: Final = (1, 10, 100, 1_000)


def many_streams(rounds: int) -> list[Row]:
    """10,000 events a second in all, an event a read, from 1 to 1,000 streams; two side by side."""
    cases = [(count, _RATE, "one") for count in _COUNTS] + [(2, 2 * _BESIDE, "beside")]
    rows = []
    with tempfile.TemporaryDirectory(prefix="streamscope-bench-") as folder:
        result = Path(folder) / "result.json"
        for count, rate, view in cases:
            taken = []
            for _ in range(rounds):
                arguments = (str(count), str(rate), view, str(result))
                until(None, "-m", "tests.bench.many_streams", *arguments)
                taken.append(json.loads(result.read_text(encoding="utf-8")))
            found = {kind: median(figures[kind] for figures in taken) for kind in taken[0]}
            shown = "  ".join(f"{kind} {found[kind]:.3g}" for kind in ("p50", "p99", "max"))
            kept = found["taken"] / found["offered"]
            what = "live streams" if view == "one" else "live streams side by side"
            rows += [
                Row(f"{count} {what}, {rate:,} events/s in all: lag", f"{shown} ms", "", "",
                    found["p99"], at_most(30, " ms")),
                Row("    events taken of those offered", f"{found['taken']:,.0f}",
                    f"offered {found['offered']:,.0f}", f"{kept:.2f}x"),
                Row("    the stream that fell behind most", f"{found['behind']:.0f} ms"),
            ]  # fmt: skip
    return rows


# --- the program ----------------------------------------------------------------------------------


@cache
def _events() -> list[bytes]:
    """Return what each stream sends. Made once: a socket's bytes cost the loop nothing."""
    return data.text_stream(2_000).split(b"\n\n")[:-4]


class _Steady:
    """A live stream with an event at a time, each when it is due."""

    def __init__(self, number: int, count: int, rate: int) -> None:
        title, request = f"stream {number}", {"model": "claude-sonnet-5-5"}
        self.info = SourceInfo(title, None, request, "live", timed=True, paced=False)
        self.sent_ns: int | None = None
        self.taken = 0
        self.behind_s = 0.0
        """How late the last event was."""
        self._gap_s = count / rate
        self._first_s = number * self._gap_s / count

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield events until the time is up."""
        events = _events()
        self.sent_ns = time.monotonic_ns()
        while True:
            now = (time.monotonic_ns() - self.sent_ns) / 1e9
            if now > _FOR_S:
                return
            due = self._first_s + self.taken * self._gap_s
            if due > now:
                await asyncio.sleep(due - now)
            number = self.taken if self.taken < len(events) else 2 + self.taken % 1_000
            yield Chunk(time.monotonic_ns() - self.sent_ns, events[number] + b"\n\n")
            self.behind_s = (time.monotonic_ns() - self.sent_ns) / 1e9 - due
            self.taken += 1

    async def aclose(self) -> None:
        """There is nothing to let go of."""


def main(count: int, rate: int, view: str, result: str) -> None:
    """Show so many streams for some seconds, and write down how late the loop was."""
    gc.set_threshold(1_000_000)  # As the command line does it.
    _events()
    sources = [_Steady(number, count, rate) for number in range(count)]
    app = StreamscopeApp([partial(lambda one: one, source) for source in sources])

    async def watch() -> None:
        if view == "beside":
            app.side.show()
        await asyncio.sleep(_SETTLED_S)
        pulse = Pulse()
        pulse.start()
        begun, start = sum(source.taken for source in sources), time.perf_counter()
        await asyncio.sleep(_FOR_S - _SETTLED_S - 0.5)
        seconds = time.perf_counter() - start
        figures = pulse.figures()
        figures["taken"] = sum(source.taken for source in sources) - begun
        figures["offered"] = seconds * rate
        figures["behind"] = max(source.behind_s for source in sources) * 1000
        Path(result).write_text(json.dumps(figures), encoding="utf-8")
        app.exit(0)

    app.call_later(lambda: app.run_worker(watch()))
    app.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
