"""The results of server tools, each in its own form, and what cannot be read as text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tui.core.records import JsonObject
from tui.core.session import Session
from tui.viewmodel import Moment, TranscriptItem, TranscriptView, transcript, turn_items
from tui.viewmodel.lines import StyledLine
from tui.viewmodel.media import DESCRIBED, describe_part
from tui.viewmodel.results import ResultForm, result_form


def form_of(kind: str, content: object, asked: JsonObject | None = None, **more: Any) -> ResultForm:  # noqa: ANN401
    """The form of a result, after the call that asked for it."""
    session = Session()
    call = pb.block_start(0, "server_tool_use", id="s", name="echo", input={})
    result = pb.block_start(1, kind, tool_use_id="s", content=content, **more)
    given = [pb.fragment(0, json.dumps(asked))] if asked else []
    session.feed(0, pb.wire(pb.message_start(), call, *given, pb.block_stop(0), result))
    blocks = session.run.state.blocks
    return result_form(blocks[1], blocks[:1])


def plain(lines: tuple[StyledLine, ...]) -> list[str]:
    return [line.mark + "".join(text for text, _ in line.pieces) for line in lines]


def styles(form: ResultForm) -> list[str]:
    return [line.pieces[0][1] for line in form.lines]


def test_a_web_search_lists_title_host_and_age() -> None:
    found = [
        {"title": "A [b]", "url": "https://www.a.example/x", "page_age": "3 hours ago"},
        {"title": "B", "url": 5, "page_age": None, "encrypted_content": "x" * 9999},
        {"other": True},
    ]
    form = form_of("web_search_tool_result", found)
    assert form.label == "web_search  3 results"
    assert plain(form.lines) == ["\u2022 A [b]  a.example  3 hours ago", "\u2022 B  ", "untyped"]
    assert form_of("web_search_tool_result", []).label == "web_search  no results"
    assert form_of("web_search_tool_result", found[:1]).label == "web_search  1 result"


def test_an_error_is_said_to_be_one() -> None:
    content = {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}
    form = form_of("web_search_tool_result", content)
    assert (form.label, form.tone) == ("web_search  failed", "bad")
    assert plain(form.lines) == ["\u2717 max_uses_exceeded"]
    assert styles(form) == ["worse"]


def test_a_run_of_code_shows_command_output_and_errors_line_by_line() -> None:
    content = {
        "type": "bash_code_execution_result",
        "stdout": "one\n\n  two\n",
        "stderr": "oh\x1b[2J",
        "return_code": 2,
        "content": [{"type": "bash_code_execution_output", "file_id": "file_7"}],
    }
    form = form_of("bash_code_execution_tool_result", content, {"command": "ls\npwd"})
    assert (form.label, form.tone) == ("bash_code_execution  exit 2", "bad")
    assert plain(form.lines) == [
        *("$ ls", "  pwd", "one", "", "  two", "oh\x1b[2J"),
        "bash code execution output  file_7",
    ]
    assert styles(form) == ["label", "label", "plain", "plain", "plain", "worse", "path"]
    silent = {"type": "code_execution_result", "stdout": "", "stderr": "", "return_code": 0}
    assert plain(form_of("code_execution_tool_result", silent).lines) == ["no output"]
    hidden = {"type": "encrypted_code_execution_result", "encrypted_stdout": "abc"}
    assert plain(form_of("code_execution_tool_result", hidden).lines) == ["output, encrypted  3 B"]


def test_the_text_editor_shows_the_change() -> None:
    kind = "text_editor_code_execution"
    asked = {"command": "create", "path": "/tmp/a.py", "file_text": "x = 1\ny = 2\n"}
    made = {"type": f"{kind}_create_result", "is_file_update": False}
    form = form_of(f"{kind}_tool_result", made, asked)
    assert form.label == f"{kind}  created /tmp/a.py"
    assert plain(form.lines) == ["+ x = 1", "+ y = 2"]
    changed = {"type": f"{kind}_str_replace_result", "new_start": 3, "lines": ["-a", "+b", " c"]}
    form = form_of(f"{kind}_tool_result", changed, asked)
    assert plain(form.lines) == ["line 3", "- a", "+ b", "  c"]
    assert styles(form) == ["muted", "removed", "added", "muted"]
    seen = {"type": f"{kind}_view_result", "file_type": "text", "content": "a\nb", "start_line": 9}
    form = form_of(f"{kind}_tool_result", seen, asked)
    assert form.label == f"{kind}  viewed /tmp/a.py"
    assert plain(form.lines) == [" 9 a", "10 b"]
    assert "pdf" in form_of(f"{kind}_tool_result", seen | {"file_type": "pdf"}, asked).label


def test_a_fetched_page_has_title_host_size_and_text() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "# Tides\nlow"}
    page = {
        "type": "web_fetch_result",
        "url": "https://www.a.example/tides",
        "retrieved_at": "2025-07-17T21:38:38.606000+00:00",
        "content": {"type": "document", "title": "Tides", "source": source},
    }
    form = form_of("web_fetch_tool_result", page)
    assert plain(form.lines) == [
        "Tides  a.example",
        "document  text/plain  11 chars  retrieved 2025-07-17 21:38",
    ]
    assert form.text == "# Tides\nlow"
    bare = form_of(
        "web_fetch_tool_result", {"type": "web_fetch_result", "url": "https://b.example"}
    )
    assert plain(bare.lines) == ["https://b.example", "no document"]


def test_text_of_advisors_and_mcp_servers_is_markdown() -> None:
    advice = {"type": "advisor_result", "text": "**Do** it"}
    assert form_of("advisor_tool_result", advice).text == "**Do** it"
    hidden = form_of("advisor_tool_result", {"type": "advisor_redacted_result"})
    assert plain(hidden.lines) == ["text, encrypted  0 B"]
    parts = [{"type": "text", "text": "one"}, {"type": "image", "source": {"type": "base64"}}]
    form = form_of("mcp_tool_result", parts, is_error=False)
    assert (form.label, form.text, plain(form.lines)) == ("echo", "one", ["image"])
    failed = form_of("mcp_tool_result", parts, is_error=True)
    assert (failed.label, failed.tone) == ("echo  failed", "bad")
    assert form_of("mcp_tool_result", []).label == "echo  no results"


def test_a_search_for_tools_lists_their_names() -> None:
    content = {
        "type": "tool_search_tool_search_result",
        "tool_references": [{"type": "tool_reference", "tool_name": "get_weather"}],
    }
    form = form_of("tool_search_tool_result", content)
    assert (form.label, plain(form.lines)) == ("tool_search  1 tool", ["\u2192 get_weather"])
    nothing = form_of("tool_search_tool_result", content | {"tool_references": []})
    assert nothing.label == "tool_search  no results"


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*("type", "content", "text", "title", "url", "stdout", "lines", "source", "data")]
            ),
            inner
            | st.sampled_from(
                ["web_fetch_result", "code_execution_result", "x_view_result", "advisor_result"]
            ),
            max_size=5,
        )
    ),
    max_leaves=8,
)


@given(st.sampled_from(["web_search", "web_fetch", "x", "mcp", ""]), _ANY)
def test_whatever_a_result_is_it_is_shown(name: str, content: object) -> None:
    form = form_of(f"{name}_tool_result", content)
    assert form.label
    for line in form.lines:
        assert all(isinstance(text, str) and "\n" not in text for text, _ in line.pieces)


@given(st.dictionaries(st.sampled_from(["type", "source", "tool", "tools", "data"]), _ANY))
def test_whatever_a_part_is_one_line_says_it(part: JsonObject) -> None:
    said = describe_part(part)
    assert said and "\n" not in said and len(said) <= 200


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "QUJDRA=="},
            },
            "image  image/png  4 B",
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}},
            "image  https://a.example/b.png",
        ),
        (
            {"type": "document", "title": "Log", "source": {"type": "content", "content": [1, 2]}},
            "document  Log  2 parts",
        ),
        ({"type": "container_upload", "file_id": "file_1"}, "file in the container  file_1"),
        ({"type": "redacted_thinking", "data": "abcd"}, "thinking, redacted  4 B"),
        (
            {
                "type": "mcp_tool_listing",
                "mcp_server_name": "kb",
                "tools": [{"name": "a"}, {"name": "b"}],
            },
            "tools of an MCP server  kb  tools a, b",
        ),
        (
            {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "t"}},
            "tool addition  t",
        ),
        (
            {"type": "search_result", "title": "T", "source": "https://www.a.example/x"},
            "search result  T  a.example",
        ),
    ],
)
def test_what_cannot_be_read_is_named_with_its_size(part: JsonObject, said: str) -> None:
    assert part["type"] in DESCRIBED
    assert describe_part(part) == said
    item = items_of(
        pb.block_start(0, part["type"], **{k: v for k, v in part.items() if k != "type"})
    )
    assert item[0].label == said
    request = {"messages": [{"role": "user", "content": [part]}]}
    assert [one.label for one in turn_items(request)] == [said]


def items_of(*events: JsonObject, **message: object) -> list[TranscriptItem]:
    session = Session()
    session.feed(0, pb.wire(pb.message_start(**message), *events))
    run = session.run
    view = TranscriptView(Moment(run, run.state, len(run.timeline), False, 0), "demo")
    return transcript(view)


def test_what_the_message_has_beside_its_content_is_said() -> None:
    container = {"id": "container_1", "expires_at": "2025-10-14T10:02:00.044495Z"}
    edits = {"applied_edits": [{"type": "clear_tool_uses", "cleared_tool_uses": 2}]}
    notes = items_of(container=container, context_management=edits)
    assert [(note.label, note.body) for note in notes] == [
        ("container", "container_1  expires 2025-10-14 10:02"),
        ("context edited", '[{type: "clear_tool_uses", cleared_tool_uses: 2}]'),
    ]
