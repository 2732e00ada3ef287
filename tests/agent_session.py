"""A recorded session of an agent: requests that go on from each other, with times and usage.

`AgentSession` plays the agent's part: `ask` adds a request and its answer, `wait` lets its own time
pass. `write` makes a capture of it all.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests import playbook as pb
from tui.captures.time_of_day import time_of_day
from tui.core.records import JsonObject

BEGAN_NS = 1_795_000_000_000_000_000
SYSTEM = "You are a coding agent. You read and write files and run commands until all is done."
SEARCHER = "You search a code base, and report what was found, with the lines it was found in."
_S = 1_000_000_000


class AgentSession:
    """Requests on a clock of their own, in seconds."""

    def __init__(self, system: str = SYSTEM, *, timed: bool = True) -> None:
        self.system = system
        self.now = 0.0
        self.lines: list[JsonObject] = [{"streamscope": 1}]
        self._timed = timed
        self._count = 0

    def wait(self, seconds: float) -> None:
        """Let the agent's own time pass."""
        self.now += seconds

    def ask(
        self,
        messages: list[JsonObject],
        *reads: tuple[float, list[JsonObject]],
        stop: str = "end_turn",
        usage: tuple[int, int, int, int] = (40, 0, 0, 100),
        **fields: Any,  # noqa: ANN401
    ) -> list[JsonObject]:
        """Send a request; `reads` are seconds since it was sent, and events.

        `usage` is input, read from the cache, written to it, output. Returns the turns with the
        answer.
        """
        self._count += 1
        run = f"r{self._count}"
        fresh, read, write, out = usage
        counts = {
            "input_tokens": fresh,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": write,
            "output_tokens": 1,
        }
        body = {"model": "claude-sonnet-5-5", "max_tokens": 8192, "system": self.system}
        asked = {**body, **fields, "messages": messages, "stream": True}
        start = pb.message_start(id=f"msg_{run}", usage=counts, model=asked["model"])
        events = [event for _, some in reads for event in some]
        last = reads[-1][0]
        ending = [pb.message_delta(stop, {**counts, "output_tokens": out}), pb.message_stop()]
        chunks = [(reads[0][0] - 0.2, [start]), *reads, (last + 0.05, ending)]
        at = {"at": time_of_day(BEGAN_NS + round(self.now * _S))} if self._timed else {}
        url = "https://api.anthropic.com/v1/messages"
        self._line("request", run, 0, **at, method="POST", url=url, headers={}, body=asked)
        self._line("response", run, 0.1, status=200, headers={"request-id": f"req_{run}"})
        for seconds, some in chunks:
            self._line("chunk", run, seconds, data=pb.wire(*some).decode())
        self._line("end", run, last + 0.06, how="eof", error=None)
        self.now += last + 0.06
        message = pb.run([pb.wire(start, *events, *ending)]).run.state.message_json()
        assert message is not None
        return [*messages, {"role": "assistant", "content": message["content"]}]

    def _line(self, kind: str, run: str, seconds: float, **fields: Any) -> None:  # noqa: ANN401
        self.lines.append({"k": kind, "run": run, "t": round(seconds * _S), **fields})

    def write(self, path: Path) -> Path:
        """Write a capture."""
        path.write_text("".join(json.dumps(line) + "\n" for line in self.lines), encoding="utf-8")
        return path


def user(text: str) -> JsonObject:
    return {"role": "user", "content": text}


def results(*calls: tuple[str, str]) -> JsonObject:
    """The results of calls, by their ids."""
    blocks = [{"type": "tool_result", "tool_use_id": id, "content": text} for id, text in calls]
    return {"role": "user", "content": blocks}


def words(index: int, start: float, seconds: float, *, count: int = 20) -> list[tuple[float, Any]]:
    """A text block that comes over some seconds."""
    step = seconds / count
    reads = [(start + step * n, [pb.text(index, "word ")]) for n in range(1, count)]
    return [
        (start, [pb.text_start(index), pb.text(index, "Well: ")]),
        *reads,
        (start + seconds, [pb.block_stop(index)]),
    ]


def thought(index: int, start: float, seconds: float) -> list[tuple[float, Any]]:
    """Thinking over some seconds."""
    reads = [(start + seconds * n / 10, [pb.thinking(index, "hm ")]) for n in range(1, 10)]
    return [
        (start, [pb.thinking_start(index), pb.thinking(index, "So, ")]),
        *reads,
        (start + seconds, [pb.signature(index, f"c2ln{index}"), pb.block_stop(index)]),
    ]


def call(
    index: int, start: float, seconds: float, id: str, name: str, **given: str
) -> list[tuple[float, Any]]:
    """A tool call whose input comes over some seconds."""
    text = json.dumps(given)
    half = len(text) // 2
    return [
        (start, [pb.tool_start(index, name, id=id), pb.fragment(index, text[:half])]),
        (start + seconds, [pb.fragment(index, text[half:]), pb.block_stop(index)]),
    ]


def mending() -> AgentSession:
    """An agent mends a test: two tools, a sub-agent, a stall, and a cache that is lost once."""
    session = AgentSession()
    turns = session.ask(
        [user("Mend the failing test in the parser.")],
        *thought(0, 1.1, 3.0),
        *words(1, 4.2, 1.5),
        *call(2, 6.0, 0.8, "t1", "bash", command="pytest -q tests/test_parser.py"),
        stop="tool_use",
        usage=(120, 0, 9_200, 812),
    )
    session.wait(12.4)
    turns.append(results(("t1", "1 failed, 240 passed")))
    task = "Find every caller of read_number, and say which of them pass a sign."
    turns = session.ask(
        turns,
        *words(0, 0.9, 0.8),
        *call(1, 1.9, 1.0, "t2", "agent", prompt=task),
        *call(2, 3.0, 0.5, "t3", "read_file", path="parser.py"),
        stop="tool_use",
        usage=(4, 9_200, 1_050, 204),
    )
    main, session.system = session.system, SEARCHER
    session.wait(0.3)
    found = session.ask(
        [user(task)],
        *words(0, 0.7, 0.4),
        *call(1, 1.3, 0.4, "s1", "grep", pattern="read_number"),
        stop="tool_use",
        usage=(2_210, 0, 0, 96),
        model="claude-haiku-4-5",
    )
    session.wait(1.2)
    found.append(results(("s1", "lexer.py:12 lexer.py:80 units.py:7")))
    session.ask(found, *words(0, 0.6, 3.2), usage=(2_600, 0, 0, 240), model="claude-haiku-4-5")
    session.wait(0.4)
    session.system = main
    turns.append(results(("t2", "Three callers; units.py passes a sign."), ("t3", "def read…")))
    turns = session.ask(
        turns,
        *thought(0, 1.0, 6.0),
        *words(1, 7.2, 1.0)[:-1],
        *words(1, 15.6, 1.6)[1:],
        *call(2, 17.4, 4.0, "t4", "write_file", path="parser.py", text="def read_number(…"),
        stop="tool_use",
        usage=(6, 10_250, 2_100, 1_930),
    )
    session.wait(0.6)
    turns.append(results(("t4", "written")))
    turns = session.ask(
        turns,
        *call(0, 1.2, 0.6, "t5", "bash", command="pytest -q"),
        stop="tool_use",
        usage=(12_900, 0, 0, 64),
        system=f"{main} It is 12:02.",
    )
    session.wait(31.0)
    turns.append(results(("t5", "241 passed")))
    turns = session.ask(turns, *words(0, 1.4, 4.0), usage=(310, 12_350, 900, 410))
    session.wait(24.0)
    turns.append(user("Thanks. Commit it."))
    turns = session.ask(
        turns,
        *call(0, 0.9, 0.5, "t6", "bash", command="git commit -am 'Signs'"),
        stop="tool_use",
        usage=(24, 13_250, 420, 58),
    )
    session.wait(0.9)
    turns.append(results(("t6", "[main 1f2e3d4] Signs")))
    session.ask(turns, *words(0, 0.8, 1.0), usage=(30, 13_670, 100, 37))
    return session
