"""What came in place of an answer: an error of the API, or no stream of it at all."""

from __future__ import annotations

import re
from typing import Final

from tui.core.failures import can_help, error_code, is_hopeless
from tui.core.records import JsonObject
from tui.core.reducer import HANDLERS
from tui.core.state import Phase, as_text
from tui.findings.evidence import Evidence
from tui.findings.finding import Finding
from tui.findings.wording import many, wire

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"


# --- errors of the API ----------------------------------------------------------------------------


def failed(evidence: Evidence) -> bool:
    """Whether the API, or what stands in for it, answered with an error."""
    run, state = evidence.run, evidence.state
    if state.phase is Phase.STOPPED or state.end is None:
        return state.phase is Phase.FAILED
    if state.phase is Phase.FAILED or state.end == "http_error":
        return True
    by_body = run.verdict is not None and run.verdict.code == "json_error"
    by_status = evidence.status is not None and evidence.status >= 400
    return by_body or (by_status and state.phase is Phase.WAITING)


def api_error(evidence: Evidence) -> Finding | None:
    """An `error` event, an error as JSON, or an HTTP status that is one."""
    if not failed(evidence):
        return None
    run, state = evidence.run, evidence.state
    ending = state.end_error or {}
    error = _api_error_of(evidence)
    status = ending.get("status", evidence.status)
    if not isinstance(status, int) or status < 400:
        status = None
    kind = as_text(error.get("type"))
    code = error_code(error)
    label = wire(kind or (f"HTTP {status}" if status else "an error"))
    label += f" ({wire(code)})" if code else ""
    label += f" (HTTP {status})" if status and kind else ""
    page = _page(evidence)
    message = wire(as_text(error.get("message")) or "", 200)
    said = f": {message.rstrip('.')}" if message else ""
    chars = state.content_chars
    came = f" {many(chars, 'character')} had come." if chars else ""
    id = _request_id(evidence, error)
    where = f" Request {wire(id)}." if id else ""
    if page:
        text = f"{label}, with {page} in place of an error of the API: a server in between answered"
        text = f"{text}.{came}{where}"
    else:
        stays = " It does not pass: sending it again cannot help." if is_hopeless(error) else ""
        text = f"The API answered {label}{said}.{stays}{came}{where}"
    help_ = _can_help(ending, error, status)
    values: JsonObject = {"error_type": kind, "error_code": code, "status": status}
    values |= {"request_id": id, "can_help": help_}
    events = tuple(run.timeline.seqs("error")[:1])
    return Finding(
        "api_error",
        "error",
        text,
        _advice(evidence, help_, kind, code),
        events,
        {name: value for name, value in values.items() if value is not None},
        frozenset({"json_error", "html", "text", "binary", "json_body", "block_not_stopped"}),
    )


def _api_error_of(evidence: Evidence) -> JsonObject:
    run, state = evidence.run, evidence.state
    if state.error is not None:
        return state.error
    if run.verdict is not None and run.verdict.code == "json_error":
        return run.verdict.error
    inner = (state.end_error or {}).get("error")
    if isinstance(inner, dict):
        return inner
    said = as_text((state.end_error or {}).get("message")) or ""
    found = re.match(r"HTTP \d+: (?:([a-z_]+_error): )?(.*)", said, re.DOTALL)
    return {"type": found[1], "message": found[2]} if found else {}


def _page(evidence: Evidence) -> str:
    """Return what came in place of an error of the API, empty where nothing did."""
    verdict = evidence.run.verdict
    if verdict is None or verdict.code == "json_error":
        return ""
    return f"{_kind_of_body(evidence)}{_server(evidence)}"


def _request_id(evidence: Evidence, error: JsonObject) -> str | None:
    ending = evidence.state.end_error or {}
    known = (error.get("request_id"), ending.get("request_id"), evidence.headers.get("request-id"))
    return next((id for id in map(as_text, known) if id), None)


def _can_help(ending: JsonObject, error: JsonObject, status: int | None) -> bool | None:
    known = can_help({**error, "retryable": ending.get("retryable", error.get("retryable"))})
    if known is None and status is not None:
        return status in (408, 409, 429) or status >= 500
    return known


def _advice(evidence: Evidence, help_: bool | None, kind: str | None, code: str | None) -> str:
    if code and "spend_limit" in code:
        return "The spend limit is reached: raise it, or wait until it is reset."
    if help_ is None:
        return "Look at what it says before sending it again."
    if not help_:
        if kind in ("authentication_error", "permission_error"):
            return "Check the key and what it may do: the same request cannot succeed."
        return "Change the request: the same one cannot succeed."
    wait = evidence.headers.get("retry-after", "")
    when = f"in {wire(wait)} s" if wait.isdecimal() and len(wait) < 7 else "after a moment"
    return f"Send it again {when}: it can succeed."


# --- no stream ------------------------------------------------------------------------------------


def not_a_stream(evidence: Evidence) -> Finding | None:
    """A body that is no event stream, or a stream of something else."""
    run = evidence.run
    if failed(evidence) or evidence.state.end is None:
        return None
    if run.verdict is None:
        return _other_stream(evidence) if foreign(evidence) else None
    content_type = evidence.headers.get("content-type", "")
    status = f"HTTP {evidence.status}" if evidence.status is not None else ""
    facts = ", ".join(filter(None, [status, wire(content_type)]))
    came = f"{_kind_of_body(evidence)}{_server(evidence)} came where a stream was due"
    text = f"{came[0].upper()}{came[1:]}{f' ({facts})' if facts else ''}."
    advice = {
        "html": "See what answers at this address: a proxy, a login or a wrong path.",
        "json_body": "Ask for a stream: the request needs stream: true.",
        "binary": "Have the body unpacked before it is recorded, or ask for it plain.",
    }.get(run.verdict.code, "See what answers at this address.")
    return Finding(
        "not_a_stream",
        "error",
        text,
        advice,
        (),
        {"bytes": run.size, "kind": run.verdict.code},
        frozenset({"html", "json_body", "binary", "text"}),
    )


def foreign(evidence: Evidence) -> bool:
    """Whether there were events, and not one of them is of the Messages API."""
    state = evidence.state
    ended = state.end is not None and state.phase is Phase.WAITING
    return ended and bool(state.counts) and not state.counts.keys() & HANDLERS.keys()


def _other_stream(evidence: Evidence) -> Finding:
    counts = evidence.state.counts
    kinds = [kind for kind in counts if kind != "[DONE]"]
    first = f", the first {wire(kinds[0])}" if kinds and kinds[0] != "untyped" else ""
    return Finding(
        "not_a_stream",
        "error",
        f"{many(evidence.state.events, 'event')} came{first}, "
        "and none that the Messages API sends: a stream of another kind.",
        "Ask for /v1/messages with stream: true.",
        (0,),
        {"events": evidence.state.events},
        frozenset({note.code for note in evidence.state.anomalies}),
    )


def _kind_of_body(evidence: Evidence) -> str:
    verdict = evidence.run.verdict
    code = "text" if verdict is None else verdict.code
    packing = evidence.headers.get("content-encoding", "")
    head = evidence.body_head(4)
    if code in ("binary", "text") and (packing or head.startswith((_GZIP, _ZSTD))):
        known = packing or ("gzip" if head.startswith(_GZIP) else "zstd")
        return f"a body packed with {wire(known)}"
    return {"html": "an HTML page", "json_body": "plain JSON", "binary": "binary data"}.get(
        code, "plain text"
    )


def _server(evidence: Evidence) -> str:
    server = evidence.headers.get("server")
    return f" from {wire(server)}" if server else ""
