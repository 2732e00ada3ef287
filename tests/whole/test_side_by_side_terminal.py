"""A prompt asked of two models on the command line, in a real terminal."""

from __future__ import annotations

import json

import pytest

from tests.command_line import mock_in_a_thread
from tests.whole.test_terminal import terminal

pytestmark = pytest.mark.xdist_group("live terminal")


def test_two_models_answer_side_by_side() -> None:
    with mock_in_a_thread() as server:
        env = {"ANTHROPIC_API_KEY": "sk-ant-none", "ANTHROPIC_BASE_URL": server.url}
        models = ("scenario:plain", "scenario:thinking-tool")
        options = [option for model in models for option in ("--model", model)]
        with terminal("run", "Which one is quicker?", *options, env=env) as screen:
            # They stand side by side by themselves.
            screen.wait_for("2 runs side by side", *models, "Olbers", "doomsday", "replay")
            screen.press(" ")
            screen.wait_for("REPLAY")
            screen.press("\t\r")
            screen.wait_for("Runs", "Events", "run 2/2")
            screen.press("q")
            assert screen.end() == 0
            screen.assert_restored()
        asked = [json.loads(received.body)["model"] for received in server.received]
        assert sorted(asked) == sorted(models)
