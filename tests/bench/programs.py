"""What runs in the pseudo-terminal: apps under load that write down how late the event loop was.

`python -m tests.bench.programs NAME RESULT [RATE]` writes its figures as JSON to the file RESULT.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Markdown, RichLog

from tests.bench import data
from tui.core.records import Chunk
from tui.dashboard.app import StreamscopeApp
from tui.sources import SourceInfo

_BEAT_S = 0.002
_FLOOD_S = 3.0
_SLICE_S = 0.008
_MARKDOWN_SIZE = 50_000
_MARKDOWN_RATE = 1000
_PIECE = 12
"""Characters in a chunk of Markdown: a delta of two or three tokens."""


class Heartbeat:
    """Wakes every 2 ms and notes how late it was: what a key press has to wait.

    Also how much of the processor the loop's thread took from one beat to the next: that is the
    app's own doing, while a beat may be late because the machine is busy with something else.
    """

    def __init__(self) -> None:
        self._late: list[float] = []
        self._busy: list[float] = []
        self._used = 0.0
        self._cpu = 0.0
        self._start = 0.0
        self._due = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to beat."""
        self._cpu = time.process_time()
        self._used = time.thread_time()
        self._start = time.perf_counter()
        self._due = asyncio.get_running_loop().time()
        self._beat()

    def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._late.append(max(now - self._due, 0.0))
        used = time.thread_time()
        self._busy.append(used - self._used)
        self._used = used
        self._due = now + _BEAT_S
        self._handle = loop.call_at(self._due, self._beat)

    def stop(self, count: int) -> dict[str, float]:
        """End; return lags in ms, `count` a second, and the share of a processor that was used."""
        assert self._handle is not None
        self._handle.cancel()
        elapsed = time.perf_counter() - self._start
        late, busy = sorted(self._late), sorted(self._busy)
        return {
            "rate": count / elapsed,
            "busy": busy[len(busy) * 99 // 100] * 1000,
            "p99": late[len(late) * 99 // 100] * 1000,
            "max": late[-1] * 1000,
            "cpu": (time.process_time() - self._cpu) / elapsed,
        }


def resident_mb() -> float:
    """Return how much memory the process takes now. Linux only; elsewhere 0."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return int(status.partition("VmRSS:")[2].split()[0]) / 1000


class Offered:
    """A source that offers its reads at a steady rate of events, as a socket would.

    A read that is overdue is handed over at once, without a turn of the event loop.
    """

    def __init__(
        self, reads: list[tuple[int, bytes]], rate: float, done: Callable[[], None]
    ) -> None:
        self.info = SourceInfo("load", None, None, kind="live", timed=True, paced=False)
        self.sent_ns: int | None = None
        self.figures: dict[str, float] = {}
        self._reads = reads
        self._rate = rate
        self._done = done

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield the reads, each when it is due, until they end or the time is up."""
        heartbeat = Heartbeat()
        heartbeat.start()
        self.sent_ns = time.monotonic_ns()
        count = 0
        for events, read in self._reads:
            now = (time.monotonic_ns() - self.sent_ns) / 1e9
            due = count / self._rate
            if now > 2 * _FLOOD_S:
                break
            if due > now:
                await asyncio.sleep(due - now)
            yield Chunk(time.monotonic_ns() - self.sent_ns, read)
            count += events
        self.figures = heartbeat.stop(count)
        self._done()

    async def aclose(self) -> None:
        """There is nothing to let go of."""


def flood(rate: float) -> dict[str, float]:
    """Ours with a stream of text deltas, `rate` events a second, in reads of 10 ms or 16 kB."""
    count = int(rate * _FLOOD_S)
    body = data.text_stream(count)
    each = len(body) / count
    size = min(int(rate / 100 * each), data.READ)
    reads = [(int(len(read) / each), read) for read in data.reads(body, size)]
    return _run_ours(reads, rate)


def markdown() -> dict[str, float]:
    """Ours with an answer of 50 kB of Markdown, 1000 deltas a second."""
    text = data.markdown_text(_MARKDOWN_SIZE)
    stream = data.message(
        {"type": "text", "text": ""},
        (
            {"type": "text_delta", "text": text[at : at + _PIECE]}
            for at in range(0, len(text), _PIECE)
        ),
    )
    reads = [(1, event + b"\n\n") for event in stream.split(b"\n\n")[:-1]]
    return _run_ours(reads, _MARKDOWN_RATE)


def _run_ours(reads: list[tuple[int, bytes]], rate: float) -> dict[str, float]:
    source = Offered(reads, rate, lambda: app.exit(0))
    app = StreamscopeApp([lambda: source])
    app.run()
    return source.figures


class Yardstick(App[None]):
    """A widget of Textual's own under a load that `load` makes; ends with it."""

    def __init__(self, widget: Widget, load: Callable[[], AsyncIterator[int]]) -> None:
        super().__init__()
        self._widget = widget
        self._load = load
        self.figures: dict[str, float] = {}

    def compose(self) -> ComposeResult:
        with VerticalScroll() as scroll:
            yield self._widget
        scroll.anchor()

    def on_mount(self) -> None:
        self.call_after_refresh(lambda: self.run_worker(self._play()))

    async def _play(self) -> None:
        heartbeat = Heartbeat()
        heartbeat.start()
        count = 0
        async for events in self._load():
            count += events
        self.figures = heartbeat.stop(count)
        self.exit()


def rich_log(rate: float) -> dict[str, float]:
    """Textual's RichLog with a line an event."""
    log = RichLog()
    count = int(rate * _FLOOD_S)
    events = data.text_stream(count).split(b"\n\n")[:-1]

    async def load() -> AsyncIterator[int]:
        start = slice_start = time.monotonic()
        for number, event in enumerate(events):
            payload = json.loads(event.partition(b"\ndata: ")[2])
            log.write(f"{number:>6} {payload['type']} {payload.get('delta')}")
            yield 1
            now = time.monotonic()
            if now - start > _FLOOD_S:
                return
            early = number / rate - (now - start)
            if early > 0 or now - slice_start > _SLICE_S:
                await asyncio.sleep(max(early, 0))
                slice_start = time.monotonic()

    app = Yardstick(log, load)
    app.run()
    return app.figures


def markdown_stream() -> dict[str, float]:
    """Textual's MarkdownStream with the same answer."""
    widget = Markdown()
    text = data.markdown_text(_MARKDOWN_SIZE)

    async def load() -> AsyncIterator[int]:
        stream = Markdown.get_stream(widget)
        start = time.monotonic()
        for number, at in enumerate(range(0, len(text), _PIECE)):
            await stream.write(text[at : at + _PIECE])
            yield 1
            now = time.monotonic() - start
            if now > 2 * _MARKDOWN_SIZE / _PIECE / _MARKDOWN_RATE:
                break  # It has fallen behind for good; how far is seen.
            await asyncio.sleep(max(number / _MARKDOWN_RATE - now, 0))
        await stream.stop()

    app = Yardstick(widget, load)
    app.run()
    return app.figures


def main(name: str, result: str, rate: float) -> None:
    """Run a program and write down its figures."""
    with_rate = {"flood": flood, "rich-log": rich_log}
    without = {"markdown": markdown, "markdown-stream": markdown_stream}
    figures = with_rate[name](rate) if name in with_rate else without[name]()
    Path(result).write_text(json.dumps(figures), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]) if len(sys.argv) > 3 else 0.0)
