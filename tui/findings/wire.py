"""What the bytes themselves say: whether this is the API, and whether it kept to the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tui.core.records import DONE, JsonObject
from tui.core.sse import parse_frame
from tui.findings.evidence import Evidence
from tui.findings.finding import Finding
from tui.findings.gaps import no_gap_over
from tui.findings.tokens import usage_missing
from tui.findings.wording import in_seconds, listed, many, seconds, wire

_NAMED: Final = 3
"""So many events without a name are enough to say that there are no names."""
_UNKNOWN: Final = frozenset({"unknown_block", "unknown_delta", "unknown_event"})
_GATEWAYS: Final = (
    "x-litellm",
    "x-portkey",
    "x-openrouter",
    "helicone",
    "cf-aig",
    "x-kong",
    "x-amzn-",
    "x-oneapi",
    "x-new-api",
)
"""How headers begin that gateways and clouds add."""
_OWN_SERVERS: Final = ("", "cloudflare")


def gateway(evidence: Evidence) -> Finding | None:
    """Signs that something else than the API itself answered."""
    state = evidence.state
    if evidence.bare or not state.counts or state.message is None:
        return None
    signs: list[str] = []
    events: list[int] = []
    if _nameless(evidence):
        signs.append("no event: names")
        events.append(0)
    if DONE in state.counts:
        signs.append("a closing [DONE]")
        events += evidence.run.timeline.seqs(DONE)[:1]
    uncounted = [note.seq for note in state.anomalies if note.code == "missing_usage"]
    if uncounted and usage_missing(evidence) is None:
        start = evidence.run.timeline.seqs("message_start")
        where = "message_start" if uncounted[0] in start[:1] else "message_delta"
        signs.append(f"no usage in {where}")
        events.append(uncounted[0])
    signs += _other_headers(evidence)
    if not signs:
        return None
    return Finding(
        "gateway",
        "notice",
        f"This is not what the API itself sends: {listed(signs)}. It fits a gateway in between.",
        None,
        tuple(events),
        {"signs": len(signs)},
        frozenset({"missing_usage"}),
    )


def _nameless(evidence: Evidence) -> bool:
    timeline = evidence.run.timeline
    seen = 0
    for seq in range(min(len(timeline), _NAMED * 4)):
        label = timeline.label(seq)
        if label.kind != 0 or label.type == DONE:
            continue
        raw = timeline.raw_event(seq)
        if not raw.strip() or parse_frame(raw).name:
            return False
        seen += 1
        if seen == _NAMED:
            break
    return seen > 0


def _other_headers(evidence: Evidence) -> list[str]:
    headers = evidence.headers
    known = [name for name in headers if name.startswith(_GATEWAYS)]
    if known:
        return [f"the header {wire(known[0])}"]
    server = headers.get("server", "")
    if "request-id" not in headers and server.lower() not in _OWN_SERVERS:
        return [f"no request-id, and the server {wire(server, 40)}"]
    return []


def anomalies(evidence: Evidence, found: Sequence[Finding]) -> Finding | None:
    """The stream left the protocol somewhere, and nothing else said so."""
    told = _UNKNOWN.union(*(finding.tells for finding in found))
    notes = [note for note in evidence.state.anomalies if note.code not in told]
    if not notes:
        return None
    first: dict[str, int] = {}
    for note in notes:
        first.setdefault(note.code, note.seq)
    kinds = listed([f"{wire(code)} (event {seq})" for code, seq in first.items()])
    return Finding(
        "anomalies",
        "notice",
        f"The stream left the protocol in {many(len(notes), 'place')}: {kinds}.",
        None,
        tuple(sorted(set(first.values()))),
        {"places": len(notes), "kinds": len(first)},
    )


def healthy(evidence: Evidence, found: Sequence[Finding]) -> Finding | None:
    """Nothing was lost, and nothing cost more than it had to."""
    if not evidence.ended or any(one.level in ("error", "warning") for one in found):
        return None
    run, state = evidence.run, evidence.state
    tokens = state.counted_tokens if evidence.complete else None
    values: JsonObject = {}
    if tokens is None:
        chars = state.content_chars
        values["characters"] = chars
        text = f"{'Complete' if evidence.complete else 'Nothing wrong until then'}: "
        text += many(chars, "character")
    else:
        values["tokens"] = tokens
        text = f"Complete: {many(tokens, 'token')}"
    if evidence.timed and run.last_byte_ns is not None:
        values["total_s"] = in_seconds(run.last_byte_ns)
        text += f" in {seconds(run.last_byte_ns)}"
        first = state.first_output_ns
        if first is None:
            first = state.first_content_ns
        if first is not None:
            values["first_word_s"] = in_seconds(first)
            text += f", first word after {seconds(first)}"
        longest = no_gap_over(state)
        if longest is not None:
            values["no_gap_over_s"] = in_seconds(longest)
            text += f", no gap over {_tenths(longest)}"
    last = len(run.timeline) - 1
    return Finding("healthy", "info", f"{text}.", None, (last,) if last >= 0 else (), values)


def _tenths(ns: int) -> str:
    return f"{ns / 1e9:.1f} s" if ns < 100_000_000_000 else seconds(ns)
