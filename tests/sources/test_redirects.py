"""Redirects are not followed: what is sent, custom headers above all, stays with its address."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from pathlib import Path

import pytest

from tests.command_line import Call, run_command
from tests.one_answer import answering
from tui.captures.redact import redact_text
from tui.messages.request import build_request
from tui.sources import SourceEnded
from tui.sources.live import Api, LiveSource

CANARY = "CANARY-custom-5d1"
STATUSES = (301, 302, 303, 307, 308)

pytestmark = pytest.mark.usefixtures("api_key")


@pytest.fixture
def custom(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = f"X-Team: {CANARY}-a\nx-other : Bearer {CANARY}-b"
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", headers)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    return partial(run_command, monkeypatch)


@pytest.mark.parametrize("status", STATUSES)
def test_a_redirect_is_said_and_not_followed(custom: None, call: Call, status: int) -> None:
    with answering(200) as other, answering(status, f"{other[0]}/v1?key={CANARY}") as first:
        result = call("run", "hi", "--base-url", first[0])
        assert (len(first) - 1, len(other) - 1) == (1, 0)
    told = f"HTTP {status}: redirects are not followed: this one leads to {other[0]}\n"
    assert result.status == 1
    assert result.err.splitlines()[0] + "\n" == f"streamscope: error: http_error: {told}"
    assert CANARY in first[1] and CANARY not in result.out + result.err


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://user:CANARY@other.example/a?b=c#d", "https://other.example"),
        ("http://[::1]:99/x", "http://[::1]:99"),
        (None, "no address"),
        ("http://x:port/", "an address that cannot be read"),
    ],
)
async def test_where_a_redirect_leads(location: str | None, shown: str) -> None:
    with answering(307, location) as first:
        source = LiveSource(build_request("hi"), base_url=first[0])
        with pytest.raises(SourceEnded) as caught:
            async for _ in source.chunks():
                pass
        await source.aclose()
    end = caught.value
    assert end.detail == f"redirects are not followed: this one leads to {shown}"
    assert (end.status, end.retryable) == (307, False)


async def test_a_redirect_to_another_path_of_the_same_address() -> None:
    with answering(308, "/v2/messages") as first:
        source = LiveSource(build_request("hi"), base_url=first[0])
        with pytest.raises(SourceEnded, match=f"leads to {first[0]}$"):
            async for _ in source.chunks():
                pass
        await source.aclose()
        assert len(first) == 2


async def test_the_list_of_models_follows_none_either(custom: None) -> None:
    with answering(200) as other, answering(302, f"{other[0]}/v1/models") as first:
        api = Api(first[0])
        with pytest.raises(SourceEnded, match="HTTP 302: redirects are not followed"):
            await api.models()
        # All that the SDK is asked for goes through this one client.
        client = await api.client()
        with pytest.raises(Exception, match="302"):
            await client.messages.count_tokens(model="m", messages=[])
        await api.aclose()
        assert (len(first) - 1, len(other) - 1) == (2, 0)


def test_custom_headers_are_secrets_everywhere(custom: None, call: Call, tmp_path: Path) -> None:
    echo = {"type": "error", "error": {"type": "odd", "message": f"x-team: {CANARY}-a {CANARY}-b"}}
    capture = tmp_path / "kept.jsonl"
    with answering(400, body=json.dumps(echo)) as server:
        for kind in ("--plain", "--json"):
            result = call("run", "hi", "--base-url", server[0], kind, "--record", capture)
            assert result.status == 1 and "odd" in result.out + result.err
            assert CANARY not in result.out + result.err
        assert CANARY in server[1]
    recorded = capture.read_text()
    assert '"X-Team":"[redacted]"' in recorded.replace("x-team", "X-Team")
    assert CANARY not in recorded


def test_what_is_short_or_a_plain_word_is_left_in_texts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    headers = "x-env: production\nx-n: 7\nanthropic-beta: some-beta-2025-01-01"
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", headers)

    async def make() -> None:
        api = Api("http://127.0.0.1:1")
        await api.client()
        await api.aclose()

    asyncio.run(make())
    text = "7 production, some-beta-2025-01-01"
    assert redact_text(text) == text
