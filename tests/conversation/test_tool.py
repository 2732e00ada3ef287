"""One tool: its name, and what its answers and exceptions become when they are sent."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.streams import json_values
from tui.conversation.tool import (
    MAX_BLOCK_CHARS,
    MAX_CHARS,
    MAX_PRINTED,
    Outcome,
    Printout,
    Tool,
    ToolFailed,
    describe,
    failure_of,
    outcome_of,
)

TEXT: Final = {"type": "text", "text": "hi"}
IMAGE: Final = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": "aaaa"},
}


class Point(NamedTuple):
    x: int
    y: int


class Level(IntEnum):
    HIGH = 2


# --- answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("as it is\n", "as it is\n"),
        ("", ""),
        (None, "null"),
        (4, "4"),
        (True, "true"),
        (1.5, "1.5"),
        (Level.HIGH, "2"),
        ({"a": [1, "\u00e9"]}, '{"a":[1,"\u00e9"]}'),
        ((1, 2), "[1,2]"),
        (Point(1, 2), "[1,2]"),
        ([], "[]"),
        ([TEXT], [TEXT]),
        ((TEXT, IMAGE), [TEXT, IMAGE]),
        ([TEXT, "and a string"], '[{"type":"text","text":"hi"},"and a string"]'),
        ([{"type": "text"}], '[{"type":"text"}]'),
        ([{"type": "text", "text": 1}], '[{"type":"text","text":1}]'),
        ([{"type": "car", "text": "x"}], '[{"type":"car","text":"x"}]'),
        ([{"type": ["text"], "text": "x"}], '[{"type":["text"],"text":"x"}]'),
    ],
)
def test_answers(value: object, content: object) -> None:
    assert outcome_of(value) == (content, False)


def circle() -> list[object]:
    items: list[object] = []
    items.append(items)
    return items


def tower() -> object:
    value: object = None
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (object(), "object"),
        (b"bytes", "bytes"),
        ({1, 2}, "set"),
        ({"deep": [{3}]}, "set"),
        ({(1, 2): 3}, "tuple"),
        (float("nan"), "not JSON compliant"),
        ([float("inf")], "not JSON compliant"),
        (circle(), "Circular"),
        ([10**5000], "digits"),
        ((item for item in "abc"), "generator"),
    ],
)
def test_what_is_not_json_names_its_type(value: object, said: str) -> None:
    content, is_error = outcome_of(value)
    assert is_error
    assert isinstance(content, str)
    assert said in content
    assert type(value).__name__ in content
    assert content.isprintable()


def test_what_is_nested_too_deeply() -> None:
    value = tower()
    content, is_error = outcome_of(value)
    while isinstance(value, list):  # Taken apart here: doing it at once exhausts the stack.
        value = value.pop() if value else None
    assert is_error
    assert "nested too deeply" in content


def test_long_text_is_cut_with_a_note() -> None:
    content, is_error = outcome_of("x" * 10_000_000)
    assert not is_error
    assert isinstance(content, str)
    assert content.startswith("x" * MAX_CHARS + "\n[cut here: 10,000,000 characters")
    assert len(content) < MAX_CHARS + 100
    assert outcome_of("x" * MAX_CHARS) == ("x" * MAX_CHARS, False)
    assert "cut here" in outcome_of(["x"] * MAX_CHARS).content


def test_the_text_of_blocks_is_cut_in_all_and_the_rest_stays() -> None:
    long = {"type": "text", "text": "x" * 60_000}
    content, is_error = outcome_of([long, IMAGE, long, TEXT, IMAGE])
    assert not is_error
    assert isinstance(content, list)
    assert [block["type"] for block in content] == ["text", "image", "text", "image"]
    assert content[0] == long
    assert content[2]["text"].startswith("x" * 40_000 + "\n[cut here: 60,000 characters")
    assert outcome_of([{"type": "text", "text": "x" * MAX_BLOCK_CHARS}]).is_error is False


def test_blocks_that_no_request_can_hold() -> None:
    image = {"type": "image", "source": {"type": "base64", "data": "a" * MAX_BLOCK_CHARS}}
    content, is_error = outcome_of([image])
    assert is_error
    assert "can be sent" in content


def test_blocks_are_copies() -> None:
    block = dict(TEXT)
    content = outcome_of([block]).content
    assert isinstance(content, list)
    content[0]["text"] = "changed"
    assert block == TEXT


@given(json_values(st.text(st.characters(exclude_categories=[]))))
def test_every_json_value_can_be_sent(value: object) -> None:
    content, is_error = outcome_of(value)
    assert not is_error
    json.dumps(content, ensure_ascii=False, allow_nan=False).encode()


def test_surrogates() -> None:
    assert outcome_of("a\ud800b").content == "a\ufffdb"
    assert outcome_of("\ud83c\udf0d").content == "\U0001f30d"
    assert outcome_of({"\udfff": "\ud800"}).content == '{"\ufffd":"\ufffd"}'
    assert outcome_of([{"type": "text", "text": "\ud800"}]).content == [
        {"type": "text", "text": "\ufffd"}
    ]


# --- exceptions -----------------------------------------------------------------------------------


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise SystemExit("no words")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("bad\n\nthing"), "ValueError: bad thing"),
        (KeyError("x"), "KeyError: 'x'"),
        (RuntimeError(), "RuntimeError"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (Unspeakable(), "Unspeakable"),
        (ValueError("token sk-ant-abc123"), "ValueError: token [redacted]"),
        (ValueError("\x1b[2Jx\ud800"), "ValueError: \u241b[2Jx<U+D800>"),
        (type("Odd\nName", (Exception,), {})("x"), "Odd Name: x"),
    ],
)
def test_an_exception_is_one_line_without_secrets(error: BaseException, said: str) -> None:
    assert describe(error) == said
    assert failure_of(error) == (said, True)


def test_a_long_message_is_cut() -> None:
    assert len(describe(ValueError("x" * 1_000_000))) == 1_000


def test_words_of_its_own_come_first() -> None:
    said: list[Any] = ["Try sk-ant-abc again.", [{**TEXT, "text": "sk-ant-abc"}, IMAGE], None]
    error = ValueError("x")
    assert failure_of(error, lambda _: said[0]) == ("Try [redacted] again.", True)
    assert failure_of(error, lambda _: said[1]) == ([{**TEXT, "text": "[redacted]"}, IMAGE], True)
    assert failure_of(error, lambda _: said[2]) == ("ValueError: x", True)
    assert failure_of(error, lambda _: 1 / 0) == ("ValueError: x", True)
    assert failure_of(ToolFailed("No."), lambda _: "unused") == ("No.", True)


# --- what is printed ------------------------------------------------------------------------------


def test_a_printout_is_text_without_secrets() -> None:
    printout = Printout()
    printout.add(b"caf\xc3")
    printout.add(b"\xa9 \xff sk-ant-abc\n\n")
    assert (printout.text(), printout.size) == ("caf\u00e9 \ufffd [redacted]", 20)
    assert Printout().text() == ""


@given(st.lists(st.binary(max_size=3 * MAX_PRINTED // 2), max_size=3), st.integers(0, 3))
def test_a_printout_keeps_the_beginning_and_counts_the_rest(parts: list[bytes], place: int) -> None:
    printout, later = Printout(), Printout()
    for part in parts[:place]:
        printout.add(part)
    for part in parts[place:]:
        later.add(part)
    printout.take(later)
    assert printout.size == sum(map(len, parts))
    assert len(printout.text()) <= MAX_PRINTED + 60
    assert ("cut here" in printout.text()) is (printout.size > MAX_PRINTED)


# --- tools ----------------------------------------------------------------------------------------


def test_names() -> None:
    assert Tool({"name": "a"}).name == "a"
    assert Tool({"type": "mcp_toolset", "mcp_server_name": "a"}).name == "mcp a"


async def test_a_definition_alone_cannot_be_run() -> None:
    tool = Tool({"name": "a", "input_schema": {}})
    assert not tool.runnable
    with pytest.raises(ToolFailed, match="cannot be run here"):
        await tool.run({})


async def test_a_tool_gives_what_its_call_returns() -> None:
    async def value(given: dict[str, Any], _: Printout) -> object:
        return {"got": given}

    async def failed(given: dict[str, Any], _: Printout) -> object:
        return Outcome([dict(TEXT)], True)

    assert await Tool({"name": "a"}, value).run({"x": 1}) == '{"got":{"x":1}}'
    with pytest.raises(ToolFailed) as raised:
        await Tool({"name": "a"}, failed).run({})
    assert raised.value.content == [TEXT]
