"""A Python file as a module: which of its functions are tools, and one line for each mistake.

Nothing here does harm, so it runs in the process of the tests.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import pytest
from anthropic import beta_tool

from tui.conversation.tool_definitions import ToolsError, ToolsFile
from tui.conversation.tool_module import LoadedTools, load
from tui.core.text import one_line

PATH = "/somewhere/tools.py"


@pytest.fixture(autouse=True)
def no_module_stays() -> Iterator[None]:
    yield
    sys.modules.pop("_streamscope_tools", None)


def loaded(source: str | bytes) -> LoadedTools:
    data = source if isinstance(source, bytes) else dedent(source).encode()
    return load(ToolsFile(PATH, "tools.py", data))


def names(found: LoadedTools) -> list[str]:
    return [one["name"] for one in found.definitions]


def test_functions_are_tools() -> None:
    found = loaded(
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

        def visit(place: Place, unit: Literal["c", "f"] = "c") -> dict[str, str]:
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
        '''
    )
    assert sorted(names(found)) == ["add", "lookup", "shout", "twice", "visit", "whisper"]
    assert list(found.callees) == names(found)

    def add(a: int, b: int = 2) -> Any:  # noqa: ANN401
        """Add two numbers.

        Args:
            a: The first.
        """

    sent = {one["name"]: one for one in found.definitions}
    assert sent["add"] == beta_tool(add).to_dict()
    assert sent["shout"]["description"] == "Loud."
    called = found.callees["visit"].invoke({"place": {"name": "Rome"}})
    assert called == {"name": "Rome", "unit": "c"}
    assert found.callees["twice"].invoke({"text": "ab"}) == "abab"
    assert found.callees["lookup"].invoke({"text": "x"}) == "x"


def test_without_definitions_the_same_can_be_called() -> None:
    source = "def a(x: int) -> int:\n    return x + 1\ndef b(x: 'Nowhere'): ..."
    found = load(ToolsFile(PATH, "tools.py", source.encode()), describe=False)
    assert (list(found.callees), found.definitions) == (["a", "b"], [])
    assert found.callees["a"].invoke({"x": "1"}) == 2


@pytest.mark.parametrize(
    "source", ["def a(x: int) -> str:\n    return '\\d' if x is 1 else ''", "import sre_compile\n"]
)
def test_warnings_about_the_file_are_not_raised(source: str) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("error")
        assert "b" in names(loaded(source + "\ndef b(data: bytes = b'\\xff') -> None: ..."))
    assert not seen


def test_the_file_does_not_get_this_programs_future_imports() -> None:
    found = loaded("def a(x: int) -> str:\n    return type(a.__annotations__['x']).__name__")
    assert found.callees["a"].invoke({"x": 1}) == "type"


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
        ("raise KeyboardInterrupt", "line 1: while it is imported: KeyboardInterrupt"),
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
def test_mistakes(source: str | bytes, said: str) -> None:
    with pytest.raises(ToolsError) as raised:
        loaded(source)
    assert said in str(raised.value)
    assert str(raised.value) == one_line(str(raised.value))


def test_a_stand_in_at_the_top_of_the_file_is_let_be() -> None:
    source = """
        def _fail(_):
            raise RuntimeError("outside of a request")

        request = type("Proxy", (), {"__class__": property(_fail)})()
        globals()[1] = 2

        def tool() -> None: ...
        """
    assert names(loaded(source)) == ["tool"]
