"""Opens any file that holds streams: tells the formats apart by what is in them, and reads them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from tui.captures.batch_results import load_batch
from tui.captures.bedrock import load_eventstream
from tui.captures.capture_file import load_capture
from tui.captures.cassette import load_cassette
from tui.captures.event_list import load_events
from tui.captures.har import load_har
from tui.captures.in_memory_file import InMemoryFile, Readable, size_of, untimed_chunks
from tui.captures.mitmproxy import load_flows
from tui.captures.recorded_exchanges import load_exchanges
from tui.captures.recording import ImportFailure, Loaded, NoStreams, Recording
from tui.captures.session_log import load_session
from tui.captures.sniffing import HEAD, Format, sniff_format
from tui.captures.trace import load_trace
from tui.captures.whole_messages import load_messages

__all__ = [
    "HEAD",
    "Format",
    "InMemoryFile",
    "ImportFailure",
    "Loaded",
    "NoStreams",
    "Readable",
    "Recording",
    "load",
    "mentions_streams",
    "sniff",
    "sniff_format",
]

_SCANNED: Final = 1 << 20
_WORDS: Final = (b"message_start", b"/v1/messages", b'"streamscope"', b'"msg_', b"eventstream")


def sniff(file: Readable) -> Format:
    """Tell the format of a file. Raises OSError."""
    with file.open("rb") as opened:
        return sniff_format(opened.read(HEAD), file.name)


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


def load(file: Readable) -> Loaded:
    """Return the recordings in a file, whatever its format.

    Raises ImportFailure with one clear line where it cannot be read as what it is, OSError where it
    cannot be opened. What is broken in part is read in part, and `warnings` says what was left out.
    """
    return LOADERS[sniff(file)](file)


def load_body(file: Readable) -> Loaded:
    """Return a file that is a response body: an event stream, or what was sent in its place."""
    recording = Recording(
        "r1", file.name, partial(untimed_chunks, file), size=size_of(file), timed=False
    )
    return Loaded("body", [recording], [])


LOADERS: Final[dict[Format, Callable[[Readable], Loaded]]] = {
    "capture": load_capture,
    "events": load_events,
    "trace": load_trace,
    "har": load_har,
    "cassette": load_cassette,
    "session": load_session,
    "batch": load_batch,
    "messages": load_messages,
    "exchanges": load_exchanges,
    "eventstream": load_eventstream,
    "flows": load_flows,
    "body": load_body,
}
