"""How late the event loop is while streams are drawn, in a pseudo-terminal."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench.measure import Limit, Row, at_most, times
from tests.bench.terminal import until


class Load(NamedTuple):
    """Events a second, how late the loop was in ms, and the share of a processor that was used.

    `busy` is the 99th percentile of the processor time, in ms, that the loop took without a pause.
    """

    rate: float
    p99: float
    max: float
    busy: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.rate / 1000:.3g}k/s, busy p99 {self.busy:.3g} ms, cpu {self.cpu:.0%}"


def flood(rounds: int) -> list[Row]:
    """Text deltas at 20k/s and at 100k/s, three panes drawn."""
    rows = []
    log = _measure(1, "rich-log", 20_000)
    for rate in (20_000, 100_000):
        load = _measure(rounds, "flood", rate)
        work = f"{rate // 1000}k events/s drawn in three panes"
        ratio = load.rate / log.rate
        rows += [
            Row(work, str(load), f"RichLog {log}", times(ratio),
                load.rate / 1000, Limit(rate / 1000 * 0.97, "k/s")),
            Row("    lag p99", f"{load.p99:.3g} ms", f"RichLog {log.p99:.3g} ms",
                times(load.p99 / log.p99), load.p99, at_most(15, " ms")),
            Row("    lag max", f"{load.max:.3g} ms", f"RichLog {log.max:.3g} ms",
                times(load.max / log.max), load.max, at_most(50, " ms")),
        ]  # fmt: skip
    return rows


def markdown(rounds: int) -> list[Row]:
    """50 kB of Markdown at 1000 deltas a second."""
    stream = _measure(1, "markdown-stream")
    load = _measure(rounds, "markdown")
    return [
        Row("50 kB of Markdown at 1000 deltas/s", str(load), f"MarkdownStream {stream}",
            times(load.rate / stream.rate), load.rate / 1000, Limit(0.97, "k/s")),
        Row("    lag p99", f"{load.p99:.3g} ms", f"MarkdownStream {stream.p99:.3g} ms",
            times(load.p99 / stream.p99), load.p99, at_most(15, " ms")),
    ]  # fmt: skip


def _measure(rounds: int, name: str, rate: float = 0) -> Load:
    """Return the medians over the rounds."""
    taken = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="streamscope-bench-") as folder:
            result = Path(folder) / "result.json"
            until(None, "-m", "tests.bench.programs", name, str(result), str(rate))
            taken.append(json.loads(result.read_text(encoding="utf-8")))
    return Load(*(median(figures[name] for figures in taken) for name in Load._fields))
