"""Code that hangs, prints, dies and ends the loop: the app goes on, and so does its screen."""

from __future__ import annotations

import asyncio
import inspect
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from tui.conversation import tool_threads
from tui.conversation.tool_threads import perform, unheard

LONG_S = 60
"""For what must happen, on a machine however slow."""


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a hanging tool waits for; open in the end, so that no thread stays."""
    event = threading.Event()
    yield event
    event.set()


async def broken_off(call: Callable[[], object], begun: threading.Event) -> None:
    """Ask for a call, and give up once it has begun."""
    work = asyncio.create_task(perform(call))
    assert await occurs(begun)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


async def occurs(event: threading.Event) -> bool:
    return await asyncio.to_thread(event.wait, LONG_S)


# --- functions ------------------------------------------------------------------------------------


async def test_a_function_runs_in_a_daemon_of_its_own() -> None:
    seen: list[threading.Thread] = []
    outcomes = await asyncio.gather(
        *(perform(lambda: seen.append(threading.current_thread())) for _ in range(2))
    )
    assert outcomes == [("null", False)] * 2
    assert all(thread.daemon for thread in seen)
    assert len({*seen, threading.current_thread()}) == 3


async def test_functions_run_at_the_same_time() -> None:
    barrier = threading.Barrier(3, timeout=LONG_S)
    outcomes = await asyncio.gather(*(perform(lambda: barrier.wait() * 0) for _ in range(3)))
    assert outcomes == [("0", False)] * 3


class Odd(BaseException):
    pass


@pytest.mark.parametrize(
    "error",
    [
        *(ValueError("x"), SystemExit(3), KeyboardInterrupt(), Odd("x"), GeneratorExit()),
        *(StopIteration("x"), asyncio.CancelledError(), MemoryError(), TimeoutError("late")),
    ],
)
async def test_whatever_is_raised_is_an_outcome(error: BaseException) -> None:
    def function() -> None:
        raise error

    async def coroutine() -> None:
        raise error

    for call in (function, coroutine):
        content, is_error = await perform(call)
        assert is_error
        if not (call is coroutine and isinstance(error, StopIteration)):  # Python's own rule
            assert str(content).startswith(type(error).__name__)


async def test_an_explanation_is_asked_for() -> None:
    async def coroutine() -> None:
        raise ValueError("x")

    for call in (coroutine, lambda: 1 // 0):
        assert await perform(call, lambda error: f"so: {error}") == (
            "so: x" if call is coroutine else "so: integer division or modulo by zero",
            True,
        )


async def test_a_function_that_hangs_is_left_behind(gate: threading.Event) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await perform(gate.wait)
    assert await perform(lambda: "next") == ("next", False)


class Held:
    """A function that is held until the gate opens."""

    def __init__(self, gate: threading.Event, answer: object = "late") -> None:
        self.begun = threading.Event()
        self.thread: threading.Thread | None = None
        self._gate = gate
        self._answer = answer

    def __call__(self) -> object:
        self.thread = threading.current_thread()
        self.begun.set()
        self._gate.wait()
        return self._answer

    def joined(self) -> bool:
        assert self.thread is not None
        self.thread.join(LONG_S)
        return not self.thread.is_alive()


async def test_a_coroutine_that_nobody_waits_for_is_closed(gate: threading.Event) -> None:
    async def coroutine() -> None: ...

    unwanted = coroutine()
    held = Held(gate, unwanted)
    await broken_off(held, held.begun)
    gate.set()
    assert await asyncio.to_thread(held.joined)
    await asyncio.sleep(0)
    assert inspect.getcoroutinestate(unwanted) == inspect.CORO_CLOSED


def test_an_answer_after_the_end_of_the_loop_is_dropped(gate: threading.Event) -> None:
    async def coroutine() -> None: ...

    unwanted = coroutine()
    held = Held(gate, unwanted)
    asyncio.run(broken_off(held, held.begun))
    gate.set()
    assert held.joined()
    assert inspect.getcoroutinestate(unwanted) == inspect.CORO_CLOSED


# --- coroutines -----------------------------------------------------------------------------------


async def thread_of_coroutines() -> int:
    async def coroutine() -> int:
        return threading.get_ident()

    content, is_error = await perform(coroutine)
    assert not is_error
    return int(str(content))


async def test_coroutines_share_a_loop_away_from_ours() -> None:
    barrier = asyncio.Barrier(3)

    async def coroutine() -> int:
        await asyncio.wait_for(barrier.wait(), LONG_S)
        return threading.get_ident()

    outcomes = await asyncio.gather(*(perform(coroutine) for _ in range(3)))
    assert len(set(outcomes)) == 1
    place = await thread_of_coroutines()
    assert outcomes[0] == (str(place), False)
    assert place != threading.get_ident()


async def test_an_awaitable_from_a_plain_function_is_awaited() -> None:
    async def coroutine() -> str:
        return "awaited"

    def decorated() -> object:
        return coroutine()

    assert await perform(decorated) == ("awaited", False)


async def test_a_coroutine_that_hangs_is_cancelled_and_its_loop_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tool_threads, "GRACE_S", LONG_S)
    before = await thread_of_coroutines()
    begun, ended = threading.Event(), threading.Event()

    async def coroutine() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    await broken_off(coroutine, begun)
    assert await occurs(ended)
    assert await thread_of_coroutines() == before


async def test_a_coroutine_that_will_not_be_cancelled_is_left_behind() -> None:
    begun, over = threading.Event(), threading.Event()
    stubborn: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def coroutine() -> None:
        end = asyncio.Event()
        stubborn.append((asyncio.get_running_loop(), end))
        begun.set()
        while not end.is_set():
            try:
                await end.wait()
            except asyncio.CancelledError:
                continue
        over.set()

    await broken_off(coroutine, begun)
    assert not over.is_set()
    assert await thread_of_coroutines()
    loop, end = stubborn[0]
    loop.call_soon_threadsafe(end.set)
    assert await occurs(over)


async def test_a_coroutine_that_blocks_its_loop_is_left_behind_with_it(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool_threads, "GRACE_S", 0.05)
    before = await thread_of_coroutines()
    begun = threading.Event()

    async def coroutine() -> None:
        begun.set()
        gate.wait()

    await broken_off(coroutine, begun)
    first, second = await asyncio.gather(thread_of_coroutines(), thread_of_coroutines())
    assert first == second != before


@pytest.mark.parametrize("doubtful", [True, False])
async def test_a_coroutine_that_waits_for_a_blocked_loop_never_begins_once_given_up(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch, doubtful: bool
) -> None:
    monkeypatch.setattr(tool_threads, "GRACE_S", LONG_S)
    begun = threading.Event()

    async def blocks() -> None:
        begun.set()
        gate.wait()

    async def coroutine() -> None:
        ran.append(1)

    ran: list[int] = []
    first = asyncio.create_task(perform(blocks))
    assert await occurs(begun)
    if doubtful:
        first.cancel()
        await asyncio.wait({first})
    unwanted = coroutine()
    work = asyncio.create_task(perform(lambda: unwanted))
    await asyncio.wait({work}, timeout=0.05)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    gate.set()
    # The loop turns again: whatever was asked of it before is done by now.
    assert await thread_of_coroutines()
    assert inspect.getcoroutinestate(unwanted) == inspect.CORO_CLOSED
    assert not ran
    assert first.cancelled() or await first == ("null", False)


async def test_a_task_that_ends_the_loop_does_not_end_the_other_calls() -> None:
    async def dies() -> None:
        raise SystemExit(3)

    async def coroutine() -> str:
        await asyncio.wait({asyncio.ensure_future(dies())})
        return "still here"

    before = await thread_of_coroutines()
    assert await perform(coroutine) == ("still here", False)
    assert await thread_of_coroutines() == before


# --- printing -------------------------------------------------------------------------------------


async def test_prints_of_tools_go_nowhere_and_ours_where_they_did(gate: threading.Event) -> None:
    entered = threading.Event()

    def function() -> str:
        print("torn")
        print("torn", file=sys.stderr, flush=True)
        sys.stdout.buffer.write(b"torn")
        entered.set()
        gate.wait()
        print("torn" * 10_000)
        sys.stdout.close()
        return "done"

    async def coroutine() -> str:
        print("torn")
        return "done"

    ours = io.StringIO()
    with redirect_stdout(ours), redirect_stderr(ours):
        work = asyncio.create_task(perform(function))
        assert await occurs(entered)
        print("ours")
        gate.set()
        assert await work == ("done", False)
        assert await perform(coroutine) == ("done", False)
        print("too")
    assert ours.getvalue() == "ours\ntoo\n"


async def test_the_streams_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = io.StringIO()
    # Without a loop that runs, which keeps them covered.
    monkeypatch.setattr(tool_threads, "_users", 0)
    with redirect_stdout(ours):
        assert await perform(lambda: "x") == ("x", False)
        assert sys.stdout is ours
        with unheard():
            assert sys.stdout is not ours
            with unheard():
                print("torn")
            print("torn")
        assert sys.stdout is ours


async def test_streams_that_somebody_else_put_there_stay(gate: threading.Event) -> None:
    entered = threading.Event()

    def function() -> None:
        entered.set()
        gate.wait()

    work = asyncio.create_task(perform(function))
    assert await occurs(entered)
    theirs = io.StringIO()
    with redirect_stdout(theirs):
        gate.set()
        await work
        assert sys.stdout is theirs
        print("theirs")
    assert theirs.getvalue() == "theirs\n"


@pytest.mark.parametrize(
    "read",
    [lambda: input("name? "), lambda: sys.stdin.read(1) or input(), lambda: sys.stdin.fileno()],
)
async def test_the_keyboard_is_not_for_tools(read: Callable[[], object]) -> None:
    content, is_error = await perform(read)
    assert is_error
    assert str(content).startswith(("EOFError", "UnsupportedOperation"))
    assert await perform(lambda: list(sys.stdin)) == ("[]", False)


# --- the end of the program -----------------------------------------------------------------------

SCRIPT = """
import asyncio, threading
from tui.conversation.tool_threads import perform

def function():
    print("torn")
    threading.Event().wait()

async def coroutine():
    threading.Event().wait()

async def main():
    for call in (function, coroutine):
        try:
            async with asyncio.timeout(0.05):
                await perform(call)
        except TimeoutError:
            print("left behind", flush=True)

asyncio.run(main())
"""


def test_the_program_ends_while_calls_hang(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=LONG_S,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "left behind\n" * 2, "")
