"""Files with tools in JSON: read as they stand, and one line for each mistake in any file."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from textwrap import dedent
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.streams import json_values
from tui.conversation.tool_files import MAX_BYTES
from tui.conversation.toolbox import Toolbox, ToolsError, load_tools
from tui.core.text import one_line

SCHEMA: Final = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL: Final = {"name": "get_weather", "description": "Weather.", "input_schema": SCHEMA}
SEARCH: Final = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}


def written(tmp_path: Path, value: object, name: str = "tools.json") -> Path:
    path = tmp_path / name
    if isinstance(value, bytes):
        path.write_bytes(value)
    elif isinstance(value, str):
        path.write_text(dedent(value), encoding="utf-8")
    else:
        path.write_text(json.dumps(value), encoding="utf-8")
    return path


def load(path: Path) -> Toolbox:
    return asyncio.run(load_tools(path))


def problem(path: Path) -> str:
    with pytest.raises(ToolsError) as raised:
        load(path)
    said = str(raised.value)
    assert said == one_line(said)
    return said


@pytest.mark.parametrize(
    "wrap", [lambda tools: tools, lambda tools: {"model": "m", "tools": tools}]
)
def test_definitions_are_sent_as_they_are(tmp_path: Path, wrap: Any) -> None:  # noqa: ANN401
    tools = [
        {**TOOL, "cache_control": {"type": "ephemeral"}, "unknown": [1.0, 1e300, None, "\u00e9"]},
        {**TOOL, "name": "b-_9", "type": "custom"},
        SEARCH,
        {"type": "mcp_toolset", "mcp_server_name": "get_weather"},
        {"type": "bash_20250124", "name": "bash"},
    ]
    box = load(written(tmp_path, wrap(tools)))
    assert box.definitions == tools
    assert [type(one) for one in box.definitions[0]["unknown"]] == [float, float, type(None), str]
    assert all(not tool.runnable for tool in box.tools)


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + json.dumps([TOOL]).encode()
    assert load(written(tmp_path, data, "tools.JSON")).definitions == [TOOL]


async def test_canned_answers(tmp_path: Path) -> None:
    block = {"type": "text", "text": "hi"}
    box = await load_tools(
        written(
            tmp_path,
            [
                {**TOOL, "name": "text", "result": "sunny"},
                {**TOOL, "name": "json", "result": {"c": 18}},
                {**TOOL, "name": "list", "result": [1, 2]},
                {**TOOL, "name": "blocks", "result": [block]},
                {**TOOL, "name": "null", "result": None},
                {**TOOL, "name": "turns", "results": ["one", {"n": 2}, [block]]},
                {"type": "bash_20250124", "name": "bash", "result": "total 0"},
            ],
        )
    )
    assert all(tool.runnable for tool in box.tools)
    assert box.definitions[0] == {**TOOL, "name": "text"}
    assert all({"result", "results"}.isdisjoint(one) for one in box.definitions)

    async def answer(name: str) -> object:
        content, is_error = await box.run(name, {"city": "Paris"})
        assert not is_error
        return content

    assert await answer("text") == await answer("text") == "sunny"
    assert await answer("json") == '{"c":18}'
    assert await answer("list") == "[1,2]"
    assert await answer("null") == "null"
    assert await answer("bash") == "total 0"
    assert [await answer("turns") for _ in range(4)] == ["one", '{"n":2}', [block], [block]]
    blocks = await answer("blocks")
    assert isinstance(blocks, list)
    blocks.clear()
    assert await answer("blocks") == [block]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "tools.json: there are no tools in it"),
        ({"tools": []}, "tools.json: there are no tools in it"),
        ({}, "tools.json: a list of tools is needed"),
        ({"tools": {}}, "a list of tools is needed"),
        ("4", "a list of tools is needed"),
        ([TOOL, 4], "tools.json: tool 2: a tool is a JSON object"),
        ([{"input_schema": {}}], "tool 1: there is no name"),
        ([{"type": "custom", "mcp_server_name": "x"}], "tool 1: there is no name"),
        ([{"type": "web_search_20250305"}], "tool 1: there is no name"),
        ([{"name": "a"}], "tool 1 (a): input_schema is missing"),
        ([{"name": "a", "type": "custom"}], "tool 1 (a): input_schema is missing"),
        ([{"name": "a", "input_schema": []}], "tool 1 (a): input_schema is no object"),
        ([{**TOOL, "name": "a b"}], "tool 1 (a b): the name 'a b' is not one to 128 of a-z"),
        ([{**TOOL, "name": "a\n"}], "the name 'a\\n' is not"),
        ([{**TOOL, "name": ""}], "the name '' is not"),
        ([{**TOOL, "name": "x" * 129}], "is not one to 128"),
        ([{**TOOL, "name": 4}], "tool 1: the name 4 is not"),
        ([{**TOOL, "name": "\u00e9"}], "is not one to 128"),
        ([SEARCH | {"name": "web search"}], "is not one to 128"),
        ([TOOL, SEARCH, TOOL], "tool 3 (get_weather): the name is taken by tool 1 (get_weather)"),
        ([TOOL | {"result": 1, "results": [1]}], "exclude each other"),
        ([TOOL | {"results": []}], "at least one result"),
        ([TOOL | {"results": "x"}], "at least one result"),
        ([SEARCH | {"result": "x"}], "tool 1 (web_search): the API runs it itself"),
        (
            '[{"name": "a",\n "input_schema"}]',
            "line 2: not JSON: Expecting ':' delimiter, column 16",
        ),
        ("", "line 1: not JSON"),
        ('[{"name": "a", "input_schema": {"x": NaN}}]', "not JSON: NaN"),
        ('[{"name": "a", "input_schema": {"x": 1e999}}]', "tool 1 (a): the definition is not JSON"),
        (r'[{"name": "a", "input_schema": {"x": "\ud800"}}]', "the definition is not JSON"),
        ('[{"name": "a", "input_schema": {}, "result": 1e999}]', "tool 1 (a): The tool's answer"),
        ("[" * 100_000, "not JSON: nested too deeply"),
        (b'[{"name":\n "\xff"}]', "tools.json, line 2: this is not UTF-8"),
    ],
)
def test_mistakes_in_json(tmp_path: Path, value: object, said: str) -> None:
    assert said in problem(written(tmp_path, value))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert problem(tmp_path / "no.json") == "no.json: there is no such file"
    assert problem(tmp_path / "no" / "no.py") == "no.py: there is no such file"
    (tmp_path / "folder.json").mkdir()
    assert problem(tmp_path / "folder.json") == "folder.json: this is a folder"
    assert "read from .json and .py files" in problem(written(tmp_path, "", "tools.yaml"))
    os.mkfifo(tmp_path / "pipe.json")
    assert problem(tmp_path / "pipe.json") == "pipe.json: this is not a regular file"
    assert "read from .json and .py files" in problem(tmp_path)
    assert "read from .json and .py files" in problem(Path())
    assert "cannot be read" in problem(Path("a\0.json"))
    assert "\x1b" not in problem(tmp_path / "\x1b[2J.json")
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert "larger than" in problem(tmp_path / "large.json")


FIELDS: Final = st.dictionaries(
    st.sampled_from(["name", "type", "input_schema", "result", "results", "mcp_server_name", "x"]),
    st.one_of(st.sampled_from(["a", "b", "custom", {}, [], 1e999]), json_values()),
    max_size=3,
)
ENTRIES: Final = st.lists(
    st.one_of(
        FIELDS,
        st.builds(
            lambda name, more: {**TOOL, "name": name} | more, st.sampled_from("abcd"), FIELDS
        ),
        st.builds(lambda more: SEARCH | more, FIELDS),
    ),
    max_size=3,
)


@given(
    st.one_of(
        st.binary(),
        st.text().map(str.encode),
        st.one_of(json_values(), ENTRIES, st.fixed_dictionaries({"tools": ENTRIES})).map(
            lambda value: json.dumps(value).encode()
        ),
    )
)
def test_any_json_gives_tools_or_their_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(data)
    try:
        box = load(path)
    except ToolsError as error:
        assert str(error) == one_line(str(error))
        assert str(error).startswith("any.json")
    else:
        assert box.definitions
        json.dumps(box.definitions, allow_nan=False, ensure_ascii=False).encode()
        assert all({"result", "results"}.isdisjoint(one) for one in box.definitions)
