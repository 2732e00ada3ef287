"""The state's own arithmetic: buffers, blocks as JSON, tool states, status."""

from __future__ import annotations

import ast
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.core import reducer
from tui.core.buffer import Buffer
from tui.core.state import Block, End, Phase, RunState, Status, as_count, as_text


def block(kind: str = "text", **start: object) -> Block:
    return Block(0, kind, {"type": kind} | start, 1, 1)


def stopped(made: Block) -> Block:
    made.stopped_ns = 5
    return made


def with_json(made: Block, raw: str) -> Block:
    made.json.append(raw)
    made.fragments.append(len(raw))
    return made


def test_a_block_as_json_is_its_start_and_what_came_on_top() -> None:
    made = block(text="", extra={"kept": 1}, citations=None)
    assert made.to_json() == {"type": "text", "text": "", "extra": {"kept": 1}, "citations": None}
    made.text.append("hi")
    made.thinking.append("hm")
    made.citations = [{"cited_text": "x"}]
    made.patch["signature"] = "s"
    made.unknown_deltas.append({"type": "new_delta"})
    assert made.to_json() == {
        "type": "text",
        "text": "hi",
        "thinking": "hm",
        "extra": {"kept": 1},
        "citations": [{"cited_text": "x"}],
        "signature": "s",
        "unknown_deltas": [{"type": "new_delta"}],
    }
    assert made.start == {"type": "text", "text": "", "extra": {"kept": 1}, "citations": None}


def test_a_block_that_was_never_started_gets_its_implied_type() -> None:
    assert Block(3, "text", {}, 1, 1, implicit=True).to_json() == {"type": "text"}


def test_the_input_is_shown_once_it_is_whole() -> None:
    made = with_json(block("tool_use", input={"at": "start"}), '{"a":1}')
    made.input_size = 7
    assert made.to_json()["input"] == {"at": "start"}
    assert stopped(made).to_json()["input"] == {"a": 1}
    made.input_error = (0, "broken")
    assert made.to_json()["input"] == {"at": "start"}


@pytest.mark.parametrize(
    ("made", "state"),
    [
        (block("tool_use"), "streaming"),
        (with_json(block("tool_use"), "{"), "streaming"),
        (stopped(with_json(block("tool_use"), "{}")), "complete"),
        (stopped(with_json(block("tool_use", input={}), "")), "empty"),
        (stopped(block("tool_use", input={})), "empty"),
        (stopped(block("tool_use")), "empty"),
        (stopped(block("tool_use", input={"a": 1})), "complete"),
    ],
)
def test_tool_state(made: Block, state: str) -> None:
    assert made.tool_state == state


def test_the_input_is_parsed_when_it_is_asked_for() -> None:
    made = stopped(with_json(block("tool_use"), '{"a":1}'))
    assert made.input_size is None and made.input is None
    made.input_size = 7
    assert made.input == {"a": 1}
    assert made.input is made.input
    made.json = Buffer('{"a":[' + "1," * 40_000 + "2]}")
    made.input_size = len(made.json)
    value = made.input
    assert value is not None and len(value["a"]) == 40_001
    assert made.input is not value  # It is large, so it is not kept.


def test_a_tool_whose_input_is_no_json_is_invalid() -> None:
    made = stopped(with_json(block("tool_use"), "{"))
    made.input_error = (1, "cut")
    assert made.tool_state == "invalid"


def test_what_is_a_tool() -> None:
    for kind in ("tool_use", "server_tool_use", "mcp_tool_use"):
        assert block(kind).is_tool
    assert not block("text").is_tool
    assert with_json(block("text"), "").is_tool
    state = RunState(blocks=[block("text"), block("tool_use")])
    assert [tool.type for tool in state.tools] == ["tool_use"]


def test_tool_reports() -> None:
    whole = stopped(with_json(block("tool_use", id="t1", name="f", input={}), '{"a":1}'))
    whole.input_size = 7
    open_ = with_json(block("tool_use", id=5, name=None, input={}), '{"a"')
    full = stopped(block("tool_use", input={"b": 2}))
    bad = stopped(with_json(block("tool_use", input={"b": 2}), "{"))
    bad.input_error = (1, "cut")
    reports = RunState(blocks=[whole, open_, full, bad]).tool_reports()
    assert [(report.state, report.input, report.raw) for report in reports] == [
        ("complete", {"a": 1}, '{"a":1}'),
        ("partial", None, '{"a"'),
        ("complete", {"b": 2}, ""),
        ("invalid", None, "{"),
    ]
    assert (reports[0].id, reports[0].name) == ("t1", "f")
    assert (reports[1].id, reports[1].name) == (None, None)


@pytest.mark.parametrize(
    ("phase", "end", "status"),
    [
        (Phase.WAITING, None, "streaming"),
        (Phase.OPEN, None, "streaming"),
        (Phase.OPEN, "eof", "truncated"),
        (Phase.WAITING, "eof", "truncated"),
        (Phase.OPEN, "cancelled", "cancelled"),
        (Phase.OPEN, "interrupted", "cancelled"),
        (Phase.OPEN, "reset", "error"),
        (Phase.OPEN, "timeout", "error"),
        (Phase.WAITING, "refused", "error"),
        (Phase.WAITING, "http_error", "error"),
        (Phase.STOPPED, None, "complete"),
        (Phase.STOPPED, "eof", "complete"),
        (Phase.STOPPED, "reset", "complete"),
        (Phase.STOPPED, "cancelled", "complete"),
        (Phase.FAILED, None, "error"),
        (Phase.FAILED, "eof", "error"),
        (Phase.FAILED, "cancelled", "error"),
    ],
)
def test_status(phase: Phase, end: End | None, status: Status) -> None:
    assert RunState(phase=phase, end=end).status == status


def test_nothing_seen_is_no_message() -> None:
    state = RunState()
    assert state.message_json() is None
    assert (state.model, state.stop_reason, state.output_tokens) == (None, None, None)
    assert (state.events, state.content_chars, state.tools) == (0, 0, [])


def test_the_message_is_put_together() -> None:
    state = RunState(
        message={"id": "m", "model": "claude", "stop_reason": "end_turn", "content": [{"old": 1}]},
        blocks=[block(text="hi")],
        usage={"output_tokens": 5},
        usage_seen=True,
    )
    assert state.message_json() == {
        "id": "m",
        "model": "claude",
        "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "hi"}],
        "usage": {"output_tokens": 5},
    }
    assert (state.model, state.stop_reason, state.output_tokens) == ("claude", "end_turn", 5)


def test_blocks_without_a_message_are_shown() -> None:
    state = RunState(blocks=[block(text="hi")])
    assert state.message_json() == {"content": [{"type": "text", "text": "hi"}]}


def test_a_content_that_is_no_list_is_kept_while_there_are_no_blocks() -> None:
    state = RunState(message={"content": "odd"})
    assert state.message_json() == {"content": "odd"}
    state.blocks.append(block())
    assert state.message_json() == {"content": [{"type": "text"}]}
    assert RunState(message={}).message_json() == {"content": []}


def test_fields_of_the_wrong_type_are_not_taken() -> None:
    state = RunState(message={"model": 5, "stop_reason": []}, usage={"output_tokens": "many"})
    assert (state.model, state.stop_reason, state.output_tokens) == (None, None, None)


def test_counts() -> None:
    one, two = block(), block("tool_use")
    one.text.append("abc")
    one.thinking.append("de")
    two.json.append("{}")
    state = RunState(blocks=[one, two], counts={"ping": 2, "message_start": 1})
    assert (state.events, state.content_chars) == (3, 7)


@pytest.mark.parametrize(
    ("start", "latest", "conflicts"),
    [
        ({"input_tokens": 5}, {"input_tokens": 5}, {}),
        ({"input_tokens": 5}, {"input_tokens": 9}, {"input_tokens": (5, 9)}),
        ({"input_tokens": None}, {"input_tokens": 9}, {}),
        ({"output_tokens": 1}, {"output_tokens": 9}, {}),
        (
            {"cache_read_input_tokens": 0},
            {"cache_read_input_tokens": 7},
            {"cache_read_input_tokens": (0, 7)},
        ),
    ],
)
def test_usage_conflicts(
    start: dict[str, Any], latest: dict[str, Any], conflicts: dict[str, Any]
) -> None:
    assert RunState(usage_start=start, usage=latest).usage_conflicts() == conflicts


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0),
        (5, 5),
        (2**63 - 1, 2**63 - 1),
        (2**63, None),
        (10**400, None),
        (-1, None),
        (True, None),
        (1.0, None),
        ("5", None),
        (None, None),
        ([], None),
    ],
)
def test_as_count(value: object, count: int | None) -> None:
    assert as_count(value) == count


def test_as_text() -> None:
    assert as_text("x") == "x"
    assert as_text(None) is None
    assert as_text(5) is None


@given(st.lists(st.text(max_size=3), max_size=20))
def test_a_buffer_is_its_parts_joined(parts: list[str]) -> None:
    buffer = Buffer()
    for part in parts:
        buffer.append(part)
    assert buffer.text() == "".join(parts)


# --- who changes the state ------------------------------------------------------------------------

REDUCER: Final = {"reducer.py", "deltas.py", "batch.py", "history.py"}
STATE_FIELDS: Final = {field.name for kind in (RunState, Block) for field in fields(kind)}
MUTATORS: Final = {"append", "extend", "insert", "add", "update", "setdefault", "pop", "clear"}


def is_of_a_state(node: ast.expr) -> bool:
    """Whether an expression is a field of what is called a state or a block, or a part of one."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Attribute) and node.attr in STATE_FIELDS:
            holder = node.value
            name = holder.attr if isinstance(holder, ast.Attribute) else ast.unparse(holder)
            if name.removeprefix("_") in ("state", "block"):
                return True
        node = node.value
    return False


def changes(source: str) -> list[str]:
    """The statements of a module that change a state: assignments, and calls that change a list."""
    found = []
    for node in ast.walk(ast.parse(source)):
        targets: list[ast.expr] = []
        if isinstance(node, (ast.Assign, ast.Delete)):
            targets = node.targets
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
            targets = [node.target]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            targets = [node.func.value] if node.func.attr in MUTATORS else []
        found += [ast.unparse(node) for target in targets if is_of_a_state(target)]
    return found


def test_only_the_reducer_changes_the_state() -> None:
    package = Path(reducer.__file__).parents[1]
    written = {
        str(path): found
        for path in package.rglob("*.py")
        if not (path.parent.name == "core" and path.name in REDUCER)
        and (found := changes(path.read_text("utf-8")))
    }
    assert written == {}


@pytest.mark.parametrize(
    "statement",
    [
        "state.end = 1",
        "run.state.anomalies.append(1)",
        "self._state.usage['x'] = 1",
        "block.stopped_ns += 1",
        "del state.by_index[0]",
    ],
)
def test_a_change_of_the_state_would_be_seen(statement: str) -> None:
    assert changes(statement) == [statement]
