"""Answers made for a request: to dialogues, to tools that it offers, to their results.

`answer` gives a scenario as if it had been written for the request, compiled like any other; the
same request gets the same one.
"""

from __future__ import annotations

import json
import random
import re
import zlib
from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any, Final, NamedTuple

from tui.core.records import JsonObject
from tui.core.session import Run, Session
from tui.mock.inputs import fitting, places
from tui.scenarios import Scenario
from tui.scenarios.compiler import compile_script
from tui.scenarios.script import SceneHead, SceneStep, Script

MADE: Final = "answer"
"""The name of every scenario that was made for a request."""

_MOST_CALLS: Final = 4
_MOST_COUNTED: Final = 1_000
_READ: Final = 10_000  # characters of a prompt that are looked at, or of a result repeated

_INTRODUCED: Final = (
    re.compile(r"\b(?:my name is|call me)\s+([^\W\d_][\w'’-]*)", re.IGNORECASE),
    re.compile(r"\b(?:I['’]m|I am)\s+([A-Z][\w'’-]*)"),
)
_WHO_AM_I: Final = re.compile(
    r"\bwhat(?:['’]s| is) my name\b|\b(?:know|remember|recall) my name\b|\bwho am i\b",
    re.IGNORECASE,
)
_COUNT: Final = re.compile(r"\bcount\b(?: from (\d{1,6}))?\s+(?:up )?to (\d{1,6})", re.IGNORECASE)
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
# Said of nearly every tool, so they tell nothing about what it is for.
_COMMON: Final = frozenset(
    "about all and any are call can current does for from function get give given has have her his "
    "how into its list make may new not now one out please return returns run set show tell that "
    "the them then this tool use used user using was what when which who will with would you your "
    "text string name data value values information".split()
)

_HAIKU: Final = "Bytes cross the dark sea\none by one the words arrive\nthe cursor holds still"
_PEOPLE: Final = ("the keeper", "her brother", "the pilot", "an old surveyor", "the postman's girl")
_DOINGS: Final = (
    "counted the ships that passed before noon",
    "wrote the height of the water into the long grey book",
    "carried a lantern down to the landing and waited",
    "mended the rope that the last storm had worn thin",
    "listened for the bell on the outer rock",
    "drew the coast again from memory, a little better than before",
)
_SKIES: Final = (
    "The morning was clear enough to see the mainland.",
    "Fog lay on the sound and swallowed every noise.",
    "Rain came in from the west, fine at first and then in sheets.",
    "It was one of those evenings on which the sea looks like poured metal.",
    "The wind had turned in the night, and nobody could say when.",
)
_TURNS: Final = (
    "Nothing about it seemed unusual, and yet it was talked about for weeks.",
    "Only later did anybody ask why the light had gone out for a minute.",
    "There was a letter on the table that had not been there the day before.",
    "Somewhere below the cliff a boat was being drawn up over the stones.",
    "It would have been easy to let it be; that was not what happened.",
)
_CHAPTERS: Final = 12
_PARAGRAPHS: Final = 5


class _Result(NamedTuple):
    tool: str
    text: str
    failed: bool


def answer(body: JsonObject) -> Scenario | None:
    """A scenario made for a valid request; None where a ready-made one has to do."""
    asked = prompt(body)
    form = (body.get("output_config") or {}).get("format") or body.get("output_format")
    found = results(body)
    if found and not form:
        return _made(body, [_text(_quoted(found))], "end_turn")
    if not found and (calls := _calls(body, asked)):
        forced = body.get("tool_choice", {}).get("type") in ("any", "tool")
        named = " and ".join(dict.fromkeys(f"`{tool['name']}`" for tool, _ in calls))
        parts = [] if forced else [_text(f"I'll use {named} to find out.")]
        return _made(body, [*parts, *(_call(tool, given) for tool, given in calls)], "tool_use")
    if form:
        said = json.dumps(fitting(form["schema"], asked, whole=True), ensure_ascii=False)
        return _made(body, [_text(said)], "end_turn")
    said = _said(body, asked)
    return _made(body, [_text(said)], "end_turn") if said else None


def prompt(body: JsonObject) -> str:
    """What the user said last, in words."""
    said = [message["content"] for message in body["messages"] if message["role"] == "user"]
    return _words_of(said[-1])


def results(body: JsonObject) -> list[_Result]:
    """The tool results that a request brings in its last turn."""
    messages = [each for each in body["messages"] if each["role"] != "system"]
    names = {
        block["id"]: block["name"]
        for message in messages
        for block in _blocks(message["content"], "tool_use")
    }
    turn = takewhile(lambda message: message["role"] == "user", reversed(messages))
    return [
        _Result(
            names.get(block["tool_use_id"], "tool"),
            _words_of(block.get("content") or "") or "(no text)",
            bool(block.get("is_error")),
        )
        for message in reversed(list(turn))
        for block in _blocks(message["content"], "tool_result")
    ]


def folded(scenario: Scenario) -> Run:
    """The message of a scenario, assembled."""
    session = Session()
    for chunk in scenario.chunks:
        session.feed(chunk.t_ns, chunk.data)
    session.finish(scenario.duration_ns)
    return session.runs[0]


def thought_over(scenario: Scenario, body: JsonObject) -> Scenario:
    """The scenario with a thinking block before its text, where the request has thinking enabled.

    Only for a plain answer of text and tool calls: one that is odd on purpose would lose that.
    """
    if not _thinks(body):
        return scenario
    state = folded(scenario).state
    message = state.message_json() or {}
    plain = (
        state.status == "complete"
        and not state.anomalies
        and not state.stalls
        and state.stop_reason in ("end_turn", "tool_use")
        and state.model == scenario.request["model"]
    )
    if not plain:
        return scenario
    parts: list[list[SceneStep]] = []
    for block in message["content"]:
        if block["type"] == "text" and not block.get("citations"):
            parts.append(_text(block["text"]))
        elif block["type"] == "tool_use":
            parts.append(_call(block, block["input"]))
        else:
            return scenario
    return _made(body, parts, message["stop_reason"])


# Text


def _said(body: JsonObject, asked: str) -> str:
    read = asked[:_READ]
    if _WHO_AM_I.search(read):
        name = _name(body)
        return f"Your name is {name}." if name else "You have not told me your name yet."
    if match := _COUNT.search(read):
        first, last = int(match[1] or 1), int(match[2])
        return ", ".join(map(str, range(first, min(last, first + _MOST_COUNTED) + 1)))
    said = read.lower()
    if re.search(r"\bhaiku\b", said):
        return _HAIKU
    if re.search(r"\b(?:story|tale|novel)\b", said):
        return _story(_CHAPTERS if re.search(r"\blong\b|\bnovel\b", said) else 1)
    if name := _introduction(read):
        return f"Hello, {name}! It is good to meet you. What can I do for you?"
    return ""


def _introduction(text: str) -> str:
    return next((match[1] for rule in _INTRODUCED if (match := rule.search(text))), "")


def _name(body: JsonObject) -> str:
    """The name that the user gave last."""
    said = (_words_of(each["content"]) for each in reversed(body["messages"]) if _is_user(each))
    return next(filter(None, (_introduction(text[:_READ]) for text in said)), "")


def _story(chapters: int) -> str:
    rng = random.Random(chapters)
    out: list[str] = []
    for number in range(1, chapters + 1):
        out.append(f"## Chapter {number}")
        for _ in range(_PARAGRAPHS):
            people, doings = rng.sample(_PEOPLE, 2), rng.sample(_DOINGS, 3)
            out.append(
                f"{rng.choice(_SKIES)} On the island, {people[0]} {doings[0]}, while {people[1]} "
                f"{doings[1]}. {rng.choice(_TURNS)} When the tide had turned, {people[0]} "
                f"{doings[2]}, and it was late before anybody slept."
            )
    return "\n\n".join(out)


def _quoted(found: list[_Result]) -> str:
    lines = [
        f"`{result.tool}` {'failed' if result.failed else 'says'}: {result.text[:_READ]}"
        for result in found
    ]
    return lines[0] if len(lines) == 1 else "\n".join(f"- {line}" for line in lines)


# Tools


def _calls(body: JsonObject, asked: str) -> list[tuple[JsonObject, Any]]:
    """The calls that answer the request, none where it offers no tool for what it asks."""
    offered = [tool for tool in body.get("tools", []) if "input_schema" in tool]
    choice = body.get("tool_choice", {"type": "auto"})
    if not offered or choice["type"] == "none":
        return []
    if choice["type"] == "tool":
        offered = [tool for tool in offered if tool["name"] == choice["name"]]
    said = _stems(asked[:_READ])
    best = max(offered, key=lambda tool: _match(tool, said), default=None)
    if best is None or (choice["type"] == "auto" and not _match(best, said)):
        return []
    # Called by name, a tool is as a rule the form of an answer: nothing is left out of that.
    whole = choice["type"] == "tool"
    schema = best["input_schema"]
    inputs = [fitting(schema, asked, place, whole=whole) for place in places(asked) or [""]]
    distinct = [given for at, given in enumerate(inputs) if given not in inputs[:at]]
    alone = bool(choice.get("disable_parallel_tool_use"))
    return [(best, given) for given in distinct[: 1 if alone else _MOST_CALLS]]


def _match(tool: Mapping[str, Any], said: set[str]) -> int:
    """How much of a prompt's words a tool is named or described with."""
    named = _stems(tool["name"].replace("_", " "))
    described = _stems(tool.get("description") or "")
    return 3 * len(named & said) + len((described - named) & said)


def _stems(text: str) -> set[str]:
    words = (word.lower() for word in _WORDS.findall(text))
    return {word[:6] for word in words if len(word) > 2 and word not in _COMMON}


# Scripts


def _text(text: str) -> list[SceneStep]:
    return [_step("text", "", body=text), _step("stop", "")]


def _call(tool: Mapping[str, Any], given: object) -> list[SceneStep]:
    how = ("eager",) if tool.get("eager_input_streaming") else ()
    said = json.dumps(given, ensure_ascii=False)
    return [
        _step("tool", "", tool["name"]),
        _step("json", "", *how, body=said),
        _step("stop", ""),
    ]


def _step(verb: str, *args: str, body: str = "") -> SceneStep:
    return SceneStep(0, None, verb, args, body)


def _made(body: JsonObject, blocks: Iterable[list[SceneStep]], stop_reason: str) -> Scenario:
    """A scenario of these blocks, numbered in their order; the first argument is the number."""
    asked = prompt(body)
    parts = [_thinking(body, asked), *blocks] if _thinks(body) else list(blocks)
    steps = [_step("start")]
    for index, part in enumerate(parts):
        steps += (step._replace(args=(str(index), *step.args[1:])) for step in part)
    steps.append(_step("finish", stop_reason))
    title, description = "An answer", "Made for the request."
    header = SceneHead(
        title=title,
        description=description,
        prompt=asked,
        words=(),
        model=body["model"],
        max_tokens=body["max_tokens"],
        system="",
        tools=(),
        extra={},
        seed=zlib.crc32(asked.encode()),
        input_tokens=1,
        cache_read=0,
        cache_write=0,
        ascii_only=False,
    )
    compiled = compile_script(Script(MADE, header, tuple(steps)))
    return Scenario(
        name=MADE,
        title=title,
        description=description,
        prompt=asked,
        request=body,
        chunks=compiled.chunks,
        how=compiled.how,
        duration_ns=compiled.duration_ns,
    )


def _thinks(body: JsonObject) -> bool:
    return body.get("thinking", {}).get("type") in ("adaptive", "enabled")


def _thinking(body: JsonObject, asked: str) -> list[SceneStep]:
    thought = f"The user says: {asked[:200]}\n\nI should answer that, briefly and to the point."
    # Omitted thinking is a signature alone.
    shown = "" if body["thinking"].get("display") == "omitted" else thought
    return [_step("thinking", "", body=shown), _step("stop", "")]


# Messages


def _is_user(message: Mapping[str, Any]) -> bool:
    return bool(message["role"] == "user")


def _blocks(content: str | list[JsonObject], kind: str) -> list[JsonObject]:
    return [block for block in content if isinstance(block, dict) and block["type"] == kind]


def _words_of(content: str | list[JsonObject]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block["text"] for block in _blocks(content, "text"))
