"""A search in a large capture that is on the screen, in a pseudo-terminal.

`python -m tests.bench.searching FILE RESULT NEEDLE` opens a file in the app, looks for something
once all of it was read, and writes its figures as JSON to the file RESULT.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench import data
from tests.bench.measure import Row, at_most, duration, seconds, slower
from tests.bench.programs import Heartbeat
from tests.bench.terminal import until
from tui.dashboard.app import StreamscopeApp
from tui.find.search import Searcher
from tui.sources.capture import recorded

_NEEDLES: Final = {"text": "hello", "regular expression": "re:a[bc]{2}d"}
_PAUSE_S: Final = 0.01


def search(rounds: int) -> list[Row]:
    """Text and a regular expression in 1M events: on the clock, against the work alone."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="streamscope-bench-") as folder:
        path, result = Path(folder) / "large.jsonl", Path(folder) / "result.json"
        with path.open("wb") as file:
            file.writelines(data.capture_lines())
        for name, needle in _NEEDLES.items():
            taken = []
            for _ in range(rounds):
                until(None, "-m", "tests.bench.searching", str(path), str(result), needle)
                taken.append(json.loads(result.read_text(encoding="utf-8")))
            found = {kind: median(figures[kind] for figures in taken) for kind in taken[0]}
            work = f"{name} looked for in 1M events on the screen, by the clock"
            rows += [
                slower(work, found["took"], "the work alone", found["alone"], at_most(2)),
                Row("    the first match after", duration(found["first"]), "", "",
                    found["first"] * 1000, at_most(100, " ms")),
                Row("    lag p99", f"{found['p99']:.3g} ms", "", "",
                    found["p99"], at_most(15, " ms")),
            ]  # fmt: skip
    return rows


# --- the program ----------------------------------------------------------------------------------


def main(path: str, result: str, needle: str) -> None:
    """Open a file, look for something, and write down how long it took."""
    (factory,), _ = recorded(Path(path))
    app = StreamscopeApp([factory])

    async def look() -> None:
        while not (app.watchlist.feeds and app.watchlist.feeds[0].done):
            await asyncio.sleep(_PAUSE_S)
        run = app.watchlist.feeds[0].runs[0]
        heartbeat = Heartbeat()
        heartbeat.start()
        start = time.perf_counter()
        app.finder.set_search(needle, run)
        first = 0.0
        while app.finder.progress < 1:
            await asyncio.sleep(_PAUSE_S)
            searcher = app.finder.searcher
            if not first and searcher is not None and searcher.count:
                first = time.perf_counter() - start
        took = time.perf_counter() - start
        figures = heartbeat.stop(data.EVENTS)
        alone = seconds(lambda: Searcher(needle, run).advance())
        figures |= {"took": took, "first": first, "alone": alone}
        Path(result).write_text(json.dumps(figures), encoding="utf-8")
        app.exit(0)

    app.call_later(lambda: app.run_worker(look()))
    app.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
