"""Why the cache missed, as the mock tells it to who asks; with the real client, and its finding."""

from __future__ import annotations

import math
from typing import Any

import pytest
from anthropic import AsyncAnthropic

from tests import playbook as pb
from tests.findings_play import exchange, told
from tests.servers import MockServer
from tui.mock.diagnostics import CacheDiagnostics
from tui.mock.usage import Counted

MARK = {"type": "ephemeral"}
TOOL = {"name": "wind", "input_schema": {"type": "object"}}
FIRST: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "system": [{"type": "text", "text": "word " * 1_000, "cache_control": MARK}],
    "tools": [TOOL],
    "messages": [{"role": "user", "content": "Count to 3"}],
}
ANSWER = {"role": "assistant", "content": "1, 2, 3"}
GROWN = [*FIRST["messages"], ANSWER, {"role": "user", "content": "And to 4?"}]


def asking(previous: str | None = "msg_1", **change: object) -> dict[str, Any]:
    return {**FIRST, **change, "diagnostics": {"previous_message_id": previous}}


def reason(**change: Any) -> object:  # noqa: ANN401
    known = CacheDiagnostics()
    known.hold(FIRST, Counted(9, 1_000, {"5m": 200}), "msg_1")
    told = known.told(asking(**change))
    return None if told is None else told["cache_miss_reason"]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"model": "claude-opus-5-5"}, "model_changed"),
        ({"system": "Be brief."}, "system_changed"),
        ({"system": "Be brief.", "tools": []}, "system_changed"),
        ({"tools": [{**TOOL, "name": "rain"}]}, "tools_changed"),
        ({"messages": GROWN[1:]}, "messages_changed"),
        ({"messages": []}, "messages_changed"),
        ({"messages": [{"role": "user", "content": "Count to 4"}]}, "messages_changed"),
    ],
)
def test_what_has_changed_is_told(change: dict[str, Any], kind: str) -> None:
    assert reason(**change) == {"type": kind, "cache_missed_input_tokens": 1_200}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"messages": GROWN},
        {"system": [{"type": "text", "text": "word " * 1_000}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Count to 3"}]}]},
        {"previous": None},
    ],
)
def test_what_has_not_changed_is_not_told(change: dict[str, Any]) -> None:
    assert reason(**change) is None


def test_only_the_newest_are_known() -> None:
    known = CacheDiagnostics(size=1)
    for number in (1, 2):
        known.hold(FIRST, Counted(9), f"msg_{number}")
    lost = {"cache_miss_reason": {"type": "previous_message_not_found"}}
    assert known.told(asking("msg_1", system="x")) == lost
    assert known.told(asking("msg_2")) is None


async def test_the_client_asks_and_the_finding_says_it() -> None:
    async with (
        MockServer(speed=math.inf) as server,
        AsyncAnthropic(api_key="k", base_url=server.url, max_retries=0) as client,
    ):

        async def ask(previous: str | None, **change: object) -> Any:  # noqa: ANN401
            body = asking(previous, **change)
            return await client.messages.create(max_tokens=99, **body)

        first = await ask(None)
        assert first.diagnostics is None
        same = await ask(first.id, messages=GROWN)
        assert same.diagnostics is None and same.usage.cache_read_input_tokens
        missed = await ask(same.id, messages=GROWN, system="Be brief.")
    kept = same.usage.cache_read_input_tokens + same.usage.cache_creation_input_tokens
    found = missed.diagnostics.cache_miss_reason
    assert (found.type, found.cache_missed_input_tokens) == ("system_changed", kept)
    start = pb.message_start()
    start["message"]["diagnostics"] = missed.diagnostics.model_dump()
    finding = told(exchange(FIRST, start, *pb.ending()))["cache_missed"]
    assert finding.values == {"reason": "system_changed", "missed_tokens": kept}
