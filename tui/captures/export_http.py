"""Exports of the request and its response as HTTP tools know them: HAR, curl, Python."""

from __future__ import annotations

import pprint
import shlex
from base64 import b64encode
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from tui.captures.material import API_URL, Material, pretty
from tui.captures.redact import redact_headers, redact_json
from tui.core.records import JsonObject
from tui.core.report import dumps
from tui.core.text import one_line

_VERSION: Final = "2023-06-01"
_KEPT: Final = ("anthropic-version", "anthropic-beta")
_NATIVE: Final = ("model", "max_tokens", "messages")
_NS_PER_MS: Final = 1_000_000


def to_har(material: Material) -> bytes:
    """Return the run as a HAR 1.2 log with one entry. The body of the response is as it came."""
    run = material.run
    metrics = run.metrics()
    wait = (metrics.ttfb or 0) / _NS_PER_MS
    total = (metrics.e2e or 0) / _NS_PER_MS
    entry: JsonObject = {
        "startedDateTime": material.created,
        "time": total,
        "request": _har_request(material),
        "response": _har_response(material),
        "cache": {},
        "timings": {"send": 0, "wait": wait, "receive": total - wait},
    }
    if not run.timed:
        entry["comment"] = "the times are not known"
    if run.error is not None:
        entry["_error"] = redact_json(run.error)
    if material.findings:
        entry["_streamscope"] = {"findings": redact_json(list(material.findings))}
    name, _, version = (material.tool or "streamscope").partition(" ")
    log = {"version": "1.2", "creator": {"name": name, "version": version}, "entries": [entry]}
    return pretty({"log": log}).encode() + b"\n"


def _har_request(material: Material) -> JsonObject:
    url = material.address()
    request: JsonObject = {
        "method": material.method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(redact_headers(material.headers)),
        "queryString": _pairs(redact_headers(parse_qsl(urlsplit(url).query))),
        "headersSize": -1,
        "bodySize": -1,
    }
    if material.request is not None:
        text = dumps(material.sent())
        request["postData"] = {"mimeType": "application/json", "text": text}
    return request


def _har_response(material: Material) -> JsonObject:
    body = material.body
    content: JsonObject = {"size": len(body), "mimeType": "text/event-stream; charset=utf-8"}
    try:
        content["text"] = body.decode("utf-8")
    except UnicodeDecodeError:
        content["text"] = b64encode(body).decode()
        content["encoding"] = "base64"
    status = 200 if material.status is None else material.status
    return {
        "status": status,
        "statusText": "OK" if status == 200 else "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(redact_headers(material.response_headers)),
        "content": content,
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": len(body),
    }


def _pairs(values: dict[str, str]) -> list[JsonObject]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _kept_headers(material: Material) -> dict[str, str]:
    known = {name.lower(): one_line(value) for name, value in material.headers.items()}
    kept: dict[str, str] = {name: known[name] for name in _KEPT if name in known}
    return redact_headers({"anthropic-version": _VERSION, **kept})


def to_curl(material: Material) -> bytes:
    """Return the request as a curl command; the key comes from ANTHROPIC_API_KEY.

    Raises NotAvailable where the request is not known.
    """
    body = pretty({**material.sent(), "stream": True})
    headers = {**_kept_headers(material), "content-type": "application/json"}
    lines = [
        f"curl --no-buffer --url {shlex.quote(one_line(material.address()))}",
        '-H "x-api-key: $ANTHROPIC_API_KEY"',
        *(f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()),
        "--data-binary @- <<'JSON'",
    ]
    # No line of the body can be the mark that ends it: in JSON, words are quoted.
    return (" \\\n  ".join(lines) + f"\n{body}\nJSON\n").encode("utf-8", "replace")


def to_python(material: Material) -> bytes:
    """Return the request as a program that uses the SDK; the key comes from ANTHROPIC_API_KEY.

    Raises NotAvailable where the request is not known.
    """
    body = {name: value for name, value in material.sent().items() if name != "stream"}
    given = {name: body.pop(name) for name in _NATIVE if name in body}
    arguments = ['api_key=os.environ["ANTHROPIC_API_KEY"]']
    url = material.address()
    base = url.partition("/v1/messages")[0]
    if base != API_URL.removesuffix("/v1/messages"):
        arguments.append(f"base_url={ascii(base)}")
    beta = _kept_headers(material).get("anthropic-beta")
    if beta is not None:
        arguments.append(f"default_headers={{'anthropic-beta': {ascii(beta)}}}")
    lines = [
        "import os",
        "",
        "import anthropic",
        "",
        f"client = anthropic.Anthropic({', '.join(arguments)})",
        f"request = {_literal(given)}",
    ]
    call = "**request, stream=True"
    if body:
        lines.append(f"extra = {_literal(body)}")
        call = "**request, extra_body=extra, stream=True"
    lines += [f"for event in client.messages.create({call}):", "    print(event)", ""]
    return "\n".join(lines).encode()


def _literal(value: object) -> str:
    text = pprint.pformat(value, width=96, sort_dicts=False)
    # Escapes are the same in Python's literals wherever they stand for one code point.
    return text.encode("ascii", "backslashreplace").decode()
