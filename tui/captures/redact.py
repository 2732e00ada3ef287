"""The one place where secrets are taken out of what leaves memory: captures, exports, reports.

A secret is masked whole: neither its first nor its last characters stay. What is a secret is told
by name (`authorization`, cookies, `*-token`, `*-key`, passwords, also as `apiKey`), and in any text
by shape (`sk-ant-...`, `Bearer ...`, `password=...`, `https://name:word@host`). Rather too much is
masked than too little. What a live call is made with (the key, the custom headers) is known and
masked wherever it appears. The bytes of a response are never changed: they are what the server
sent, and a capture has to give them back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from math import isfinite
from typing import Any, Final
from urllib.parse import quote

MASK: Final = "[redacted]"
TOO_DEEP: Final = "[nested too deeply]"
MAX_DEPTH: Final = 100

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NAMES: Final = frozenset(
    {
        *("authorization", "proxy_authorization", "cookie", "set_cookie", "apikey", "x_apikey"),
        *("bearer", "credential", "credentials", "passwd", "password", "secret", "token"),
    }
)
_ENDINGS: Final = ("_token", "_key", "_secret", "_password", "_apikey")
_SECRET_HEADER: Final = re.compile(
    r"(?:^|[-_])(?:auth(?:orization|entication)?|cookie2?|cert|credentials?|csrf|jwt|oidc|secret"
    r"|signature|xsrf)(?:$|[-_])",
    re.IGNORECASE,
)
_SCHEMA_WORDS: Final = frozenset({"type", "description", "enum", "anyOf", "oneOf", "allOf", "$ref"})
_QUERY_NAMES: Final = frozenset({"key", "sig", "signature", "auth"})

_API_KEY: Final = re.compile(r"sk-ant-[\w\-]+", re.IGNORECASE)
_BEARER: Final = re.compile(r"\b(bearer(?:\s+|%20))([\w.~+/=\-]+)", re.IGNORECASE)
_WORD: Final = re.compile(r"[A-Za-z]?[a-z]{0,14}[.]?")
_LOGIN: Final = re.compile(r"(?<=://)[^/\s@\"']{1,512}(?=@)")
_QUERY: Final = re.compile(r"([?&;])([\w.\-]{1,64})(=)([^&;\s#\"'<>]+)")
# A name and the quote that opens its value: JSON and Python, also inside a string of another JSON
# text, where the quotes are escaped. All repetitions are bounded, or hostile text costs its square.
_PAIR: Final = re.compile(
    r"""(?P<quote>\\{0,63}["'])(?P<name>[\w.\-]{1,64})(?P=quote)\s{0,8}[:=]\s{0,8}[bru]?"""
    r"""(?P<open>\\{0,63}["'])"""
)
_CLOSED: Final = {
    '"': re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL),
    "'": re.compile(r"(?:[^'\\]++|\\.)*+", re.DOTALL),
}
# A header as curl and logs write it: the whole rest of the line.
_HEADER_LINE: Final = re.compile(
    r"\b((?:proxy-)?authorization|(?:set-)?cookie|x-api-key)(\s*:\s*)([^\r\n\"'\\]+)",
    re.IGNORECASE,
)
# The same without quotes around the name, as in programs and settings.
_QUOTED: Final = re.compile(
    r"""(?<![\w.\-])(?P<name>[\w.\-]{1,64})\s{0,8}[:=]\s{0,8}[bru]?(?P<open>\\{0,63}["'])"""
)
# Without quotes around the value: `password=...`, also as the number of a JSON text.
_ASSIGNED: Final = re.compile(
    r"((?:access|refresh|id|auth|session)[_-]?token|(?:api|private|secret|access)[_-]?key"
    r"|passw(?:or)?d|passphrase|secret)"
    r"""(\d{0,2}(?:\\{0,63}["'])?\s{0,8}[:=]\s{0,8})([^\s"'&,;<>\\(){}\[\]]+)""",
    re.IGNORECASE,
)
_PWD: Final = re.compile(
    r"(\bpwd\s{0,8}=\s{0,8})([^\s\"'&,;<>\\(){}\[\]/~.$][^\s\"'&,;<>]*)", re.IGNORECASE
)
_EXPORTED: Final = re.compile(r"\b([A-Z][A-Z0-9_]{1,63})(=)([^\s\"'&,;<>\\(){}\[\]$]+)")
_OPTION: Final = re.compile(
    r"(--(?:\w{1,32}-){0,4}(?:password|passwd|passphrase|secret|token|api-?key)(?:=|\s{1,8}))"
    r"([^\s\"'\\\-][^\s\"'\\]*)",
    re.IGNORECASE,
)
_NO_SECRETS: Final = frozenset(
    {"bool", "bytes", "false", "none", "null", "optional", "required", "str", "string", "true"}
)
"""What stands behind such a name where it is only described."""

_SHORT_NAME: Final = 64
_SHORTEST: Final = 8
"""Characters of a known secret. What is shorter is masked by its name alone."""
_SCHEME: Final = re.compile(r"(?:bearer|basic|token)\s+(\S+)", re.IGNORECASE)
_OPEN_HEADERS: Final = frozenset(
    {"accept", "anthropic-beta", "anthropic-version", "content-type", "user-agent"}
)
"""Headers of every request, whose values are no secrets whoever sets them."""


class _Known:
    """What is known to be secret in this process, whatever it looks like."""

    names: frozenset[str] = frozenset()
    values: tuple[str, ...] = ()


_known = _Known()


def know_secrets(values: Iterable[str], headers: Mapping[str, str]) -> None:
    """Have these values masked in any text, and headers of these names whatever they hold.

    What was known before is forgotten. A value that is short or a plain word is left in texts.
    """
    secret = {n.lower(): value for n, value in headers.items() if n.lower() not in _OPEN_HEADERS}
    found = [*values, *secret.values()]
    found += [inner[1] for value in secret.values() if (inner := _SCHEME.fullmatch(value))]
    telling = {value for value in found if len(value) >= _SHORTEST and not _WORD.fullmatch(value)}
    written = {form for value in telling for form in _forms(value)}
    # The longer first: one may be a part of another.
    _known.values = tuple(sorted(written, key=lambda value: (-len(value), value)))
    _known.names = frozenset(secret)
    _redact_short.cache_clear()


def _forms(value: str) -> tuple[str, ...]:
    """Return how a text may have a value: as it is, in JSON, in an address."""
    in_json = json.dumps(value)[1:-1]
    return value, in_json, json.dumps(value, ensure_ascii=False)[1:-1], quote(value, safe="")


def is_secret(name: str) -> bool:
    """Whether a header, field or parameter of this name holds a secret.

    Counters such as `max_tokens` do not.
    """
    # The same few names come again and again.
    return _is_secret_short(name) if len(name) <= _SHORT_NAME else _is_secret(name)


@lru_cache(maxsize=1_024)
def _is_secret_short(name: str) -> bool:
    return _is_secret(name)


def _is_secret(name: str) -> bool:
    plain = _HUMP.sub("_", name.strip()).lower().replace("-", "_").replace(".", "_")
    return plain in _NAMES or plain.endswith(_ENDINGS)


def is_secret_header(name: str) -> bool:
    """Whether a header of this name holds a secret: gateways have many names for theirs."""
    return is_secret(name) or _SECRET_HEADER.search(name) is not None


def redact_headers(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers with secrets masked. Of a repeated header the values are joined."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    result: dict[str, str] = {}
    for name, value in pairs:
        is_hidden = is_secret_header(name) or name.strip().lower() in _known.names
        shown = MASK if is_hidden else redact_text(value)
        label = redact_text(name)
        result[label] = f"{result[label]}, {shown}" if label in result else shown
    return result


def redact_text(text: str) -> str:
    """Return `text` with everything masked that looks like a secret."""
    for value in _known.values:
        text = text.replace(value, MASK)
    lowered = text.lower()
    # Nothing is masked by a pass without one of its words, so clean text costs little.
    there = [word for word in _WORDS if word in lowered]
    if there:
        for words, mask in _PASSES:
            if not words.isdisjoint(there):
                text = mask(text)
    return text


def _redact_name(name: str) -> str:
    """Return the name of a field as `redact_text` does: the same few names come again and again."""
    return _redact_short(name) if len(name) <= _SHORT_NAME else redact_text(name)


@lru_cache(maxsize=1_024)
def _redact_short(name: str) -> str:
    return redact_text(name)


def _mask_bearer(found: re.Match[str]) -> str:
    # Short and without capitals, digits or signs, it is prose: "the bearer of bad news".
    return found[0] if _WORD.fullmatch(found[2]) else found[1] + MASK


def _mask_query(found: re.Match[str]) -> str:
    if is_secret(found[2]) or found[2].lower() in _QUERY_NAMES:
        return f"{found[1]}{found[2]}{found[3]}{MASK}"
    return found[0]


def _mask_assigned(found: re.Match[str]) -> str:
    return found[0] if found[3].lower() in _NO_SECRETS else f"{found[1]}{found[2]}{MASK}"


def _mask_exported(found: re.Match[str]) -> str:
    return _mask_assigned(found) if is_secret(found[1]) else found[0]


def _mask_strings(pattern: re.Pattern[str], text: str) -> str:
    """Mask the strings that `pattern` finds the beginning of, where their name says so."""
    pieces: list[str] = []
    done = at = 0
    while (found := pattern.search(text, at)) is not None:
        at = found.end()
        if not is_secret(found["name"]):
            # Only the name is passed over: the value may itself be JSON, one level further in.
            continue
        closed = _CLOSED.get(found["open"])
        if closed is not None:
            value = closed.match(text, at)
            assert value is not None  # It matches the empty text too.
            end = value.end()
        else:
            end = text.find(found["open"], at)
            end = len(text) if end < 0 else end
        pieces += (text[done:at], MASK if end > at else "")
        done = at = end
    return "".join(pieces) + text[done:]


_NAME_PARTS: Final = ("key", "token", "secret", "passw", "authorization", "cookie")
_PASSES: Final[tuple[tuple[frozenset[str], Callable[[str], str]], ...]] = tuple(
    (frozenset(words), mask)
    for words, mask in (
        (("sk-ant-",), partial(_API_KEY.sub, MASK)),
        # Without brackets: in that place they would make it no address any more.
        (("@",), partial(_LOGIN.sub, "redacted")),
        ((*_NAME_PARTS, "bearer", "credential"), partial(_mask_strings, _PAIR)),
        ((*_NAME_PARTS, "bearer", "credential"), partial(_mask_strings, _QUOTED)),
        (("authorization", "cookie", "api-key"), partial(_HEADER_LINE.sub, rf"\1\2{MASK}")),
        (("bearer",), partial(_BEARER.sub, _mask_bearer)),
        ((*_NAME_PARTS, "sig", "auth", "credential", "bearer"), partial(_QUERY.sub, _mask_query)),
        (("token", "secret", "key", "passw", "passphrase"), partial(_ASSIGNED.sub, _mask_assigned)),
        (("pwd",), partial(_PWD.sub, rf"\1{MASK}")),
        (_NAME_PARTS, partial(_EXPORTED.sub, _mask_exported)),
        (("--",), partial(_OPTION.sub, rf"\1{MASK}")),
    )
)
_WORDS: Final = sorted(frozenset[str]().union(*(words for words, _ in _PASSES)))


def redact_json(value: object) -> Any:  # noqa: ANN401
    """Return a copy of a JSON value with secrets masked, in names and values, at any depth.

    Total: what is nested deeper than 100 levels is replaced as a whole, what JSON cannot say
    becomes text. A property that a JSON schema names is no value and stays:
    `{"properties": {"api_key": {"type": "string"}}}`.
    """
    return _walk(value, 0, secret=False)


def _walk(value: object, depth: int, *, secret: bool) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (dict, list, tuple)):
        if depth >= MAX_DEPTH:
            return TOO_DEEP
        if not isinstance(value, dict):
            return [_walk(item, depth + 1, secret=secret) for item in value]
        return {
            _redact_name(str(name)): _walk_field(str(name), item, depth + 1, secret)
            for name, item in value.items()
        }
    if secret:
        return value if value == "" else MASK
    if isinstance(value, (int, float)):
        return value if isfinite(value) else str(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return redact_text(str(value))


def _walk_field(name: str, item: object, depth: int, secret: bool) -> object:
    if name == "properties" and isinstance(item, dict) and not secret and depth < MAX_DEPTH:
        return {
            redact_text(str(key)): _walk(
                schema, depth + 1, secret=is_secret(str(key)) and not _is_schema(schema)
            )
            for key, schema in item.items()
        }
    return _walk(item, depth, secret=secret or is_secret(name))


def _is_schema(value: object) -> bool:
    return isinstance(value, dict) and not _SCHEMA_WORDS.isdisjoint(value)
