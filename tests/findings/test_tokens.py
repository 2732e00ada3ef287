"""Findings on tokens, the cache, the model, and what the API changed."""

from __future__ import annotations

import pytest

from tests import playbook as pb
from tests.findings_play import answer, codes, exchange, found, ns, timed, told, untimed
from tui.core.records import JsonObject
from tui.core.session import Run
from tui.findings import Evidence
from tui.findings.tokens import same_model
from tui.messages.prompt_cache import lifetime_s, written_for_s

TEXT = pb.text_block(0, "Let me see.")
THOUGHT = [pb.thinking_start(0), pb.thinking(0, "hm"), pb.block_stop(0)]


def whole(start: JsonObject | None = None, **fields: object) -> Run:
    """An answer with this usage in message_start, and these fields in the message."""
    usage = {"input_tokens": 25, "output_tokens": 1} | (start or {})
    return untimed(pb.message_start(usage=usage, **fields), *TEXT, *pb.ending())


# --- thinking -------------------------------------------------------------------------------------


def thinker(share: int, seconds: float, total: float) -> Run:
    details = {"thinking_tokens": share}
    end = pb.message_delta("end_turn", {"output_tokens": 200, "output_tokens_details": details})
    return timed(
        (0.5, pb.message_start(), pb.thinking_start(0), pb.thinking(0, "hm")),
        (0.5 + seconds, pb.block_stop(0), *pb.text_block(1, "So.")),
        (total, end, pb.message_stop()),
    )


def test_thinking_share() -> None:
    finding = found(thinker(150, 8.0, 10.0))[0]
    assert (finding.code, finding.level, finding.events) == ("thinking_share", "notice", (1,))
    assert finding.text == (
        "Thinking took 75 % of the output tokens (150 of 200) and 80 % of the time (8.0 s)."
    )


@pytest.mark.parametrize(
    ("share", "seconds", "total", "fires"),
    [
        (101, 1.0, 10.0, True),
        (100, 1.0, 10.0, False),
        (0, 5.1, 10.0, True),
        (0, 5.0, 8.0, False),
        (0, 5.1, 10.2, False),
    ],
    ids=["over half", "half", "half of the time", "5 s", "half the time"],
)
def test_how_much_thinking_is_much(share: int, seconds: float, total: float, fires: bool) -> None:
    assert ("thinking_share" in codes(thinker(share, seconds, total))) == fires


# --- what the API says of the cache ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "level", "text"),
    [
        (
            {"type": "tools_changed", "cache_missed_input_tokens": 4096},
            "warning",
            "The cache missed because the tools changed since the request before, says the API; "
            "about 4,096 tokens were read anew.",
        ),
        (
            {"type": "model_changed", "cache_missed_input_tokens": 1},
            "warning",
            "The cache missed because the model is another one since the request before, "
            "says the API; about 1 token was read anew.",
        ),
        (
            {"type": "new_reason"},
            "warning",
            "The cache missed (new_reason) since the request before, says the API.",
        ),
        (
            {"type": "unavailable"},
            "info",
            "Asked why the cache missed: the API cannot say why.",
        ),
        (
            {"type": "previous_message_not_found"},
            "info",
            "Asked why the cache missed: the API did not find the message it was to compare with.",
        ),
        (None, "info", "Asked why the cache missed, the API has not said so yet."),
    ],
)
def test_cache_missed(reason: object, level: str, text: str) -> None:
    run = whole(diagnostics={"cache_miss_reason": reason})
    finding = told(run)["cache_missed"]
    assert (finding.level, finding.text, finding.events) == (level, text, (0,))
    assert codes(run) == (["cache_missed"] if level == "warning" else ["healthy", "cache_missed"])


def test_without_diagnostics_nothing_is_said() -> None:
    odd: list[object] = [None, {}, "odd"]
    for diagnostics in odd:
        assert codes(whole(diagnostics=diagnostics)) == ["healthy"]


# --- the run before -------------------------------------------------------------------------------

REQUEST: JsonObject = {
    "model": "claude-sonnet-5-5",
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "Hi."}],
}
WROTE: JsonObject = {"cache_creation_input_tokens": 3000, "cache_read_input_tokens": 0}
COLD: JsonObject = {"cache_creation_input_tokens": 3100, "cache_read_input_tokens": 0}


def after(
    usage: JsonObject,
    request: JsonObject | None = REQUEST,
    *,
    idle: float | None = None,
    before: JsonObject = WROTE,
    old: JsonObject | None = REQUEST,
) -> Evidence:
    """A run after another one of its conversation."""
    sent = None if idle is None else 0
    first = Evidence(whole(before), request=old, sent_ns=sent)
    now = None if idle is None else ns(idle)
    return Evidence(whole(usage), request=request, sent_ns=now, before=first)


def test_cache_cold_where_the_prefix_differs() -> None:
    changed = {**REQUEST, "system": [{"type": "text", "text": "Be long."}]}
    (finding,) = found(after(COLD, changed))
    assert (finding.code, finding.level) == ("cache_cold", "warning")
    assert finding.text == (
        "Nothing was read from the cache, though the run before left 3,000 tokens in it: "
        "the requests differ first at system[0].text "
        '(before "Be brief.", now "Be long.").'
    )


def test_cache_cold_after_its_time() -> None:
    (finding,) = found(after(COLD, idle=301))
    assert finding.text.endswith(": 5 min 1 s passed since, and it was written for 5 min.")
    for_an_hour = {**WROTE, "cache_creation": {"ephemeral_1h_input_tokens": 3000}}
    (finding,) = found(after(COLD, idle=3599, before=for_an_hour))
    assert finding.text.endswith(": the prefix is the same.")
    (finding,) = found(after(COLD, idle=3700, before=for_an_hour))
    assert finding.text.endswith(": 1 h 1 min passed since, and it was written for 1 h.")


def test_cache_cold_without_a_reason() -> None:
    assert found(after(COLD))[0].text.endswith(": the prefix is the same.")
    assert found(after(COLD, idle=300))[0].text.endswith(": the prefix is the same.")
    assert found(after(COLD, None))[0].text.endswith("left 3,000 tokens in it.")


def test_cache_cold_where_the_server_keeps_the_turns() -> None:
    thread = {"type": "continue", "previous_message_id": "msg_1"}
    more = {**REQUEST, "thread": thread, "messages": [{"role": "user", "content": "More."}]}
    assert found(after(COLD, more))[0].text.endswith("left 3,000 tokens in it.")
    assert "differ first at system" in found(after(COLD, {**more, "system": "Be long."}))[0].text
    assert "5 min 1 s passed" in found(after(COLD, more, idle=301))[0].text


def test_cache_cold_says_nothing_where_it_cannot_know() -> None:
    assert codes(after({}, before=WROTE)) == ["healthy"]
    assert codes(after(COLD, before={"cache_read_input_tokens": 0})) == ["healthy"]
    assert codes(after({"cache_read_input_tokens": 3000})) == ["healthy"]
    assert codes(Evidence(whole(COLD), request=REQUEST)) == ["healthy"]


def test_what_the_api_said_is_not_said_again() -> None:
    evidence = after(COLD)
    reason = {"type": "system_changed", "cache_missed_input_tokens": 3000}
    run = whole(COLD, diagnostics={"cache_miss_reason": reason})
    said = Evidence(run, request=REQUEST, before=evidence.before)
    assert codes(said) == ["cache_missed"]
    run = whole(COLD, diagnostics={"cache_miss_reason": {"type": "unavailable"}})
    unsaid = Evidence(run, request=REQUEST, before=evidence.before)
    assert codes(unsaid) == ["cache_cold", "cache_missed"]


def test_cache_shrunk() -> None:
    before = {"cache_creation_input_tokens": 2000, "cache_read_input_tokens": 3000}
    finding = found(after({"cache_read_input_tokens": 3975}, before=before))[0]
    assert (finding.code, finding.level) == ("cache_shrunk", "notice")
    assert finding.text == (
        "3,975 tokens were read from the cache, 1,025 fewer than the run before left in it."
    )
    assert codes(after({"cache_read_input_tokens": 3976}, before=before)) == ["healthy"]
    counted = {"cache_read_input_tokens": 100, "iterations": [{"type": "message"}]}
    assert codes(after(counted, before=before)) == ["healthy"]
    tools = {"cache_read_input_tokens": 100, "server_tool_use": {"web_search_requests": 1}}
    assert codes(after(tools, before=before)) == ["healthy"]


def test_cache_unused() -> None:
    nothing = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    evidence = Evidence(whole(nothing), request=REQUEST)
    finding = found(evidence)[0]
    assert (finding.code, finding.level) == ("cache_unused", "notice")
    assert finding.text == (
        "The request asks for caching, and nothing was read or written, with 25 tokens of input: "
        "it fits a prefix that is too short to be kept."
    )
    assert codes(Evidence(whole({}), request=REQUEST)) == ["healthy"]
    assert codes(Evidence(whole(WROTE), request=REQUEST)) == ["healthy"]
    assert codes(Evidence(whole(nothing), request={"messages": []})) == ["healthy"]
    assert codes(after(nothing)) == ["cache_cold"]


@pytest.mark.parametrize(
    ("request_", "lifetime"),
    [
        ({}, None),
        (REQUEST, 300),
        ({"cache_control": {"type": "ephemeral", "ttl": "1h"}}, 3600),
        ({"tools": [{"name": "a", "cache_control": {"ttl": "1h"}}], **REQUEST}, 3600),
        ({"messages": [{"role": "user", "content": [{"cache_control": {}, "type": "text"}]}]}, 300),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "tool_result",
                                "content": [{"type": "text", "cache_control": {"ttl": "1h"}}],
                            }
                        ],
                    }
                ]
            },
            3600,
        ),
        ({"system": "plain", "messages": 5}, None),
    ],
)
def test_how_long_a_request_wants_to_be_kept(request_: JsonObject, lifetime: int | None) -> None:
    assert lifetime_s(request_) == lifetime


def test_how_long_the_api_keeps_it() -> None:
    assert written_for_s({"cache_creation": {"ephemeral_5m_input_tokens": 1}}) == 300
    both = {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 1}
    assert written_for_s({"cache_creation": both}) == 3600
    for nothing in ({}, {"cache_creation": None}, {"cache_creation": {"x": 1}}):
        assert written_for_s(nothing) is None


# --- usage ----------------------------------------------------------------------------------------


def conflict(*parts: JsonObject, **usage: object) -> Run:
    counts = {"output_tokens": 15, "input_tokens": 40} | usage
    return untimed(
        pb.message_start(), *TEXT, *parts, pb.message_delta("end_turn", counts), pb.message_stop()
    )


def test_usage_conflict() -> None:
    finding = found(conflict())[0]
    assert (finding.code, finding.level, finding.events) == ("usage_conflict", "notice", (4, 0))
    assert finding.text == (
        "message_start and the last message_delta count differently: input_tokens 25 and then 40. "
        "The last one counts."
    )
    assert codes(conflict(input_tokens=25)) == ["healthy"]
    assert codes(conflict(input_tokens=None)) == ["healthy"]


def test_server_tools_explain_a_conflict() -> None:
    search = pb.block_start(1, "server_tool_use", id="s", name="web_search", input={})
    assert codes(conflict(search, pb.block_stop(1))) == ["healthy"]
    assert codes(conflict(server_tool_use={"web_search_requests": 2})) == ["healthy"]
    assert codes(conflict(server_tool_use={"web_search_requests": 0})) == [
        "usage_conflict",
        "healthy",
    ]
    passes = [{"type": "compaction"}, {"type": "message"}]
    assert codes(conflict(iterations=passes)) == ["healthy"]


def test_usage_missing() -> None:
    bare = [pb.message_start(usage=None), *TEXT, pb.message_delta(usage=None), pb.message_stop()]
    (finding,) = found(untimed(*bare))
    assert (finding.code, finding.level) == ("usage_missing", "warning")
    assert finding.text == (
        "The answer is whole, but came without usage: it fits a gateway that does not count."
    )
    nothing = untimed(
        pb.message_start(usage={"input_tokens": 0, "output_tokens": 0}), *TEXT, *pb.ending()
    )
    assert found(nothing)[0].text == (
        "The answer is whole, but has 0 input tokens in its usage: "
        "it fits a gateway that does not count."
    )
    read = whole({"input_tokens": 0, "cache_read_input_tokens": 1})
    assert codes(read) == ["healthy"]
    assert "usage_missing" not in codes(untimed(*bare[:-1]))
    # What was counted at a start that is not there, nobody knows.
    assert "usage_missing" not in codes(untimed(*TEXT, *pb.ending()))


def test_a_call_of_code_at_the_server_costs_nothing() -> None:
    caller = {"type": "code_execution_20250825", "tool_id": "s"}
    call = {"type": "tool_use", "id": "t", "name": "roll", "input": {}, "caller": caller}
    usage = {"input_tokens": 0, "output_tokens": 0}
    start = pb.message_start(call, stop_reason="tool_use", usage=usage)
    assert codes(untimed(start, pb.message_stop())) == ["healthy"]
    call["caller"] = {"type": "direct"}
    assert codes(untimed(start, pb.message_stop())) == ["usage_missing"]


# --- the model ------------------------------------------------------------------------------------


def test_model_differs() -> None:
    evidence = exchange({"model": "claude-opus-5"}, *answer(*TEXT))
    finding = found(evidence)[0]
    assert (finding.code, finding.level, finding.events) == ("model_differs", "notice", (0,))
    assert finding.text == (
        "claude-sonnet-5-5 answered, and claude-opus-5 was asked for: "
        "it fits a gateway that chooses another."
    )
    assert codes(exchange({"model": "claude-sonnet-5-5"}, *answer(*TEXT))) == ["healthy"]
    assert codes(exchange({}, *answer(*TEXT))) == ["healthy"]
    handed = pb.block_start(1, "fallback", to={"model": "claude-haiku-5"})
    run = exchange({"model": "claude-opus-5"}, *answer(*TEXT, handed, pb.block_stop(1)))
    assert codes(run) == ["healthy"]


@pytest.mark.parametrize(
    ("asked", "answered", "same"),
    [
        ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", True),
        ("claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022", True),
        ("claude-sonnet-4-0", "claude-sonnet-4-20250514", True),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5-20250929", True),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929", True),
        ("anthropic/claude-3.5-sonnet", "claude-3-5-sonnet-20241022", True),
        ("anthropic/claude-4.5-sonnet", "claude-sonnet-4-5", True),
        ("claude-sonnet-4-5[1m]", "claude-sonnet-4-5-20250929", True),
        ("claude-3-5-sonnet-v2@20241022", "claude-3-5-sonnet-20241022", True),
        ("sonnet", "claude-sonnet-4-5", True),
        ("claude-sonnet", "claude-sonnet-4-5", True),
        ("scenario:plain", "claude-sonnet-5-5", True),
        ("my-deployment-7", "claude-sonnet-4-5", True),
        ("claude-sonnet-4", "claude-sonnet-4-5", False),
        ("claude-opus-4", "claude-opus-4-1-20250805", False),
        ("claude-sonnet-4-5", "claude-haiku-4-5", False),
        ("claude-sonnet-4-5", "gpt-5", False),
        ("deepseek-chat", "deepseek-chat-v3", True),
        ("deepseek-chat", "qwen-3", False),
    ],
)
def test_names_of_the_same_model(asked: str, answered: str, same: bool) -> None:
    assert same_model(asked, answered) == same


# --- what the API changed -------------------------------------------------------------------------


def test_input_transformed() -> None:
    change = {
        "type": "thinking_dropped",
        "path": "messages.3.content.0",
        "reason": "model_binding_mismatch",
    }
    finding = found(whole(input_transformations=[change, change]))[0]
    assert (finding.code, finding.level) == ("input_transformed", "notice")
    assert finding.text == (
        "The API did not take the input as it was sent: 2 times thinking dropped, "
        "first at messages.3.content.0 (model_binding_mismatch)."
    )
    finding = found(whole(input_transformations=[change]))[0]
    assert finding.text == (
        "The API did not take the input as it was sent: thinking dropped "
        "at messages.3.content.0 (model_binding_mismatch)."
    )
    edit = {"type": "clear_tool_uses_20250919", "cleared_input_tokens": 5000}
    finding = found(whole(context_management={"applied_edits": [edit]}))[0]
    assert finding.text == (
        "The API did not take the input as it was sent: "
        "context edited by clear_tool_uses_20250919, 5,000 tokens cleared."
    )
    for nothing in ([], None, "odd", [5]):
        assert codes(whole(input_transformations=nothing)) == ["healthy"]
        assert codes(whole(context_management={"applied_edits": nothing})) == ["healthy"]


def test_thought_is_not_healthy_news() -> None:
    assert codes(untimed(*answer(*THOUGHT, *pb.text_block(1, "x")))) == ["healthy"]
