"""A process of its own for the tools of a file: started, asked, heard and killed from here.

It has no terminal and nothing to read. What it, its threads and its children print comes through
one pipe, messages and replies go through a socket (tool_worker.py says which). It is killed with
its whole group when a call is given up, when nobody holds it any more, and when this program ends;
should this program be killed itself, the socket ends, and the process with it.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import weakref
from contextlib import suppress
from typing import Final

from tui.conversation.tool import MAX_BLOCK_CHARS, Printout
from tui.conversation.tool_worker import LOST
from tui.core.records import JsonObject, strict_loads

MAX_REPLY: Final = 4 * MAX_BLOCK_CHARS + 65_536
"""Bytes of one reply: as much as its characters can take."""
_READ: Final = 1 << 20
_PIPE: Final = 65_536
"""What a pipe holds. All that was printed before a reply is in it when the reply is there."""
_GRACE_S: Final = 1.0
"""How long a process that let go of its socket may take to end by itself."""
_STEP_S: Final = 0.005


class ProcessEnded(Exception):
    """The process is no more. The message is one line that says how it ended."""


class ToolProcess:
    """The process. Raises OSError where none can be started."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        printed, prints = os.pipe()
        # Never one of the standard three, which may be closed here.
        given = fcntl.fcntl(theirs, fcntl.F_DUPFD_CLOEXEC, 3)
        command = [sys.executable, "-P", "-m", "tui.conversation.tool_worker", str(given)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=prints,
                stderr=prints,
                pass_fds=[given],
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            os.close(printed)
            raise
        finally:
            theirs.close()
            os.close(given)
            os.close(prints)
        ours.setblocking(False)
        os.set_blocking(printed, False)
        self._socket = ours
        self._printed = printed
        self._received = bytearray()
        self.close = weakref.finalize(self, _end, self._process, ours, printed)
        """Kills it. Done by itself when nobody holds it any more, and at exit."""

    @property
    def pid(self) -> int:
        """Also the id of its session and its group."""
        return self._process.pid

    def ending(self) -> str | None:
        """Return how it ended, one line; None while it runs."""
        status = self._process.poll()
        if status is None:
            return None
        if status == LOST:
            return "the tool closed the socket that its answer goes through"
        said = f"signal {-status}" if status < 0 else f"exit status {status}"
        return f"the tool ended the process: {said}"

    async def ask(self, message: JsonObject, printout: Printout) -> JsonObject:
        """Send a message and return the reply; `printout` takes what is printed until then.

        Raises ProcessEnded. Whatever is raised, cancellation too, the process is killed.
        """
        loop = asyncio.get_running_loop()
        loop.add_reader(self._printed, self._hear, printout, loop)
        reply = None
        try:
            await loop.sock_sendall(self._socket, json.dumps(message).encode() + b"\n")
            reply = await self._reply(loop)
        except (OSError, EOFError):
            raise ProcessEnded(await self._ended()) from None
        finally:
            # What is in the pipe, but not what a thread or a child goes on to print.
            self._hear(printout, loop)
            loop.remove_reader(self._printed)
            if reply is None:
                self.close()
        return reply

    async def _reply(self, loop: asyncio.AbstractEventLoop) -> JsonObject:
        received = self._received
        while not received.endswith(b"\n"):
            data = await loop.sock_recv(self._socket, _READ)
            if not data:
                raise EOFError
            received += data
            if len(received) > MAX_REPLY:
                raise ProcessEnded("the tool wrote too much to the socket of its answer")
        line = bytes(received)
        received.clear()
        try:
            reply = strict_loads(line.decode())
        except (ValueError, RecursionError):
            reply = None
        if not isinstance(reply, dict):
            raise ProcessEnded("the tool wrote to the socket that its answer goes through")
        return reply

    async def _ended(self) -> str:
        """Return how the process ended, when its socket has."""
        for _ in range(int(_GRACE_S / _STEP_S)):
            ending = self.ending()
            if ending is not None:
                return ending
            await asyncio.sleep(_STEP_S)
        return "the tool closed the socket that its answer goes through"

    # --- what is printed ------------------------------------------------------------------------

    def _hear(self, printout: Printout, loop: asyncio.AbstractEventLoop) -> None:
        try:
            data = os.read(self._printed, _PIPE)
        except OSError:  # There is nothing yet.
            return
        printout.add(data)
        if not data:  # All of its writers are closed: there would be no end of being called.
            loop.remove_reader(self._printed)


def _end(process: subprocess.Popen[bytes], wire: socket.socket, printed: int) -> None:
    # The group may outlive the process: its children are in it.
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    wire.close()
    os.close(printed)
    # A process that the system cannot end, as one that waits for a lost disk, is not waited for.
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)
