"""The rows of the README's table that are about web pages: each technique, against the endpoint."""

from __future__ import annotations

import asyncio
import json
import math
import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from tests.browser_endpoint import STOP, TOKEN, Api, browser, told, words
from tests.chromium import a_page
from tests.limits import HANG_S
from tests.servers import MockServer
from tui.serving.streams import Stream

README: Final = Path(__file__).resolve().parents[2] / "README.md"
HEADING: Final = "## From the tutorials to streamscope"

FETCH: Final = """
const [base, how] = process.argv.slice(2);
const states = [];
const setText = (change) => states.push(change(states.at(-1) ?? ''));

async function ask(prompt, signal) {
  const response = await fetch(`${base}/api/chat?format=text${process.env.TOKEN ?? ''}`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ prompt }), signal,
  });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error('the end came without [DONE]');
    const lines = (rest + value).split('\\n');
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith('data: ')) continue;
      if (line === 'data: [DONE]') return;
      setText((before) => before + JSON.parse(line.slice(6)).text);
      if (how === 'leave') return 'left';
    }
  }
}

const leaving = new AbortController();
if (await ask('Count to 3', leaving.signal) === 'left') leaving.abort();
console.log(JSON.stringify(states));
"""

EVENT_SOURCE: Final = """(query) => new Promise((resolve) => {
  const source = new EventSource(`/stream?prompt=Hello&format=text${query}`);
  const seen = { text: '', opened: 0, states: [], ids: [] };
  source.onopen = () => { seen.opened += 1; };
  source.onmessage = ({ data, lastEventId }) => {
    seen.ids.push(lastEventId);
    if (data !== '[DONE]') seen.text += JSON.parse(data).text;
  };
  source.onerror = () => {
    seen.states.push(source.readyState);
    if (source.readyState === EventSource.CLOSED) resolve(seen);
  };
})"""


async def output_of(*command: str, env: dict[str, str] | None = None) -> str:
    """What a program prints. It has to succeed."""
    import os

    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(env or {})},
    )
    async with asyncio.timeout(HANG_S):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def text_of(body: str) -> str:
    """The words in a body of `format=text`, whose end is there."""
    events = told(body.encode())
    assert events[-1].data == "[DONE]"
    return "".join(json.loads(event.data)["text"] for event in events[:-1])


# The rows


async def endpoint(row: str) -> None:
    curl = program("curl")
    found = re.search(r'`curl -N "http://127\.0\.0\.1:8000(/[^"`]*)"`', row)
    assert found and "`streamscope mock --port 8000`" in row
    async with MockServer(speed=math.inf) as server:
        asked = found[1].replace("Hello", "Count%20to%203")
        assert text_of(await output_of(curl, "-sN", server.url + asked)) == "1, 2, 3"


async def fetch_reader(row: str) -> None:
    assert "`POST /api/chat`" in row
    async with MockServer(speed=math.inf) as server:
        states = await in_node(server.url)
    assert states[-1] == "1, 2, 3"
    # As a hook would be drawn: each time with more.
    assert len(states) > 1 and all(
        b.startswith(a) for a, b in zip(states, states[1:], strict=False)
    )


async def event_source(row: str) -> None:
    assert "`GET /stream?prompt=…`" in row
    lost = asyncio.Event()

    async def script(stream: Stream) -> None:
        await stream.send([words("One, "), words("two, ")])
        await lost.wait()
        await stream.send([words("three."), STOP])

    api = Api(script)
    async with browser(api, retry_s=0.05) as page:
        url = f"{page.server.url}/?token={TOKEN}"
        async with a_page(url) as watch:
            reading = asyncio.create_task(watch.page.evaluate(EVENT_SOURCE, f"&token={TOKEN}"))
            await api.until(lambda: api.running == 1)
            # The connection breaks in the middle, as on a telephone in a tunnel.
            async with asyncio.timeout(HANG_S):
                while not await broken(page.server, api):
                    await asyncio.sleep(0.01)
            lost.set()
            seen = await reading
            watch.errors.clear()  # A console tells of connections that broke.
    assert seen["text"] == "One, two, three."
    assert len(set(seen["ids"])) == len(seen["ids"]) == 4
    assert seen["states"][-1] == 2  # Told that there is no more, it does not come again.
    assert len(api.bodies) == 1


async def broken(server: Any, api: Api) -> bool:  # noqa: ANN401
    """Break the connections of readers, once they have something; whether there were any."""
    site = server.pages
    runs = [run for run in site.chat._kept.values() if run.readers and len(run.events) == 2]
    if not runs:
        return False
    for connection in list(server._open):
        request = connection._current_request
        if request is not None and request.path == "/stream" and connection.transport:
            connection.transport.abort()
    return True


async def disconnect(row: str) -> None:
    async def script(stream: Stream) -> None:
        await stream.send([words("Some words")])
        await asyncio.sleep(HANG_S * 4)

    api = Api(script)
    async with browser(api) as page:
        states = await in_node(page.server.url, "leave", f"&token={TOKEN}")
        assert states == ["Some words"]
        await api.until(lambda: api.cancelled == 1 and not api.running)


async def a_whole_page(row: str) -> None:
    async with MockServer(speed=math.inf) as server, aiohttp.ClientSession(server.url) as client:
        async with client.get("/") as response:
            assert response.status == 200 and "<textarea" in await response.text()


async def in_node(url: str, how: str = "read", token: str = "") -> list[str]:
    command = (program("node"), "--input-type=module", "-e", FETCH, "-", url, how)
    states = json.loads(await output_of(*command, env={"TOKEN": token}))
    assert isinstance(states, list)
    return states


PAGES: dict[str, Callable[[str], Awaitable[None]]] = {
    "An endpoint that streams to a page (FastAPI, Flask)": endpoint,
    "A reader with `fetch`, as in a React hook": fetch_reader,
    "A reader with `EventSource`": event_source,
    "Stop when the reader disconnects": disconnect,
    "The page": a_whole_page,
}


@pytest.mark.xdist_group("chromium")
@pytest.mark.parametrize("what", PAGES)
async def test_a_page_does_it(what: str) -> None:
    section = README.read_text(encoding="utf-8").partition(HEADING)[2].partition("\n## ")[0]
    (row,) = [line for line in section.splitlines() if line.startswith(f"| {what} |")]
    await PAGES[what](row)
