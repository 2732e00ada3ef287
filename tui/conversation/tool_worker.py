"""The process that the tools of a Python file run in: `python -m tui.conversation.tool_worker FD`.

It takes JSON lines from a socket and answers each with one. First the file:
`{"path": …, "label": …, "data": base64, "describe": …}` gives `{"tools": [definition, …]}`, empty
unless they are to be described, or `{"error": line}`.
Then calls, one at a time: `{"name": …, "input": {…}}` gives `{"content": …, "is_error": …}`.

Standard output and error are pipes to whoever started it, standard input is empty, and there is no
terminal: what a tool prints is heard, and what it does to this process stays in it. When the socket
ends, so does this process, with all that belongs to its group.
"""

from __future__ import annotations

import base64
import inspect
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from tui.conversation.tool import Outcome, failure_of, outcome_of
from tui.conversation.tool_definitions import ToolsError, ToolsFile
from tui.core.records import JsonObject

if TYPE_CHECKING:
    import asyncio

    from tui.conversation.tool_module import LoadedTools

LOST: Final = 74
"""The exit status when a tool has closed the socket: EX_IOERR of sysexits.h."""


class HostSocket:
    """The socket to whoever started this process."""

    def __init__(self, fd: int) -> None:
        # Programs that a tool starts do not get it.
        os.set_inheritable(fd, False)
        self._fd = fd
        self._identity = _identity(fd)
        self._messages: queue.SimpleQueue[JsonObject] = queue.SimpleQueue()
        self._owner = os.getpid()
        # Nor do forks of this process: it would seem to be alive when it is not.
        os.register_at_fork(after_in_child=lambda: os.close(fd))
        threading.Thread(target=self._read, name="wire", daemon=True).start()

    def _read(self) -> None:
        """Read on while a tool runs, or the end of the other side would not be seen."""
        try:
            with os.fdopen(self._fd, "rb", closefd=False) as lines:
                for line in lines:
                    self._messages.put(json.loads(line))
        finally:
            # At once and with all children: nobody is left who could end them.
            os.kill(0, signal.SIGKILL)

    def messages(self) -> Iterator[JsonObject]:
        """Yield what is asked, without end."""
        while True:
            yield self._messages.get()

    def send(self, reply: JsonObject) -> None:
        """Answer. Does not return in a fork of the process, and where a tool closed the socket."""
        if os.getpid() != self._owner:
            os._exit(0)
        data = json.dumps(reply, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        view = memoryview(data)
        try:
            # The number may be that of a file which a tool has opened since.
            if _identity(self._fd) != self._identity:
                os._exit(LOST)
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError:
            os._exit(LOST)


def _identity(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


class Worker:
    """Answers messages: the tools of one file."""

    def __init__(self) -> None:
        self._loaded: LoadedTools | None = None
        self._runner: asyncio.Runner | None = None

    def answer(self, message: JsonObject) -> JsonObject:
        """Return the reply to a message. Raises nothing."""
        if "data" in message:
            return self._load(message)
        content, is_error = self._call(message["name"], message["input"])
        return {"content": content, "is_error": is_error}

    def _load(self, message: JsonObject) -> JsonObject:
        from tui.conversation.tool_module import load

        path = message["path"]
        sys.argv[:] = [path]
        # Now that all modules of ours are there: it may have others of the same names.
        sys.path.insert(0, os.path.dirname(path))
        try:
            file = ToolsFile(path, message["label"], base64.b64decode(message["data"]))
            self._loaded = load(file, describe=message["describe"])
        except ToolsError as error:
            return {"error": str(error)}
        return {"tools": self._loaded.definitions}

    def _call(self, name: str, given: JsonObject) -> Outcome:
        from tui.conversation.tool_functions import explain

        assert self._loaded is not None
        try:
            value = self._loaded.callees[name].invoke(given)
            if inspect.isawaitable(value):
                value = self._wait_for(value)
            return outcome_of(value)
        except BaseException as error:
            return failure_of(error, lambda said: explain(name, said))

    def _wait_for(self, value: Awaitable[object]) -> object:
        """Await on the one loop of this process: tools may keep a client or a lock on it."""
        import asyncio

        async def result() -> object:
            return await value

        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(result())


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # Whatever a tool has put in their place, or done to them.
        with suppress(BaseException):
            stream.flush()


def main() -> None:
    """Answer until the other side ends."""
    stream: Any
    for stream in (sys.stdout, sys.stderr):
        # By lines, so that what was printed before a crash is not lost with it.
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    wire = HostSocket(int(sys.argv[1]))
    worker = Worker()
    for message in wire.messages():
        reply = worker.answer(message)
        _flush()
        wire.send(reply)


if __name__ == "__main__":
    main()
