"""Tool input with real line breaks."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from tests.app_harness import LATER_S, on_stage, timed
from tests.playbook import block_stop, ending, fragment, message_start, tool_start
from tui.core.records import JsonObject
from tui.core.state import Buffer
from tui.widgets import decoded_input
from tui.widgets.decoded_input import decoded_rows, place_of
from tui.widgets.markdown.draw import Painter
from tui.widgets.markdown.theme import MarkdownTheme

TEXT = st.text("ab\n\t\x1b\u202e\u6f22[/]", max_size=60)
CODE = "def f(x):\n    # one\n    return x\n"


def rows(text: str, width: int = 40, *, whole: bool = True) -> list[str] | None:
    painter = Painter(MarkdownTheme())
    found = decoded_rows(Buffer(text), width, lambda name: Style(), painter, whole=whole)
    return None if found is None else [row.text.rstrip() for row in found]


def test_strings_of_several_lines_stand_as_they_are_meant() -> None:
    text = json.dumps({"path": "/a.py", "file_text": CODE, "n": [1, {"a": None}]})
    assert rows(text) == [
        'path: "/a.py"',
        "file_text:",
        "\u2502 def f(x):",
        "\u2502     # one",
        "\u2502     return x",
        'n: [1, {"a": null}]',
    ]


def test_strings_in_arrays_and_objects_are_decoded_too() -> None:
    edits = [{"old": "a\nb", "new": "c"}, {"old": "d", "new": "e"}]
    assert rows(json.dumps({"path": "/a.py", "edits": edits, "n": {"x": {"y": "1\n"}}})) == [
        'path: "/a.py"',
        "edits:",
        "  [0]:",
        "    old:",
        "    \u2502 a",
        "    \u2502 b",
        '    new: "c"',
        '  [1]: {"old": "d", "new": "e"}',
        "n:",
        "  x:",
        "    y:",
        "    \u2502 1",
    ]
    # What stands very deep is JSON as before.
    assert rows('{"a":' * 6 + '"1\\n2"' + "}" * 6) is None


def test_code_has_its_colours() -> None:
    theme = MarkdownTheme()
    text = json.dumps({"path": "/a.py", "file_text": CODE})
    found = decoded_rows(Buffer(text), 40, lambda name: Style(), Painter(theme), whole=True)
    assert found is not None
    styles = {part.strip(): style for row in found for part, style, _ in row}
    assert styles["def"] == theme.keyword and styles["# one"] == theme.comment


@pytest.mark.parametrize(
    "text", ['{"a": "one line"}', "[1]", "{oops", "", '{"a": {"b": 1}}', "{" * 5000]
)
def test_what_decoding_does_not_help_stays_json(text: str) -> None:
    assert rows(text) is None


def test_what_is_too_large_stays_json() -> None:
    text = json.dumps({"a": "line\n" * 3_000})
    assert rows(text, whole=False) is None
    assert rows(text) is not None
    assert rows(json.dumps({"a": "line\n" * 100_000})) is None


def test_input_that_still_grows_is_shown_as_far_as_it_came() -> None:
    assert rows('{"code": "x = 1\\ny', whole=False) == ["code:", "\u2502 x = 1", "\u2502 y"]


@given(
    st.dictionaries(st.text(max_size=5), TEXT, max_size=3),
    st.integers(8, 40),
)
def test_rows_fit_and_hold_nothing_that_a_terminal_acts_on(
    value: dict[str, str], width: int
) -> None:
    for row in rows(json.dumps(value), width) or []:
        assert cell_len(row) <= width
        assert "\x1b" not in row and "\u202e" not in row


def test_a_row_knows_where_it_stands_in_the_json() -> None:
    text = json.dumps({"c": 'one \u6f22\n  two "2"'})
    assert text[place_of('\u2502   two "2"', text) :].startswith("two")
    assert place_of("\u2502 one \u6f22", text) == text.index("one")
    assert place_of("", text) == 0 == place_of("not there", text)


def call(*fragments: str) -> list[JsonObject]:
    given = [fragment(0, part) for part in fragments]
    return [message_start(), tool_start(0, "edit"), *given, block_stop(0), *ending("tool_use")]


async def test_one_key_switches_between_json_and_code() -> None:
    text = json.dumps({"path": "/a.py", "file_text": CODE})
    middle = text.index("return")
    events = call(text[:middle], text[middle:])
    async with on_stage(timed(*events), size=(120, 40)) as stage:
        await stage.at(LATER_S)
        assert "\\n" in stage.tools
        stage.tool_pane.focus()
        await stage.press("M")
        await stage.settle()
        assert "\\n" not in stage.tools and "\u2502     return x" in stage.tools
        row = next(n for n, row in enumerate(stage.tools.split("\n")) if "return" in row)
        stage.tool_pane.caret = (row, 9)
        await stage.press("enter")
        await stage.settle()
        assert stage.app.watchlist.cursor == events.index(fragment(0, text[middle:])) + 1
        await stage.press("end")
        stage.tool_pane.focus()
        await stage.press("M")
        await stage.settle()
        assert "\\n" in stage.tools


def test_limits_are_in_order() -> None:
    assert decoded_input._GROWING < decoded_input._COLOURED < decoded_input._LARGEST
