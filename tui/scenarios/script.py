"""The `.scene` format: a header and a list of timed steps, one line each.

    # A comment: any line that starts with a hash.
    title: One tool call
    prompt: How strong is the wind at Cape Horn?
    model: claude-sonnet-5-5
    ---
    +640ms start
    text 0 | Let me look at the forecast.
    stop 0
    tool 1 marine_forecast
    json 1 | {"latitude": -55.98, "hours": 24}
    stop 1
    finish tool_use

A header line is `key: value`. A step is `[+DELAY] VERB [ARGUMENTS] [| BODY]`; the delay is
the silence before it (`+380ms`, `+1.2s`). A line that begins with `|` continues the value or
body above it on a new line; one space after the bar is dropped, the rest is kept as written.

| verb | arguments | body | what is sent |
|---|---|---|---|
| `start` | | JSON patch | `message_start` |
| `text`, `thinking` | index, options | the text | the block's start if need be, then its deltas |
| `tool`, `server-tool` | index, name | | the start of a tool block and an empty fragment |
| `json` | index, options | the input | `input_json_delta` events |
| `results` | index, query's index | lines `url :: title :: age` | a `web_search_tool_result` |
| `citation` | index, result number | the cited text | `citations_delta` |
| `block` | index, its tool's index | JSON | the start of any block, as the result of a tool |
| `delta` | index | JSON | any delta |
| `stop` | index | | `content_block_stop` (a thinking block is signed first) |
| `ping` | | | `ping` |
| `event` | | JSON | any event |
| `raw` | | a JSON string | these bytes as they are |
| `error` | error type | message | an `error` event |
| `finish` | stop reason | JSON patch | `message_delta` and `message_stop` |
| `wait` | duration | | nothing, for that long |
| `together` ... `end` | | | the deltas between, one block after the other in turn |
| `cut` | | | the connection breaks here |
| `eof` | | | the response ends here (also the end of the file) |

Options: `size=3` or `size=2-6` (code points a delta, instead of words), `gap=20ms` (the silence
before each delta, give or take a third), `eager` (tool input as it is generated, in small
pieces), `whole` (the body is one delta), `escaped` (the body has JSON escapes).
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

VERBS = frozenset(
    "start text thinking tool server-tool json results citation block delta stop ping event raw "
    "error finish wait together end cut eof".split()
)
KEYS = frozenset(
    "title description prompt model system tool request max-tokens seed input-tokens cache-read "
    "cache-write words escape".split()
)
REQUIRED = ("title", "description", "prompt", "model")

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
_STEP = re.compile(r"(?:\+(\S+)\s+)?([a-z-]+)\s*([^|]*)(?:\| ?(.*))?", re.DOTALL)


class SceneError(ValueError):
    """A scenario file that cannot be read; the message names the file and the line."""

    def __init__(self, name: str, line: int, problem: str) -> None:
        super().__init__(f"{name}.scene, line {line}: {problem}")


class SceneStep(NamedTuple):
    """One line of a script: what happens, after which silence."""

    line: int
    delay_ns: int | None
    verb: str
    args: tuple[str, ...]
    body: str


class SceneHead(NamedTuple):
    """The part above `---`: what is asked, and how the scenario presents itself."""

    title: str
    description: str
    prompt: str
    words: tuple[str, ...]
    model: str
    max_tokens: int
    system: str
    tools: tuple[dict[str, Any], ...]
    extra: dict[str, Any]
    seed: int
    input_tokens: int | None
    cache_read: int
    cache_write: int
    ascii_only: bool


class Script(NamedTuple):
    """A whole scenario file, parsed."""

    name: str
    header: SceneHead
    steps: tuple[SceneStep, ...]


def duration(text: str) -> int:
    """Nanoseconds in `text`, such as `380ms` or `2.4s`; ValueError otherwise."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"not a duration: {text!r} (write 380ms or 2.4s)")
    return round(float(match[1]) * (1_000_000 if match[2] == "ms" else 1_000_000_000))


def parse(name: str, source: str) -> Script:
    """The script in `source`. Raises SceneError with the line at fault."""
    head, rest, first = _split(name, source)
    return Script(name, _header(name, head), tuple(_steps(name, rest, first)))


def parse_header(name: str, source: str) -> SceneHead:
    """Only the header of `source`: enough to list and choose scenarios. Raises SceneError."""
    return _header(name, _split(name, source)[0])


def _split(name: str, source: str) -> tuple[list[str], list[str], int]:
    lines = source.split("\n")
    try:
        at = lines.index("---")
    except ValueError:
        raise SceneError(name, len(lines), "no '---' between the header and the steps") from None
    return lines[:at], lines[at + 1 :], at + 2


def _continuation(line: str) -> str | None:
    bare = line.lstrip()
    return bare[1:].removeprefix(" ") if bare.startswith("|") else None


def _header(name: str, lines: list[str]) -> SceneHead:
    values, numbers = _fields(name, lines)

    def one(key: str, default: str = "") -> str:
        return values[key][0] if key in values else default

    def number_of(key: str, default: int) -> int:
        try:
            return int(one(key, str(default)))
        except ValueError:
            raise SceneError(name, numbers[key], f"{key} is not a whole number") from None

    def object_of(key: str, text: str) -> dict[str, Any]:
        try:
            value = json.loads(text)
        except ValueError as error:
            raise SceneError(name, numbers[key], f"{key} is not JSON: {error}") from None
        if not isinstance(value, dict):
            raise SceneError(name, numbers[key], f"{key} is not a JSON object")
        return value

    return SceneHead(
        title=one("title"),
        description=one("description"),
        prompt=one("prompt"),
        words=tuple(word.strip().lower() for word in one("words").split(",") if word.strip()),
        model=one("model"),
        max_tokens=number_of("max-tokens", 1024),
        system=one("system"),
        tools=tuple(object_of("tool", text) for text in values.get("tool", [])),
        extra=object_of("request", one("request")) if "request" in values else {},
        seed=number_of("seed", 1),
        input_tokens=number_of("input-tokens", 0) if "input-tokens" in values else None,
        cache_read=number_of("cache-read", 0),
        cache_write=number_of("cache-write", 0),
        ascii_only=one("escape") == "ascii",
    )


def _fields(name: str, lines: list[str]) -> tuple[dict[str, list[str]], dict[str, int]]:
    """The values of each key of the header, and the line where the last of them begins."""
    values: dict[str, list[str]] = {}
    numbers: dict[str, int] = {}
    key = ""
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        more = _continuation(line)
        if more is not None and key:
            values[key][-1] += ("\n" if values[key][-1] else "") + more
            continue
        key, colon, value = line.partition(":")
        if not colon or key not in KEYS:
            raise SceneError(name, number, f"not a header line: {line!r}")
        values.setdefault(key, []).append(value.strip())
        numbers[key] = number
    for missing in REQUIRED:
        if missing not in values:
            raise SceneError(name, 1, f"the header has no {missing}")
    return values, numbers


def _steps(name: str, lines: list[str], first: int) -> list[SceneStep]:
    steps: list[SceneStep] = []
    bodied = False  # whether the step above already has a line of body
    for number, line in enumerate(lines, first):
        more = _continuation(line)
        if more is not None:
            if not steps:
                raise SceneError(name, number, "a continued line with no step above it")
            last = steps[-1]
            steps[-1] = last._replace(body=f"{last.body}\n{more}" if bodied else more)
            bodied = True
            continue
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        match = _STEP.fullmatch(line.lstrip())
        if match is None or match[2] not in VERBS:
            raise SceneError(name, number, f"not a step: {bare!r}")
        try:
            delay = None if match[1] is None else duration(match[1])
        except ValueError as error:
            raise SceneError(name, number, str(error)) from None
        bodied = match[4] is not None
        steps.append(SceneStep(number, delay, match[2], tuple(match[3].split()), match[4] or ""))
    return steps
