"""A script turned into the timed bytes of a response, as the Messages API sends them.

The wire's habits are kept: compact JSON in UTF-8, random spaces before the last brace, a ping
after the first block start, an empty first fragment of tool input, several events in one read.
All of it follows from the script's seed, so a scenario is the same bytes at the same times on
every machine.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

from tui.core.records import Chunk
from tui.scenarios.frame_writer import PING, FrameWriter, patched
from tui.scenarios.pieces import members, sizes, words
from tui.scenarios.script import SceneError, SceneStep, Script, duration

MS = 1_000_000
_EMPTY: dict[str, dict[str, Any]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
_ONE_READ = 0.06  # how often a delta comes in the same read as the one before it

TimedBytes = tuple[int, bytes]
"""A silence in ns, and the bytes of one event that end it. No silence: the same read."""


class Compiled(NamedTuple):
    """The response: what each read returns and when, how it ends, and how long it lasts."""

    chunks: tuple[Chunk, ...]
    how: Literal["eof", "reset"]
    duration_ns: int


class _Options(NamedTuple):
    size: tuple[int, int] | None
    gap_ns: int | None
    flags: frozenset[str]


def compile_script(script: Script) -> Compiled:
    """The bytes of `script` with their times. Raises SceneError with the line at fault."""
    return _Compiler(script).run()


def request_body(script: Script) -> dict[str, Any]:
    """The request that the scenario answers, as it would be sent to `/v1/messages`."""
    header = script.header
    body: dict[str, Any] = {"model": header.model, "max_tokens": header.max_tokens}
    if header.system:
        body["system"] = header.system
    if header.tools:
        body["tools"] = list(header.tools)
    body["messages"] = [{"role": "user", "content": header.prompt}]
    return {**body, **header.extra, "stream": True}


class _Compiler:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.header = script.header
        self.rng = random.Random(self.header.seed).random
        self.wire = FrameWriter(self.rng, ascii_only=self.header.ascii_only)
        self.now = 0
        self.silence = 0
        self.reads: list[tuple[int, list[bytes]]] = []
        self.how: Literal["eof", "reset"] = "eof"
        self.pinged = False
        self.types: dict[int, str] = {}  # of the open blocks
        self.ids: dict[int, str] = {}  # of the tool blocks
        self.found: list[dict[str, Any]] = []
        self.characters = {"text": 0, "thinking": 0}
        self.searches = 0
        self.read_tokens = 0
        self.usage = self._first_usage()
        self.verbs: dict[str, Callable[[SceneStep], Iterable[TimedBytes]]] = {
            "start": self._start,
            "text": self._text,
            "thinking": self._text,
            "tool": self._tool,
            "server-tool": self._tool,
            "json": self._json,
            "results": self._results,
            "citation": self._citation,
            "block": self._block,
            "delta": self._delta,
            "stop": self._stop,
            "ping": lambda step: [(0, PING)],
            "event": self._event,
            "raw": lambda step: [(self._between(8, 30), json.loads(step.body).encode())],
            "error": self._error,
            "finish": self._finish,
        }

    def run(self) -> Compiled:
        together: list[tuple[str, list[TimedBytes]]] | None = None
        step = SceneStep(0, None, "", (), "")
        try:
            for step in self.script.steps:
                if step.verb in ("eof", "cut"):
                    self.how = "reset" if step.verb == "cut" else "eof"
                    break
                if step.verb == "together":
                    together = []
                elif step.verb == "end":
                    self._emit(_alternate(together or []))
                    together = None
                elif step.verb == "wait":
                    self.silence += duration(step.args[0])
                elif together is None:
                    self._emit(self._pieces(step))
                else:
                    together.append((step.args[0], self._pieces(step)))
        except (ValueError, IndexError, KeyError, TypeError) as error:
            raise SceneError(
                self.script.name, step.line, f"{step.verb}: {str(error) or type(error).__name__}"
            ) from error
        chunks = tuple(Chunk(t_ns, b"".join(parts)) for t_ns, parts in self.reads)
        return Compiled(chunks, self.how, self.now + self.silence)

    # Time

    def _pieces(self, step: SceneStep) -> list[TimedBytes]:
        pieces = list(self.verbs[step.verb](step))
        if step.delay_ns is not None:
            pieces[0] = (step.delay_ns, pieces[0][1])
        return pieces

    def _emit(self, pieces: Iterable[TimedBytes]) -> None:
        for gap, data in pieces:
            gap += self.silence
            self.silence = 0
            if gap or not self.reads:
                self.now += gap
                self.reads.append((self.now, [data]))
            else:
                self.reads[-1][1].append(data)

    def _between(self, low_ms: float, high_ms: float) -> int:
        return int((low_ms + (high_ms - low_ms) * self.rng()) * MS)

    def _gap(self, options: _Options, low_ms: float, high_ms: float) -> int:
        if self.rng() < _ONE_READ:
            return 0
        if options.gap_ns is not None:
            return int(options.gap_ns * (0.67 + 0.66 * self.rng()))
        return self._between(low_ms, high_ms)

    # Verbs

    def _begin(self, index: int, block: dict[str, Any]) -> list[TimedBytes]:
        self.types[index] = block["type"]
        first = not self.pinged
        gap = 0 if first or self.rng() < 0.4 else self._between(4, 28)
        event = {"type": "content_block_start", "index": index, "content_block": block}
        pieces = [(gap, self.wire.frame(event))]
        if first:
            self.pinged = True
            pieces.append((0, PING))
        return pieces

    def _start(self, step: SceneStep) -> Iterable[TimedBytes]:
        message: dict[str, Any] = {
            "model": self.header.model,
            "id": self.wire.new_id("msg_"),
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "usage": self.usage,
        }
        event = {"type": "message_start", "message": message}
        yield self._between(350, 900), self.wire.frame(patched(event, _object(step.body)))

    def _text(self, step: SceneStep) -> Iterable[TimedBytes]:
        index, options, kind = int(step.args[0]), _options(step.args[1:]), step.verb
        if index not in self.types:
            yield from self._begin(index, dict(_EMPTY[kind]))
        text = self._unescaped(step.body, options)
        self.characters[kind] += len(text)
        for piece in self._cut(text, options):
            delta = {"type": f"{kind}_delta", kind: piece}
            yield self._gap(options, 12, 45), self.wire.delta(index, delta)

    def _tool(self, step: SceneStep) -> Iterable[TimedBytes]:
        index, name = int(step.args[0]), step.args[1]
        server = step.verb == "server-tool"
        self.ids[index] = self.wire.new_id("srvtoolu_" if server else "toolu_")
        block: dict[str, Any] = {
            "type": "server_tool_use" if server else "tool_use",
            "id": self.ids[index],
            "name": name,
            "input": {},
            "caller": {"type": "direct"},
        }
        self.characters["text"] += len(name) + 40
        yield from self._begin(index, block)
        yield 0, self.wire.delta(index, {"type": "input_json_delta", "partial_json": ""})

    def _json(self, step: SceneStep) -> Iterable[TimedBytes]:
        index, options = int(step.args[0]), _options(step.args[1:])
        text = self._unescaped(step.body, options)
        self.characters["text"] += len(text)
        if options.size or options.flags & {"eager", "whole"}:
            pieces, low, high = self._cut(text, options), 10, 38
        else:
            pieces, low, high = members(text), 90, 320
        for piece in pieces:
            delta = {"type": "input_json_delta", "partial_json": piece}
            yield self._gap(options, low, high), self.wire.delta(index, delta)

    def _results(self, step: SceneStep) -> Iterable[TimedBytes]:
        index, query = int(step.args[0]), int(step.args[1])
        self.searches += 1
        self.found = []
        for line in step.body.split("\n"):
            url, title, age = (part.strip() for part in line.split("::"))
            size = 500 + int(self.rng() * 500)
            self.read_tokens += size
            self.found.append(
                {
                    "type": "web_search_result",
                    "title": title,
                    "url": url,
                    "encrypted_content": self.wire.opaque(size),
                    "page_age": age or None,
                }
            )
        block = {
            "type": "web_search_tool_result",
            "tool_use_id": self.ids[query],
            "content": self.found,
            "caller": {"type": "direct"},
        }
        yield self._between(700, 1400), self._begin(index, block)[0][1]

    def _citation(self, step: SceneStep) -> Iterable[TimedBytes]:
        index, result = int(step.args[0]), self.found[int(step.args[1]) - 1]
        if index not in self.types:
            yield from self._begin(index, {"type": "text", "text": "", "citations": []})
        citation = {
            "type": "web_search_result_location",
            "cited_text": step.body,
            "url": result["url"],
            "title": result["title"],
            "encrypted_index": self.wire.opaque(120),
        }
        delta = {"type": "citations_delta", "citation": citation}
        yield self._between(12, 40), self.wire.delta(index, delta)

    def _block(self, step: SceneStep) -> Iterable[TimedBytes]:
        block = _object(step.body)
        if len(step.args) > 1:
            block["tool_use_id"] = self.ids[int(step.args[1])]
        return self._begin(int(step.args[0]), block)

    def _delta(self, step: SceneStep) -> Iterable[TimedBytes]:
        yield self._between(12, 45), self.wire.delta(int(step.args[0]), _object(step.body))

    def _stop(self, step: SceneStep) -> Iterable[TimedBytes]:
        index = int(step.args[0])
        if self.types.pop(index) == "thinking":
            for delta in (
                {"type": "thinking_delta", "thinking": ""},
                {"type": "signature_delta", "signature": self.wire.opaque(332)},
            ):
                yield self._between(15, 60), self.wire.delta(index, delta)
        gap = 0 if self.rng() < 0.4 else self._between(2, 12)
        yield gap, self.wire.frame({"type": "content_block_stop", "index": index})

    def _event(self, step: SceneStep) -> Iterable[TimedBytes]:
        yield self._between(8, 30), self.wire.frame(_object(step.body))

    def _error(self, step: SceneStep) -> Iterable[TimedBytes]:
        error = {"details": None, "type": step.args[0], "message": step.body}
        event = {"type": "error", "error": error, "request_id": self.wire.new_id("req_")}
        yield self._between(20, 80), self.wire.frame(event)

    def _finish(self, step: SceneStep) -> Iterable[TimedBytes]:
        thinking = -(-self.characters["thinking"] // 4)
        usage = {
            **self.usage,
            "input_tokens": self.usage["input_tokens"] + self.read_tokens,
            "output_tokens": max(1, -(-sum(self.characters.values()) // 4)),
        }
        for start_only in ("cache_creation", "service_tier", "inference_geo"):
            del usage[start_only]
        if thinking:
            usage["output_tokens_details"] = {"thinking_tokens": thinking}
        if self.searches:
            usage["server_tool_use"] = {
                "web_search_requests": self.searches,
                "web_fetch_requests": 0,
            }
        event = {
            "type": "message_delta",
            "delta": {"stop_reason": step.args[0], "stop_sequence": None, "stop_details": None},
            "usage": usage,
        }
        yield self._between(15, 60), self.wire.frame(patched(event, _object(step.body)))
        yield 0, self.wire.frame({"type": "message_stop"})

    # Helpers of the verbs

    def _first_usage(self) -> dict[str, Any]:
        header, count = self.header, self.header.input_tokens
        if count is None:
            asked = len(header.prompt) + len(header.system) + len(json.dumps(header.extra))
            count = 8 + asked // 4 + sum(120 + len(json.dumps(tool)) // 4 for tool in header.tools)
        return {
            "input_tokens": count,
            "cache_creation_input_tokens": header.cache_write,
            "cache_read_input_tokens": header.cache_read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": header.cache_write,
                "ephemeral_1h_input_tokens": 0,
            },
            "output_tokens": 1 + int(self.rng() * 7),
            "service_tier": "standard",
            "inference_geo": "global",
        }

    def _unescaped(self, body: str, options: _Options) -> str:
        if "escaped" not in options.flags:
            return body
        return str(json.loads('"' + body.replace("\n", "\\n") + '"'))

    def _cut(self, text: str, options: _Options) -> list[str]:
        if "whole" in options.flags:
            return [text]
        if options.size is not None:
            return sizes(text, *options.size, self.rng)
        return sizes(text, 2, 11, self.rng) if "eager" in options.flags else words(text, self.rng)


def _options(args: tuple[str, ...]) -> _Options:
    size: tuple[int, int] | None = None
    gap: int | None = None
    flags: set[str] = set()
    for arg in args:
        key, given, value = arg.partition("=")
        if key == "size" and given:
            low, _, high = value.partition("-")
            size = (int(low), int(high or low))
        elif key == "gap" and given:
            gap = duration(value)
        elif arg in ("eager", "whole", "escaped"):
            flags.add(arg)
        else:
            raise ValueError(f"no such option: {arg}")
    return _Options(size, gap, frozenset(flags))


def _object(body: str) -> dict[str, Any]:
    value = json.loads(body or "{}")
    if not isinstance(value, dict):
        raise ValueError("the body is not a JSON object")
    return value


def _alternate(steps: list[tuple[str, list[TimedBytes]]]) -> Iterable[TimedBytes]:
    """The pieces of several blocks, one of each in turn until every block is through."""
    queues: dict[str, list[TimedBytes]] = {}
    for index, pieces in steps:
        queues.setdefault(index, []).extend(pieces)
    for turn in range(max(map(len, queues.values()), default=0)):
        for pieces in queues.values():
            if turn < len(pieces):
                yield pieces[turn]
