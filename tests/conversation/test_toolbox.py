"""The toolbox: every call has a result, whatever its tool does, and none ends the app."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.limits import HANG_S
from tests.streams import json_values
from tui.conversation.tool import MAX_CHARS
from tui.conversation.toolbox import PARALLEL, Outcome, Printout, Tool, Toolbox, ToolsError
from tui.core.records import JsonObject


def definition(name: str) -> JsonObject:
    return {"name": name, "input_schema": {"type": "object"}}


def direct(function: Callable[[JsonObject], Any], name: str = "tool") -> Tool:
    """A tool on our own loop, as the canned ones. The function may be a coroutine's."""

    async def call(given: JsonObject, _: Printout) -> object:
        value = function(given)
        return await value if inspect.isawaitable(value) else value

    return Tool(definition(name), call)


# --- what is there --------------------------------------------------------------------------------


def test_tools_are_offered_in_order_as_copies() -> None:
    tools = [Tool(definition("b")), Tool(definition("a"))]
    box = Toolbox(tools)
    assert box.definitions == [definition("b"), definition("a")]
    assert box.tools == tuple(tools)
    assert box.get("a") is tools[1]
    assert box.get("c") is None
    box.definitions[0]["input_schema"]["type"] = "changed"
    assert box.definitions[0] == definition("b")
    assert Toolbox().definitions == []


def test_a_name_is_given_once() -> None:
    with pytest.raises(ToolsError, match="two tools have the name a"):
        Toolbox([Tool(definition("a")), Tool(definition("a"))])


# --- calls ----------------------------------------------------------------------------------------


async def test_a_result() -> None:
    box = Toolbox([direct(lambda given: {"sum": given["a"] + 1})])
    assert await box.run("tool", {"a": 1}) == Outcome('{"sum":2}', False)


async def test_unknown_tools_and_those_without_a_way_to_run() -> None:
    box = Toolbox([Tool(definition("hand")), Tool({"type": "web_search_20250305", "name": "web"})])
    content, is_error = await box.run("no\x1bsuch" + "x" * 10_000, {})
    assert is_error
    assert str(content).startswith("There is no tool no\u241bsuch")
    assert str(content).endswith("there are: hand, web")
    assert await box.run("hand", {}) == ("The tool hand cannot be run here.", True)
    assert await box.run("web", {}) == ("The tool web cannot be run here.", True)
    assert (await Toolbox().run("a", {})).is_error


async def test_input_that_is_no_object() -> None:
    ran: list[object] = []
    given: Any = ["x"]
    outcome = await Toolbox([direct(ran.append)]).run("tool", given)
    assert outcome == ("The input is not a JSON object.", True)
    assert not ran


async def test_a_tool_cannot_change_what_it_was_given() -> None:
    def spoil(given: JsonObject) -> str:
        given["list"].clear()
        given.clear()
        return "done"

    given = {"list": [1, {"a": 2}]}
    box = Toolbox([direct(spoil)])
    assert await box.run("tool", given) == ("done", False)
    assert given == {"list": [1, {"a": 2}]}


async def test_content_may_be_changed_by_who_gets_it() -> None:
    block = {"type": "text", "text": "hi"}
    kept = Outcome([block], False)

    async def call(_: JsonObject) -> Outcome:
        return kept

    content, _ = await Toolbox([direct(call)]).run("tool", {})
    assert isinstance(content, list)
    content[0]["cache_control"] = {"type": "ephemeral"}
    assert kept.content == [{"type": "text", "text": "hi"}]


@pytest.mark.parametrize(
    "error",
    [
        *(ValueError("x"), SystemExit(3), KeyboardInterrupt("x"), BaseException("x")),
        *(GeneratorExit(), TimeoutError("x"), RecursionError("x")),
    ],
)
async def test_whatever_a_tool_raises_is_an_error_outcome(error: BaseException) -> None:
    def function(_: JsonObject) -> object:
        raise error

    async def call(_: JsonObject) -> object:
        raise error

    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    box = Toolbox([direct(function, "a"), direct(call, "b")])
    assert await box.run("a", {}) == await box.run("b", {}) == (said, True)


async def test_a_tool_that_cancels_itself_does_not_cancel_us() -> None:
    async def call(_: JsonObject) -> object:
        raise asyncio.CancelledError

    outcome = await Toolbox([direct(call)]).run("tool", {})
    assert outcome == ("The tool tool was cancelled.", True)


def circle(_: JsonObject) -> object:
    items: list[object] = []
    items.append(items)
    return items


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda _: object(), "type object"),
        (lambda _: float("nan"), "type float"),
        (lambda _: b"x", "type bytes"),
        (lambda _: {1}, "type set"),
        (circle, "Circular"),
    ],
)
async def test_what_is_not_json_is_an_error_outcome(
    function: Callable[[JsonObject], object], said: str
) -> None:
    async def call(given: JsonObject) -> object:
        return function(given)

    box = Toolbox([direct(function, "a"), direct(call, "b")])
    first, second = await box.run("a", {}), await box.run("b", {})
    assert first == second
    assert first.is_error
    assert said in first.content


async def test_a_huge_answer_is_cut() -> None:
    box = Toolbox([direct(lambda _: "x" * 10_000_000)])
    content, is_error = await box.run("tool", {})
    assert not is_error
    assert MAX_CHARS < len(content) < MAX_CHARS + 100
    assert "cut here" in content


# --- time -----------------------------------------------------------------------------------------


async def test_a_coroutine_that_hangs() -> None:
    async def hang(_: JsonObject) -> object:
        return await asyncio.Event().wait()

    box = Toolbox([direct(hang, "hang"), direct(lambda _: "x", "next")])
    outcome = await box.run("hang", {}, timeout_s=0.02)
    assert outcome == ("The tool hang gave no answer within 0.02 s.", True)
    assert await box.run("next", {}) == ("x", False)


async def test_a_coroutine_that_will_not_be_cancelled() -> None:
    end = asyncio.Event()
    over = asyncio.Event()

    async def hang(_: JsonObject) -> object:
        while not end.is_set():
            try:
                await end.wait()
            except asyncio.CancelledError:
                continue
        over.set()
        return "late"

    outcome = await Toolbox([direct(hang)]).run("tool", {}, timeout_s=0.02)
    assert outcome.is_error
    assert not over.is_set()
    end.set()
    await asyncio.wait_for(over.wait(), HANG_S)


async def test_a_call_can_be_cancelled() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(_: JsonObject) -> object:
        begun.set()
        try:
            return await asyncio.Event().wait()
        finally:
            cancelled.set()

    work = asyncio.create_task(Toolbox([direct(hang)]).run("tool", {}))
    await asyncio.wait_for(begun.wait(), HANG_S)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await asyncio.wait_for(cancelled.wait(), HANG_S)


async def test_calls_run_at_the_same_time_so_many_at_most() -> None:
    barrier = asyncio.Barrier(PARALLEL)
    here: set[object] = set()
    most = 0

    async def meet(given: JsonObject) -> object:
        nonlocal most
        here.add(given["n"])
        most = max(most, len(here))
        await asyncio.wait_for(barrier.wait(), HANG_S)
        here.discard(given["n"])
        return "met"

    box = Toolbox([direct(meet)])
    calls = [box.run("tool", {"n": n}) for n in range(2 * PARALLEL)]
    assert await asyncio.gather(*calls) == [("met", False)] * 2 * PARALLEL
    assert most == PARALLEL


async def test_waiting_for_other_calls_is_no_part_of_the_time_limit() -> None:
    end = asyncio.Event()

    async def hold(_: JsonObject) -> object:
        await end.wait()
        return "held"

    box = Toolbox([direct(hold, "hold"), direct(lambda _: "x", "next")])
    held = [asyncio.create_task(box.run("hold", {})) for _ in range(PARALLEL)]
    waiting = asyncio.create_task(box.run("next", {}, timeout_s=0.02))
    done, _ = await asyncio.wait({waiting}, timeout=0.05)
    assert not done
    end.set()
    assert await waiting == ("x", False)
    assert await asyncio.gather(*held) == [("held", False)] * PARALLEL


# --- laws -----------------------------------------------------------------------------------------


@given(st.one_of(json_values(), st.text(st.characters(exclude_categories=[]))), st.booleans())
async def test_a_call_never_raises(value: object, fails: bool) -> None:
    async def call(given: JsonObject) -> object:
        if fails:
            raise ValueError(value)
        return given["value"]

    outcome = await Toolbox([direct(call)]).run("tool", {"value": value})
    assert outcome.is_error is fails
    assert outcome.content or value == ""
    str(outcome.content).encode()
