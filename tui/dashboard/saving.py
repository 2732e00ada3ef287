"""What can be saved and copied of a run, and where it goes."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_cache_path

from tui import __version__
from tui.captures.exporters import EXPORTS, export
from tui.captures.files import save
from tui.captures.material import Material, NotAvailable, pretty
from tui.captures.redact import redact_json, redact_text
from tui.conversation.diagnosis import request_id_of
from tui.core.report import dumps
from tui.core.session import Run
from tui.core.sse import parse_frame
from tui.core.state import Block, RunState, as_text
from tui.core.text import clip, one_line
from tui.core.transcript_text import answer_text
from tui.findings import Finding
from tui.run import Feed
from tui.sources import Answered

_ATTEMPTS = 100
_DRAWN = re.compile(r">([^<>]*)</text>")


class Copyable(NamedTuple):
    """Something to copy: a word for it, and how to make the text when it is chosen."""

    id: str
    title: str
    note: str
    text: Callable[[], str]


def material(run: Run, feed: Feed, findings: Sequence[Finding] = ()) -> Material:
    """Return what exports of a feed's run are made from."""
    info, source = feed.info, feed.source
    known = Material(
        run=run,
        title=info.title,
        request=info.request,
        url=info.url,
        findings=[one.to_json() for one in findings],
        tool=f"streamscope {__version__}",
    )
    answer = source.answer if isinstance(source, Answered) else None
    if answer is None:
        return known
    return replace(
        known,
        status=answer.status,
        headers=answer.sent_headers,
        response_headers=answer.headers,
    )


def save_export(kind: str, what: Material, folder: Path) -> Path:
    """Write an export into `folder` under a name that is free, 0600; return where it is.

    Raises NotAvailable, and OSError where the file cannot be written.
    """
    name, data = export(kind, what)
    return save_new(folder / name, data)


def save_new(path: Path, data: bytes) -> Path:
    """Write a file that was not there before, 0600; a number is added to a name that is taken."""
    stem, dot, extension = path.name.partition(".")
    for number in range(1, _ATTEMPTS):
        extra = f"-{number}" if number > 1 else ""
        candidate = path.with_name(f"{stem}{extra}{dot}{extension}")
        try:
            save(candidate, data)
        except FileExistsError:
            continue
        return candidate
    raise FileExistsError(f"{path}: there are {_ATTEMPTS} such files already")


def copyables(run: Run, feed: Feed, state: RunState, seq: int) -> list[Copyable]:
    """Return what can be copied where `state` is shown, and event `seq` is the last one in it.

    It is the state as it is now: the run, or the reader, may go on before something is chosen.
    """
    timeline = run.timeline
    items: list[Copyable] = []
    if 0 <= seq < len(timeline):
        label = timeline.label(seq)
        what = f"{label.type} {label.delta}".strip()
        items.append(Copyable("event", f"Event {seq} as JSON", what, lambda: _event(run, seq)))
        items.append(
            Copyable("data", f"Event {seq}, its data line", what, lambda: _data_line(run, seq))
        )
    text = answer_text(state)
    if text:
        items.append(Copyable("text", "Text of the answer", _size(text), lambda: text))
    call = _tool_at(run, state, seq)
    if call is not None:
        name, raw = as_text(call.start.get("name")) or call.type, call.json.text()
        items.append(Copyable("tool", "Tool input", name, lambda: raw))
    message = state.message_json()
    if message is not None:
        note = f"{len(state.blocks)} blocks"
        items.append(
            Copyable("message", "Message as JSON", note, lambda: pretty(redact_json(message)))
        )
    request_id = request_id_of(feed, run)
    if request_id is not None:
        note = one_line(request_id)
        items.append(Copyable("request-id", "Request id", note, lambda: request_id))
    if feed.info.request is not None:
        for kind in ("curl", "python"):
            made = _exported(kind, material(run, feed))
            if made is not None:
                items.append(Copyable(kind, EXPORTS[kind].title, "uses $ANTHROPIC_API_KEY", made))
    return items


def _exported(kind: str, what: Material) -> Callable[[], str] | None:
    try:
        data = export(kind, what)[1]
    except NotAvailable:
        return None
    return lambda: data.decode("utf-8", "replace")


def _event(run: Run, seq: int) -> str:
    payload = run.timeline.record(seq).payload
    if payload is None:
        return _data_line(run, seq)
    return dumps(redact_json(payload))


def _data_line(run: Run, seq: int) -> str:
    data = parse_frame(run.timeline.raw_event(seq)).data
    return redact_text(data.decode("utf-8", "replace"))


def _tool_at(run: Run, state: RunState, seq: int) -> Block | None:
    """Return the call that an event belongs to, else the last one."""
    calls = state.tools
    if 0 <= seq < len(run.timeline):
        index = run.timeline.index(seq)
        for call in calls:
            if call.index == index:
                return call
    return calls[-1] if calls else None


def _size(text: str) -> str:
    return f"{len(text)} chars  {clip(one_line(text[:60]), 20)}"


def masked_picture(svg: str) -> str:
    """Return a picture of the screen without the secrets that are to be read in it."""
    return _DRAWN.sub(_mask_drawn, svg)


def _mask_drawn(found: re.Match[str]) -> str:
    # Blanks are drawn as ones that do not break.
    text = html.unescape(found[1]).replace("\xa0", " ")
    masked = redact_text(text)
    if masked == text:
        return found[0]
    return f">{html.escape(masked).replace(' ', '&#160;')}</text>"


def keep_copy(text: str) -> Path:
    """Write what was copied to a file, for terminals that do not take it; return where it is.

    As in every file, secrets are masked in it. Raises OSError.
    """
    folder = user_cache_path("streamscope", appauthor=False)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "copied.txt"
    path.unlink(missing_ok=True)
    save(path, redact_text(text).encode("utf-8", "surrogatepass"))
    return path
