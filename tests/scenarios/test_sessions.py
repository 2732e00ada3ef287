"""The demo sessions: scenes that go on from each other."""

from __future__ import annotations

import pytest

from tests.command_line import run_command
from tui.core.session import Session
from tui.messages.conversations import Conversations
from tui.scenarios import Scenario, names
from tui.scenarios.script import SceneError
from tui.scenarios.sessions import compile_session, load_session, session_names

SCENE = (
    "title: T\nmodel: m\ndescription: D\nprompt: P\n===\nat: 0s\n---\n+1s start\nfinish end_turn\n"
)


def answer(scene: Scenario) -> dict[str, object]:
    session = Session()
    for t_ns, data in scene.chunks:
        session.feed(t_ns, data)
    session.finish(scene.duration_ns)
    assert session.run.status == "complete" and not session.run.state.anomalies
    return session.run.state.message_json() or {}


@pytest.mark.parametrize("name", session_names())
def test_each_request_follows_in_time_and_from_its_answer(name: str) -> None:
    scenes = load_session(name)
    known = Conversations()
    ended: list[int] = []
    for number, scene in enumerate(scenes):
        assert scene.at_ns is not None
        before = known.ask(scene.request).link.before
        if before is not None:
            assert scene.at_ns > ended[before]
        known.answered(number, answer(scene))
        ended.append(scene.at_ns + scene.duration_ns)
    assert len(known.talks) == 1
    assert not set(session_names()) & set(names())


def test_the_agent_has_a_sub_agent() -> None:
    known = Conversations()
    for number, scene in enumerate(load_session("agent")):
        known.ask(scene.request)
        known.answered(number, answer(scene))
    (talk,) = known.talks
    assert [(branch.kind, branch.requests) for branch in talk.branches] == [
        ("main", [0, 1, 4, 5, 6, 7, 8]),
        ("sub-agent", [2, 3]),
    ]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (SCENE.replace("at: 0s\n", ""), "does not say at which time"),
        (SCENE.replace("at: 0s", "at: soon"), "does not say at which time"),
        (SCENE.replace("at: 0s", "at: 0s\nafter: 1"), "goes on from one that is not before it"),
    ],
)
def test_what_is_wrong_is_named(source: str, problem: str) -> None:
    with pytest.raises(SceneError, match=problem):
        compile_session("s", source)


def test_a_session_is_played_scene_by_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_command(monkeypatch, "demo", "agent", "--plain", "--speed", "instant")
    assert (result.status, result.out.count("Mended: all 62 tests pass.")) == (0, 1)


def test_the_demos_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_command(monkeypatch, "demo", "--list")
    assert (result.status, result.err) == (0, "")
    listed = [line.split()[0] for line in result.out.splitlines()]
    assert listed == [*names(), *session_names()]
