"""Comparisons of runs: nothing differs from itself, and swapping the runs mirrors."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tui.compare.comparison import Comparison, Fact, Measure, compare
from tui.compare.json_diff import JsonDiff, path_text
from tui.core.records import JsonObject
from tui.core.session import Run, Session
from tui.core.steps import finish
from tui.scenarios import Scenario, load, names

MS = 1_000_000


def compared(
    left: Run, right: Run, request: JsonObject | None, other_request: JsonObject | None
) -> Comparison:
    return finish(compare(left, right, request, other_request))


def made(*events: JsonObject, every_ms: int = 10, timed: bool = True) -> Run:
    """Play events, one read each, `every_ms` apart."""
    session = Session(timed=timed)
    for number, event in enumerate(events, 1):
        session.feed(number * every_ms * MS, pb.wire(event))
    session.finish(0)
    return session.run


def answer(*texts: str, model: str = "m") -> Run:
    blocks = [event for number, one in enumerate(texts) for event in pb.text_block(number, one)]
    return made(pb.message_start(model=model), *blocks, *pb.ending())


def both(left: Run, right: Run) -> Comparison:
    """Compare, and hold the result to the laws."""
    result = compared(left, right, None, None)
    assert plain(compared(right, left, None, None)) == plain(result.mirrored())
    assert compared(left, left, None, None).differing == ()
    assert compared(right, right, None, None).differing == ()
    return result


def plain(comparison: Comparison) -> Comparison:
    """Return a comparison with the changes of its JSON in an order that is the same both ways."""

    def ordered(diff: JsonDiff) -> JsonDiff:
        return diff._replace(changes=tuple(sorted(diff.changes, key=repr)))

    request = comparison.request
    parts = (ordered(part) for _, part in request.parts)
    return comparison._replace(
        tools=tuple(
            tool._replace(input=tool.input and ordered(tool.input)) for tool in comparison.tools
        ),
        rest=ordered(comparison.rest),
        request=type(request)(request.known, *parts),
    )


def fact(comparison: Comparison, name: str) -> Fact:
    return next(fact for fact in comparison.facts if fact.name == name)


def measure(comparison: Comparison, name: str) -> Measure:
    return next(one for one in (*comparison.metrics, *comparison.usage) if one.name == name)


def paths(diff: JsonDiff) -> list[str]:
    return [f"{change.kind} {path_text(change.path)}" for change in diff.changes]


# --- laws -----------------------------------------------------------------------------------------


def played(scenario: Scenario) -> Run:
    session = Session()
    for t_ns, data in scenario.chunks:
        session.feed(t_ns, data)
    session.finish(0)
    return session.run


def test_the_laws_hold_for_the_scenarios() -> None:
    scenarios = [load(name) for name in names()]
    sides = [(played(scenario), scenario.request) for scenario in scenarios]
    for (left, asked), (right, other_asked) in pairwise([*sides, sides[0]]):
        assert compared(left, left, asked, asked).differing == ()
        there = compared(left, right, asked, other_asked)
        back = compared(right, left, other_asked, asked)
        assert there.differing
        assert there.differing == back.differing
        assert plain(back) == plain(there.mirrored())


CALLS = st.lists(
    st.builds(
        lambda name, value: (name, value),
        st.sampled_from("abc"),
        st.sampled_from(["", "{}", '{"x":1}', '{"x":', "[1]"]),
    ),
    max_size=4,
)


@given(CALLS, CALLS)
def test_the_laws_hold_for_any_calls(
    calls: list[tuple[str, str]], others: list[tuple[str, str]]
) -> None:
    def run(calls: list[tuple[str, str]]) -> Run:
        blocks = [pb.tool_block(at, value, name=name) for at, (name, value) in enumerate(calls)]
        return made(pb.message_start(), *(event for block in blocks for event in block))

    result = both(run(calls), run(others))
    assert len([tool for tool in result.tools if tool.left]) == len(calls)
    assert len([tool for tool in result.tools if tool.right]) == len(others)


# --- facts and numbers ----------------------------------------------------------------------------


def test_facts_of_two_runs() -> None:
    result = both(
        made(
            pb.message_start(model="a"),
            *pb.text_block(0, "x"),
            *pb.tool_block(1),
            *pb.ending("tool_use"),
        ),
        made(pb.message_start(model="b"), *pb.text_block(0, "x"), pb.error()),
    )
    assert fact(result, "model")[1:] == ("a", "b")
    assert fact(result, "status")[1:] == ("complete", "error")
    assert fact(result, "stop reason")[1:] == ("tool_use", None)
    assert fact(result, "content")[1:] == ("1 text, 1 tool_use", "1 text")
    assert fact(result, "error")[1:] == (None, "overloaded_error")
    assert fact(result, "anomalies").equal
    assert {"model", "status", "error", "tool calls", "other fields"} <= {*result.differing}


def test_an_empty_run_has_facts_too() -> None:
    result = both(made(), made({"type": "odd"}, {"type": "error", "error": {"type": 7}}))
    assert fact(result, "model")[1:] == (None, None)
    assert fact(result, "status")[1:] == ("empty", "error")
    assert fact(result, "content")[1:] == (None, None)
    assert fact(result, "anomalies").left is None
    assert int(fact(result, "anomalies").right or 0) > 0


def test_latencies_and_their_differences() -> None:
    events = (pb.message_start(), *pb.text_block(0, "a", "b", "c"), *pb.ending())
    result = both(made(*events, every_ms=10), made(*events, every_ms=15))
    total = measure(result, "total")
    assert (total.left, total.right) == (80 * MS, 120 * MS)
    assert (total.delta, total.percent, total.verdict) == (40 * MS, 50.0, "worse")
    assert total.mirrored().verdict == "better"
    rate = measure(result, "tok/s")
    assert rate.unit == "rate"
    assert rate.verdict == "worse"
    assert measure(result, "stalls").verdict == "same"
    assert measure(result, "stalls").percent is None
    assert result.differing == ("latency",)


def test_the_gaps_of_a_long_run_are_ranked_in_steps() -> None:
    session = Session()
    session.feed(0, pb.wire(pb.message_start(), pb.text_start(0)))
    for number in range(20):
        session.feed(number * number * MS, pb.wire(pb.text(0, "x")) * 1_000)
    session.finish(0)
    result = both(session.run, answer("a"))
    icl = session.run.metrics().icl
    assert [measure(result, f"gap {name}").left for name in icl._fields] == list(icl)


def test_every_metric_is_compared() -> None:
    result = both(answer("a"), answer("a"))
    names = (
        "TTFB TTFT TTFO TTST total decode per_token gap_p50 gap_p95 gap_p99 gap_max tok/s stalls"
    )
    assert [one.name.replace(" ", "_") for one in result.metrics] == names.split()


def test_what_cannot_be_known_has_no_difference() -> None:
    events = (pb.message_start(), *pb.text_block(0, "a", "b"), *pb.ending())
    result = both(made(*events), made(*events, timed=False))
    assert result.timed == (True, False)
    for one in result.metrics:
        assert one.right is None
        assert (one.delta, one.percent, one.verdict) == (None, None, "unknown")


def test_tokens_are_neither_better_nor_worse() -> None:
    usage = {"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 1}
    more = usage | {"input_tokens": 6}
    details = {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}}
    result = both(
        made(pb.message_start(usage=usage), pb.message_delta(usage={"output_tokens": 9})),
        made(pb.message_start(usage=more), pb.message_delta(usage=details)),
    )
    assert (measure(result, "all input").left, measure(result, "all input").right) == (12, 13)
    assert measure(result, "input").verdict == "other"
    assert measure(result, "cache write").left is None
    assert measure(result, "thinking").right == 4
    assert measure(result, "output").equal
    assert measure(result, "bytes").unit == "bytes"
    assert paths(result.rest) == ["added $.usage.output_tokens_details"]


def test_usage_that_is_no_count_is_among_the_other_fields() -> None:
    result = both(
        made(pb.message_start(usage={"input_tokens": "many", "tier": "a"})),
        made(pb.message_start(usage={"input_tokens": 3, "tier": "b"})),
    )
    assert paths(result.rest) == ["removed $.usage.input_tokens", "changed $.usage.tier"]


# --- texts ----------------------------------------------------------------------------------------


def test_the_texts_of_all_blocks_are_compared() -> None:
    result = both(answer("one", "two"), answer("one", "three"))
    assert [band.kind for band in result.text.bands] == ["equal", "removed", "added"]
    assert result.thinking.equal
    assert "text" in result.differing


def cited(*texts: str) -> Run:
    """An answer in which every other text is one that is cited, as the API splits it."""
    events = [pb.message_start(model="m")]
    for number, text in enumerate(texts):
        fields: JsonObject = {"citations": []} if number % 2 else {}
        events += [pb.block_start(number, "text", text="", **fields), pb.text(number, text)]
        if number % 2:
            events.append(pb.citation(number, {"title": "A", "url": "https://a.example"}))
        events.append(pb.block_stop(number))
    return made(*events, *pb.ending())


def test_a_sentence_that_citations_split_is_one_again() -> None:
    parts = cited("Look:\n\n", "It is green", ". The sky is ", "blue", ", mostly.")
    whole = "Look:\n\nIt is green. The sky is blue, mostly."
    assert both(answer(whole), parts).text.equal


def test_thinking_is_compared_apart() -> None:
    def run(thought: str) -> Run:
        events = [pb.thinking_start(0), pb.thinking(0, thought), pb.block_stop(0)]
        return made(pb.message_start(), *events, *pb.text_block(1, "x"), *pb.ending())

    result = both(run("so or so"), run("so or not"))
    assert not result.thinking.equal
    assert result.text.equal


# --- tools ----------------------------------------------------------------------------------------


def calls(*named: tuple[str, str]) -> Run:
    blocks = [pb.tool_block(at, value, name=name) for at, (name, value) in enumerate(named)]
    return made(pb.message_start(), *(event for block in blocks for event in block), *pb.ending())


def test_inputs_are_compared_as_json() -> None:
    left = calls(("f", '{"cities":[{"name":"x"},{"name":"a"}]}'))
    right = calls(("f", '{"cities": [{"name": "x"}, {"name": "b"}]}'))
    (tool,) = both(left, right).tools
    assert tool.input is not None
    assert paths(tool.input) == ["changed $.cities[1].name"]
    assert not tool.equal
    (tool,) = both(left, left).tools
    assert tool.equal


def test_calls_are_matched_by_name_and_order() -> None:
    result = both(
        calls(("f", '{"n":1}'), ("g", "{}"), ("f", '{"n":2}')),
        calls(("g", "{}"), ("f", '{"n":1}'), ("h", "{}")),
    )
    assert [(tool.name, tool.places, tool.equal) for tool in result.tools] == [
        ("f", (0, 1), True),
        ("g", (1, 0), True),
        ("f", (2, None), False),
        ("h", (None, 2), False),
    ]


def test_an_input_that_is_not_whole_is_compared_as_it_came() -> None:
    (tool,) = both(calls(("f", '{"a":1}')), calls(("f", '{"a":1'))).tools
    assert tool.input is None
    assert tool.raw is not None
    assert not tool.raw.equal
    assert not tool.equal
    (tool,) = both(calls(("f", '{"a":')), calls(("f", '{"a":'))).tools
    assert tool.equal


def test_a_call_that_ended_otherwise_differs() -> None:
    whole = calls(("f", ""))
    cut = made(pb.message_start(), pb.tool_start(0, "f"), *pb.ending())
    (tool,) = both(whole, cut).tools
    assert tool.raw is not None
    assert tool.raw.equal
    assert not tool.equal


# --- the rest -------------------------------------------------------------------------------------


def test_ids_and_signatures_do_not_count() -> None:
    def run(salt: str) -> Run:
        sign = pb.delta(0, "signature_delta", signature=salt)
        return made(
            pb.message_start(id=f"msg_{salt}"),
            *[pb.thinking_start(0), pb.thinking(0, "hm"), sign, pb.block_stop(0)],
            *pb.tool_block(1, "{}", id=f"toolu_{salt}"),
            *pb.ending(),
        )

    assert both(run("a"), run("b")).differing == ()


def test_everything_else_is_compared() -> None:
    def run(value: str, *extra: JsonObject) -> Run:
        return made(
            pb.message_start(container={"id": value}),
            pb.block_start(0, "web_search_tool_result", content=[{"url": value}]),
            pb.block_stop(0),
            *[pb.text_start(1), pb.text(1, "x"), *extra, pb.block_stop(1)],
            *pb.ending(),
        )

    result = both(
        run("a"), run("b", pb.citation(1, {"cited_text": "c"}), pb.delta(1, "odd_delta", odd=1))
    )
    assert paths(result.rest) == [
        "changed $.message.container.id",
        "changed $.content[0].content[0].url",
        "added $.content[1]",
    ]
    assert "other fields" in result.differing


def test_a_model_that_is_no_name_is_not_lost() -> None:
    result = both(made(pb.message_start(model=1)), made(pb.message_start(model=2)))
    assert fact(result, "model").equal
    assert paths(result.rest) == ["changed $.message.model"]


# --- requests -------------------------------------------------------------------------------------


REQUEST: JsonObject = {
    "model": "m",
    "max_tokens": 10,
    "system": "be brief",
    "tools": [{"name": "f", "input_schema": {}}, {"name": "g"}],
    "messages": [{"role": "user", "content": "hi"}],
}


def asked(left: JsonObject | None, right: JsonObject | None) -> dict[str, list[str]]:
    run = answer("x")
    result = compared(run, run, left, right)
    assert plain(compared(run, run, right, left)) == plain(result.mirrored())
    return {name: paths(part) for name, part in result.request.parts}


def test_the_parts_of_a_request_are_compared_apart() -> None:
    other = REQUEST | {
        "max_tokens": 20,
        "tools": [{"name": "g"}, {"name": "h"}],
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "{"}],
    }
    del other["system"]
    assert asked(REQUEST, other) == {
        "Parameters": ["changed $.max_tokens"],
        "System": ["removed $.system"],
        "Tools": ["removed $.tools[0]", "added $.tools[1]"],
        "Messages": ["added $.messages[1]"],
    }


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [(None, None, True), (REQUEST, None, False), (None, REQUEST, False), (REQUEST, REQUEST, True)],
)
def test_a_request_that_is_not_known_is_not_compared(
    left: JsonObject | None, right: JsonObject | None, equal: bool
) -> None:
    run = answer("x")
    result = compared(run, run, left, right)
    assert result.request.known == (left is not None, right is not None)
    assert result.request.equal is equal
    assert result.differing == (() if equal else ("request",))
    assert set(map(tuple, asked(left, right).values())) == {()}
