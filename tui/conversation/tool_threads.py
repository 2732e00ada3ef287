"""Runs code that is not ours: away from the loop, unheard, and left behind when it hangs.

A function runs in a thread of its own, and the coroutines of all tools on one loop in another
thread, as they may share a client or a lock. All of these are daemons: neither the screen nor the
end of the program waits for a call that never returns.

What such code prints is dropped, as the screen or the plain output would be torn by it, and reading
standard input gives its end, as the keyboard is ours. This holds for `sys.stdout`, `sys.stderr` and
`sys.stdin` in these threads, and in no others: not in threads that a tool starts itself, and not
for its child processes, which get the descriptors.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from tui.conversation.tool import Explain, Outcome, failure_of, outcome_of

GRACE_S: Final = 1.0
"""How long the loop of the tools may take to answer after one of them ran out of time."""
_STREAMS: Final = ("stdin", "stdout", "stderr")


async def perform(call: Callable[[], object], explain: Explain | None = None) -> Outcome:
    """Call it in a thread of its own, await what it returns if need be, and return the outcome.

    Raises nothing but CancelledError; what runs then is left behind.
    """
    result = await _in_thread(lambda: _attempt(call, explain))
    return result if isinstance(result, Outcome) else await _on_loop(result, explain)


def _attempt(call: Callable[[], object], explain: Explain | None) -> Outcome | Awaitable[object]:
    try:
        value = call()
        return value if inspect.isawaitable(value) else outcome_of(value)
    except BaseException as error:
        return failure_of(error, explain)


async def _in_thread(
    work: Callable[[], Outcome | Awaitable[object]],
) -> Outcome | Awaitable[object]:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Outcome | Awaitable[object]] = loop.create_future()

    def settle(result: Outcome | Awaitable[object]) -> None:
        if done.done():
            _close(result)
        else:
            done.set_result(result)

    def main() -> None:
        with unheard():
            result = work()
        try:
            loop.call_soon_threadsafe(settle, result)
        except RuntimeError:  # The loop is gone, and so is who asked.
            _close(result)

    threading.Thread(target=main, name="tool", daemon=True).start()
    return await done


def _close(result: object) -> None:
    """Close a coroutine that nobody has begun with."""
    if inspect.iscoroutine(result) and inspect.getcoroutinestate(result) == inspect.CORO_CREATED:
        result.close()


# --- coroutines -----------------------------------------------------------------------------------


class _Host:
    """A loop in a daemon thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        # What a tool leaves undone is nobody's: it would be printed over the screen.
        self.loop.set_exception_handler(lambda loop, context: None)
        self.doubtful = False
        """Whether a call ran out of time on it since it last answered."""
        threading.Thread(target=self._main, name="tools", daemon=True).start()

    def _main(self) -> None:
        with unheard():
            while not self.loop.is_closed():
                # A task that raises SystemExit ends the loop, and with it all other calls.
                with suppress(BaseException):
                    self.loop.run_forever()

    async def answers(self) -> bool:
        """Whether it still turns: a coroutine may block it."""
        if self.doubtful:
            answer = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_nothing(), self.loop))
            await asyncio.wait({answer}, timeout=GRACE_S)
            self.doubtful = not answer.done()
            answer.cancel()
        return not self.doubtful


_host: _Host | None = None


async def _nothing() -> None:
    pass


async def _on_loop(value: Awaitable[object], explain: Explain | None) -> Outcome:
    host: _Host | None = None
    try:
        host = await _turning_host()
        future = asyncio.run_coroutine_threadsafe(_await(value, explain), host.loop)
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        if host is None:
            _close(value)
        else:
            host.doubtful = True
            # In line behind what would begin with it, and before it does.
            host.loop.call_soon_threadsafe(_close, value)
        raise


async def _turning_host() -> _Host:
    global _host
    host = _host
    if host is None or not await host.answers():
        # Looked at again: another call may have made one in the meantime.
        if _host is host:
            _host = _Host()
        assert _host is not None
        return _host
    return host


async def _await(value: Awaitable[object], explain: Explain | None) -> Outcome:
    task = asyncio.current_task()
    assert task is not None
    with _curtains():
        try:
            return outcome_of(await value)
        except asyncio.CancelledError as error:
            if task.cancelling():
                raise
            return failure_of(error, explain)
        except BaseException as error:
            return failure_of(error, explain)


# --- standard streams -----------------------------------------------------------------------------


class _Nowhere(io.RawIOBase):
    """Takes everything and keeps nothing; has nothing to read."""

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        return 0

    def write(self, data: Any) -> int:  # noqa: ANN401
        return len(data)


class _Own(threading.local):
    """The streams of a thread that is not heard."""

    streams: dict[str, io.TextIOWrapper] | None = None


class _Curtain:
    """Stands in for a standard stream: nowhere to threads that are not heard, itself to others."""

    def __init__(self, name: str, stream: Any) -> None:  # noqa: ANN401
        self._name = name
        self._stream = stream

    def _current(self) -> Any:  # noqa: ANN401
        own = _own.streams
        return self._stream if own is None else own[self._name]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._current(), name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._current())


_own = _Own()
_lock = threading.Lock()
_users = 0


@contextmanager
def unheard() -> Iterator[None]:
    """Drop what this thread prints, and give it nothing to read."""
    before = _own.streams
    _own.streams = {name: _nowhere(name) for name in _STREAMS}
    try:
        with _curtains():
            yield
    finally:
        _own.streams = before


def _nowhere(name: str) -> io.TextIOWrapper:
    raw = _Nowhere()
    # With buffers, as `sys.stdout.buffer` is used too.
    buffer = io.BufferedReader(raw) if name == "stdin" else io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, encoding="utf-8", errors="replace")


@contextmanager
def _curtains() -> Iterator[None]:
    """Keep the standard streams covered; whoever puts others in their place is let have it."""
    global _users
    with _lock:
        _users += 1
        for name in _STREAMS:
            stream = getattr(sys, name)
            if stream is not None and not isinstance(stream, _Curtain):
                setattr(sys, name, _Curtain(name, stream))
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            for name in _STREAMS:
                stream = getattr(sys, name)
                if not _users and isinstance(stream, _Curtain):
                    setattr(sys, name, stream._stream)
