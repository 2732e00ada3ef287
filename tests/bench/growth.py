"""How cost grows with the size of a run: ten times the events should cost ten times the work."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench import data
from tests.bench.measure import Row, at_most, duration, seconds, times
from tui.captures.exporters import export
from tui.captures.material import Material
from tui.compare.comparison import compare
from tui.core.session import Run
from tui.core.steps import finish
from tui.find.search import Searcher
from tui.run import INSTANT, Clock, Feed
from tui.sources.capture import recorded

_SIZES: Final = (10_000, 100_000, 1_000_000)
_STEPS: Final = 20
_NOWHERE: Final = "in none of them"


def growth(rounds: int) -> list[Row]:
    """Load, step back, search, export and compare captures of 10k, 100k and 1M events."""
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="streamscope-bench-") as folder:
        for size in _SIZES:
            path = Path(folder) / f"{size}.jsonl"
            with path.open("wb") as file:
                file.writelines(data.capture_lines(size))
            loaded: list[Run] = []
            taken.setdefault("load", []).append(seconds(partial(_keep, loaded, path)))
            for name, work in _works(loaded[0]).items():
                taken.setdefault(name, []).append(seconds(work))
    return [_row(name, figures) for name, figures in taken.items()]


def step_back(rounds: int) -> list[Row]:
    """One event back at the end of 1M, in processor time."""
    with tempfile.TemporaryDirectory(prefix="streamscope-bench-") as folder:
        path = Path(folder) / "large.jsonl"
        with path.open("wb") as file:
            file.writelines(data.capture_lines())
        timeline = _load(path).timeline
        timeline.at(len(timeline))
        steps = [
            seconds(partial(timeline.at, len(timeline) - back))
            for back in range(1, _STEPS * rounds)
        ]
    step = median(steps) * 1000
    work = "one event back at the end of 1M"
    longest = f"{step:.3g} ms, longest {max(steps) * 1000:.3g} ms"
    return [Row(work, longest, value=step, limit=at_most(16, " ms"))]


def _keep(loaded: list[Run], path: Path) -> None:
    loaded.append(_load(path))


def _load(path: Path) -> Run:
    (factory,), _ = recorded(path)
    feed = Feed(factory(), clock=Clock(speed=INSTANT))
    asyncio.run(feed.run())
    run = feed.runs[0]
    if run.status != "complete":
        raise AssertionError(f"{run.status}, {feed.failure}")
    return run


def _works(run: Run) -> dict[str, Callable[[], object]]:
    timeline = run.timeline

    def step() -> None:
        for back in range(1, _STEPS):
            timeline.at(len(timeline) - back)

    return {
        f"{_STEPS} steps back": step,
        "search": lambda: Searcher(_NOWHERE, run).advance(),
        "export": lambda: export("capture", Material(run, "t")),
        "compare with itself": lambda: finish(compare(run, run, None, None)),
    }


def _row(name: str, figures: list[float]) -> Row:
    growths = [
        after / max(before, 1e-4) for before, after in zip(figures, figures[1:], strict=False)
    ]
    return Row(
        f"{name}: 10k, 100k, 1M events",
        ", ".join(map(duration, figures)),
        "a tenth of the events",
        ", ".join(map(times, growths)),
        growths[-1],
        at_most(12),
    )
