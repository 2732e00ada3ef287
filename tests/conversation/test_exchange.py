"""Exchanges: real calls over loopback, their retries, tool rounds and ends."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path

import pytest

from tests import playbook as pb
from tests.limits import HANG_S, until
from tests.live_desk import finished, line, says, scenario
from tui.conversation.conversation import Conversation
from tui.conversation.demo_tools import demo_tools
from tui.conversation.exchange import REFUSED, Exchange
from tui.conversation.tool import Printout, Tool
from tui.conversation.toolbox import Toolbox
from tui.core.records import JsonObject
from tui.messages.turns import Decision

pytestmark = pytest.mark.usefixtures("api_key")


def calling(
    *calls: tuple[str, str, str], stop_reason: str = "tool_use"
) -> list[JsonObject | bytes]:
    """Return the events of an answer that calls tools: id, name, input as JSON."""
    events: list[JsonObject | bytes] = [pb.message_start()]
    for index, (id_, name, raw) in enumerate(calls):
        events += pb.tool_block(index, raw, name=name, id=id_)
    return [*events, *pb.ending(stop_reason)]


def last_turn(exchange: Exchange) -> list[JsonObject]:
    content = exchange.request["messages"][-1]["content"]
    assert isinstance(content, list)
    return content


async def test_an_answer_becomes_a_turn_of_the_conversation() -> None:
    async with line(hello=says("Hi Alice")) as wire:
        exchange = wire.exchange("scenario:hello", "I am Alice")
        assert exchange.stage.kind == "queued"
        await finished(exchange)
        assert exchange.done and not exchange.stage.note
        turns = exchange.conversation.request["messages"]
        assert [turn["role"] for turn in turns] == ["user", "assistant"]
        assert turns[1]["content"][0]["text"] == "Hi Alice"
        asked = exchange.conversation.asking("What is my name?")
        assert [turn["role"] for turn in asked["messages"]] == ["user", "assistant", "user"]
        assert wire.sent == 1


# --- retries --------------------------------------------------------------------------------------


async def test_a_failure_without_output_is_tried_again_after_a_visible_wait() -> None:
    async with line(hello=says("Hi")) as wire:
        exchange = wire.exchange("scenario:hello!fail:2")
        running = asyncio.create_task(exchange.run())
        for attempt, wait_s in ((1, 1.0), (2, 2.0)):
            await until(lambda: exchange.stage.kind == "waiting")
            assert exchange.stage.attempt == attempt and exchange.stage.attempts == 3
            assert exchange.wait_left_s() == pytest.approx(wait_s)
            assert wire.sent == attempt
            wire.clock.now_ns += int(wait_s * 1e9) - 1
            exchange.clock.wake()
            for _ in range(50):
                await asyncio.sleep(0)
            assert wire.sent == attempt, "not before its time"
            wire.clock.now_ns += 2
            exchange.clock.wake()
            await until(lambda attempt=attempt: len(exchange.feeds) > attempt)  # type: ignore[misc]
            await until(lambda: exchange.stage.kind != "sending")
        await running
        assert wire.sent == len(exchange.feeds) == 3
        assert exchange.replaced == set(exchange.feeds[:2])
        assert exchange.feed.runs[0].status == "complete"
        assert exchange.feeds[0].end is not None and exchange.feeds[0].end.status == 529


@pytest.mark.parametrize(
    ("fault", "sent", "status"),
    [
        ("status:400", 1, "error"),
        ("status:401", 1, "error"),
        ("status:403", 1, "error"),
        ("status:404", 1, "error"),
        ("status:413", 1, "error"),
        ("status:429", 3, "error"),
        ("status:500", 3, "error"),
        ("status:529", 3, "error"),
        ("cut:0", 3, "error"),
        ("eof:0", 3, "empty"),
        ("cut:1200", 1, "error"),
        ("eof:1200", 1, "truncated"),
        ("overloaded:2", 1, "error"),
        ("overloaded:0", 3, "error"),
    ],
)
async def test_only_what_can_help_is_tried_again(fault: str, sent: int, status: str) -> None:
    async with line() as wire:
        exchange = wire.exchange(f"scenario:plain!{fault}")
        running = asyncio.create_task(exchange.run())
        while not running.done():
            await until(lambda: exchange.stage.kind == "waiting" or running.done())
            exchange.retry_now()
            await asyncio.sleep(0)
        assert (wire.sent, exchange.feed.runs[0].status) == (sent, status)


async def test_no_retries_when_none_are_wanted() -> None:
    async with line() as wire:
        exchange = wire.exchange("scenario:plain!status:529", limits=wire.limits(retries=0))
        await finished(exchange)
        assert wire.sent == 1


async def test_what_the_api_asks_for_is_obeyed_and_a_long_wait_is_asked_about() -> None:
    async with line() as wire:
        exchange = wire.exchange("scenario:plain!status:429;retry-after:7")
        running = asyncio.create_task(exchange.run())
        await until(lambda: exchange.stage.kind == "waiting")
        assert 7 <= (exchange.wait_left_s() or 0) <= 7.7
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        assert exchange.done and exchange.feed.runs[0].status == "error"

        exchange = wire.exchange("scenario:plain!status:429;retry-after:300")
        running = asyncio.create_task(exchange.run())
        await until(lambda: exchange.stage.kind == "held")
        assert "300 s" in exchange.stage.note
        sent = wire.sent
        wire.clock.now_ns += 10**15
        exchange.clock.wake()
        for _ in range(50):
            await asyncio.sleep(0)
        assert wire.sent == sent, "nothing is sent before somebody says so"
        assert exchange.retry_now()
        await until(lambda: wire.sent == sent + 1)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_there_is_nothing_to_retry_while_nothing_waits() -> None:
    async with line() as wire:
        exchange = wire.exchange("scenario:plain")
        assert not exchange.retry_now()
        await finished(exchange)
        assert not exchange.retry_now() and exchange.wait_left_s() is None


# --- ends -----------------------------------------------------------------------------------------


async def test_what_broke_off_can_be_continued() -> None:
    async with line() as wire:
        exchange = wire.exchange("scenario:plain!cut:1500", "Why is the sky dark?")
        await finished(exchange)
        talk = exchange.conversation
        assert talk.request["messages"] == [], "the answer does not stand"
        request = talk.continuing()
        assert request is not None
        roles = [turn["role"] for turn in request["messages"]]
        assert roles == ["user", "assistant", "user"]
        partial = exchange.feed.runs[0].state.blocks[0].text.text()
        assert request["messages"][1]["content"][0]["text"].strip() == partial.strip()
        # A prompt after it speaks of what was read.
        asked = talk.asking("What was that?")
        assert asked["messages"][1]["role"] == "assistant"
        assert asked["messages"][2]["content"] == "What was that?" or asked["messages"][2][
            "content"
        ] == [{"type": "text", "text": "What was that?"}]

        request["model"] = "scenario:plain"
        follow = Exchange(talk, request, wire.desk, limits=wire.limits())
        await finished(follow)
        assert talk.continuing() is None
        assert [turn["role"] for turn in talk.request["messages"]] == [
            "user",
            "assistant",
            "user",
            "assistant",
        ]


async def test_an_answer_at_its_limit_stands_and_can_be_continued() -> None:
    async with line(short=says("As far as", "max_tokens")) as wire:
        exchange = wire.exchange("scenario:short")
        await finished(exchange)
        talk = exchange.conversation
        assert len(talk.request["messages"]) == 2
        request = talk.continuing()
        assert request is not None and len(request["messages"]) == 3
        assert len(talk.asking("Go on")["messages"]) == 3


async def test_cancelled_while_it_streams_while_it_waits_and_before_its_turn() -> None:
    async with line() as wire:
        slots = asyncio.Semaphore(1)
        first = wire.exchange("scenario:plain!stall:3600")
        first._slots = slots
        second = wire.exchange("scenario:plain")
        second._slots = slots
        tasks = [asyncio.create_task(one.run()) for one in (first, second)]
        await until(lambda: first.feed.runs[0].state.blocks)
        assert (first.stage.kind, second.stage.kind) == ("sending", "queued")
        for task in reversed(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert [one.feed.runs[0].status for one in (first, second)] == ["cancelled", "cancelled"]
        assert first.conversation.continuing() is not None
        assert second.conversation.continuing() is None
        assert wire.sent == 1


async def test_a_fault_in_one_exchange_is_its_own() -> None:
    async with line(call=scenario(*calling(("t1", "f", "{}")))) as wire:
        exchange = wire.exchange("scenario:call", conversation=Conversation(toolbox=toolbox([])))

        async def broken(*_: object) -> None:
            raise RuntimeError("no such screen")

        wire.desk.decide = broken  # type: ignore[method-assign, assignment]
        await finished(exchange)
        assert exchange.done
        assert exchange.feed.failure == "RuntimeError: no such screen"


# --- tools ----------------------------------------------------------------------------------------


def toolbox(seen: list[JsonObject], meet: asyncio.Barrier | None = None) -> Toolbox:
    """A tool `f` that notes what it is called with."""

    async def run(given: JsonObject, printout: Printout) -> str:
        seen.append(given)
        printout.add(f"heard {given}\n".encode())
        if meet is not None:
            async with asyncio.timeout(HANG_S):
                await meet.wait()
        return "done"

    definition = {"name": "f", "input_schema": {"type": "object"}}
    return Toolbox([Tool(definition, run)])


async def test_calls_run_at_the_same_time_and_their_results_go_back_in_order() -> None:
    seen: list[JsonObject] = []
    calls = calling(("t1", "f", '{"n": 1}'), ("t2", "f", '{"n": 2}'), ("t3", "g", "{}"))
    async with line(call=scenario(*calls)) as wire:
        talk = Conversation(toolbox=toolbox(seen, asyncio.Barrier(2)), tool_mode="always")
        exchange = wire.exchange("scenario:call", conversation=talk)
        await finished(exchange)
        assert sorted(given["n"] for given in seen) == [1, 2]
        body = json.loads(wire.server.received[1].body)
        results = body["messages"][-1]["content"]
        assert [result["tool_use_id"] for result in results] == ["t1", "t2", "t3"]
        assert [result.get("is_error", False) for result in results] == [False, False, True]
        assert "There is no tool g" in str(results[2]["content"])
        # What they printed is kept, and is not sent.
        assert talk.printed == {
            "t1": ("f", "heard {'n': 1}"),
            "t2": ("f", "heard {'n': 2}"),
        }
        assert "heard" not in wire.server.received[1].body.decode()
        assert exchange.feed.runs[0].state.stop_reason == "end_turn"
        assert wire.sent == 2


async def test_asked_before_a_tool_runs() -> None:
    seen: list[JsonObject] = []
    calls = calling(("t1", "f", '{"n": 1}'), ("t2", "f", '{"n": 2}'))
    async with line(call=scenario(*calls)) as wire:
        decisions = [Decision("refuse"), Decision("hand", "forty-two", True)]
        talk = Conversation(toolbox=toolbox(seen))
        exchange = wire.exchange("scenario:call", conversation=talk, decisions=decisions)
        await finished(exchange)
        assert seen == []
        assert [(one.number, one.calls, one.call.id) for one in wire.desk.asked] == [
            (1, 2, "t1"),
            (2, 2, "t2"),
        ]
        body = json.loads(wire.server.received[1].body)
        texts = [result["content"] for result in body["messages"][-1]["content"]]
        assert texts == [REFUSED, "forty-two"]


async def test_always_is_remembered_for_the_conversation() -> None:
    seen: list[JsonObject] = []
    calls = calling(("t1", "f", '{"n": 1}'), ("t2", "f", '{"n": 2}'))
    async with line(call=scenario(*calls)) as wire:
        talk = Conversation(toolbox=toolbox(seen))
        exchange = wire.exchange("scenario:call", conversation=talk, decisions=[Decision("always")])
        await finished(exchange)
        assert len(wire.desk.asked) == 1 and len(seen) == 2
        assert talk.tool_mode == "always"


async def test_a_call_left_open_is_asked_about_again() -> None:
    seen: list[JsonObject] = []
    async with line(call=scenario(*calling(("t1", "f", '{"n": 1}')))) as wire:
        talk = Conversation(toolbox=toolbox(seen))
        exchange = wire.exchange("scenario:call", conversation=talk, decisions=[None])
        await finished(exchange)
        assert seen == [] and wire.sent == 1
        assert "without a result" in exchange.stage.note
        left = talk.open_calls()
        assert left is not None
        # Another prompt answers the call with an error: the API takes no call without a result.
        turns = talk.asking("Never mind")["messages"]
        assert turns[-1]["content"][0]["type"] == "tool_result"

        again = Exchange(talk, left.request, wire.desk, limits=wire.limits(), resumed=exchange.feed)
        wire.desk._decisions = [Decision("run")]
        await finished(again)
        assert seen == [{"n": 1}] and wire.sent == 2
        assert talk.open_calls() is None


async def test_what_is_cut_never_runs() -> None:
    """Rule 5: valid arguments, cut at every byte, and no execution."""
    raw = b"".join(
        pb.wire(event) for event in calling(("t1", "f", '{"n": 1}'), ("t2", "f", '{"n": [2, 3]}'))
    )
    stop = raw.rindex(b"event: message_stop")
    seen: list[JsonObject] = []
    places = range(0, stop + 1, 7)
    async with line(call=scenario(raw)) as wire:
        talk = [Conversation(toolbox=toolbox(seen), tool_mode="always") for _ in places]
        exchanges = [
            wire.exchange(
                f"scenario:call!eof:{place}", conversation=one, limits=wire.limits(retries=0)
            )
            for place, one in zip(places, talk, strict=True)
        ]
        async with asyncio.timeout(HANG_S):
            for exchange in exchanges:
                await exchange.run()
        assert seen == []
        assert wire.sent <= 256 and all(not one.open_calls() for one in talk)


@pytest.mark.parametrize("raw", ['{"n": 1', "[1]", "1e999", '{"n": NaN}', "{" * 3000, "\ud83d"])
async def test_input_that_is_no_json_object_is_answered_with_an_error(raw: str) -> None:
    seen: list[JsonObject] = []
    async with line(call=scenario(*calling(("t1", "f", raw)))) as wire:
        talk = Conversation(toolbox=toolbox(seen), tool_mode="always")
        await finished(wire.exchange("scenario:call", conversation=talk))
        assert seen == []
        body = json.loads(wire.server.received[1].body)
        (result,) = body["messages"][-1]["content"]
        assert result["is_error"] is True and "Not run" in result["content"]


async def test_calls_of_a_message_that_stopped_for_another_reason_do_not_run() -> None:
    seen: list[JsonObject] = []
    calls = calling(("t1", "f", "{}"), stop_reason="max_tokens")
    async with line(call=scenario(*calls)) as wire:
        talk = Conversation(toolbox=toolbox(seen), tool_mode="always")
        await finished(wire.exchange("scenario:call", conversation=talk))
        assert seen == [] and wire.sent == 1


async def test_rounds_are_bounded_and_can_go_on() -> None:
    pause = says("Searching", "pause_turn")
    async with line(pause=pause) as wire:
        exchange = wire.exchange("scenario:pause", limits=wire.limits(rounds=3))
        await finished(exchange)
        assert wire.sent == 3 and "3 requests" in exchange.stage.note
        bodies = [json.loads(one.body) for one in wire.server.received]
        assert [len(body["messages"]) for body in bodies] == [1, 2, 2]
        assert exchange.conversation.continuing() is not None


async def test_the_built_in_tools_run() -> None:
    calls = calling(("t1", "calculator", '{"expression": "2+2"}'))
    async with line(call=scenario(*calls)) as wire:
        talk = Conversation(toolbox=demo_tools(), tool_mode="always")
        await finished(wire.exchange("scenario:call", conversation=talk))
        body = json.loads(wire.server.received[1].body)
        assert "4" in str(body["messages"][-1]["content"][0]["content"])


# --- keeping --------------------------------------------------------------------------------------


async def test_a_conversation_is_kept_after_every_answer(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    async with line(hello=says("Hi")) as wire:
        talk = Conversation(path=path)
        await finished(wire.exchange("scenario:hello", conversation=talk))
        kept = json.loads(path.read_text())
        assert kept == talk.request and len(kept["messages"]) == 2
        assert path.stat().st_mode & 0o777 == 0o600
        talk.path = tmp_path / "missing" / "talk.json"
        await finished(wire.exchange("scenario:hello", conversation=talk))
        assert talk.failure is not None and "talk.json" in talk.failure


async def test_a_refused_turn_is_left_out_of_the_conversation() -> None:
    refusal = scenario(pb.message_start(), *pb.ending("refusal"))
    async with line(no=refusal, hello=says("Hi")) as wire:
        exchange = wire.exchange("scenario:no", "Something awful")
        await finished(exchange)
        assert "left out" in exchange.stage.note
        turns = exchange.conversation.asking("Something nice")["messages"]
        assert [turn["content"] for turn in turns] == ["Something nice"]
