"""The endpoint for browsers: events as they come, taken up again, cancelled when nobody reads."""

from __future__ import annotations

import asyncio
import gc
import json
import math
import os
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.browser_endpoint import STOP, Api, browser, event, first_events, told, words
from tests.limits import HANG_S, until
from tests.loopback import request_bytes
from tests.servers import MockServer, open_requests
from tui.core.sse import Decoder
from tui.serving.chat_run import ChatEvent
from tui.serving.site import Site
from tui.serving.streams import Stream, reset

pytestmark = pytest.mark.asyncio


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Without the garbage collector: what is let go of must be let go of at once."""
    gc.disable()
    yield
    gc.enable()


LONG_S = HANG_S * 4
"""Longer than any test waits."""


async def silence(stream: Stream) -> None:
    """No first byte, ever."""
    await asyncio.sleep(LONG_S)


async def two_words_then_silence(stream: Stream) -> None:
    await stream.send([words("Hel"), words("lo")])
    await asyncio.sleep(LONG_S)


# What is sent


async def test_every_event_goes_on_as_it_came_with_an_id() -> None:
    odd = (
        b": a comment\n\n"
        b"id: theirs\nevent: ping\ndata: {}\n\n"
        b"event: unknown\r\ndata: no JSON\r\ndata: two lines\r\n\r\n"
        b"data: without a name\n\n"
    )

    async def script(stream: Stream) -> None:
        for at in range(len(odd)):
            await stream.send([odd[at : at + 1]])
        await stream.send([words("Hi"), STOP])

    async with browser(Api(script)) as page, page.post() as response:
        events = told(await response.read())
        assert response.status == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["x-accel-buffering"] == "no"
        assert not [name for name in response.headers if name.lower().startswith("access-control")]
    run = events[0].id.partition(":")[0]
    assert [each.id for each in events] == [*(f"{run}:{at}" for at in range(1, 6)), f"{run}:done"]
    assert [(each.name, each.data) for each in events[:3]] == [
        ("ping", "{}"),
        ("unknown", "no JSON\ntwo lines"),
        ("", "without a name"),
    ]
    assert json.loads(events[3].data)["delta"]["text"] == "Hi"
    assert (events[-1].name, events[-1].data) == ("", "[DONE]")


@given(
    st.binary(max_size=20).filter(lambda name: not set(name) & set(b"\r\n")),
    st.binary(max_size=60).filter(lambda data: b"\r" not in data),
)
async def test_what_is_encoded_is_decoded_to_the_same(name: bytes, data: bytes) -> None:
    encoded = ChatEvent(name.lstrip(b" "), data, "").encoded("r:1")
    (frame,) = Decoder().feed(encoded)
    assert (frame.name, frame.data) == (name.lstrip(b" "), data)


async def test_the_first_words_come_before_the_answer_ends() -> None:
    async with browser(Api(two_words_then_silence)) as page, page.post() as response:
        events = await first_events(response, 2)
        assert [json.loads(each.data)["delta"]["text"] for each in events] == ["Hel", "lo"]


async def test_as_text_only_the_words_are_sent() -> None:
    line = "\u2028\n\r</script>\x00é"

    async def script(stream: Stream) -> None:
        thought = {"type": "thinking_delta", "thinking": "hm"}
        await stream.send([event("ping"), event("content_block_delta", index=0, delta=thought)])
        await stream.send([words("Hi"), words(line), words(""), event("error", error={}), STOP])

    async with browser(Api(script)) as page, page.post(query="&format=text") as response:
        events = told(await response.read())
    assert [(each.name, each.data) for each in events[:2]] == [
        ("", json.dumps({"text": "Hi"})),
        ("", json.dumps({"text": line})),
    ]
    assert [(each.name, each.data) for each in events[2:]] == [
        ("error", '{"type": "error", "error": {}}'),
        ("", "[DONE]"),
    ]


async def test_a_question_becomes_a_request_that_streams() -> None:
    api = Api()
    given = {
        "messages": [{"role": "user", "content": "Hi"}],
        "model": "claude-haiku-4-5",
        "system": "Be brief.",
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        "stream": False,
    }
    async with browser(api) as page:
        async with page.post(given) as response:
            await response.read()
        async with page.get("&prompt=Hi&model=claude-haiku-4-5&system=Short.") as response:
            await response.read()
        async with page.post() as response:
            await response.read()
    assert api.bodies[0] == {**given, "stream": True, "max_tokens": 4096}
    assert api.bodies[1]["messages"] == [{"role": "user", "content": "Hi"}]
    assert (api.bodies[1]["model"], api.bodies[1]["system"]) == ("claude-haiku-4-5", "Short.")
    assert api.bodies[2]["model"].startswith("claude-")
    assert api.headers[0]["x-api-key"] == "the-key"
    assert "origin" not in api.headers[0]


async def test_comments_are_sent_while_the_api_is_silent() -> None:
    begin = asyncio.Event()

    async def script(stream: Stream) -> None:
        await begin.wait()
        await stream.send([words("Hi"), STOP])

    async with browser(Api(script), silence_s=0.01) as page, page.post() as response:
        body = b""
        while body.count(b"\n\n") < 3:
            body += await response.content.readany()
        assert not told(body) and body.startswith(b":")
        begin.set()
        assert [each.data for each in told(await response.read())][-1] == "[DONE]"


# Answers that go wrong


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 529])
async def test_what_the_api_refuses_is_refused_with_its_own_words(status: int) -> None:
    api = Api()
    shape = {"type": "error", "error": {"type": "some_error", "message": "no"}}
    headers = {"retry-after": "7", "request-id": "req_1", "set-cookie": "a=b"}
    api.respond = partial(web.json_response, shape, status=status, headers=headers)
    async with browser(api) as page:
        for asked in (page.post(), page.get()):
            async with asked as response:
                assert response.status == status
                assert await response.json() == shape
                assert response.headers["retry-after"] == "7"
                assert response.headers["request-id"] == "req_1"
                assert "set-cookie" not in response.headers


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (partial(web.Response, text="<p>hello", content_type="text/html"), 502),
        (partial(web.Response, text="{}", content_type="application/json"), 502),
        (partial(web.Response, status=302, headers={"location": "http://evil.example/"}), 502),
        (partial(web.Response, status=204), 502),
        (partial(web.Response, status=503, text="<p>down", content_type="text/html"), 503),
        (
            partial(web.Response, status=400, body=b"x" * 10**6, content_type="application/json"),
            400,
        ),
    ],
    ids=["html", "json", "redirect", "empty", "html error", "large error"],
)
async def test_what_is_no_answer_of_the_api_is_an_error(
    answer: Callable[[], web.Response], status: int
) -> None:
    api = Api()
    api.respond = answer
    async with browser(api) as page, page.post() as response:
        assert response.status == status
        shape = await response.json()
        assert shape["type"] == "error" and "The API answered with" in shape["error"]["message"]


@pytest.mark.parametrize("how", ["reset", "end", "torn", "never"])
async def test_an_answer_that_breaks_off_ends_with_an_error(how: str) -> None:
    async def script(stream: Stream) -> None:
        if how == "never":
            await reset(stream._request)
        await stream.send([words("Hel"), words("lo")])
        if how == "torn":
            await stream.send([STOP[:-5]])
        if how == "reset":
            await reset(stream._request)

    async with browser(Api(script)) as page, page.post() as response:
        body = await response.read()
    if how == "never":
        assert response.status == 502 and json.loads(body)["error"]["type"] == "api_error"
        return
    events = told(body)
    assert events[-1].data == "[DONE]" and events[-2].name == "error"
    shape = json.loads(events[-2].data)
    assert (shape["type"], shape["error"]["type"]) == ("error", "api_error")
    assert len(events) == 4


async def test_an_error_of_the_api_is_not_told_twice() -> None:
    async def script(stream: Stream) -> None:
        await stream.send([words("Hel"), event("error", error={"type": "overloaded_error"})])
        await reset(stream._request)

    async with browser(Api(script)) as page, page.post() as response:
        events = told(await response.read())
    assert [each.name for each in events] == ["content_block_delta", "error", ""]


async def test_a_refusal_that_comes_after_a_comment_is_an_event() -> None:
    refuse = asyncio.Event()
    api = Api()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await refuse.wait()
        return web.json_response({"type": "error"}, status=529)

    async with browser(api, silence_s=0.01) as page:
        page.server.handler = answer
        async with page.post() as response:
            assert response.status == 200
            await response.content.readany()
            refuse.set()
            events = told(await response.read())
    assert [(each.name, each.data) for each in events] == [
        ("error", '{"type": "error"}'),
        ("", "[DONE]"),
    ]


async def test_an_answer_that_is_too_large_to_keep_is_cancelled() -> None:
    async def script(stream: Stream) -> None:
        while True:
            await stream.send([words("x" * 1000)])

    api = Api(script)
    async with browser(api, answer=50_000) as page, page.post() as response:
        events = told(await response.read())
        await api.until(lambda: not api.running)
    assert events[-2].name == "error" and "larger" in events[-2].data


async def test_answers_that_are_too_much_together_are_cancelled_and_leave_room() -> None:
    endless = asyncio.Event()

    async def script(stream: Stream) -> None:
        while not endless.is_set():
            await stream.send([words("x" * 10_000)])
        await stream.send([STOP])

    api = Api(script)
    async with browser(api, kept=1_000_000) as page:

        async def read() -> str:
            async with page.post() as response:
                return told(await response.read())[-2].data

        for said in await asyncio.gather(*(read() for _ in range(5))):
            assert "Too many large answers at once" in said
        await api.until(lambda: not api.running)
        endless.set()
        assert json.loads(await read()) == {"type": "message_stop"}


# Taken up again


async def test_an_event_source_goes_on_where_it_was_and_nothing_is_asked_twice() -> None:
    more = asyncio.Event()

    async def script(stream: Stream) -> None:
        await stream.send([words("a"), words("b"), words("c")])
        await more.wait()
        await stream.send([words("d"), STOP])

    api = Api(script)
    async with browser(api) as page:
        async with page.get() as response:
            seen = await first_events(response, 3)
        async with page.get(last=seen[1].id) as response:
            assert (await first_events(response, 1))[0] == seen[2]
            more.set()
        async with page.get(last=seen[1].id) as response:
            rest = told(await response.read())
        assert rest[0] == seen[2]
        assert [each.data for each in rest[-1:]] == ["[DONE]"] and len(rest) == 4
        async with page.get(last=rest[-1].id) as response:
            assert (response.status, await response.read()) == (204, b"")
        async with page.get(last=rest[-2].id) as response:
            assert told(await response.read()) == rest[-1:]
    assert len(api.bodies) == 1 and api.cancelled == 0


async def test_a_break_before_the_first_event_asks_nothing_twice() -> None:
    begin = asyncio.Event()

    async def script(stream: Stream) -> None:
        await begin.wait()
        await stream.send([words("Hi"), STOP])

    api = Api(script)
    async with browser(api, refusal_s=0.01) as page:
        async with page.get() as response:
            start = await response.content.readuntil(b"\n\n")
        last = start.decode().partition("id: ")[2].partition("\n")[0]
        assert last.endswith(":0") and b"retry: 1000" in start
        async with page.get(last=last) as response:
            begin.set()
            events = told(await response.read())
    assert len(events) == 3 and len(api.bodies) == 1


async def test_two_readers_of_one_answer_both_have_all_of_it() -> None:
    more = asyncio.Event()

    async def script(stream: Stream) -> None:
        await stream.send([words("a")])
        await more.wait()
        await stream.send([words("b"), STOP])

    api = Api(script)
    async with browser(api) as page, page.get() as one:
        seen = await first_events(one, 1)
        async with page.get(last=seen[0].id) as other:
            more.set()
            assert told(await one.read()) == told(await other.read())
    assert len(api.bodies) == 1


@pytest.mark.parametrize(
    ("last", "status"),
    [
        ("{run}:99", 400),
        ("{run}:-1", 400),
        ("{run}:\u00b2", 400),
        ("{run}:" + "9" * 5000, 400),
        ("{run}", 400),
        ("{run}:done", 400),
        ("0123456789abcdef:1", 404),
        ("x", 404),
        (":", 404),
    ],
    ids=lambda value: str(value)[:12],
)
async def test_an_id_that_is_none_starts_nothing(last: str, status: int) -> None:
    api = Api(two_words_then_silence)
    async with browser(api) as page, page.get() as response:
        run = (await first_events(response, 1))[0].id.partition(":")[0]
        line = f"GET /stream?token=the-token&prompt=x HTTP/1.1\r\nlast-event-id: {last}"
        reader, writer = await asyncio.open_connection("127.0.0.1", page.server.port)
        writer.write(request_bytes(page.server.port, line.replace("{run}", run)))
        assert (await reader.readline()).split()[1] == str(status).encode()
        writer.close()
        assert len(api.bodies) == 1


async def test_what_was_posted_is_not_taken_up_again() -> None:
    async with browser(Api()) as page:
        async with page.post() as response:
            last = told(await response.read())[0].id
        async with page.get(last=last) as response:
            assert response.status == 404


async def test_old_answers_make_room_for_new_ones() -> None:
    api = Api()
    async with browser(api, most_kept=2) as page:
        ids = []
        for _ in range(4):
            async with page.get() as response:
                ids.append(told(await response.read())[0].id)
        statuses = []
        for last in ids:
            async with page.get(last=last) as response:
                statuses.append(response.status)
    assert statuses == [404, 404, 200, 200]


# Readers that leave


@pytest.mark.parametrize("script", [silence, two_words_then_silence])
async def test_a_reader_of_a_post_that_leaves_cancels_the_answer(
    script: Callable[[Stream], Awaitable[None]],
) -> None:
    api = Api(script)
    async with browser(api) as page:
        _, writer = await asyncio.open_connection("127.0.0.1", page.server.port)
        line = "POST /api/chat?token=the-token HTTP/1.1"
        writer.write(request_bytes(page.server.port, line, json.dumps({"prompt": "Hi"})))
        await api.until(lambda: api.running == 1)
        writer.close()
        await api.until(lambda: api.cancelled == 1 and not api.running)


async def test_an_event_source_that_leaves_may_come_back_for_a_while() -> None:
    api = Api(two_words_then_silence)
    async with browser(api, left_s=LONG_S) as page:
        for _ in range(3):
            async with page.get() as response:
                await first_events(response, 2)
        # Those that leave later are seen to leave first.
        async with page.post() as response:
            await first_events(response, 2)
        await api.until(lambda: api.cancelled == 1)
        assert api.running == 3


async def test_nobody_coming_back_cancels_the_answer() -> None:
    api = Api(two_words_then_silence)
    async with browser(api, left_s=0.01) as page:
        async with page.get() as response:
            seen = await first_events(response, 2)
        await api.until(lambda: api.cancelled == 1 and not api.running)
        async with page.get(last=seen[-1].id) as response:
            rest = told(await response.read())
    assert [each.name for each in rest] == ["error", ""]
    assert "came back" in rest[0].data


async def test_one_that_came_back_is_not_cancelled_by_its_first_absence() -> None:
    api = Api(two_words_then_silence)
    loop = asyncio.get_running_loop()
    async with browser(api, left_s=0.2) as page:
        async with page.get() as response:
            seen = await first_events(response, 2)
        async with page.get(last=seen[0].id) as response:
            await first_events(response, 1)
            passed = loop.create_future()
            loop.call_later(0.4, passed.set_result, None)  # The timer, and what follows from it.
            await passed
            assert (api.running, api.cancelled) == (1, 0)


async def test_a_reader_that_does_not_read_is_cut_off(no_collector: None) -> None:
    async def script(stream: Stream) -> None:
        while True:
            await stream.send([words("x" * 60_000)])

    api = Api(script)
    async with browser(api, unread_s=0.05, answer=2**40, kept=2**40) as page:
        _, writer = await asyncio.open_connection("127.0.0.1", page.server.port, limit=1)
        line = "POST /api/chat?token=the-token HTTP/1.1"
        writer.write(request_bytes(page.server.port, line, json.dumps({"prompt": "Hi"})))
        await api.until(lambda: api.cancelled == 1 and not api.running)
        await until(lambda: not open_requests(page.server))
        site = page.server.pages
        assert isinstance(site, Site) and not site.chat._held
        writer.close()


async def test_a_large_question_is_asked() -> None:
    api = Api()
    async with browser(api) as page, page.post({"prompt": "x" * 3_000_000}) as response:
        assert response.status == 200
    assert len(api.bodies[0]["messages"][0]["content"]) == 3_000_000


async def test_there_is_an_end_to_how_many_are_answered_at_once() -> None:
    api = Api(two_words_then_silence)
    async with browser(api, most_running=200) as page:
        responses = await asyncio.gather(*(page.posted() for _ in range(200)))
        await api.until(lambda: api.running == 200)
        for asked in (page.post(), page.get()):
            async with asked as refused:
                assert refused.status == 529
                assert (await refused.json())["error"]["type"] == "overloaded_error"
        assert len(api.bodies) == 200
        for response in responses:
            response.close()
        await api.until(lambda: not api.running)
        async with page.post() as response:
            assert response.status == 200


@pytest.mark.parametrize("how", ["post", "get"])
async def test_nothing_is_left_of_readers_that_left(how: str) -> None:
    api = Api(two_words_then_silence)
    async with browser(api, left_s=0.01) as page:

        async def leave() -> None:
            async with page.post() if how == "post" else page.get() as response:
                assert response.status == 200

        await leave()
        await api.until(lambda: not api.running)
        before = len(os.listdir("/dev/fd"))
        for _ in range(20):
            await asyncio.gather(*(leave() for _ in range(25)))
            await api.until(lambda: not api.running)
        assert len(api.bodies) == 501 and api.cancelled == 501
        assert len(os.listdir("/dev/fd")) <= before
        assert open_requests(page.server) == 0


# The mock has it


async def test_the_mock_answers_with_its_demos() -> None:
    async with MockServer(speed=math.inf) as server, aiohttp.ClientSession(server.url) as client:
        async with client.post("/api/chat", json={"prompt": "Count to 3"}) as response:
            events = told(await response.read())
        assert [each.name for each in events][-2:] == ["message_stop", ""]
        as_text = {"prompt": "Count to 3", "format": "text"}
        async with client.get("/stream", params=as_text) as response:
            said = [each.data for each in told(await response.read())]
        assert "".join(json.loads(data)["text"] for data in said[:-1]) == "1, 2, 3"
        assert json.loads(server.received[-1].body)["stream"] is True
        async with client.get("/stream", params={"prompt": "Count to 3"}) as response:
            assert [each.name for each in told(await response.read())] == [
                each.name for each in events
            ]
        async with client.post("/api/chat", json={"prompt": "Hi", "model": "gpt"}) as response:
            assert response.status == 404
            assert (await response.json())["error"]["type"] == "not_found_error"
