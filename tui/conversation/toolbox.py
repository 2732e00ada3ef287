"""The tools of a conversation: what is offered to the model, and a result for each of its calls."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tui.conversation.tool import (
    Content,
    Outcome,
    Printout,
    Tool,
    ToolFailed,
    failure_of,
    fresh,
)
from tui.conversation.tool_definitions import ToolsError
from tui.conversation.tool_files import read_tools
from tui.core.records import JsonObject
from tui.core.text import clip, one_line

__all__ = [
    "Content",
    "Outcome",
    "Printout",
    "Tool",
    "ToolFailed",
    "Toolbox",
    "ToolsError",
    "load_tools",
]

TIMEOUT_S: Final = 30.0
PARALLEL: Final = 8
"""Calls of one toolbox that run at the same time; Python tools take a process each."""

_left_behind: set[asyncio.Task[Outcome]] = set()
"""Calls that ran out of time and do not end either; a loop holds its tasks only weakly."""


class Toolbox:
    """Tools by name. Raises ToolsError where two have the same."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self.tools: tuple[Tool, ...] = tuple(tools)
        self._by_name: dict[str, Tool] = {}
        for tool in self.tools:
            if tool.name in self._by_name:
                raise ToolsError(f"two tools have the name {tool.name}")
            self._by_name[tool.name] = tool
        self._slots = asyncio.Semaphore(PARALLEL)

    @property
    def definitions(self) -> list[JsonObject]:
        """What is sent as `tools`: a copy, in the order of the tools."""
        return [copy.deepcopy(tool.definition) for tool in self.tools]

    def get(self, name: str) -> Tool | None:
        """Return the tool of this name, None when there is none."""
        return self._by_name.get(name)

    async def run(
        self,
        name: str,
        input: JsonObject,
        *,
        timeout_s: float = TIMEOUT_S,
        printout: Printout | None = None,
    ) -> Outcome:
        """Run a tool on a copy of `input` and return what to send; any fault is an error outcome.

        `printout` takes what it prints. Raises nothing but CancelledError. What did not end in
        time, or was cancelled, is told so and not waited for. The time begins with the call, not
        while it waits for others.
        """
        tool = self.get(name)
        if tool is None:
            known = ", ".join(self._by_name) or "none"
            shown = clip(one_line(name), 128)
            return Outcome(clip(f"There is no tool {shown} here; there are: {known}", 1_000), True)
        async with self._slots:
            work = asyncio.create_task(_attempt(tool, input, printout))
            _left_behind.add(work)
            work.add_done_callback(_left_behind.discard)
            try:
                await asyncio.wait({work}, timeout=timeout_s)
            finally:
                work.cancel()
        if not work.done():
            return Outcome(f"The tool {name} gave no answer within {timeout_s:g} s.", True)
        if work.cancelled():
            return Outcome(f"The tool {name} was cancelled.", True)
        return work.result()


async def _attempt(tool: Tool, given: JsonObject, printout: Printout | None) -> Outcome:
    try:
        if not isinstance(given, dict):
            raise ToolFailed("The input is not a JSON object.")
        return Outcome(fresh(await tool.run(copy.deepcopy(given), printout)), False)
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        # SystemExit and KeyboardInterrupt too: in a task they would end the whole loop.
        return failure_of(error)


async def load_tools(path: Path) -> Toolbox:
    """Read the tools in a `.json` or `.py` file. Raises ToolsError with one line."""
    return Toolbox(await read_tools(path))
