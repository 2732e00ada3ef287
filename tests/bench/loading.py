"""Large files from the first byte to the whole state: by themselves, and while they are drawn.

`python -m tests.bench.loading FILE RESULT` opens a file in the app, in a terminal, and writes its
figures as JSON to the file RESULT.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import orjson

from tests.bench import data
from tests.bench.measure import Row, at_most, duration, in_turn, seconds, slower
from tests.bench.programs import Heartbeat, resident_mb
from tests.bench.terminal import until
from tui.dashboard.app import StreamscopeApp
from tui.run import Feed
from tui.sources import Source
from tui.sources.capture import recorded


def load(rounds: int) -> list[Row]:
    """A response body of 1M events."""

    def parse(path: Path) -> None:
        with path.open("rb") as file:
            for line in file:
                if line.startswith(b"data: "):
                    orjson.loads(line[6:])

    return _rows(rounds, "large.sse", data.many_events(), parse)


def capture(rounds: int) -> list[Row]:
    """A capture of 1M reads with an event each."""

    return _rows(rounds, "large.jsonl", data.capture_lines(), data.parse_capture)


def _rows(
    rounds: int, name: str, content: Iterator[bytes], parse: Callable[[Path], None]
) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="streamscope-bench-") as folder:
        path, result = Path(folder) / name, Path(folder) / "result.json"
        with path.open("wb") as file:
            file.writelines(content)
        drawn: list[dict[str, float]] = []

        def draw() -> float:
            until(None, "-m", "tests.bench.loading", str(path), str(result))
            drawn.append(json.loads(result.read_text(encoding="utf-8")))
            return drawn[-1]["seconds"]

        bare, alone, while_drawn = in_turn(
            rounds, lambda: seconds(lambda: parse(path)), lambda: seconds(lambda: _fold(path)), draw
        )
        size = path.stat().st_size / 1e6
    lag = {kind: median(figures[kind] for figures in drawn) for kind in drawn[0]}
    budget, yardstick = at_most(2), "orjson.loads of each line"
    return [
        slower(f"1M events of a {name[5:]} file, {size:.0f} MB", alone, yardstick, bare, budget),
        slower("    while drawn", while_drawn, yardstick, bare, budget),
        Row("    usable after", duration(lag["usable"]), "", "",
            lag["usable"] * 1000, at_most(300, " ms")),
        Row("    memory of the process", f"{lag['rss']:.0f} MB", "", "",
            lag["rss"], at_most(150, " MB")),
        Row("    lag p99", f"{lag['p99']:.3g} ms, busy {lag['busy']:.3g} ms", "", "",
            lag["p99"], at_most(15, " ms")),
    ]  # fmt: skip


def _fold(path: Path) -> None:
    (factory,), _ = recorded(path)
    feed = Feed(factory())
    asyncio.run(feed.run())
    _check(feed)


def _check(feed: Feed) -> None:
    run = feed.runs[0]
    if run.status != "complete" or len(run.timeline) != data.EVENTS:
        raise AssertionError(f"{run.status}, {len(run.timeline)} events, {feed.failure}")


# --- the program ----------------------------------------------------------------------------------


def main(path: str, result: str) -> None:
    """Open a file, and write down how late the loop was until all of it was read."""
    start = time.perf_counter()
    (factory,), _ = recorded(Path(path))
    heartbeat = Heartbeat()
    figures: dict[str, float] = {}

    def begin() -> Source:
        heartbeat.start()
        return factory()

    async def watch() -> None:
        while not (app.watchlist.feeds and len(app.watchlist.feeds[0].runs[0].timeline)):
            await asyncio.sleep(0)
        app.redraw()
        figures["usable"] = time.perf_counter() - start
        while not (app.watchlist.feeds and app.watchlist.feeds[0].done):
            await asyncio.sleep(0.01)
        figures.update(heartbeat.stop(data.EVENTS))
        figures["seconds"] = figures["cpu"] * data.EVENTS / figures["rate"]
        figures["rss"] = resident_mb()
        _check(app.watchlist.feeds[0])
        app.exit(0)

    app = StreamscopeApp([begin])
    app.call_later(lambda: app.run_worker(watch()))
    app.run()
    Path(result).write_text(json.dumps(figures), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
