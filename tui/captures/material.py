"""What an export is made from: a run, and what is known of its request."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from tui.captures.redact import redact_json, redact_text
from tui.captures.writer import utc_now
from tui.core.records import Chunk, JsonObject
from tui.core.session import Run

API_URL: Final = "https://api.anthropic.com/v1/messages"
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")


class NotAvailable(ValueError):
    """This run has not what the export needs. The message is one line."""


@dataclass(frozen=True, slots=True)
class Material:
    """One run and its request. Nothing in it is masked yet; every export masks for itself."""

    run: Run
    title: str
    request: JsonObject | None = None
    """The body of the request."""
    method: str = "POST"
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the request."""
    status: int | None = None
    response_headers: Mapping[str, str] = field(default_factory=dict)
    created: str = field(default_factory=utc_now)
    """When the request was sent, else when it is exported: `2026-11-20T12:00:00Z`."""
    findings: Sequence[JsonObject] = ()
    """What is to be said of the run, as reports have it."""
    tool: str | None = None
    """Name and version of this program."""

    @property
    def body(self) -> bytes:
        """The response's bytes that belong to the run, as they came."""
        return self.run.timeline.raw.read(self.run.first_offset, self.run.size)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the reads of the run; one that holds two runs is cut between them."""
        raw = self.run.timeline.raw
        start, end = self.run.first_offset, self.run.first_offset + self.run.size
        number = max(raw.chunk_at(start), 0)
        while number < len(raw.chunk_offsets) and raw.chunk_offsets[number] < end:
            at = raw.chunk_offsets[number]
            t_ns, data = raw.chunk(number)
            yield Chunk(t_ns, data[max(start - at, 0) : end - at])
            number += 1

    def sent(self) -> JsonObject:
        """Return the body of the request, masked. Raises NotAvailable."""
        if self.request is None:
            raise NotAvailable("this run has no request")
        sent: JsonObject = redact_json(self.request)
        return sent

    def address(self) -> str:
        """Return where the request went, masked."""
        url = self.url or API_URL
        try:
            is_http = urlsplit(url).scheme in ("https", "http")
        except ValueError:
            is_http = False
        return redact_text(url) if is_http else API_URL


def pretty(value: object) -> str:
    """Return a masked JSON value for people: indented, ASCII only."""
    return json.dumps(value, indent=2, allow_nan=False)


def file_name(material: Material, extension: str) -> str:
    """Return a name for a file with the export: time, title, extension (with its dot)."""
    when = re.sub(r"[^0-9TZ]", "", material.created)[:16] or "run"
    slug = _NOT_IN_NAMES.sub("-", redact_text(material.title).lower())[:40].strip("-")
    return f"streamscope-{'-'.join(filter(None, [when, slug]))}{extension}"
