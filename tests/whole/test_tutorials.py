"""Every line of the README's table "From the tutorials to streamscope", done."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.app_harness import LATER_S, on_stage
from tests.command_line import Call, Result, mock_in_a_thread, run_command
from tests.dashboard.test_talk import CALCULATOR, talk, with_tools
from tests.servers import MockServer
from tests.whole.test_tutorial_pages import PAGES

README = Path(__file__).resolve().parents[2] / "README.md"
HEADING = "## From the tutorials to streamscope"

TOOLS = """
[{"name": "get_weather", "description": "Get weather for a location",
  "input_schema": {"type": "object", "properties": {"location": {"type": "string"}},
                   "required": ["location"]},
  "result": {"temperature": 72, "conditions": "sunny"}}]
"""
EVENTS = [
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}},
    *(
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": letter},
        }
        for letter in "Hi "
    ),
    {"type": "content_block_stop", "index": 0},
    {
        "type": "content_block_start",
        "index": 1,
        "content_block": {"type": "tool_use", "id": "tu_1", "name": "calculator"},
    },
    *(
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": part},
        }
        for part in ('{"exp', 'ression": "', '2+2"}')
    ),
    {"type": "content_block_stop", "index": 1},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
]


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with mock_in_a_thread() as running:
        yield running


class Desk:
    """A shell in an empty folder, with the mock for an API."""

    def __init__(self, call: Call, server: MockServer, folder: Path) -> None:
        self.call = call
        self.server = server
        self.folder = folder

    def __call__(self, command: str, *, stdin: bytes = b"") -> Result:
        """Run a command as the README has it; `streamscope` and quotes included."""
        import shlex

        words = shlex.split(command)
        assert words[0] == "streamscope"
        return self.call(*words[1:], stdin=stdin)

    def body(self, place: int = -1) -> dict[str, object]:
        body = json.loads(self.server.received[place].body)
        assert isinstance(body, dict)
        return body


@pytest.fixture
def desk(server: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
    monkeypatch.chdir(tmp_path)
    server.received.clear()
    return Desk(partial(run_command, monkeypatch), server, tmp_path)


# --- commands -------------------------------------------------------------------------------------


def assemble(desk: Desk, command: str) -> None:
    Path("events.jsonl").write_text("\n".join(map(json.dumps, EVENTS)))
    result = desk(command + " --plain --speed instant")
    assert result.out.splitlines() == ["Hi ", '\u2192 calculator {"expression": "2+2"}']
    report = json.loads(desk("streamscope inspect --json events.jsonl").out)
    assert report["runs"][0]["tools"][0]["input"] == {"expression": "2+2"}


def answer(desk: Desk, command: str) -> None:
    result = desk(command + " --plain")
    assert (result.status, bool(result.out.strip())) == (0, True)
    assert result.err.startswith("complete \u00b7 end_turn")


def final_message(desk: Desk, command: str) -> None:
    report = json.loads(desk(command).out)["runs"][0]
    assert report["message"]["stop_reason"] == "end_turn"
    assert report["message"]["usage"]["output_tokens"] > 0
    assert report["message"]["content"][0]["text"]


def concurrent(desk: Desk, command: str) -> None:
    Path("prompts.txt").write_text("What is Python?\nWhat is JavaScript?\nWhat is Rust?\n")
    result = desk(command + " --plain")
    assert result.status == 0 and "3 runs" in result.err
    heads = [line for line in result.out.splitlines() if line.startswith("\u2500\u2500")]
    assert [head.split("  ")[-1] for head in heads] == [
        "What is Python?",
        "What is JavaScript?",
        "What is Rust?",
    ]


def several_models(desk: Desk, command: str) -> None:
    result = desk(command + " --json")
    assert len(result.out.splitlines()) == 4
    asked = sorted(str(desk.body(place)["model"]) for place in range(4))
    assert asked == ["claude-haiku-4-5"] * 2 + ["claude-sonnet-4-6"] * 2


def tool_use(desk: Desk, command: str) -> None:
    Path("tools.json").write_text(TOOLS)
    result = desk(command + " --plain")
    assert result.status == 0 and "\u2192 get_weather {" in result.out
    assert len(desk.server.received) == 1
    assert "without a result" in result.err


def tool_loop(desk: Desk, command: str) -> None:
    Path("tools.json").write_text(TOOLS)
    result = desk(command + " --plain")
    assert result.status == 0 and len(desk.server.received) == 2
    assert "72" in result.out.rpartition("\u2190")[2]
    turns = desk.body()["messages"]
    assert isinstance(turns, list)
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[2]["content"][0]["type"] == "tool_result"


def python_tools(desk: Desk, command: str) -> None:
    Path("tools.py").write_text(
        "def get_weather(location: str) -> str:\n"
        '    """Get weather for a location."""\n'
        "    return f'sunny in {location}'\n"
    )
    result = desk(command + " --plain")
    assert result.status == 0 and "sunny in" in result.out


def sentences(desk: Desk, command: str) -> None:
    answer(desk, command)


def retries(desk: Desk, command: str) -> None:
    result = desk(command + " --model scenario:plain!fail:1 --plain")
    assert result.status == 0 and len(desk.server.received) == 2
    assert "trying again in" in result.err


def errors(desk: Desk, command: str) -> None:
    result = desk(command + " --model scenario:plain!status:400 --plain")
    assert result.status == 1
    assert result.err.startswith("streamscope: error: http_error: HTTP 400: invalid_request_error")


def to_file(desk: Desk, command: str) -> None:
    result = desk(command)
    assert result.status == 0 and result.out == ""
    assert Path("guide.md").read_text().strip()
    assert "out " in result.err


def timeout(desk: Desk, command: str) -> None:
    result = desk(
        command.replace("--timeout 30", "--timeout 0.2")
        + " --model scenario:plain!stall:60 --plain"
    )
    assert result.status == 1 and result.out.strip()
    assert "Timed out: the whole call took longer than 0.2 s" in result.err


def multi_turn(desk: Desk, command: str) -> None:
    assert desk('streamscope run "Hi, I\'m Alice" --resume talk.json --plain').status == 0
    result = desk(command + " --plain")
    assert result.status == 0 and "Alice" in result.out
    turns = desk.body()["messages"]
    assert isinstance(turns, list) and len(turns) == 3


def system(desk: Desk, command: str) -> None:
    answer(desk, command)
    assert desk.body()["system"] == "You are a helpful Python expert. Be concise."


def temperature(desk: Desk, command: str) -> None:
    answer(desk, command)
    assert desk.body()["temperature"] == 0.8


def thinking(desk: Desk, command: str) -> None:
    result = desk(command + " --json")
    blocks = json.loads(result.out)["runs"][0]["message"]["content"]
    assert [block["type"] for block in blocks] == ["thinking", "text"]
    assert desk.body()["thinking"] == {"type": "enabled", "budget_tokens": 1024}


def request_id(desk: Desk, command: str) -> None:
    result = desk(command)
    assert result.status == 0
    lines = [json.loads(line) for line in Path("hello.jsonl").read_text().splitlines()]
    (response,) = [line for line in lines if line.get("k") == "response"]
    assert response["headers"]["request-id"].startswith("req_")
    assert "sk-" not in Path("hello.jsonl").read_text()


def from_typescript(desk: Desk, command: str) -> None:
    # What a client in any language sees: the mock speaks the API over plain HTTP.
    import httpx2

    sent = {
        "model": "claude-sonnet-4-6",
        "max_tokens": 256,
        "stream": True,
        "messages": [{"role": "user", "content": "Write a short poem about coding."}],
    }
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    answered = httpx2.post(f"{desk.server.url}/v1/messages", json=sent, headers=headers)
    assert answered.text.startswith("event: message_start\n")
    assert command == "streamscope mock"


COMMANDS: dict[str, Callable[[Desk, str], None]] = {
    "Text and tool JSON put together from fragments": assemble,
    "Stream an answer": answer,
    "The final message, its stop reason and usage": final_message,
    "From TypeScript, or any other client": from_typescript,
    "Several prompts at once": concurrent,
    "Several models, several times": several_models,
    "Stream tool use": tool_use,
    "Run tools and go on": tool_loop,
    "Tools in Python": python_tools,
    "Sentence by sentence": sentences,
    "Retries with backoff": retries,
    "Errors by their kind": errors,
    "To a file, not held in memory": to_file,
    "A time limit": timeout,
    "Multi-turn conversation": multi_turn,
    "A system prompt": system,
    "Temperature": temperature,
    "Thinking": thinking,
    "The request id": request_id,
}


# --- keys -----------------------------------------------------------------------------------------


async def every_event() -> None:
    async with on_stage("two-tools") as stage:
        await stage.at(LATER_S)
        assert "content_block_delta" in "\n".join(stage.log)
        await stage.press("g")
        assert "message_start" in "\n".join(stage.log)


async def open_an_event() -> None:
    async with on_stage("two-tools") as stage:
        await stage.at(LATER_S)
        await stage.press("g", "enter")
        assert '"type": "message_start"' in stage.text


async def usage_and_speed() -> None:
    async with talk("Hello") as line:
        await line.finished()
        assert "tok/s" in line.stage.counters and "of 4096" in line.stage.counters


async def snapshot() -> None:
    async with on_stage("two-tools") as stage:
        await stage.at(LATER_S)
        await stage.press("y")
        assert "Message as JSON" in stage.text


async def cancel() -> None:
    async with talk("Hello", model="scenario:plain!stall:3600") as line:
        await line.stage.until(lambda: line.stage.app.watchlist.count() > 5)
        await line.stage.press("escape")
        await line.finished()
        assert "CANCELLED" in line.stage.header and "what arrived is kept" in line.stage.said


async def carry_on() -> None:
    async with talk("Hello", model="scenario:plain!cut:1500") as line:
        await line.finished()
        await line.stage.press("c")
        await line.stage.until(lambda: len(line.server.received) == 2)
        assert "broke off" in str(line.bodies[1]["messages"])


async def decide() -> None:
    async with talk(
        "2+2?", conversation=with_tools("scenario:call"), extra={"call": CALCULATOR}
    ) as line:
        await line.stage.until(lambda: "y run it" in " ".join(line.stage.text.split()))
        assert len(line.server.received) == 1


KEYS: dict[str, Callable[[], Awaitable[None]]] = {
    "Every raw event, by type": every_event,
    "One event in full": open_an_event,
    "Tokens, duration, tokens per second, progress": usage_and_speed,
    "The message so far": snapshot,
    "Cancel": cancel,
    "Go on with a partial answer": carry_on,
    "Decide about each tool call": decide,
}


# --- the table ------------------------------------------------------------------------------------


def table() -> dict[str, str]:
    """Return the rows of the README: what the tutorials do, and what does it here."""
    text = README.read_text(encoding="utf-8")
    section = text.partition(HEADING)[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) \| ((?:[^|`]|`[^`]*`)+?) \|$", section, re.MULTILINE)
    return {what: how for what, how in rows[1:]}


def test_every_row_is_tested_and_every_test_has_its_row() -> None:
    assert sorted(table()) == sorted([*COMMANDS, *KEYS, *PAGES])


@pytest.mark.parametrize("what", COMMANDS)
def test_a_command_does_it(desk: Desk, what: str) -> None:
    command = re.findall(r"`(streamscope [^`]*)`", table()[what])[0]
    COMMANDS[what](desk, command)


@pytest.mark.parametrize("what", KEYS)
async def test_a_key_does_it(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    await KEYS[what]()
