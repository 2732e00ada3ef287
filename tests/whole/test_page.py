"""The page in a real browser: answers as they stream, cancelled, hostile, wrong; telephones."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from tests.browser_endpoint import STOP, TOKEN, Api, browser, event, words
from tests.chromium import Watch, a_page
from tests.limits import HANG_S
from tests.servers import MockServer
from tui.scenarios import names
from tui.serving.streams import Stream

pytestmark = [pytest.mark.asyncio, pytest.mark.xdist_group("chromium")]

HOSTILE = (
    "<img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>"
    "</p><a href='javascript:alert(4)'>x</a>{{7*7}}\u202etxt.exe\u200b\x1b]0;title\x07\u2028"
    "<iframe src=http://evil.example/></textarea>&lt;b&gt;"
)
SEEN = HOSTILE.replace("\u202e", "<U+202E>").replace("\u200b", "<U+200B>")
SEEN = SEEN.replace("\x1b", "\u241b").replace("\x07", "\u2407").replace("\u2028", "<U+2028>")


async def in_state(watch: Watch, state: str) -> None:
    await watch.page.wait_for_selector(f'#state[data-state="{state}"]')


async def ask(watch: Watch, prompt: str) -> None:
    await watch.page.fill("#prompt", prompt)
    await watch.page.press("#prompt", "Enter")


async def until(watch: Watch, condition: str) -> None:
    """Wait for what a script says. The page forbids Playwright's own way."""
    async with asyncio.timeout(HANG_S):
        while not await watch.page.evaluate(condition):
            await watch.page.evaluate("new Promise(requestAnimationFrame)")


async def text_of(watch: Watch, selector: str) -> str:
    return await watch.page.inner_text(selector)


async def counters(watch: Watch) -> dict[str, str]:
    cells = await watch.page.query_selector_all("[data-counter]")
    return {
        str(await cell.get_attribute("data-counter")): await cell.inner_text() for cell in cells
    }


async def fits(watch: Watch) -> bool:
    """Whether nothing of the page is to the right of the window."""
    script = "document.documentElement.scrollWidth <= window.innerWidth"
    return bool(await watch.page.evaluate(script))


async def test_words_are_on_the_page_before_the_answer_ends() -> None:
    more = asyncio.Event()

    async def script(stream: Stream) -> None:
        await stream.send([words("The first"), words(" words.")])
        await more.wait()
        await stream.send([words(" And the last."), STOP])

    async with browser(Api(script)) as served:
        async with a_page(f"{served.server.url}/?token={TOKEN}") as watch:
            await ask(watch, "Hello")
            await watch.page.wait_for_selector("text=The first words.")
            assert await watch.page.get_attribute("#answer", "aria-busy") == "true"
            assert await watch.page.is_disabled("#send")
            more.set()
            await in_state(watch, "complete")
            assert "you Hello" not in await text_of(watch, "#answer")  # It is no part of the text.
            assert (await text_of(watch, "#answer")).split("\n\n")[-1] == (
                "The first words. And the last."
            )
            spoken = await watch.page.text_content("#spoken")
            assert spoken == "The first words. And the last.complete"
            assert await watch.page.is_disabled("#cancel")
    assert served.api.bodies[0]["messages"] == [{"role": "user", "content": "Hello"}]


async def test_cancelling_closes_upstream_also_before_the_first_word() -> None:
    begun = asyncio.Event()

    async def script(stream: Stream) -> None:
        if begun.is_set():
            await stream.send([words("Some words")])
        await asyncio.sleep(HANG_S * 4)

    async with browser(Api(script)) as served:
        async with a_page(f"{served.server.url}/?token={TOKEN}") as watch:
            await ask(watch, "Hello")
            await served.api.until(lambda: served.api.running == 1)
            await watch.page.keyboard.press("Escape")
            await served.api.until(lambda: served.api.cancelled == 1)
            await in_state(watch, "cancelled")
            begun.set()
            await ask(watch, "Hello")
            await watch.page.wait_for_selector("text=Some words")
            await watch.page.click("#cancel")
            await served.api.until(lambda: served.api.cancelled == 2)
            await in_state(watch, "cancelled")
            assert "Some words" in await text_of(watch, "#answer")
            await ask(watch, "Again")
            await watch.page.wait_for_selector("text=Some words")
            await watch.page.reload()
            await served.api.until(lambda: served.api.cancelled == 3 and not served.api.running)


def hostile(kind: str, **fields: Any) -> bytes:  # noqa: ANN401
    return event(
        kind, **json.loads(json.dumps(fields).replace("HOSTILE", json.dumps(HOSTILE)[1:-1]))
    )


async def test_hostile_text_is_text() -> None:
    async def script(stream: Stream) -> None:
        citation = {"type": "citations_delta", "citation": {"title": "HOSTILE"}}
        start: dict[str, Any] = {"type": "tool_use", "id": "t", "name": "HOSTILE", "input": {}}
        pieces = [
            hostile(
                "message_start", message={"model": "HOSTILE", "usage": {"input_tokens": "HOSTILE"}}
            ),
            hostile("content_block_start", index=0, content_block={"type": "text", "text": ""}),
            *(words(letter) for letter in HOSTILE),
            hostile("content_block_delta", index=0, delta=citation),
            hostile("content_block_start", index="HOSTILE", content_block=start),
            hostile("content_block_delta", index="HOSTILE", delta={"partial_json": "HOSTILE"}),
            hostile(
                "content_block_start", index=2, content_block={"type": "HOSTILE", "x": "HOSTILE"}
            ),
            hostile(
                "content_block_start",
                index=3,
                content_block={"type": "thinking", "thinking": "HOSTILE"},
            ),
            hostile(
                "message_delta",
                delta={"stop_reason": "HOSTILE"},
                usage={"output_tokens": "HOSTILE"},
            ),
            b"event: HOSTILE<b>\ndata: no JSON <b>\n\n",
            b"data: null\n\ndata: 7\n\ndata: []\n\n",
            hostile("content_block_delta", index=None, delta=None),
            hostile("content_block_start", index=None, content_block=None),
            hostile("message_start", message=None),
            hostile("error", error={"type": "HOSTILE", "message": "HOSTILE"}),
        ]
        await stream.send(pieces)

    async with browser(Api(script)) as served:
        async with a_page(f"{served.server.url}/?token={TOKEN}") as watch:
            await ask(watch, HOSTILE)
            await in_state(watch, "failed")
            assert await watch.page.text_content("#answer p.said:not(.asked)") == SEEN + "[1]"
            assert SEEN in str(await watch.page.text_content("#tools"))
            assert SEEN in str(await watch.page.text_content("#problem"))
            assert SEEN in str(await watch.page.text_content("#model-name"))
            made = "img, iframe, svg, a:not(.skip), script:not([src='page.js'])"
            assert await watch.page.query_selector_all(made) == []
            assert await watch.page.title() == "streamscope"
            assert await fits(watch)


@pytest.mark.parametrize(
    ("query", "model", "said"),
    [
        ("", "", "token: add the token"),
        ("?token=wrong", "", "token: not that of this server"),
        (f"?token={TOKEN}", "gpt", "gone"),
    ],
)
async def test_an_error_says_what_to_do(query: str, model: str, said: str) -> None:
    from aiohttp import web

    api = Api()
    shape = {"type": "error", "error": {"type": "not_found_error", "message": "gone"}}
    api.respond = lambda: web.json_response(shape, status=404)
    async with browser(api) as served:
        async with a_page(f"{served.server.url}/{query}") as watch:
            await watch.page.click("summary")
            await watch.page.fill("#model", model)
            await ask(watch, "Hello")
            await in_state(watch, "failed")
            assert said in await text_of(watch, "#problem")
            assert await watch.page.get_attribute("#problem", "role") == "alert"
            watch.errors.clear()  # A console says that there was no such thing.
    assert [body["model"] for body in api.bodies] == ([model] if model else [])


async def test_a_server_that_goes_away_is_said() -> None:
    async def script(stream: Stream) -> None:
        await stream.send([words("Some words")])
        await asyncio.sleep(HANG_S * 4)

    async with browser(Api(script)) as served:
        async with a_page(f"{served.server.url}/?token={TOKEN}") as watch:
            await ask(watch, "Hello")
            await watch.page.wait_for_selector("text=Some words")
            await served.server.aclose()
            await in_state(watch, "failed")
            assert "Is it still running?" in await text_of(watch, "#problem")
            assert "Some words" in await text_of(watch, "#answer")
            watch.errors.clear()


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(1280, 800, "dark"), (390, 844, "light"), (320, 568, "dark")]
)
async def test_every_demo_plays_without_a_key(width: int, height: int, scheme: str) -> None:
    async with MockServer(speed=100) as server:
        size = {"width": width, "height": height}
        async with a_page(server.url, viewport=size, color_scheme=scheme) as watch:
            await watch.page.wait_for_selector("[data-demo]")
            buttons = await watch.page.query_selector_all("[data-demo]")
            assert [await each.get_attribute("data-demo") for each in buttons] == names()
            for name in ("two-tools", "tour", "hostile", "unknown"):
                await watch.page.click(f'[data-demo="{name}"]')
                await in_state(watch, "complete")
                assert await fits(watch)
                shown = await counters(watch)
                assert re.fullmatch(r"\d[\d,]*", shown["events"]) and shown["out"][0].isdigit()
                assert "–" not in (shown["first"], shown["time"], shown["in"])
            await watch.page.click('[data-demo="two-tools"]')
            await in_state(watch, "complete")
            calls = await watch.page.query_selector_all(".call")
            states = [await call.get_attribute("data-state") for call in calls]
            assert states == ["whole", "whole"]
            pre = [str(await (await call.query_selector("pre")).text_content()) for call in calls]  # type: ignore[union-attr]
            assert [json.loads(text)["station"] for text in pre] == ["Bergen - Florida", "Kyoto"]
            label = str(await watch.page.get_attribute("#strip", "aria-label"))
            assert re.match(r"\d+ events in .*: \d+ message, 0 thinking, \d+ text, \d+ tool", label)


async def test_everything_is_done_by_keyboard() -> None:
    async with MockServer(speed=100) as server, a_page(server.url) as watch:
        await watch.page.wait_for_selector("[data-demo]")
        names_seen = []
        for _ in range(60):
            await watch.page.keyboard.press("Tab")
            focus = await watch.page.evaluate(
                "[document.activeElement.dataset.demo ?? document.activeElement.id ?? '',"
                " getComputedStyle(document.activeElement).outlineStyle]"
            )
            names_seen.append(focus[0])
            assert focus[1] != "none" or focus[0] == ""
            if focus[0] == "send":
                break
        assert {"tour", "answer", "tools", "prompt", "send"} <= set(names_seen)
        await watch.page.focus('[data-demo="plain"]')
        await watch.page.keyboard.press("Enter")
        await in_state(watch, "complete")
        focus = await watch.page.evaluate("document.activeElement.dataset.demo")
        assert focus == "plain"  # Nothing took it away meanwhile.


async def test_a_reader_who_went_up_stays_there() -> None:
    more = asyncio.Event()

    async def script(stream: Stream) -> None:
        await stream.send([words("line\n" * 200)])
        await more.wait()
        await stream.send([words("line\n" * 200), STOP])

    async with browser(Api(script)) as served:
        async with a_page(f"{served.server.url}/?token={TOKEN}") as watch:
            top = "document.querySelector('#answer').scrollTop"
            await ask(watch, "Hello")
            await until(watch, f"{top} > 4000")
            await watch.page.hover("#answer")
            await watch.page.mouse.wheel(0, -1000)
            await until(watch, f"{top} < 4000")
            await watch.page.mouse.wheel(0, -10_000)
            await until(watch, f"{top} === 0")
            more.set()
            await in_state(watch, "complete")
            assert await watch.page.evaluate(top) == 0


async def test_a_conversation_goes_along_until_a_new_one_is_begun() -> None:
    answers = asyncio.Queue[bytes]()

    async def script(stream: Stream) -> None:
        await stream.send([await answers.get()])

    async with browser(Api(script)) as served:
        async with a_page(f"{served.server.url}/?token={TOKEN}") as watch:
            asked = served.api.bodies
            answers.put_nowait(words("Hi <b>there</b>\u202e.") + STOP)
            await ask(watch, "Hello")
            await in_state(watch, "complete")
            assert await watch.page.input_value("#prompt") == ""
            # An answer without words is no turn: its question is there to be asked again.
            answers.put_nowait(event("error", error={"type": "overloaded_error"}))
            await ask(watch, "Are you well?")
            await in_state(watch, "failed")
            assert await watch.page.input_value("#prompt") == "Are you well?"
            assert "overloaded_error · no words: not sent along" in await text_of(watch, "#answer")
            await ask(watch, "Still there?")
            await watch.page.wait_for_selector("text=Still there?")
            assert await watch.page.is_disabled("#new")
            await watch.page.dispatch_event("#new", "click")  # Not while an answer comes.
            answers.put_nowait(words("Yes") + words(", but") + event("ping"))
            await watch.page.wait_for_selector("text=Yes, but")
            await in_state(watch, "failed")  # It broke off; what came of it stays.
            answers.put_nowait(words("Well.") + STOP)
            await ask(watch, "Go on")
            await in_state(watch, "complete")
            assert [each["content"] for each in asked[-1]["messages"]] == [
                "Hello",
                [{"type": "text", "text": "Hi <b>there</b>\u202e."}],
                "Still there?",
                [{"type": "text", "text": "Yes, but"}],
                "Go on",
            ]
            shown = await text_of(watch, "#answer")
            for said in ("Hello", "Hi <b>there</b><U+202E>.", "Still there?", "Yes, but", "Well."):
                assert said in shown
            await watch.page.click("#new")
            assert "Hello" not in await text_of(watch, "#answer")
            assert await watch.page.evaluate("document.activeElement.id") == "prompt"
            assert set((await counters(watch)).values()) == {"–"}
            answers.put_nowait(STOP)
            await ask(watch, "Again")
            await in_state(watch, "complete")
            assert asked[-1]["messages"] == [{"role": "user", "content": "Again"}]


async def test_a_demo_is_no_part_of_a_conversation() -> None:
    async with MockServer(speed=100) as server, a_page(server.url) as watch:
        for step in ("ask", "demo", "ask"):
            if step == "demo":
                await watch.page.click('[data-demo="plain"]')
            else:
                await ask(watch, "Count to 3")
            await watch.page.wait_for_selector(
                '#cancel[aria-disabled="false"], #state[data-state="complete"]'
            )
            await until(watch, "document.querySelector('#cancel').ariaDisabled === 'true'")
            assert len(await watch.page.query_selector_all(".turn")) == 1
        assert [len(json.loads(each.body)["messages"]) for each in server.received] == [1, 1, 1]
