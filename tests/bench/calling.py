"""The first live call of a session, from the first frame to the first byte, in a pseudo-terminal.

`python -m tests.bench.calling URL RESULT` asks an API on loopback, and writes its figures as JSON
to the file RESULT.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.bench.measure import Row, at_most, duration, times
from tests.bench.programs import Heartbeat
from tests.bench.serving import serving
from tests.bench.terminal import until
from tui.conversation.plan import LivePlan, make_jobs
from tui.dashboard.app import StreamscopeApp
from tui.messages.request import build_request
from tui.sources.live import Api


def live_call(rounds: int) -> list[Row]:
    """A call while the SDK is still to be imported, against the import alone."""
    calls, imports = [], []
    with (
        serving("tests.bench.serving", "mock") as port,
        tempfile.TemporaryDirectory(prefix="streamscope-bench-") as home,
    ):
        result = Path(home) / "result.json"
        for _ in range(rounds):
            until(None, "-m", "tests.bench.calling", f"http://127.0.0.1:{port}", str(result))
            calls.append(json.loads(result.read_text(encoding="utf-8")))
            imports.append(until(None, "-c", "import anthropic, httpx2"))
    found = {kind: median(figures[kind] for figures in calls) for kind in calls[0]}
    imported = median(imports)
    return [
        Row("first frame to first byte of the first call", duration(found["first"]),
            f"import of the SDK {duration(imported)}", times(found["first"] / imported),
            found["first"] / imported, at_most(1.5)),
        Row("    lag of the event loop meanwhile, longest", f"{found['max']:.3g} ms", "", "",
            found["max"], at_most(100, " ms")),
    ]  # fmt: skip


def main(url: str, result: str) -> None:
    """Ask, and write down when the first byte came and how late the loop was."""
    os.environ["ANTHROPIC_API_KEY"] = "none"
    jobs = make_jobs([build_request("Hello")])
    app = StreamscopeApp([], live=LivePlan(Api(url), jobs))

    async def watch() -> None:
        heartbeat = Heartbeat()
        heartbeat.start()
        start = time.perf_counter()
        while not (app.watchlist.feeds and app.watchlist.feeds[0].session.raw.size):
            await asyncio.sleep(0.005)
        figures = heartbeat.stop(1) | {"first": time.perf_counter() - start}
        Path(result).write_text(json.dumps(figures), encoding="utf-8")
        app.exit(0)

    app.call_after_refresh(lambda: app.run_worker(watch()))
    app.run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
