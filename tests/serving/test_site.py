"""Who may ask the endpoint for browsers, and what it refuses before anything is asked upstream."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest

from tests.browser_endpoint import ASK, TOKEN, Api, browser
from tests.loopback import exchange
from tests.servers import MockServer
from tui.serving.server import LoopbackServer
from tui.serving.site import Site, new_token, site_with_key

pytestmark = pytest.mark.asyncio

POST = f"POST /api/chat?token={TOKEN} HTTP/1.1"
GET = f"GET /stream?token={TOKEN}&prompt=Hello HTTP/1.1"
OWN = "http://127.0.0.1:{port}"


@pytest.mark.parametrize("line", [POST, GET])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example:{port}", "origin": "http://evil.example:{port}"}, 421),
        ({"host": "127.0.0.1"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://127.0.0.1:{port}"}, 403),
        ({"origin": "http://127.0.0.1"}, 403),
        ({"origin": "http://127.0.0.1:3000"}, 403),
        ({"origin": "http://localhost:{port}"}, 403),
        ({"origin": OWN + "\r\norigin: http://evil.example"}, 403),
        ({"origin": OWN + ", http://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "x"}, 403),
        ({"sec-fetch-site": "same-origin\r\nsec-fetch-site: cross-site"}, 403),
        ({"origin": OWN, "sec-fetch-site": "cross-site"}, 403),
        ({"upgrade": "websocket", "connection": "upgrade", "origin": OWN}, 400),
        ({}, 200),
        ({"origin": OWN}, 200),
        ({"origin": OWN, "sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"host": "localhost:{port}", "origin": "http://localhost:{port}"}, 200),
    ],
    ids=lambda value: str(value),
)
async def test_only_its_own_pages_and_local_programs_are_answered(
    line: str, headers: dict[str, str], status: int
) -> None:
    api = Api()
    body = json.dumps(ASK) if line is POST else ""
    async with browser(api) as page:
        port = str(page.server.port)
        filled = {name: value.replace("{port}", port) for name, value in headers.items()}
        answer = await exchange(page.server.port, line, body=body, headers=filled, close=True)
    assert int(answer.split()[1]) == status
    assert b"access-control" not in answer.lower()
    assert len(api.bodies) == (status == 200)
    if status != 200:
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["type"] == "error"


@pytest.mark.parametrize("query", ["", "token=", "token=x", f"token={TOKEN}&token={TOKEN}"])
async def test_without_the_token_nothing_is_asked(query: str) -> None:
    api = Api()
    async with browser(api) as page:
        for line, body in (
            (f"POST /api/chat?{query} HTTP/1.1", json.dumps(ASK)),
            (f"GET /stream?prompt=Hello&{query} HTTP/1.1", ""),
        ):
            answer = await exchange(page.server.port, line, body=body, close=True)
            assert answer.split()[1] == b"403"
            assert b"token: " in answer and TOKEN.encode() not in answer
    assert not api.bodies


async def test_the_mock_takes_no_wrong_token_and_needs_none() -> None:
    async with MockServer() as server:
        line = "GET /stream?token=wrong&prompt=Hello HTTP/1.1"
        answer = await exchange(server.port, line, close=True)
        assert answer.split()[1] == b"403" and not server.received
        line = "GET /stream?prompt=Count+to+1 HTTP/1.1"
        answer = await exchange(server.port, line, close=True)
        assert answer.split()[1] == b"200"


async def test_each_start_has_a_token_of_its_own() -> None:
    assert len({new_token() for _ in range(100)}) == 100
    assert len(new_token()) >= 32


async def test_a_site_with_a_key_gives_it_to_its_api_alone() -> None:
    api, site = Api(), site_with_key({"x-api-key": "canary"})
    async with LoopbackServer(api, pages=site) as server:
        question = json.dumps(ASK)
        answer = b""
        for path in ("/", "/page.js", "/api/demos", "/api/chat", "/stream?prompt=Hi"):
            line = f"{'POST' if path == '/api/chat' else 'GET'} {path} HTTP/1.1"
            answer += await exchange(server.port, line, body=question, close=True)
        assert not api.bodies
        line = f"POST /api/chat?token={site.token} HTTP/1.1"
        answer += await exchange(server.port, line, body=question, close=True)
        assert [headers["x-api-key"] for headers in api.headers] == ["canary"]
        assert b"canary" not in answer and site.token.encode() not in answer
        assert site.address(server.url) == f"{server.url}/?token={site.token}"


# Bad input


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "not valid JSON"),
        (b"prompt=Hello", 400, "not valid JSON"),
        (b'{"prompt": "Hel', 400, "not valid JSON"),
        (b"\xff\xfe", 400, "not valid JSON"),
        (b"[" * 100_000, 400, "not valid JSON"),
        (b'{"prompt": ' + b"9" * 5000 + b"}", 400, "not valid JSON"),
        (b"[]", 400, "JSON object"),
        (b"null", 400, "JSON object"),
        (b"{}", 400, "prompt"),
        (b'{"prompt": null}', 400, "prompt"),
        (b'{"prompt": ""}', 400, "prompt"),
        (b'{"prompt": "  "}', 400, "prompt"),
        (b'{"prompt": 7}', 400, "prompt"),
        (b'{"prompt": "Hi", "max_tokens": 1e999}', 400, "not valid JSON"),
        (b'{"messages": []}', 400, "messages"),
        (b'{"messages": {}}', 400, "messages"),
        (b'{"messages": null}', 400, "messages"),
        (b'{"prompt": "Hi", "messages": []}', 400, "only one"),
        (json.dumps({"prompt": "x" * 5_000_000}).encode(), 413, "maximum size"),
    ],
    ids=lambda value: str(value)[:24],
)
async def test_a_body_that_asks_nothing_is_refused(body: bytes, status: int, words: str) -> None:
    api = Api()
    async with browser(api) as page, page.post(body) as response:
        assert response.status == status
        shape = await response.json()
    assert shape["type"] == "error" and words in shape["error"]["message"]
    assert not api.bodies


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("", 400, "prompt"),
        ("&prompt=", 400, "prompt"),
        ("&prompt=%20", 400, "prompt"),
        ("&prompt=Hi&format=html", 400, "format"),
        ("&prompt=" + quote("x" * 70_000), 431, "64 KiB"),
    ],
    ids=lambda value: str(value)[:24],
)
async def test_a_query_that_asks_nothing_is_refused(query: str, status: int, words: str) -> None:
    api = Api()
    async with browser(api) as page, page.get(query) as response:
        assert response.status == status
        assert words in (await response.json())["error"]["message"]
    assert not api.bodies


@pytest.mark.parametrize(
    "line",
    [
        "GET /api/chat HTTP/1.1",
        "PUT /api/chat HTTP/1.1",
        "OPTIONS /api/chat HTTP/1.1",
        "POST /stream HTTP/1.1",
        "HEAD /stream?prompt=Hello HTTP/1.1",
    ],
)
async def test_each_path_has_one_method(line: str) -> None:
    api = Api()
    asked = line.replace(" HTTP", f"{'&' if '?' in line else '?'}token={TOKEN} HTTP")
    async with browser(api) as page:
        answer = await exchange(page.server.port, asked, close=True)
    assert answer.split()[1] == b"405"
    assert not api.bodies


@pytest.mark.parametrize(
    ("model", "status"), [("gpt-4", 404), ("", 404), ("scenario:nothing", 404), (7, 400)]
)
async def test_what_the_mock_refuses_is_refused_with_its_words(model: object, status: int) -> None:
    async with MockServer() as server:
        body = json.dumps({"prompt": "Hello", "model": model})
        answer = await exchange(server.port, "POST /api/chat HTTP/1.1", body=body, close=True)
        assert int(answer.split()[1]) == status
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["message"].startswith("model")


# The page


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", b"text/html"),
        ("/page.css", b"text/css"),
        ("/page.js", b"text/javascript"),
        ("/api/demos", b"application/json"),
    ],
)
async def test_the_page_is_sent_with_a_policy_that_lets_nothing_in(path: str, kind: bytes) -> None:
    api = Api()
    async with browser(api) as page:
        answer = await exchange(page.server.port, f"GET {path} HTTP/1.1", close=True)
        head, _, content = answer.partition(b"\r\n\r\n")
        assert head.split()[1] == b"200" and kind + b"; charset=utf-8" in head
        assert b"default-src 'none'" in head and b"frame-ancestors 'none'" in head
        assert b"unsafe" not in head and b"nosniff" in head and b"no-referrer" in head
        assert TOKEN.encode() not in answer  # Whoever has the token may ask.
        assert b"http://" not in content and b"https://" not in content
        for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}):
            answer = await exchange(page.server.port, f"GET {path} HTTP/1.1", headers=headers)
            assert answer.split()[1] == b"403"
        answer = await exchange(page.server.port, f"POST {path} HTTP/1.1", close=True)
        assert answer.split()[1] == b"405"


async def test_the_page_runs_no_text_as_code() -> None:
    async with browser(Api()) as page:
        script = await (await page.client.get("/page.js")).text()
        markup = await (await page.client.get("/")).text()
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "Function(",
    ):
        assert word not in script
    assert not re.search(r"<[^>]*\s(style|on\w+)=", markup)


async def test_the_address_of_the_page_has_the_token_where_it_is_needed() -> None:
    async with browser(Api()) as page, MockServer() as mock:
        assert isinstance(page.server.pages, Site) and isinstance(mock.pages, Site)
        assert page.server.pages.address(page.server.url) == f"{page.server.url}/?token={TOKEN}"
        assert mock.pages.address(mock.url) == f"{mock.url}/"
