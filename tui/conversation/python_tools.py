"""The functions of a Python file as tools, each call in a process that runs nothing else."""

from __future__ import annotations

import asyncio
import base64
from typing import Final

from tui.conversation.tool import Outcome, Printout, Tool, ToolFailed, plain_copy, tool_name
from tui.conversation.tool_definitions import ToolsError, ToolsFile
from tui.conversation.tool_process import ProcessEnded, ToolProcess
from tui.core.records import JsonObject
from tui.core.text import clip, one_line

IMPORT_S: Final = 30.0
"""How long a file may take to be imported."""


class PythonTools:
    """The processes of a file. Each keeps what its calls leave behind, as a module does.

    Calls one after another have the same process; calls at the same time have one each. One that
    crashed or was killed is replaced by the next call.
    """

    def __init__(self, file: ToolsFile, *, import_s: float = IMPORT_S) -> None:
        self._file = file
        self._import_s = import_s
        self._processes: list[ToolProcess] = []
        """The oldest first: it has seen most, so it is asked before the others."""
        self._busy: set[ToolProcess] = set()
        self._unheard = Printout()
        """What the file printed when it was first imported."""

    async def load(self) -> list[Tool]:
        """Import the file and return its tools. Raises ToolsError."""
        process, definitions = await self._begin(self._unheard, describe=True)
        self._processes.append(process)
        return [self._tool(definition) for definition in definitions]

    def _tool(self, definition: JsonObject) -> Tool:
        name = tool_name(definition)

        async def call(given: JsonObject, printout: Printout) -> Outcome:
            return await self._call(name, given, printout)

        return Tool(definition, call)

    async def _call(self, name: str, given: JsonObject, printout: Printout) -> Outcome:
        if self._unheard.size:
            self._unheard, said = Printout(), self._unheard
            printout.take(said)
        try:
            process = await self._ready(printout)
        except ToolsError as error:
            raise ToolFailed(str(error)) from None
        self._busy.add(process)
        try:
            reply = await process.ask({"name": name, "input": given}, printout)
            outcome = _outcome(reply)
            if outcome is None:
                process.close()
                raise ToolFailed("the tool wrote to the socket that its answer goes through")
            return outcome
        except ProcessEnded as error:
            raise ToolFailed(str(error)) from None
        finally:
            self._busy.discard(process)
            if not process.close.alive:
                self._processes.remove(process)

    async def _ready(self, printout: Printout) -> ToolProcess:
        """Return a process that has the tools and no call."""
        for process in [one for one in self._processes if one not in self._busy]:
            ending = process.ending()
            if ending is None:
                return process
            self._processes.remove(process)
            process.close()
            printout.add(f"[before this call {ending}; it was started again]\n".encode())
        process, _ = await self._begin(printout)
        self._processes.append(process)
        return process

    async def _begin(
        self, printout: Printout, *, describe: bool = False
    ) -> tuple[ToolProcess, list[JsonObject]]:
        """Start a process and have it import the file. Raises ToolsError."""
        file = self._file
        data = base64.b64encode(file.data).decode()
        message = {"path": file.path, "label": file.label, "data": data, "describe": describe}
        try:
            process = ToolProcess()
        except OSError as error:
            raise file.error(f"no process can be started: {error.strerror or error}") from None
        try:
            async with asyncio.timeout(self._import_s):
                reply = await process.ask(message, printout)
        except TimeoutError:
            raise file.error(f"it was not imported within {self._import_s:g} s") from None
        except ProcessEnded as error:
            raise file.error(f"while it is imported: {error}") from None
        tools = reply.get("tools")
        if isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools):
            return process, tools
        process.close()
        raise ToolsError(clip(one_line(str(reply.get("error"))), 1_000))


def _outcome(reply: JsonObject) -> Outcome | None:
    """Return what a process replied, None where that is no outcome: a tool may write there too."""
    content, is_error = reply.get("content"), reply.get("is_error")
    blocks = isinstance(content, list) and all(isinstance(block, dict) for block in content)
    try:
        if isinstance(is_error, bool) and (blocks or isinstance(content, str)):
            return Outcome(plain_copy(content), is_error)
    except (ValueError, RecursionError):
        pass
    return None
