"""How a run ended where it did not come to its own end: cut off, unanswered, refused, no stream."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tui.core.records import JsonObject
from tui.core.state import Block, Phase, as_text
from tui.findings.errors import failed, foreign
from tui.findings.evidence import Evidence
from tui.findings.finding import Finding
from tui.findings.wording import in_seconds, many, seconds, wire
from tui.messages.request import SERVER_USES

SILENCE_NS: Final = 1_000_000_000
"""From here on the silence before an end is worth a word."""
LINGER_NS: Final = 2_000_000_000
"""How long a connection may stay open after `message_stop`."""
_STOPPED_BY_HAND: Final = ("cancelled", "interrupted")


class _Cause(NamedTuple):
    """Why nothing came, told by what the error says."""

    kind: str
    pattern: re.Pattern[str]
    text: str
    advice: str


_CAUSES: Final = tuple(
    _Cause(kind, re.compile(pattern, re.IGNORECASE), text, advice)
    for kind, pattern, text, advice in (
        (
            "not_sent",
            "request not sent",
            "the request was not sent",
            "Set right what the message names: the key, the address or a header.",
        ),
        (
            "dns",
            "name or service not known|nodename nor servname|getaddrinfo|name resolution|"
            "no address associated|dns",
            "the host's name was not found",
            "Check the host in the base URL, and whether this machine can look up names.",
        ),
        (
            "tls",
            "certificate|ssl|tls|handshake",
            "no secure connection could be made",
            "Check the certificate: a proxy that opens TLS needs its own to be trusted here.",
        ),
        (
            "refused",
            "refused|all connection attempts failed|unreachable|no route|cannot connect",
            "no connection could be made",
            "Check the host and port in the base URL, and whether something listens there.",
        ),
    )
)


# --- the connection -------------------------------------------------------------------------------


def cut_off(evidence: Evidence) -> Finding | None:
    """The answer began, and ended without `message_stop`."""
    run, state = evidence.run, evidence.state
    fits = state.end is not None and state.phase <= Phase.OPEN and run.size > 0
    if not fits or state.end in (*_STOPPED_BY_HAND, "http_error") or failed(evidence):
        return None
    if run.verdict is not None or foreign(evidence):
        return None
    silence = _silence_ns(evidence)
    chars = state.content_chars
    how = {"reset": "The connection broke", "timeout": "The time was up"}.get(
        state.end or "", "The response ended cleanly, but without message_stop"
    )
    if any(note.code == "duplicate_message_start" for note in state.anomalies):
        how = "Another message began before message_stop"
    after = f" after {seconds(silence)} of silence" if silence else ""
    are = "is" if chars == 1 else "are"
    kept = f"{many(chars, 'character')} came and {are} kept" if chars else "nothing of it had come"
    servers = [block for block in state.blocks if block.type in SERVER_USES]
    if servers:
        name = _name(servers[0])
        advice = f"Sending it again runs {name} again, a tool of the server: look at it first."
    else:
        advice = "It is safe to send it again: no tool has run."
    last = len(run.timeline) - 1
    values: JsonObject = {"characters": chars, "retry_safe": not servers}
    if silence:
        values["silence_s"] = in_seconds(silence)
    return Finding(
        "cut_off",
        "error",
        f"{how}{after}, {_where(evidence)}: {kept}.",
        advice,
        (last,) if last >= 0 else (),
        values,
        frozenset({"cut_off", "duplicate_message_start", "block_not_stopped"}),
    )


def _where(evidence: Evidence) -> str:
    state = evidence.state
    if state.phase is Phase.WAITING:
        return "before the message began"
    open_blocks = [block for block in state.blocks if not block.stopped]
    if open_blocks:
        block = open_blocks[-1]
        if block.is_tool:
            return f"inside the input of {_name(block)} (block {block.index})"
        return f"inside a {wire(block.type)} block ({block.index})"
    if state.stop_reason is not None:
        return f"after the stop reason {wire(state.stop_reason)}"
    return f"after {many(len(state.blocks), 'block')}" if state.blocks else "before its first block"


def _name(block: Block) -> str:
    return wire(as_text(block.start.get("name")) or block.type)


def _silence_ns(evidence: Evidence) -> int:
    run = evidence.run
    if not run.timed or run.ended_ns is None or run.last_byte_ns is None:
        return 0
    silence = run.ended_ns - run.last_byte_ns
    return silence if silence >= SILENCE_NS else 0


def no_answer(evidence: Evidence) -> Finding | None:
    """Nothing came at all."""
    run, state = evidence.run, evidence.state
    if state.end is None or run.size or state.events or failed(evidence):
        return None
    if state.end in (*_STOPPED_BY_HAND, "http_error") or run.verdict is not None:
        return None
    waited = run.ended_ns if run.timed and run.ended_ns else 0
    after = f" in {seconds(waited)}" if waited else ""
    values: JsonObject = {"waited_s": in_seconds(waited)} if waited else {}
    said = wire(as_text((state.end_error or {}).get("message")) or "", 160)
    head = f"HTTP {evidence.status} came, but " if evidence.status is not None else ""
    if state.end == "eof":
        text = f"{head or 'The response was empty: '}not one byte of a body{after}."
        advice = "Send it again; where it stays so, ask what stands between here and the API."
        values["kind"] = "empty"
    elif state.end == "timeout":
        text = f"{head or 'No answer: '}not one byte of a body{after}, then the time was up"
        text += f" ({said})." if said else "."
        advice = "Check that the address answers at all, or allow more time."
        values["kind"] = "timeout"
    else:
        cause = next((cause for cause in _CAUSES if cause.pattern.search(said)), None)
        what = cause.text if cause else "the connection was lost before the first byte"
        text = f"No answer: {what}{after}" + (f" ({said})." if said else ".")
        advice = cause.advice if cause else "Send it again: nothing of it had been answered."
        values["kind"] = cause.kind if cause else "reset"
    return Finding("no_answer", "error", text, advice, (), values)


def cancelled(evidence: Evidence) -> Finding | None:
    """The user cancelled the run, or the program that read it ended."""
    run, state = evidence.run, evidence.state
    if run.status != "cancelled":
        return None
    chars = state.content_chars
    values: JsonObject = {"characters": chars}
    after = ""
    if run.timed and run.ended_ns:
        after = f" after {seconds(run.ended_ns)}"
        values["after_s"] = in_seconds(run.ended_ns)
    by_hand = state.end == "cancelled"
    who = "Cancelled by the reader" if by_hand else "Interrupted: whatever read it ended"
    came = f"{many(chars, 'character')} had come" if chars else "nothing had come"
    last = len(run.timeline) - 1
    return Finding(
        "cancelled",
        "info",
        f"{who}{after}, when {came}; it may still be billed.",
        None,
        (last,) if last >= 0 else (),
        values,
        frozenset({"cut_off"}),
    )


def open_after_stop(evidence: Evidence) -> Finding | None:
    """The connection stayed open though the message was complete."""
    run = evidence.run
    stops = run.timeline.seqs("message_stop")
    if not run.timed or not stops or run.ended_ns is None or not evidence.complete:
        return None
    stop = stops[0]
    open_ns = run.ended_ns - run.timeline.times[stop]
    if open_ns <= LINGER_NS:
        return None
    return Finding(
        "open_after_stop",
        "notice",
        f"The connection stayed open for {seconds(open_ns)} after message_stop: "
        "a client that reads to the end of the body waits for it.",
        "End at message_stop; where a proxy is in between, see that it closes with the API.",
        (stop,),
        {"open_s": in_seconds(open_ns)},
    )
