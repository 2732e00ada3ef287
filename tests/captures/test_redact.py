"""Secrets never leave memory: by name, by shape, at any depth, whole, and in every file written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.streams import json_values
from tui.captures.exporters import EXPORTS, Material, export
from tui.captures.redact import (
    MASK,
    MAX_DEPTH,
    TOO_DEEP,
    is_secret,
    is_secret_header,
    know_secrets,
    redact_headers,
    redact_json,
    redact_text,
)
from tui.captures.writer import CaptureWriter
from tui.core.session import Session

# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("authorization", "Authorization", "Proxy-Authorization", "x-api-key", "X-API-Key"),
        *("cookie", "Set-Cookie", "x-amz-security-token", "X-Auth-Token", "my_token", "api_key"),
        *("apiKey", "apikey", "accessToken", "refresh_token", "id_token", "idToken"),
        *("client_secret", "clientSecret", "authorization_token", "ANTHROPIC_API_KEY", "password"),
        *("token", " x-api-key ", "user.api_key", "db_password", "signing-key", "openaiApiKey"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        *("max_tokens", "input_tokens", "output_tokens", "maxTokens", "cache_read_input_tokens"),
        *("anthropic-ratelimit-tokens-remaining", "key", "monkey", "keyboard", "tokenizer"),
        *("content-type", "anthropic-version", "model", "author", "", "key_id", "request-id"),
    ],
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret(name)


# --- headers --------------------------------------------------------------------------------------


def test_headers() -> None:
    sent = {
        "Authorization": "Basic dXNlcjpwYXNz",
        "x-api-key": "sk-ant-api03-abc",
        "X-Odd": "see Bearer abc123DEF",
        "anthropic-version": "2023-06-01",
        "cookie": "",
    }
    assert redact_headers(sent) == {
        "Authorization": MASK,
        "x-api-key": MASK,
        "X-Odd": f"see Bearer {MASK}",
        "anthropic-version": "2023-06-01",
        "cookie": MASK,
    }


@pytest.mark.parametrize(
    "name",
    [
        *("cf-aig-authorization", "X-Forwarded-Authorization", "helicone-auth", "X-Auth-Email"),
        *("Authentication", "x_auth", "x-csrf", "X-JWT", "x-signature", "x-credentials"),
        *("set-cookie2", "x-vercel-oidc", "x-client-cert", "x-secret-of-mine", "x-xsrf-token"),
    ],
)
def test_headers_of_gateways_are_secret(name: str) -> None:
    assert is_secret_header(name) and redact_headers({name: "canary"}) == {name: MASK}


@pytest.mark.parametrize(
    "name", ["x-claude-code-session-id", "x-author", "authored-by", "x-stainless-os", "traceparent"]
)
def test_headers_that_tell_requests_apart_are_not(name: str) -> None:
    assert redact_headers({name: "shown"}) == {name: "shown"}


def test_headers_that_repeat_are_joined() -> None:
    pairs = [("set-cookie", "a=1"), ("via", "1"), ("set-cookie", "b=2"), ("via", "2")]
    assert redact_headers(pairs) == {"set-cookie": f"{MASK}, {MASK}", "via": "1, 2"}


def test_a_secret_in_the_name_of_a_header() -> None:
    assert redact_headers({"sk-ant-api03-abc": "x"}) == {MASK: "x"}


# --- text -----------------------------------------------------------------------------------------

TEXTS: Final = {
    "sk-ant-api03-Ab_c-9": MASK,
    "my key is SK-ANT-x, ok": f"my key is {MASK}, ok",
    "Bearer abc.def-123": f"Bearer {MASK}",
    "bearer  0123456789": f"bearer  {MASK}",
    "?x=Bearer%20abc123": f"?x=Bearer%20{MASK}",
    "Bearer averylongwordwithoutanysigns": f"Bearer {MASK}",
    "the bearer of bad news": "the bearer of bad news",
    "Bearer tokens.": "Bearer tokens.",
    "Authorization: Basic abc=\nnext": f"Authorization: {MASK}\nnext",
    "cookie: a=1; b=2": f"cookie: {MASK}",
    "curl -H 'x-api-key: abc' u": f"curl -H 'x-api-key: {MASK}' u",
    "access_token=abc&x=1": f"access_token={MASK}&x=1",
    "refresh_token: abc": f"refresh_token: {MASK}",
    "id_token = abc": f"id_token = {MASK}",
    "client_secret=abc,": f"client_secret={MASK},",
    "MY_API_KEY=abc;": f"MY_API_KEY={MASK};",
    "https://h/p?api_key=abc&beta=true": f"https://h/p?api_key={MASK}&beta=true",
    "https://h/p?key=abc#f": f"https://h/p?key={MASK}#f",
    "https://h/p?beta=true&sig=abc": f"https://h/p?beta=true&sig={MASK}",
    "https://user:pass@host/x": "https://redacted@host/x",
    "https://medium.com/@user": "https://medium.com/@user",
    "max_tokens: 5, input_tokens=7": "max_tokens: 5, input_tokens=7",
    "the primary_key: id of the table": "the primary_key: id of the table",
    '{"api_key": "abc", "b": "c"}': f'{{"api_key": "{MASK}", "b": "c"}}',
    '{"apiKey":"a\\"b\\\\"}': f'{{"apiKey":"{MASK}"}}',
    '{"a_token":""}': '{"a_token":""}',
    "{'auth_token': 'abc'}": f"{{'auth_token': '{MASK}'}}",
    '{"my-token": "cut off': f'{{"my-token": "{MASK}',
    '{"x": "{\\"user_key\\": \\"abc\\"}"}': f'{{"x": "{{\\"user_key\\": \\"{MASK}\\"}}"}}',
    '{\\"user_key\\": \\"cut off': f'{{\\"user_key\\": \\"{MASK}',
    '{"name": "x_token", "v": "y"}': '{"name": "x_token", "v": "y"}',
    "password=hunter2": f"password={MASK}",
    "the Password: hunter2, ok": f"the Password: {MASK}, ok",
    "passwd = letmein": f"passwd = {MASK}",
    "secret=abc": f"secret={MASK}",
    "password2=abc&x=1": f"password2={MASK}&x=1",
    "my secret is safe, secretary: Bob": "my secret is safe, secretary: Bob",
    "def login(user: str, password: str = None)": "def login(user: str, password: str = None)",
    "secret: required": "secret: required",
    'connect(password="hunter 2")': f'connect(password="{MASK}")',
    "api_key = 'abc' # x": f"api_key = '{MASK}' # x",
    'a \\"db_password=\\"x y\\" b': f'a \\"db_password=\\"{MASK}\\" b',
    '{"password": 12345}': f'{{"password": {MASK}}}',
    '{"password": null}': '{"password": null}',
    "AWS_SECRET_ACCESS_KEY=wJalrX/b+c": f"AWS_SECRET_ACCESS_KEY={MASK}",
    "export GITHUB_TOKEN=abc": f"export GITHUB_TOKEN={MASK}",
    "PATH=/usr/bin KEY=abc": "PATH=/usr/bin KEY=abc",
    "Uid=root;Pwd=hunter2;": f"Uid=root;Pwd={MASK};",
    "PWD=/home/me": "PWD=/home/me",
    "mysql --password hunter2 db": f"mysql --password {MASK} db",
    "x --db-token=abc --y": f"x --db-token={MASK} --y",
    "use --token --verbose": "use --token --verbose",
    "nothing here": "nothing here",
    "": "",
}


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:30])
def test_texts(text: str) -> None:
    assert redact_text(text) == TEXTS[text]


WORDY: Final = st.lists(
    st.sampled_from(
        [*" \"'=:;,-\\[", "--", "password", "secret", "A_KEY", "pwd", "token", "x", "1"]
    )
).map("".join)


def test_text_is_masked_once() -> None:
    for masked in TEXTS.values():
        assert redact_text(masked) == masked


@given(st.text(alphabet="\"'\\:= bearer_tokensk-ant?&@/{}.\n\u00e9", max_size=80) | WORDY)
def test_masking_is_total_and_settles(text: str) -> None:
    masked = redact_text(text)
    assert redact_text(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "\\" * 200_000,
        '"a_token":"' * 20_000,
        '\\"a_token\\":\\"' * 20_000,
        "bearer " * 30_000,
        "a_" * 100_000 + "token",
        "cookie" + " " * 200_000,
        "https://" + "a" * 200_000,
        "&a=" * 60_000,
        '"' + "a_token" * 30_000,
        "password " * 30_000,
        "password:" * 30_000,
        "secret" + " " * 200_000,
        "a_token = '" * 20_000,
        "PWD=" * 60_000,
        "A_KEY" * 60_000,
        "--a-" * 60_000 + "token",
    ],
    ids=lambda text: text[:12],
)
def test_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    # No clock: with a cost that grew with the square, this would take minutes.
    redact_text(text)


# --- JSON -----------------------------------------------------------------------------------------


def test_values_under_a_secret_name() -> None:
    value = {
        "api_key": "abc",
        "x_token": 12345,
        "y_token": None,
        "z_token": True,
        "empty_key": "",
        "authorization": {"scheme": "x", "parts": ["a", 1, None, {"b": "c"}]},
        "cookies": ["kept"],
        "set-cookie": ["a=1", "b=2"],
        "max_tokens": 5,
        "text": "sk-ant-x",
        "sk-ant-y": 1,
    }
    assert redact_json(value) == {
        "api_key": MASK,
        "x_token": MASK,
        "y_token": None,
        "z_token": True,
        "empty_key": "",
        "authorization": {"scheme": MASK, "parts": [MASK, MASK, None, {"b": MASK}]},
        "cookies": ["kept"],
        "set-cookie": [MASK, MASK],
        "max_tokens": 5,
        "text": MASK,
        MASK: 1,
    }


def test_a_schema_names_secrets_and_holds_none() -> None:
    tool = {
        "name": "login",
        "input_schema": {
            "type": "object",
            "properties": {
                "api_key": {"type": "string", "description": "the key, as sk-ant-abc"},
                "password": {"$ref": "#/x"},
                "token": {"value": "abc"},
                "user_key": "abc",
                "sk-ant-abc": {},
            },
        },
    }
    found = redact_json(tool)["input_schema"]["properties"]
    assert found["api_key"] == {"type": "string", "description": f"the key, as {MASK}"}
    assert found["password"] == {"$ref": "#/x"}
    assert (found["token"], found["user_key"], found[MASK]) == ({"value": MASK}, MASK, {})
    assert redact_json({"secret": {"properties": {"a": {"type": "b"}}}}) == {
        "secret": {"properties": {"a": {"type": MASK}}}
    }
    assert redact_json({"properties": ["a"]}) == {"properties": ["a"]}


def test_what_json_cannot_say_becomes_text() -> None:
    value = {1: b"sk-ant-x \xff", "a": (1, 2), "b": float("nan"), "c": {1}, "d": -1.5}
    assert redact_json(value) == {
        "1": f"{MASK} \ufffd",
        "a": [1, 2],
        "b": "nan",
        "c": "{1}",
        "d": -1.5,
    }


def test_depth_is_bounded() -> None:
    deep: Any = "sk-ant-x"
    for _ in range(5_000):
        deep = {"properties": deep} if _ % 2 else [deep]
    found = redact_json(deep)
    for _ in range(MAX_DEPTH):
        found = found[0] if isinstance(found, list) else found["properties"]
    assert found == TOO_DEEP


@given(json_values())
def test_clean_values_stay_and_all_values_can_be_said(value: object) -> None:
    found = redact_json(value)
    json.dumps(found, allow_nan=False)
    assert redact_json(found) == found


@given(st.dictionaries(st.sampled_from(["a", "b", "properties"]), json_values(st.text("xyz "))))
def test_what_holds_no_secret_is_not_changed(value: dict[str, object]) -> None:
    assert redact_json(value) == value


# --- every file -----------------------------------------------------------------------------------

CANARIES: Final = [f"CANARY{number}of10xyz" for number in range(10)]


def planted() -> tuple[dict[str, str], str, dict[str, Any], dict[str, str], dict[str, Any]]:
    """Request headers, address, request, response headers, and the error of the end."""
    c = CANARIES
    headers = {
        "authorization": f"Bearer {c[0]}",
        "x-api-key": f"sk-ant-api03-{c[1]}",
        "cookie": f"session={c[2]}",
        "anthropic-beta": f"x Bearer {c[3]}",
    }
    url = f"https://user:{c[4]}@host/v1/messages?beta=true&access_token={c[5]}"
    request = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 10,
        "messages": [{"role": "user", "content": f"my key is sk-ant-{c[6]}, keep it"}],
        "mcp_servers": [{"url": "https://h", "authorization_token": c[7]}],
        "system": [{"type": "text", "text": json.dumps({"client_secret": c[8]})}],
    }
    response = {"set-cookie": f"a={c[9]}", "x-odd-key": c[0]}
    error = {"type": "reset", "message": f"refused: Authorization: Bearer {c[1]}", "a_token": c[2]}
    return headers, url, request, response, error


def leaks(data: bytes) -> list[str]:
    return [name for name in CANARIES if re.search(name.encode(), data, re.IGNORECASE)]


def test_ten_canaries_are_in_no_export() -> None:
    headers, url, request, response, error = planted()
    session = Session()
    session.feed(5_000_000, pb.wire(pb.message_start(), *pb.text_block(0, "hi")))
    session.finish(6_000_000, "reset", error)
    material = Material(
        run=session.run,
        title=f"Bearer {CANARIES[3]}",
        request=request,
        url=url,
        headers=headers,
        status=200,
        response_headers=response,
    )
    for kind in EXPORTS:
        name, data = export(kind, material)
        assert leaks(data + name.encode()) == [], kind
        assert data or kind == "events"


def test_ten_canaries_are_in_no_recording(tmp_path: Path) -> None:
    headers, url, request, response, error = planted()
    writer = CaptureWriter(tmp_path / "capture.jsonl")
    run = writer.begin()
    run.request(request, url=url, headers=headers)
    run.response(1, 200, response)
    run.chunk(2, pb.wire(pb.message_start()))
    run.end(3, "reset", error)
    writer.close()
    data = writer.path.read_bytes()
    assert leaks(data) == []
    assert data.count(b"\n") == 5
    assert b"max_tokens" in data and b"keep it" in data


def test_a_secret_that_the_answer_spells_out_in_pieces_is_masked_where_text_is_made() -> None:
    session = Session()
    pieces = ["the key:\nsk-a", "nt-CANARY", "0of10xyz\nand", " done"]
    session.feed(1, pb.wire(pb.message_start(), *pb.text_block(0, *pieces), *pb.ending()))
    session.finish(2)
    material = Material(session.run, "t")
    for kind in ("message", "markdown", "asciicast"):
        assert leaks(EXPORTS[kind].write(material)) == [], kind
    assert b"and done" in EXPORTS["asciicast"].write(material)


def test_the_name_of_a_field_is_masked_from_when_it_is_known_to_be_secret() -> None:
    name = "x7Kq-92Lm-secretive"
    assert redact_json({name: 1}) == {name: 1}
    know_secrets((name,), {})
    assert name not in str(redact_json({name: 1}))
    know_secrets((), {})
    assert redact_json({name: 1}) == {name: 1}
