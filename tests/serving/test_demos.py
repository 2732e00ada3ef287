"""Demos in front of a real API: played here, and never asked for there."""

from __future__ import annotations

import json
import math

import aiohttp
import pytest

from tests.browser_endpoint import TOKEN, Api, told
from tui.core.sse import Decoder
from tui.scenarios import load, names
from tui.serving.chat import Chat
from tui.serving.demos import WithDemos
from tui.serving.own_server import OwnServer
from tui.serving.server import LoopbackServer
from tui.serving.site import Site

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("name", names())
async def test_a_demo_is_played_without_asking_the_api(name: str) -> None:
    api = Api()
    chat = Chat(WithDemos(OwnServer({"x-api-key": "k"}), speed=math.inf))
    async with LoopbackServer(api, pages=Site(chat, token=TOKEN)) as server:
        async with aiohttp.ClientSession(server.url) as client:
            question = {"prompt": "x", "model": f"scenario:{name}"}
            async with client.post(f"/api/chat?token={TOKEN}", json=question) as response:
                events = told(await response.read())
            async with client.post(f"/api/chat?token={TOKEN}", json={"prompt": "x"}) as response:
                assert (await response.read()).endswith(b"data: [DONE]\n\n")
    scenario = load(name)
    frames = Decoder().feed(b"".join(chunk.data for chunk in scenario.chunks))
    sent = [(frame.name.decode(), frame.data.decode()) for frame in frames if frame.kind == 0]
    assert [(event.name, event.data) for event in events[: len(sent)]] == sent
    assert events[-1].data == "[DONE]"
    ended_well = any(kind in ("message_stop", "error") for kind, _ in sent)
    assert len(events) == len(sent) + (1 if ended_well else 2)
    assert [body["model"].startswith("claude-") for body in api.bodies] == [True]


async def test_a_demo_that_there_is_not_is_refused() -> None:
    api = Api()
    site = Site(Chat(WithDemos(OwnServer({}))), token=TOKEN)
    async with LoopbackServer(api, pages=site) as server:
        async with aiohttp.ClientSession(server.url) as client:
            question = {"prompt": "x", "model": "scenario:tuor"}
            async with client.post(f"/api/chat?token={TOKEN}", json=question) as response:
                assert response.status == 404
                error = json.loads(await response.read())["error"]
    assert error["type"] == "not_found_error" and "did you mean tour" in error["message"]
    assert not api.bodies
