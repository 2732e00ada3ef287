"""What is imported after the first frame, and what is said until a call has been answered."""

from __future__ import annotations

import subprocess
import sys

from tests import playbook as pb
from tests.app_harness import PushedSource, on_stage
from tests.limits import HANG_S
from tests.manual_clock import ManualClock
from tui.dashboard.waiting import pending
from tui.dashboard.watched import Watched
from tui.run import Feed
from tui.sources import Answer
from tui.sources.live import LiveSource

_PROGRAM = """
import asyncio, sys, threading

places = {}
beats = 0

def note(event, arguments):
    if event == "import" and arguments[0] not in places:
        places[arguments[0]] = threading.current_thread().name, beats

sys.addaudithook(note)

from tui.dashboard.importing import import_sdk_soon

async def main():
    global beats
    thread = import_sdk_soon()
    while thread.is_alive():
        beats += 1
        await asyncio.sleep(0.001)

asyncio.run(main())
name, before = places["anthropic"]
print(name, beats - before > 20)
"""

_PIECES = """
import asyncio, sys

from tui.dashboard.importing import import_soon
import tui.dashboard.app

async def main():
    before, most = set(sys.modules), 0
    known = before
    work = asyncio.ensure_future(import_soon(listed=True))
    while not work.done():
        await asyncio.sleep(0)
        own = {name for name in sys.modules if name.startswith("tui.")}
        most = max(most, len(own - known))
        known = known | own
    return most / len(known - before)

most = asyncio.run(main())
names = "tui.conversation.diagnosis", "tui.widgets.tool_call", "tui.dashboard.listing"
print(all(name in sys.modules for name in names), most < 0.5)
"""


def _run(program: str) -> list[str]:
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        text=True,
        timeout=HANG_S,
    )
    return result.stdout.split()


def test_the_sdk_is_imported_beside_the_event_loop_which_goes_on() -> None:
    assert _run(_PROGRAM) == ["imports", "True"]


def test_what_streams_are_drawn_with_is_imported_in_pieces() -> None:
    assert _run(_PIECES) == ["True", "True"]


async def test_a_call_is_connecting_until_its_response_begins() -> None:
    source = LiveSource({"model": "claude-sonnet-5-5", "messages": []})
    watched = Watched(Feed(source))
    assert "CONNECTING" in pending(watched)
    source.answer = Answer(1, 200, {}, {})
    assert not pending(watched)
    source.answer = None
    watched.feed.session.feed(1, b": ok\n\n")
    assert not pending(watched)
    other = Watched(Feed(LiveSource({"messages": []})))
    other.feed.stop()
    assert not pending(other)


class AnsweredSource(PushedSource):
    answer: Answer | None = None


async def test_the_header_says_that_a_call_is_connecting() -> None:
    clock = ManualClock()
    source = AnsweredSource(clock)
    async with on_stage(source, clock=clock) as stage:
        await stage.advance(1)
        assert "CONNECTING" in stage.header
        source.answer = Answer(1, 200, {}, {})
        await stage.advance(1)
        assert "CONNECTING" not in stage.header and "LIVE" in stage.header
        source.push(pb.message_start(), pb.text_start(), pb.text(0, "One"))
        await stage.settle()
        assert "LIVE" in stage.header
