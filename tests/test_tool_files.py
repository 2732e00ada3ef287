"""Files with tools: what is read from them as it stands, and one line for each mistake."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from textwrap import dedent
from typing import Any, Final

import pytest
from anthropic import beta_tool
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


def problem(path: Path) -> str:
    with pytest.raises(ToolsError) as raised:
        load_tools(path)
    said = str(raised.value)
    assert said == one_line(said)
    return said


# --- JSON -----------------------------------------------------------------------------------------


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
    box = load_tools(written(tmp_path, wrap(tools)))
    assert box.definitions == tools
    assert [type(one) for one in box.definitions[0]["unknown"]] == [float, float, type(None), str]
    assert all(tool.origin == "none" and not tool.runnable for tool in box.tools)


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + json.dumps([TOOL]).encode()
    assert load_tools(written(tmp_path, data, "tools.JSON")).definitions == [TOOL]


async def test_canned_answers(tmp_path: Path) -> None:
    block = {"type": "text", "text": "hi"}
    box = load_tools(
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
    assert all(tool.origin == "canned" and tool.runnable for tool in box.tools)
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
        box = load_tools(path)
    except ToolsError as error:
        assert str(error) == one_line(str(error))
        assert str(error).startswith("any.json")
    else:
        assert box.definitions
        json.dumps(box.definitions, allow_nan=False, ensure_ascii=False).encode()
        assert all({"result", "results"}.isdisjoint(one) for one in box.definitions)


# --- Python ---------------------------------------------------------------------------------------


def load(tmp_path: Path, source: str | bytes) -> Toolbox:
    return load_tools(written(tmp_path, source, "tools.py"))


async def test_functions_are_tools(tmp_path: Path) -> None:
    box = load(
        tmp_path,
        '''
        from __future__ import annotations
        from os.path import join
        from dataclasses import dataclass
        from typing import Literal
        from anthropic import beta_async_tool, beta_tool

        LIMIT = 3

        @dataclass
        class Place:
            name: str

        def _private(x: int) -> int:
            return x

        def add(a: int, b: int = 2) -> int:
            """Add two numbers.

            Args:
                a: The first.
            """
            return a + b

        async def visit(place: Place, unit: Literal["c", "f"] = "c") -> dict[str, str]:
            """Go there."""
            return {"name": place.name, "unit": unit}

        @beta_tool(name="shout", description="Loud.")
        def _(text: str) -> str:
            return text.upper()

        @beta_async_tool
        async def whisper(text: str) -> str:
            """Not loud."""
            return text.lower()

        def search(text: str) -> str:
            """Search."""
            return text

        lookup = beta_tool(search, name="lookup")
        plus = add
        twice = lambda text: text * 2
        loud = _
        ''',
    )
    names = [tool.name for tool in box.tools]
    assert sorted(names) == ["add", "lookup", "shout", "twice", "visit", "whisper"]
    assert all(tool.origin == "python" and tool.runnable for tool in box.tools)

    def add(a: int, b: int = 2) -> Any:  # noqa: ANN401
        """Add two numbers.

        Args:
            a: The first.
        """

    sent = {one["name"]: one for one in box.definitions}
    assert sent["add"] == beta_tool(add).to_dict()
    assert sent["shout"]["description"] == "Loud."
    assert await box.run("add", {"a": 1}) == ("3", False)
    assert await box.run("visit", {"place": {"name": "Rome"}}) == (
        '{"name":"Rome","unit":"c"}',
        False,
    )
    assert await box.run("shout", {"text": "a"}) == ("A", False)
    assert await box.run("whisper", {"text": "A"}) == ("a", False)
    assert await box.run("lookup", {"text": "x"}) == ("x", False)
    assert await box.run("twice", {"text": "ab"}) == ("abab", False)


async def test_what_goes_wrong_in_a_call_is_told_to_the_model(tmp_path: Path) -> None:
    box = load(
        tmp_path,
        """
        from anthropic.lib.tools import ToolError

        def fail(kind: str) -> str:
            print("torn")
            if kind == "own":
                raise ToolError([{"type": "text", "text": "Not so. sk-ant-abc"}])
            raise LookupError(f"no {kind}, said sk-ant-abc")
        """,
    )
    assert await box.run("fail", {"kind": "x"}) == ("LookupError: no x, said [redacted]", True)
    assert await box.run("fail", {"kind": "own"}) == (
        [{"type": "text", "text": "Not so. [redacted]"}],
        True,
    )
    content, is_error = await box.run("fail", {})
    assert is_error
    assert content == "Invalid arguments for function fail: kind: Missing required argument"


async def test_the_folder_of_the_file_is_looked_in_while_it_is_imported(tmp_path: Path) -> None:
    written(tmp_path, "WORD = 'beside'\ndef helper(): ...", "streamscope_test_beside.py")
    path, modules = list(sys.path), set(sys.modules)
    try:
        box = load(
            tmp_path,
            """
            import sys
            from streamscope_test_beside import WORD, helper

            FIRST = sys.path[0]

            def where() -> list[str]:
                return [WORD, FIRST, __file__]
            """,
        )
        content, _ = await box.run("where", {})
        assert json.loads(str(content)) == ["beside", str(tmp_path), str(tmp_path / "tools.py")]
        assert [tool.name for tool in box.tools] == ["where"]
        assert sys.path == path
    finally:
        for name in set(sys.modules) - modules:
            if "streamscope" in name:
                del sys.modules[name]


async def test_a_file_is_a_module_of_its_own_each_time(tmp_path: Path) -> None:
    source = "seen = []\ndef count() -> int:\n    seen.append(1)\n    return len(seen)\n"
    first, second = load(tmp_path, source), load(tmp_path, source)
    assert await first.run("count", {}) == ("1", False)
    assert await first.run("count", {}) == ("2", False)
    assert await second.run("count", {}) == ("1", False)
    assert not list(tmp_path.glob("__pycache__"))


def test_it_prints_nothing_and_reads_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = "import sys\nprint('torn')\nprint('torn', file=sys.stderr)\n"
    assert load(tmp_path, source + "def tool() -> None: ...").tools
    assert capfd.readouterr() == ("", "")
    assert "EOFError" in problem(written(tmp_path, "input()", "tools.py"))


@pytest.mark.parametrize(
    "source", ["def a(x: int) -> str:\n    return '\\d' if x is 1 else ''", "import sre_compile\n"]
)
def test_warnings_about_the_file_are_not_raised(tmp_path: Path, source: str) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("error")
        assert load(tmp_path, source + "\ndef b(data: bytes = b'\\xff') -> None: ...").get("b")
    assert not seen


async def test_the_file_does_not_get_this_programs_future_imports(tmp_path: Path) -> None:
    box = load(tmp_path, "def a(x: int) -> str:\n    return type(a.__annotations__['x']).__name__")
    assert await box.run("a", {"x": 1}) == ("type", False)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "tools.py: no public function is defined in it"),
        ("from os.path import join\nclass A: ...\ndef _a(): ...", "no public function"),
        ("x = 1\ndef a(:\n", "tools.py, line 2: invalid syntax"),
        ("def a():\nreturn 1", "tools.py, line 2: expected an indented block"),
        ("x = 1\n1/0\n", "tools.py, line 2: while it is imported: ZeroDivisionError: division by"),
        ("def f():\n    1/0\n\nf()\n", "tools.py, line 2: while"),
        ("\nimport streamscope_no_such", "line 2: while it is imported: ModuleNotFoundError: No"),
        ("import json\njson.loads('')", "line 2: while it is imported: JSONDecodeError"),
        ("raise SystemExit(3)", "line 1: while it is imported: SystemExit: 3"),
        ("import sys\nsys.exit()", "line 2: while it is imported: SystemExit"),
        ("raise ValueError('sk-ant-abc\\nx')", "ValueError: [redacted] x"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("exec('1/0')", "line 1: while it is imported: ZeroDivisionError"),
        ("\0", "null byte"),
        ("(" * 1000, "too many nested parentheses"),
        ("-" * 100_000 + "1", "tools.py: "),
        (b"x = 1\n\n# \xff", "tools.py, line 3: this is not UTF-8"),
        (b"# coding: ascii\n# \xff", "tools.py, line 2: this is not ascii"),
        (b"# coding: nonsense\n", "unknown encoding"),
        ("\n\ndef a(x: int, /): ...", "tools.py, line 3: a: arguments that can only be passed by"),
        ("def a(x: 'Nowhere'): ...", "tools.py, line 1: a: name 'Nowhere' is not defined"),
        ("def a(x: int = float('nan')): ...", "line 1: a: the definition is not JSON"),
        ("def \u00e9(): ...", "line 1: \u00e9: the name '\u00e9' is not one to 128"),
        (
            "from anthropic import beta_tool\ndef a(): ...\n"
            "@beta_tool(name='a')\ndef b() -> str: ...",
            "tools.py, line 3: b: the name is taken by a",
        ),
        (
            "from anthropic import beta_tool\nb = beta_tool(lambda: '', name='a b')",
            "line 2: b: the name 'a b' is not",
        ),
    ],
)
def test_mistakes_in_python(tmp_path: Path, source: str | bytes, said: str) -> None:
    path, modules = list(sys.path), set(sys.modules)
    assert said in problem(written(tmp_path, source, "tools.py"))
    assert sys.path == path
    left = {name for name in set(sys.modules) - modules if "streamscope" in name}
    assert len(left) <= 1  # A file that was imported stays; one that was not does not.
    if "while it is imported" in said:
        assert not left


def test_the_readers_own_interrupt_is_none_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        load(tmp_path, "raise KeyboardInterrupt")


def test_a_stand_in_at_the_top_of_the_file_is_let_be(tmp_path: Path) -> None:
    source = """
        def _fail(_):
            raise RuntimeError("outside of a request")

        request = type("Proxy", (), {"__class__": property(_fail)})()
        globals()[1] = 2

        def tool() -> None: ...
        """
    assert [tool.name for tool in load(tmp_path, source).tools] == ["tool"]
