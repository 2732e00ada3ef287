"""Captures with many requests, opened in a pseudo-terminal.

`python -m tests.bench.many_requests FILE RUNS RESULT` writes its figures as JSON to RESULT.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from tests.bench import data
from tests.bench.heartbeat import Pulse
from tests.bench.measure import Row, at_most
from tests.bench.programs import resident_mb
from tests.bench.terminal import until
from tui.captures.codec import CaptureHead, ChunkLine, EndLine, RequestLine, encode_line
from tui.captures.like import Shortener
from tui.dashboard.app import StreamscopeApp
from tui.sources.capture import recorded

_GAP_NS: Final = 12_000_000
_DAY_TURNS: Final = 20
"""Messages that a request of a day has, of 2 kB each."""


class _Kind(NamedTuple):
    """A capture: how many requests, how many events in each, and whether they were at once."""

    requests: int
    events: int
    at_once: bool = False
    waits: bool = True
    """Whether all of it is read before the figures are taken."""
    tools: bool = False
    """Whether every other answer is a tool's input of 1 MB, and memory counts instead of time."""


_KINDS: Final = {
    "1M events in 1 request": _Kind(1, 1_000_000),
    "1M events in 10 requests": _Kind(10, 100_000),
    "300k events in 60 requests": _Kind(60, 5_000),
    "300k events in 60 requests at once": _Kind(60, 5_000, at_once=True),
    "a day of 10,000 requests": _Kind(10_000, 30, waits=False),
    "text and tool inputs of 1 MB": _Kind(26, 20_000, tools=True),
}


def many_requests(rounds: int) -> list[Row]:
    """Captures with one request and with many."""
    rows = []
    one = 0.0
    with tempfile.TemporaryDirectory(prefix="streamscope-bench-") as folder:
        path, result = Path(folder) / "capture.jsonl", Path(folder) / "result.json"
        for name, kind in _KINDS.items():
            with path.open("wb") as file:
                file.writelines(_lines(kind))
            taken = []
            for _ in range(rounds):
                until(None, "-m", "tests.bench.many_requests", str(path),
                      str(kind.requests if kind.waits else 0), str(result))  # fmt: skip
                taken.append(json.loads(result.read_text(encoding="utf-8")))
            found = {figure: median(each[figure] for each in taken) for figure in taken[0]}
            shown = "  ".join(f"{figure} {found[figure]:.3g}" for figure in ("p50", "p99", "max"))
            limit = 1.0 if kind.requests == 10_000 else 0.5
            rows += [
                Row(f"{name}, {path.stat().st_size / 1e6:.0f} MB: first frame with its text",
                    f"{found['usable']:.2f} s", "", "",
                    found["usable"], at_most(limit, " s")),
                Row("    lag of the event loop", f"{shown} ms", "", "",
                    found["p99"], at_most(30, " ms")),
            ]  # fmt: skip
            if kind.tools:
                rows.append(Row("    memory of the process", f"{found['rss']:.0f} MB", "", "",
                                found["rss"], at_most(150, " MB")))  # fmt: skip
            elif kind.waits:
                seconds = found["seconds"]
                one = one or seconds
                each = kind.requests * kind.events / 1_000_000
                rows.append(
                    Row("    all read", f"{seconds:.2f} s", f"one request {one * each:.2f} s",
                        f"{seconds / one / each:.2f}x", seconds / one / each, at_most(2))
                )  # fmt: skip
    return rows


def _lines(kind: _Kind) -> Iterator[bytes]:
    yield encode_line(CaptureHead())
    head, block, *deltas, stop, delta, end = [
        event + b"\n\n" for event in data.text_stream(10_000).split(b"\n\n")[:-1]
    ]
    text = "lorem ipsum dolor sit amet " * 80
    tools = data.tool_stream(1_000_000, 10).split(b"\n\n")[:-1] if kind.tools else []
    # As the recorder writes them: what a request shares with an earlier one is written once.
    shortener = Shortener()
    turns = [{"role": "user", "content": f"{number} {text}"} for number in range(_DAY_TURNS)]

    def run(number: int) -> Iterator[bytes]:
        name = f"r{number + 1}"
        said = [*turns[: number % _DAY_TURNS], {"role": "user", "content": f"{name} {text}"}]
        like, rest = shortener.shorten(name, {"model": "claude-sonnet-5-5", "messages": said})
        yield encode_line(RequestLine(name, 0, "POST", None, {}, rest, like=like))
        events = [head, block, *islice(cycle(deltas), kind.events - 5), stop, delta, end]
        if number % 2 and tools:
            events = [event + b"\n\n" for event in tools]
        for place, event in enumerate(events, 1):
            yield encode_line(ChunkLine(name, place * _GAP_NS, event))
        yield encode_line(EndLine(name, (len(events) + 1) * _GAP_NS, "eof", None))

    runs = [run(number) for number in range(kind.requests)] if kind.at_once else []
    for number in range(0 if kind.at_once else kind.requests):
        yield from run(number)
    while runs:
        for one in list(runs):
            line = next(one, None)
            if line is None:
                runs.remove(one)
            else:
                yield line


# --- the program ----------------------------------------------------------------------------------


def main(path: str, requests: int, result: str) -> None:
    """Open a capture, and write down when its first run was drawn, and how late the loop was."""
    start = time.perf_counter()
    gc.set_threshold(1_000_000)  # As the command line does it.
    factories, _ = recorded(Path(path))
    app = StreamscopeApp(factories)
    figures: dict[str, float] = {}

    def drawn() -> bool:
        """Whether the shown run is in the panes."""
        shown = app.watchlist.shown
        return (
            shown is not None
            and bool(shown.run.timeline)
            and app.dashboard.log_pane.height_in_rows > 0
        )

    async def watch() -> None:
        pulse = Pulse()
        pulse.start()
        while not drawn():
            await asyncio.sleep(0.005)
        figures["usable"] = time.perf_counter() - start
        end = time.perf_counter() + 60
        while requests and time.perf_counter() < end:
            feeds = app.watchlist.feeds
            if len(feeds) == requests and all(feed.done for feed in feeds):
                break
            await asyncio.sleep(0.05)
        if not requests:
            await asyncio.sleep(3)
        figures["seconds"] = time.perf_counter() - start
        figures["rss"] = resident_mb()
        figures.update(pulse.figures())
        Path(result).write_text(json.dumps(figures), encoding="utf-8")
        app.exit(0)

    app.call_later(lambda: app.run_worker(watch()))
    app.run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
