"""Demo sessions: several scenes in a file, each with its request; a later one can follow another.

    model: claude-sonnet-5-5
    ===
    at: 0s
    prompt: Mend the failing test.
    ---
    +640ms start
    ...
    ===
    at: 18.4s
    after: 1
    result: 1 failed, 240 passed

What stands above the first `===` goes for all scenes that do not say otherwise. `at` is when the
request was sent. `after` is the number of the scene that it goes on from: its turns and its answer
come first, then a `result` for each of its calls, and the `prompt` where there is one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from tui.core.session import Session
from tui.scenarios import Scenario
from tui.scenarios.compiler import compile_script, request_body
from tui.scenarios.script import SceneError, duration, parse

_FOLDER: Final = Path(__file__).parent
_SUFFIX: Final = ".session"
_BEGAN_NS: Final = 1_795_000_000_000_000_000
"""When sessions began: what is made of them is the same every time."""
_OWN: Final = ("at", "after", "result")
_CALLED: Final = "tool_use"


class SessionPart(NamedTuple):
    """A scene of a session as it is written."""

    text: str
    """The scene, with the header of all."""
    at_ns: int
    after: int
    """The number of the scene it goes on from, 0 for none."""
    results: tuple[str, ...]
    asks: bool
    """Whether it has a prompt of its own."""


def session_names() -> list[str]:
    """The names of all sessions."""
    return sorted(path.stem for path in _FOLDER.glob("*" + _SUFFIX))


@cache
def load_session(name: str) -> tuple[Scenario, ...]:
    """Compile the scenes of a session. Raises SceneError."""
    return compile_session(name, (_FOLDER / (name + _SUFFIX)).read_text(encoding="utf-8"))


def compile_session(name: str, source: str) -> tuple[Scenario, ...]:
    """Compile the scenes in `source`, in their order. Raises SceneError."""
    scenes: list[Scenario] = []
    for number, part in enumerate(_parts(name, source), 1):
        script = parse(f"{name} {number}", part.text)
        request = request_body(script)
        if part.after:
            if part.after > len(scenes):
                raise SceneError(name, 1, f"scene {number} goes on from one that is not before it")
            request["messages"] = _turns(scenes[part.after - 1], part, script.header.prompt)
        compiled = compile_script(script)
        scenes.append(
            Scenario(
                name=f"{name}-{number}",
                title=f"{script.header.title} {number}",
                description=script.header.description,
                prompt=script.header.prompt,
                request=request,
                chunks=compiled.chunks,
                how=compiled.how,
                duration_ns=compiled.duration_ns,
                at_ns=_BEGAN_NS + part.at_ns,
            )
        )
    return tuple(scenes)


def _parts(name: str, source: str) -> list[SessionPart]:
    head, *texts = source.split("\n===\n")
    common = dict(_keyed(line) for line in head.split("\n") if line and not line.startswith("#"))
    parts: list[SessionPart] = []
    for text in texts:
        top, _, steps = text.partition("\n---\n")
        lines = top.split("\n")
        said = [key for key, _ in map(_keyed, lines)]
        own = [_keyed(line) for line in lines if _keyed(line)[0] in _OWN]
        kept = [line for line in lines if _keyed(line)[0] not in _OWN]
        kept += [f"{key}: {value}" for key, value in common.items() if key not in said]
        known = dict(own)
        try:
            at_ns = duration(known["at"])
        except (KeyError, ValueError) as error:
            raise SceneError(
                name, 1, f"scene {len(parts) + 1} does not say at which time"
            ) from error
        results = tuple(value for key, value in own if key == "result")
        whole = "\n".join([*kept, "---", steps])
        parts.append(
            SessionPart(whole, at_ns, int(known.get("after", 0)), results, "prompt" in said)
        )
    return parts


def _keyed(line: str) -> tuple[str, str]:
    key, _, value = line.partition(":")
    return key.strip(), value.strip()


def _turns(before: Scenario, part: SessionPart, prompt: str) -> list[dict[str, Any]]:
    """Return the turns of a request that goes on from a scene's answer."""
    session = Session()
    for t_ns, data in before.chunks:
        session.feed(t_ns, data)
    message = session.run.state.message_json() or {}
    content: list[dict[str, Any]] = message.get("content", [])
    calls = [block["id"] for block in content if block["type"] == _CALLED]
    said: list[dict[str, Any]] = [
        {"type": "tool_result", "tool_use_id": id, "content": text}
        for id, text in zip(calls, part.results, strict=True)
    ]
    if part.asks:
        said.append({"type": "text", "text": prompt})
    answer = {"role": "assistant", "content": content}
    return [*before.request["messages"], answer, {"role": "user", "content": said}]
