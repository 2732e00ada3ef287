"""Answers with calls, searches and thoughts, and the requests that they belong to."""

from __future__ import annotations

import json

from tests import playbook as pb
from tui.core.records import JsonObject
from tui.core.state import RunState
from tui.messages.request import blocks_of, build_request, messages_of, takes_prefill
from tui.messages.turns import (
    Call,
    calls,
)

ASK = build_request("What is the weather in Paris and Rome?", model="claude-sonnet-5-5")
OLD = ASK | {"model": "claude-sonnet-4-5-20250929"}
ARGS = '{"location": "Paris, \\"R\\u00e9publique\\"", "days": [1, 2.5, {"hours": null}]}'

# --- builders -------------------------------------------------------------------------------------


def server(index: int, id: str = "srvtoolu_1", kind: str = "server_tool_use") -> JsonObject:
    return pb.block_start(index, kind, id=id, name="web_search", input={})


def found(index: int, id: str = "srvtoolu_1", kind: str = "web_search_tool_result") -> JsonObject:
    return pb.block_start(index, kind, tool_use_id=id, content=[{"type": "web_search_result"}])


def searched(index: int, id: str = "srvtoolu_1", kind: str = "server") -> list[JsonObject]:
    """A call that the server ran, and its result."""
    names = {
        "server": ("server_tool_use", "web_search_tool_result"),
        "mcp": ("mcp_tool_use", "mcp_tool_result"),
    }
    use, result = names[kind]
    return [
        server(index, id, use),
        *(pb.fragment(index, part) for part in ('{"query": ', '"x"}')),
        pb.block_stop(index),
        found(index + 1, id, result),
        pb.block_stop(index + 1),
    ]


def thought(index: int, *pieces: str, signature: str = "c2ln") -> list[JsonObject]:
    return [
        pb.thinking_start(index),
        *(pb.thinking(index, piece) for piece in pieces),
        pb.signature(index, signature),
        pb.block_stop(index),
    ]


def answer(
    *blocks: list[JsonObject], reason: str | None = "end_turn", **fields: object
) -> list[JsonObject]:
    events = [event for block in blocks for event in block]
    return [pb.message_start(**fields), *events, *pb.ending(reason)]


def state_of(*items: JsonObject | bytes) -> RunState:
    return pb.run([pb.wire(*items)]).run.state


def message_of(*items: JsonObject | bytes) -> JsonObject:
    message = state_of(*items).message_json()
    assert message is not None
    return message


def asked(*items: JsonObject | bytes) -> list[Call]:
    run = pb.run([pb.wire(*items)]).run
    return calls(run.state, run.status)


def problem(*block: JsonObject | bytes) -> str:
    """Why the only call of an answer that stopped for it may not run; empty when it may."""
    (call,) = asked(pb.message_start(), *block, *pb.ending("tool_use"))
    assert (call.input is None) is bool(call.problem)
    return call.problem


def said(request: JsonObject) -> list[JsonObject]:
    """The blocks of the last turn."""
    return blocks_of(messages_of(request)[-1])


def roles(request: JsonObject) -> list[str]:
    return [turn["role"] for turn in request["messages"]]


TWO_CALLS = answer(
    thought(0, "hm"),
    pb.tool_block(1, '{"location": "Paris"}'),
    pb.tool_block(2, '{"location": "Rome"}'),
    reason="tool_use",
)


def check_turns(request: JsonObject, *, paused: bool = False) -> None:
    """Turns alternate, calls have their results right after, and every block can be sent."""
    json.dumps(request, ensure_ascii=False, allow_nan=False).encode()
    turns = request["messages"]
    assert all(one["role"] != other["role"] for one, other in zip(turns, turns[1:], strict=False))
    for turn, reply in zip(turns, [*turns[1:], {}], strict=True):
        blocks = blocks_of(turn)
        assert blocks
        assert all(block["text"] for block in blocks if block["type"] == "text")
        if turn["role"] == "user":
            continue
        ids = [block["id"] for block in blocks if block["type"] == "tool_use"]
        assert len(set(ids)) == len(ids)
        if not paused:
            results = blocks_of(reply)[: len(ids)]
            assert [block.get("tool_use_id") for block in results] == ids


def check(made: JsonObject, asked_for: JsonObject) -> None:
    """Hold a continuation to the rules, whatever it continues."""
    if made == asked_for:
        return
    check_turns(made)
    *before, answer, last = made["messages"]
    if last["role"] == "assistant":
        assert takes_prefill(asked_for)
        before, answer = [*before, answer], last
        assert last["content"][-1]["text"] == last["content"][-1]["text"].rstrip() != ""
        assert all(block["type"] != "tool_use" for block in last["content"])
    else:
        *results, words = blocks_of(last)
        assert last["role"] == "user" and words["type"] == "text"
        assert all(block["is_error"] for block in results)
    assert answer["role"] == "assistant"
    blocks = answer["content"]
    kinds = [block["type"] for block in blocks]
    assert all(block.get("signature") for block in blocks if block["type"] == "thinking")
    assert kinds[-1] not in ("thinking", "redacted_thinking", "server_tool_use", "mcp_tool_use")
    uses = [block["id"] for block in blocks if block["type"] in ("server_tool_use", "mcp_tool_use")]
    results = [block["tool_use_id"] for block in blocks if block["type"].endswith("_tool_result")]
    assert set(uses) == set(results)
    assert {name: made[name] for name in asked_for if name != "messages"} == {
        name: asked_for[name] for name in asked_for if name != "messages"
    }
