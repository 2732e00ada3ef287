"""The dashboard on a relay: what it says, what it never touches, and how it is left."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.app_harness import Stage, drawn
from tests.limits import HANG_S
from tests.manual_clock import ManualClock
from tests.playbook import ending, message_start, message_stop, text_block, tool_block, wire
from tui.captures.writer import CaptureWriter, RunWriter
from tui.dashboard.app import StreamscopeApp
from tui.dashboard.app_settings import AppSettings
from tui.dashboard.desk import FOLLOWED
from tui.dashboard.relaying import CAUSES, RelayLink
from tui.screens.relay import LeaveRelay, RelayFacts
from tui.sources.followed import CaptureFollower

URL = "http://127.0.0.1:4711"
S = 1_000_000_000


class Relayed:
    """The app on a relay that the test plays: its reports, and its capture."""

    def __init__(self, stage: Stage, clock: ManualClock, path: Path, pipe: int) -> None:
        self.stage = stage
        self.clock = clock
        self.writer = CaptureWriter(path)
        self.looking = asyncio.Event()
        self.looked = asyncio.Event()
        self._pipe = pipe

    async def wait(self) -> None:
        """Between two looks at the capture."""
        self.looked.set()
        await self.looking.wait()
        self.looking.clear()

    async def look(self) -> None:
        """Have the capture read to its end, and drawn."""
        for _ in range(2):  # A line is read at the first look, and what follows it at the second.
            self.looked.clear()
            self.looking.set()
            async with asyncio.timeout(HANG_S):
                await self.looked.wait()
        await self.draw()

    async def report(self, **value: Any) -> None:  # noqa: ANN401
        """Have the relay report something."""
        self.relaying.take(value)
        await self.draw()

    async def tell(self, *values: dict[str, Any]) -> None:
        """Have it come through the pipe."""
        for value in values:
            os.write(self._pipe, json.dumps(value).encode() + b"\n")

    def hang_up(self) -> None:
        """Have the relay end."""
        os.close(self._pipe)

    @property
    def relaying(self) -> Any:  # noqa: ANN401
        assert self.stage.app.following.relaying is not None
        return self.stage.app.following.relaying

    async def draw(self) -> None:
        await drawn(self.stage.app)
        self.stage.app.redraw()
        await drawn(self.stage.app)

    def begin(self, text: str) -> RunWriter:
        """A request that has come."""
        run = self.writer.begin()
        run.request({"model": "m", "messages": [{"role": "user", "content": text}]})
        return run


@asynccontextmanager
async def relayed(tmp_path: Path, command: str | None = None) -> AsyncIterator[Relayed]:
    path, output = tmp_path / "kept.jsonl", tmp_path / "kept.output.txt"
    read, write = os.pipe()
    clock = ManualClock()
    link = RelayLink(URL, str(path), "https://x", 77, read, str(output) if command else None)
    link.command = command
    found: list[Relayed] = []

    async def wait() -> None:
        await found[0].wait()

    CaptureWriter(path).close()
    app = StreamscopeApp(
        [],
        AppSettings(now=clock, ticking=False),
        following=[CaptureFollower(path, wait=wait, now=clock)],
        relay=link,
    )
    app.animation_level = "none"
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        relay = Relayed(Stage(app, pilot, clock), clock, path, write)
        found.append(relay)
        await relay.draw()
        yield relay
        relay.writer.close()


async def test_before_the_first_request_it_says_what_to_paste(tmp_path: Path) -> None:
    async with relayed(tmp_path) as relay:
        assert f"export ANTHROPIC_BASE_URL={URL}" in relay.stage.said
        await relay.report(event="counts", messages=0, others={"GET /v1/models": 2})
        assert "2 requests of other kinds passed" in relay.stage.said
        assert "cancel" not in relay.stage.keys and "again" not in relay.stage.keys


async def test_a_request_is_there_at_once_and_goes_on_as_it_does(tmp_path: Path) -> None:
    async with relayed(tmp_path) as relay:
        stage = relay.stage
        run = relay.begin("Hello")
        await relay.look()
        assert "1.1 Hello" in stage.header and "LIVE" in stage.header
        assert "export" not in stage.said and len(stage.app.watchlist.all) == 1
        run.response(1, 200, {"content-type": "text/event-stream"})
        run.chunk(2, wire(message_start()) + b"".join(wire(one) for one in text_block(0, "Hi")))
        await relay.look()
        assert "Hi" in stage.said and not stage.moment.done
        run.chunk(3, wire(message_stop()))
        run.end(4, "eof", None)
        await relay.look()
        assert stage.moment.done and "COMPLETE" in stage.header


async def test_keys_never_touch_what_is_relayed(tmp_path: Path) -> None:
    async with relayed(tmp_path) as relay:
        run = relay.begin("Hello")
        await relay.look()
        for key in ("escape", "r", "c"):
            await relay.stage.press(key)
            assert FOLLOWED in relay.stage.text
        run.chunk(2, wire(message_start()))
        await relay.look()
        assert len(relay.stage.app.watchlist.all) == 1
        assert relay.stage.moment.count == 1 and not relay.stage.moment.done


async def test_a_new_request_takes_nobody_away_from_what_goes_on(tmp_path: Path) -> None:
    async with relayed(tmp_path) as relay:
        stage = relay.stage
        first = relay.begin("One")
        await relay.look()
        relay.begin("Two")
        await relay.look()
        assert "1.1 One" in stage.header
        first.end(1, "eof", None)
        await relay.look()
        relay.begin("Three")
        await relay.look()
        assert "3.1 Three" in stage.header
        assert [watched.title for watched in stage.app.watchlist.all] == [
            *("1.1 One", "2.1 Two", "3.1 Three")
        ]


async def test_what_the_reader_went_back_to_stays(tmp_path: Path) -> None:
    async with relayed(tmp_path) as relay:
        stage = relay.stage
        for text in ("One", "Two", "Three"):
            relay.begin(text).end(1, "eof", None)
            await relay.look()
        assert "3.1 Three" in stage.header
        await stage.press("left_curly_bracket", "left_curly_bracket")
        assert "1.1 One" in stage.header
        relay.begin("Four").end(1, "eof", None)
        await relay.look()
        assert "1.1 One" in stage.header
        await stage.press(*["right_curly_bracket"] * 3)
        assert "4.1 Four" in stage.header
        relay.begin("Five")
        await relay.look()
        assert "5.1 Five" in stage.header


async def test_list_and_waterfall_agree_on_who_asks(tmp_path: Path) -> None:
    """What an answer tells groups those behind it, also where it came after they were asked."""
    task = "Find all callers of the function that reads the settings."
    async with relayed(tmp_path) as relay:
        stage = relay.stage
        first, other = relay.begin("Mend it."), relay.begin(task)
        count = relay.writer.begin()
        turns = [{"role": "user", "content": "Mend it."}]
        count.request({"model": "m", "messages": turns}, url="https://x/v1/messages/count_tokens")
        await relay.look()
        streams = stage.app.watchlist.all
        assert [one.title for one in streams] == ["1.1 Mend it.", f"2.1 {task}", "count_tokens"]
        first.response(1, 200, {"content-type": "text/event-stream"})
        call = tool_block(0, json.dumps({"task": task}), name="agent")
        first.chunk(2, wire(message_start(), *call, *ending("tool_use")))
        first.end(3, "eof", None)
        await relay.look()
        await relay.draw()
        names = [one.title for one in streams]
        assert names == ["1.1 Mend it.", f"1b.1 sub-agent: {task}", "count_tokens"]
        await stage.press("W")
        await relay.draw()
        title = stage.app.screen.query_one("#waterfall").border_title
        assert "Conversation \u00b7 2 requests" in str(title)
        other.end(9, "eof", None)
        count.end(9, "eof", None)


async def test_the_usual_causes_are_said_after_15_silent_seconds(tmp_path: Path) -> None:
    async with relayed(tmp_path, "python agent.py") as relay:
        await relay.report(event="command", pid=1)
        assert "Waiting for requests of python" in relay.stage.said
        relay.clock.now_ns += 14 * S
        await relay.draw()
        assert CAUSES[0][:40] not in relay.stage.said
        relay.clock.now_ns += 1 * S
        await relay.draw()
        assert "Nothing has come for 15 s" in relay.stage.said
        assert all(cause in relay.stage.said for cause in CAUSES)


async def test_what_the_command_printed_can_be_seen(tmp_path: Path) -> None:
    async with relayed(tmp_path, "python agent.py") as relay:
        Path(relay.relaying.link.output).write_text("hello\x1b]0;pwn\x07\nsecond line\n")
        await relay.report(event="counts", messages=3, others={"GET /v1/models": 1})
        await relay.stage.press("O")
        assert isinstance(relay.stage.app.screen, RelayFacts)
        text = relay.stage.text
        assert "second line" in text and "\x1b" not in text and "hello" in text
        for part in (URL, "https://x", "kept.jsonl", "3 requests", "GET /v1/models", "running"):
            assert part in text
        await relay.stage.press("escape")


async def test_leaving_asks_while_a_command_runs(tmp_path: Path) -> None:
    async with relayed(tmp_path, "python agent.py") as relay:
        app = relay.stage.app
        await relay.stage.press("q")
        assert isinstance(app.screen, LeaveRelay) and "python is still running" in relay.stage.text
        await relay.stage.press("escape")
        assert not isinstance(app.screen, LeaveRelay) and app._exit is False
        await relay.stage.press("ctrl+c", "e")
        assert relay.relaying.end_wanted and app.return_value == 0


async def test_leaving_does_not_ask_once_it_has_ended(tmp_path: Path) -> None:
    async with relayed(tmp_path, "python agent.py") as relay:
        await relay.report(event="ended", status=3)
        assert "python ended without a request" in relay.stage.said
        await relay.stage.press("q")
        assert relay.stage.app.return_value == 0 and not relay.relaying.end_wanted


async def test_reports_come_through_a_pipe_and_its_end_is_said(tmp_path: Path) -> None:
    async with relayed(tmp_path) as relay:
        state = relay.relaying.state
        await relay.tell({"event": "note", "text": "recording to x stopped: full"})
        os.write(relay._pipe, b'{"half\n')
        await asyncio.to_thread(os.write, relay._pipe, b"x" * 200_000 + b"\n")
        await relay.tell({"event": "counts", "messages": 2, "others": {}})
        relay.hang_up()
        async with asyncio.timeout(HANG_S):
            while not state.gone:
                await asyncio.sleep(0)
        await relay.draw()
        assert state.notes == ["recording to x stopped: full"] and state.messages == 2
        assert "The relay has ended" in relay.stage.said
