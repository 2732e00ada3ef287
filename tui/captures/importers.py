"""Opens any file that holds streams: tells the formats apart by what is in them, and reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, Literal

from jiter import from_json

from tui.captures.capture_file import load_capture
from tui.captures.cassette import load_cassette
from tui.captures.har import load_har
from tui.captures.recording import ImportFailure, Loaded, NoStreams, Recording
from tui.captures.trace import load_events, load_trace
from tui.core.records import Chunk, JsonObject

__all__ = [
    "HEAD",
    "Format",
    "ImportFailure",
    "Loaded",
    "NoStreams",
    "Recording",
    "load",
    "mentions_streams",
    "sniff",
    "sniff_format",
]

Format = Literal["capture", "events", "trace", "har", "cassette", "body"]

HEAD: Final = 1 << 18
"""How many bytes of a file are enough to tell its format."""
_BLOCK: Final = 1 << 16
_SCANNED: Final = 1 << 20
_WORDS: Final = (b"message_start", b"/v1/messages", b'"streamscope"')
_TRIED_LINES: Final = 20
_CASSETTE: Final = re.compile(rb"(?:\A|[\r\n])(?:http_)?interactions:")
_BY_NAME: Final[dict[str, Format]] = {
    ".har": "har",
    ".yaml": "cassette",
    ".yml": "cassette",
    ".jsonl": "events",
    ".ndjson": "events",
}


def sniff_format(head: bytes, name: str) -> Format:
    """Tell the format of a file by its first bytes, and by its name where they do not say.

    `body` is what is left: the bytes of a response, whether an event stream or not.
    """
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"{"):
        lines = start.split(b"\n", _TRIED_LINES)
        for line in lines[:_TRIED_LINES]:
            found = _by_keys(_parse(line, partial_text=len(lines) == 1))
            if found is not None:
                return found
        found = _by_keys(_parse(start, partial_text=True))
        if found is not None:
            return found
    elif _CASSETTE.search(start):
        return "cassette"
    suffix = Path(name).suffix.lower()
    if start and suffix in _BY_NAME and not _is_stream(start):
        return _BY_NAME[suffix]
    return "body"


def _is_stream(start: bytes) -> bool:
    return start.startswith((b"event:", b"data:", b":"))


def _parse(text: bytes, *, partial_text: bool) -> JsonObject:
    if partial_text:
        # The head may end within a character.
        text = text.decode("utf-8", "ignore").encode()
    try:
        value = from_json(text, partial_mode="trailing-strings" if partial_text else "off")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _by_keys(value: JsonObject) -> Format | None:
    if "streamscope" in value or ("k" in value and "run" in value):
        return "capture"
    if isinstance(value.get("request"), dict) and value["request"].keys() & {"timestamp", "url"}:
        return "trace"
    if isinstance(value.get("log"), dict):
        return "har"
    if isinstance(value.get("interactions", value.get("http_interactions")), list):
        return "cassette"
    if isinstance(value.get("type"), str) and value["type"] not in ("message", "error"):
        return "events"
    return None


def sniff(path: Path) -> Format:
    """Tell the format of a file. Raises OSError."""
    with path.open("rb") as file:
        return sniff_format(file.read(HEAD), path.name)


def mentions_streams(path: Path) -> bool:
    """Whether a file is worth loading to look for streams in it: quick, and only ruling out.

    Raises OSError.
    """
    with path.open("rb") as file:
        held = b""
        while block := file.read(_SCANNED):
            text = held + block
            if any(word in text for word in _WORDS):
                return True
            held = text[-32:]
    return False


def load(path: Path) -> Loaded:
    """Return the recordings in a file, whatever its format.

    Raises ImportFailure with one clear line where it cannot be read as what it is, OSError where it
    cannot be opened. What is broken in part is read in part, and `warnings` says what was left out.
    """
    return LOADERS[sniff(path)](path)


def load_body(path: Path) -> Loaded:
    """Return a file that is a response body: an event stream, or what was sent in its place."""
    recording = Recording(
        "r1", path.name, partial(_blocks, path), size=path.stat().st_size, timed=False
    )
    return Loaded("body", [recording], [])


def _blocks(path: Path) -> Iterator[Chunk]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield Chunk(0, block)


LOADERS: Final[dict[Format, Callable[[Path], Loaded]]] = {
    "capture": load_capture,
    "events": load_events,
    "trace": load_trace,
    "har": load_har,
    "cassette": load_cassette,
    "body": load_body,
}
