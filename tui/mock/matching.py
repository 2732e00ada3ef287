"""Which recorded exchange answers a request: by all of it, by its content, or by order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from tui.captures.recording import Recording
from tui.captures.redact import redact_json
from tui.captures.without_content import masked_json
from tui.core.records import JsonObject
from tui.core.text import clip, one_line
from tui.messages.following import plain
from tui.messages.request import messages_of

MatchMode = Literal["exact", "content", "order"]

_VOLATILE: Final = frozenset({"metadata", "stream_options", "diagnostics"})
"""Fields of a request that say who asks, not what."""
_VERSION: Final = "/v1/"
_SHOWN: Final = 60
_REASONS: Final[dict[MatchMode, str]] = {
    "exact": "the same request",
    "content": "the same content",
    "order": "its turn",
}
_SHAPE: Final = "the same shape, recorded without content"


class AnswerMatch(NamedTuple):
    """The recorded exchange that answers a request, and why this one."""

    recording: Recording | None
    """None where none does."""
    reason: str
    """One line, for a header and a log."""


class _Answerable(NamedTuple):
    recording: Recording
    endpoint: str
    said: str
    """The canonical text of the request."""


class Matching:
    """Finds recorded exchanges. Those of equal requests take turns; the last one stays."""

    def __init__(self, recordings: Sequence[Recording], mode: MatchMode) -> None:
        self.mode = mode
        self._entries = [
            _Answerable(
                one, endpoint(one.method, one.url or _VERSION), self._canonical(one.request)
            )
            for one in recordings
        ]
        self._served: Counter[tuple[str, str]] = Counter()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, method: str, path: str, body: JsonObject | None) -> AnswerMatch:
        """Return what answers a request. It is compared as it would have been recorded."""
        where = endpoint(method, path)
        entries = [entry for entry in self._entries if entry.endpoint == where]
        if not entries:
            known = ", ".join(sorted({entry.endpoint for entry in self._entries}))
            return AnswerMatch(None, f"nothing was recorded for {where}; recorded: {known}")
        sent = redact_json(body)
        said = "" if self.mode == "order" else self._canonical(sent)
        why = _REASONS[self.mode]
        fitting = [entry for entry in entries if self.mode == "order" or entry.said == said]
        if not fitting:
            said, why = self._canonical(masked_json(sent)), _SHAPE
            fitting = [entry for entry in entries if entry.said == said]
        if not fitting:
            return AnswerMatch(None, _nearest(entries, sent))
        number = self._served[where, said]
        self._served[where, said] += 1
        found = fitting[min(number, len(fitting) - 1)]
        again = f", again ({number + 1})" if number >= len(fitting) else ""
        turn = f", {number + 1} of {len(fitting)}" if len(fitting) > 1 and not again else ""
        return AnswerMatch(found.recording, f"{found.recording.run}: {why}{turn}{again}")

    def _canonical(self, request: object) -> str:
        if self.mode == "exact":
            return json.dumps(request, sort_keys=True)
        return json.dumps(content_of(request), sort_keys=True)


def endpoint(method: str, target: str) -> str:
    """Return method and path, without what a gateway has before the API's own path."""
    path = target.partition("?")[0]
    if "://" in path:
        path = "/" + path.partition("://")[2].partition("/")[2]
    at = path.rfind(_VERSION)
    if path.startswith("/messages"):
        path = "/v1" + path
    return f"{method} {path[at:] if at >= 0 else path}"


def content_of(request: object) -> Any:  # noqa: ANN401
    """Return what a request asks, in one form however it is written."""
    if not isinstance(request, dict):
        return request
    return plain({name: value for name, value in request.items() if name not in _VOLATILE})


def _nearest(entries: Sequence[_Answerable], sent: Any) -> str:  # noqa: ANN401
    """Say which recorded request is most like one, and where they part first."""
    asked = content_of(sent)
    near = max(entries, key=lambda entry: _likeness(content_of(entry.recording.request), asked))
    where = first_difference(content_of(near.recording.request), asked)
    detail = where or "they differ in what says nothing about the content"
    return one_line(f"nearest is {near.recording.run}: {detail}")


def _likeness(one: Any, other: Any) -> tuple[int, int]:  # noqa: ANN401
    if not isinstance(one, dict) or not isinstance(other, dict):
        return 0, 0
    shared = 0
    for mine, theirs in zip(messages_of(one), messages_of(other), strict=False):
        if mine != theirs:
            break
        shared += 1
    return shared, sum(name in other and other[name] == value for name, value in one.items())


def first_difference(recorded: Any, asked: Any, path: str = "") -> str | None:  # noqa: ANN401
    """Return where two JSON values part first, and what each has there; None for equal ones."""
    if isinstance(recorded, dict) and isinstance(asked, dict):
        for name in dict.fromkeys([*recorded, *asked]):
            place = f"{path}.{name}" if path else name
            if name not in asked or name not in recorded:
                side = "recorded" if name in recorded else "asked"
                return f"{place} is only in the {side} one"
            if found := first_difference(recorded[name], asked[name], place):
                return found
        return None
    if isinstance(recorded, list) and isinstance(asked, list):
        for number, (mine, theirs) in enumerate(zip(recorded, asked, strict=False)):
            if found := first_difference(mine, theirs, f"{path}[{number}]"):
                return found
        if len(recorded) != len(asked):
            return f"{path} has {len(recorded)} recorded, {len(asked)} asked"
        return None
    if recorded == asked and type(recorded) is type(asked):
        return None
    return f"{path or 'the body'} is {_brief(recorded)} recorded, {_brief(asked)} asked"


def _brief(value: object) -> str:
    return clip(json.dumps(value, ensure_ascii=False), _SHOWN)
