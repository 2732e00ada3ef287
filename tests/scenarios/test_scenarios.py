"""The demo streams: the format, the pieces, and what each scenario promises."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sweeps import few
from tui import scenarios
from tui.core.records import EventRecord
from tui.core.session import Run, Session
from tui.findings import Evidence, diagnose
from tui.scenarios import Scenario, UnknownScenario, load, names
from tui.scenarios.compiler import compile_script
from tui.scenarios.pieces import members, sizes, words
from tui.scenarios.script import SceneError, duration, parse, parse_header

MS = 1_000_000
HEADER = "title: T\ndescription: D\nprompt: P\nmodel: m\n---\n"

# Name: status, stop reason, codes of the anomalies, state of each tool call.
PROMISES: dict[str, tuple[str, str | None, set[str], list[str]]] = {
    "tour": ("complete", "tool_use", set(), ["complete"] * 3),
    "plain": ("complete", "end_turn", set(), []),
    "one-tool": ("complete", "tool_use", set(), ["complete"]),
    "after-tool": ("complete", "end_turn", set(), []),
    "two-tools": ("complete", "tool_use", set(), ["complete", "complete"]),
    "thinking-tool": ("complete", "tool_use", set(), ["complete"]),
    "web-search": ("complete", "end_turn", set(), ["complete"]),
    "code-execution": ("complete", "end_turn", set(), ["complete"] * 3),
    "markdown": ("complete", "end_turn", set(), []),
    "fine-grained": ("complete", "tool_use", set(), ["complete"]),
    "fallback": ("complete", "end_turn", set(), []),
    "compaction": ("complete", "end_turn", set(), []),
    "max-tokens": ("complete", "max_tokens", {"invalid_tool_json"}, ["invalid"]),
    "refusal": ("complete", "refusal", set(), []),
    "stall": ("complete", "end_turn", set(), []),
    "buffered": ("complete", "end_turn", set(), []),
    "held-input": ("complete", "tool_use", set(), ["complete"]),
    "cache-missed": ("complete", "end_turn", set(), []),
    "thinking-budget": ("complete", "max_tokens", set(), []),
    "overloaded": ("error", None, set(), []),
    "connection-lost": ("error", None, {"cut_off"}, []),
    "unknown": (
        "complete",
        "ready_for_review",
        {"unknown_event", "unknown_delta", "unknown_block"},
        [],
    ),
    "hostile": ("complete", "tool_use", set(), ["complete"]),
}


# What a demo is for: its verdict where that is more than how it went, and what else it shows.
FINDINGS: dict[str, list[str]] = {
    "stall": ["stall"],
    "buffered": ["buffered"],
    "held-input": ["withheld_tool_input", "healthy"],
    "cache-missed": ["cache_missed"],
    "thinking-budget": ["max_tokens", "thinking_share"],
    "max-tokens": ["invalid_tool_json", "max_tokens"],
    "refusal": ["refusal"],
    "overloaded": ["api_error"],
    "connection-lost": ["cut_off"],
    "thinking-tool": ["thinking_share", "healthy"],
    "hostile": ["model_differs", "healthy"],
}


def wire(scenario: Scenario) -> bytes:
    return b"".join(chunk.data for chunk in scenario.chunks)


def folded(scenario: Scenario) -> Run:
    session = Session()
    for chunk in scenario.chunks:
        session.feed(chunk.t_ns, chunk.data)
    session.finish(scenario.duration_ns, scenario.how)
    assert len(session.runs) == 1
    return session.run


def events(scenario: Scenario) -> list[EventRecord]:
    timeline = folded(scenario).timeline
    return [timeline.record(at) for at in range(len(timeline))]


def deltas(scenario: Scenario, kind: str) -> list[tuple[int, dict[str, Any]]]:
    found: list[tuple[int, dict[str, Any]]] = []
    for event in events(scenario):
        delta = (event.payload or {}).get("delta", {})
        if delta.get("type") == kind:
            found.append((event.block_index, delta))
    return found


# The set


def test_the_tour_is_first_and_every_name_is_promised() -> None:
    assert names()[0] == "tour"
    assert sorted(names()) == sorted(PROMISES)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in names())


def test_names_does_not_read_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenarios, "_source", lambda name: pytest.fail(f"{name} was read"))
    assert "plain" in names()


@pytest.mark.parametrize("name", names())
def test_keeps_its_promise(name: str) -> None:
    status, stop_reason, codes, tools = PROMISES[name]
    scenario = load(name)
    run = folded(scenario)
    assert run.status == status
    assert run.state.stop_reason == stop_reason
    assert {anomaly.code for anomaly in run.state.anomalies} == codes
    assert [report.state for report in run.state.tool_reports()] == tools
    assert scenario.how == ("reset" if name == "connection-lost" else "eof")


@pytest.mark.parametrize("name", names())
def test_fires_the_finding_that_it_is_for(name: str) -> None:
    scenario = load(name)
    evidence = Evidence(folded(scenario), request=scenario.request)
    assert [finding.code for finding in diagnose(evidence)] == FINDINGS.get(name, ["healthy"])


@pytest.mark.parametrize("name", names())
def test_is_the_same_every_time_and_in_order(name: str) -> None:
    scenario = load(name)
    assert scenario == load(name)
    times = [chunk.t_ns for chunk in scenario.chunks]
    assert all(before < after for before, after in pairwise(times))
    assert 350 * MS <= times[0] <= 900 * MS or name == "buffered"
    assert times[-1] <= scenario.duration_ns < 40_000 * MS


@pytest.mark.parametrize("name", names())
def test_speaks_like_the_api(name: str) -> None:
    scenario = load(name)
    text = wire(scenario).decode()
    frames = text.split("\n\n")
    assert frames.pop() == "" or name == "connection-lost"
    for frame in frames:
        event, data = frame.split("\n")
        payload = json.loads(data.removeprefix("data: "))
        assert event == f"event: {payload['type']}"
    usage = json.loads(frames[0].partition("data: ")[2])["message"]["usage"]
    assert {"input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"} <= set(usage)
    assert any(re.search(rb"[^ ] +}\n\n", chunk.data) for chunk in scenario.chunks)
    shown = [event.type for event in events(scenario)]
    start = shown.index("content_block_start")
    assert "ping" in shown[start : start + 3]


@pytest.mark.parametrize("name", names())
def test_the_request_is_what_the_answer_answers(name: str) -> None:
    scenario = load(name)
    request = scenario.request
    assert request["stream"] is True
    assert request["model"] and request["max_tokens"] > 0
    last = request["messages"][-1]["content"]
    assert last == scenario.prompt or name == "after-tool"
    assert json.loads(json.dumps(request)) == request
    declared = {tool["name"] for tool in request.get("tools", [])}
    if "code_execution" in declared:  # It is called by the names of its two parts.
        declared |= {"bash_code_execution", "text_editor_code_execution"}
    called = {report.name for report in folded(scenario).state.tool_reports()}
    assert called <= declared or name == "hostile"
    header = scenarios.header(name)
    assert (header.title, header.prompt) == (scenario.title, scenario.prompt)
    assert scenario.title and scenario.description.endswith(".")


@pytest.mark.parametrize("name", [n for n, p in PROMISES.items() if p[0] == "complete"])
def test_counts_about_a_token_for_four_characters(name: str) -> None:
    state = folded(load(name)).state
    assert state.output_tokens is not None
    assert abs(state.output_tokens - state.content_chars / 4) <= 60


def test_some_reads_return_several_events() -> None:
    sizes_seen = {chunk.data.count(b"\nevent: ") + 1 for chunk in load("tour").chunks}
    assert sizes_seen >= {1, 2, 3}


def test_an_unknown_name_offers_close_ones() -> None:
    with pytest.raises(UnknownScenario, match="did you mean overloaded") as caught:
        load("overlaoded")
    assert isinstance(caught.value, ValueError)
    assert "overloaded" in caught.value.close
    with pytest.raises(UnknownScenario, match="there are tour, plain, one-tool, .* more$"):
        load("../../etc/passwd")


# Single scenarios


def test_the_tour_shows_everything() -> None:
    scenario = load("tour")
    run = folded(scenario)
    assert [block.type for block in run.state.blocks][:4] == [
        "thinking",
        "text",
        "server_tool_use",
        "web_search_tool_result",
    ]
    message = run.state.message_json()
    assert message is not None
    assert message["content"][0]["signature"]
    assert message["usage"]["server_tool_use"]["web_search_requests"] == 1
    assert sum(len(block.citations or []) for block in run.state.blocks) == 2
    assert [length > 2_000 * MS for _, length in run.state.stalls] == [True]
    text = run.state.by_index[1].text.text()
    assert all(mark in text for mark in ("## ", "\n| ", "```python", "\n- ", "**"))
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    space: dict[str, Any] = {}
    assert code is not None
    exec(code[1].replace("print", "str"), space)
    assert f"{space['level'](2):.2f}" == "1.73"


@pytest.mark.parametrize(("name", "blocks"), [("two-tools", {1, 2}), ("tour", {9, 10})])
def test_two_tools_take_turns(name: str, blocks: set[int]) -> None:
    turns = [index for index, _ in deltas(load(name), "input_json_delta") if index in blocks]
    shared = 2 * min(turns.count(index) for index in blocks)
    assert all(before != after for before, after in pairwise(turns[:shared]))


def test_ordinary_tool_input_comes_in_whole_members() -> None:
    pieces = [delta["partial_json"] for _, delta in deltas(load("one-tool"), "input_json_delta")]
    assert pieces[0] == ""
    assert pieces[1] == '{"place": "Cape Horn"'
    assert pieces[-2:] == [', "include": ["gusts", "wave_height", "visibility"]', "}"]


def test_fine_grained_input_cuts_escapes() -> None:
    found = deltas(load("fine-grained"), "input_json_delta")
    pieces = [delta["partial_json"] for _, delta in found]
    assert "\\" in pieces and "\\ud83c" in pieces
    value = json.loads("".join(pieces))
    assert value["content"].startswith("# Café menu\n") and "\N{CUSTARD}" in value["content"]


def test_max_tokens_stops_a_block_that_is_not_json() -> None:
    scenario = load("max-tokens")
    report = folded(scenario).state.tool_reports()[0]
    with pytest.raises(ValueError):
        json.loads(report.raw)
    assert folded(scenario).state.output_tokens == scenario.request["max_tokens"]


def test_refusal_gives_its_reason() -> None:
    message = folded(load("refusal")).state.message_json()
    assert message is not None
    assert message["stop_details"]["type"] == "refusal"
    assert message["stop_details"]["explanation"]


def test_overloaded_ends_with_an_error_event() -> None:
    last = events(load("overloaded"))[-1]
    assert last.payload is not None
    assert last.payload["error"]["type"] == "overloaded_error"


def test_the_lost_connection_cuts_an_event() -> None:
    data = wire(load("connection-lost"))
    assert not data.endswith(b"\n\n") and b"message_stop" not in data


def test_the_stall_has_pings_and_a_silence() -> None:
    scenario = load("stall")
    lengths = [length for _, length in folded(scenario).state.stalls]
    assert lengths[0] > 3_000 * MS and lengths[1] > 2_000 * MS
    assert [event.type for event in events(scenario)].count("ping") == 4


def test_the_fallback_changes_the_model() -> None:
    scenario = load("fallback")
    first = events(scenario)[0].payload
    assert first is not None
    assert first["message"]["model"] == scenario.request["model"]
    assert folded(scenario).state.model == "claude-sonnet-5-5"


def test_the_compaction_fills_its_block() -> None:
    message = folded(load("compaction")).state.message_json()
    assert message is not None
    assert message["content"][0]["content"].startswith("Goal:")
    assert message["content"][0]["encrypted_content"]


def test_hostile_text_is_escaped_on_the_wire_and_in_the_file() -> None:
    source = files("tui.scenarios").joinpath("hostile.scene").read_bytes()
    for data in (source, wire(load("hostile"))):
        assert all(byte == 0x0A or 0x20 <= byte < 0x7F for byte in data)
    state = folded(load("hostile")).state
    text = state.by_index[0].text.text()
    for needed in (
        "\x1b]0;OWNED\x07",
        "\x1b[2J",
        "\x9b",
        "\u202e",
        "\u200b",
        "\U000e0041",
        "\ud83d",
        "\0",
        "[@click=app.quit]",
        "[/]",
        "<script>",
    ):
        assert needed in text
    report = state.tool_reports()[0]
    assert "\x1b]0;" in str(report.name) and "\x1b[2J" in report.input["title"]
    assert state.model is not None and "[bold]" in state.model


# The format


def test_a_body_goes_on_over_lines() -> None:
    script = parse("x", HEADER + "text 0\n| one\n|\n|  two\ntext 0 | a\n  | b\nstop 0\n")
    assert [step.body for step in script.steps] == ["one\n\n two", "a\nb", ""]


def test_a_header_value_goes_on_over_lines() -> None:
    header = parse_header("x", HEADER.replace("prompt: P", "prompt:\n| one\n| two"))
    assert header.prompt == "one\ntwo"


def test_comments_and_empty_lines_are_nothing() -> None:
    script = parse("x", "# c\n\n" + HEADER + "\n# c\n+1.5s ping\n")
    assert [(step.verb, step.delay_ns) for step in script.steps] == [("ping", 1_500 * MS)]
    assert script.steps[0].line == 10


def test_waiting_adds_to_the_next_silence_or_to_the_end() -> None:
    compiled = compile_script(
        parse("x", HEADER + "+400ms start\nwait 2s\n+1s ping\nwait 3s\ncut\n")
    )
    assert [chunk.t_ns for chunk in compiled.chunks] == [400 * MS, 3_400 * MS]
    assert compiled.duration_ns == 6_400 * MS
    assert compiled.how == "reset"


def test_nothing_after_the_end_is_sent() -> None:
    compiled = compile_script(parse("x", HEADER + "+400ms start\neof\nping\n"))
    assert len(compiled.chunks) == 1


@pytest.mark.parametrize(
    ("source", "line", "problem"),
    [
        ("title: T\n", 2, "no '---'"),
        ("title: T\n---\n", 1, "the header has no description"),
        ("titel: T\n---\n", 1, "not a header line"),
        (HEADER.replace("model: m", "model: m\nseed: x"), 5, "seed is not a whole number"),
        (HEADER.replace("model: m", "model: m\ntool: {"), 5, "tool is not JSON"),
        (HEADER.replace("model: m", "model: m\nrequest: []"), 5, "request is not a JSON object"),
        (HEADER + "dance\n", 6, "not a step"),
        (HEADER + "+soon ping\n", 6, "not a duration"),
        (HEADER + "| body\n", 6, "no step above"),
        (HEADER + "stop 0\n", 6, "stop: 0"),
        (HEADER + "text x | hi\n", 6, "text: invalid literal"),
        (HEADER + "text 0 | a\ntext 0 loud | hi\n", 7, "no such option: loud"),
        (HEADER + "tool 0\n", 6, "tool: "),
        (HEADER + "event | []\n", 6, "not a JSON object"),
        (HEADER + "text 0 | a\ncitation 0 1 | hi\n", 7, "citation: "),
    ],
)
def test_mistakes_name_the_line(source: str, line: int, problem: str) -> None:
    with pytest.raises(SceneError, match=f"^x.scene, line {line}: .*{re.escape(problem)}"):
        compile_script(parse("x", source))


@pytest.mark.parametrize(("text", "ns"), [("380ms", 380 * MS), ("2.4s", 2_400 * MS), ("0s", 0)])
def test_durations(text: str, ns: int) -> None:
    assert duration(text) == ns


# The pieces


@given(st.text(), st.integers())
def test_words_lose_nothing(text: str, seed: int) -> None:
    pieces = words(text, Random(seed).random)
    assert "".join(pieces) == text
    assert all(pieces)


@given(st.text(), st.integers(1, 4), st.integers(0, 4), st.integers())
def test_sizes_lose_nothing(text: str, low: int, more: int, seed: int) -> None:
    pieces = sizes(text, low, low + more, Random(seed).random)
    assert "".join(pieces) == text
    assert all(low <= len(piece) <= low + more for piece in pieces[:-1])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=few(15))
@given(st.dictionaries(st.text(), JSON, min_size=1), st.sampled_from([None, 1]))
def test_members_are_whole(value: dict[str, Any], indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    pieces = members(text)
    assert "".join(pieces) == text
    assert len(pieces) == len(value) + 1
    for end in range(1, len(pieces)):
        assert len(json.loads("".join(pieces[:end]) + "}")) == end


@given(st.text())
def test_members_of_anything_else_is_one_piece_or_loses_nothing(text: str) -> None:
    assert "".join(members(text)) == text
