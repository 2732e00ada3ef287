"""The process that writes the capture of a relay: takes frames, masks secrets, appends lines.

`python -m tui.relay.tape_writer SETTINGS` reads frames from standard input until it ends, and says
on standard output, a JSON object a line, that it is ready, and what went wrong.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from tui import __version__
from tui.captures.packed import PackedError, Unpacker
from tui.captures.recording import ending_of, header_of
from tui.captures.redact import is_secret_header, know_secrets, redact_text
from tui.captures.unpacking import BodyUnpacker
from tui.captures.without_content import (
    StreamMask,
    masked_body,
    masked_headers,
    masked_json,
    masked_url,
)
from tui.captures.writer import CaptureWriter, RunWriter
from tui.core.records import JsonObject, strict_loads
from tui.core.text import format_bytes
from tui.relay import frames
from tui.relay.frames import FrameReader, TapeFrame
from tui.relay.memory import keep_freed_memory
from tui.relay.shelf import make_room
from tui.relay.tape_queue import TapeSettings

_LOOK_EVERY: Final = 8 << 20
"""After so many bytes it is seen whether there is still room."""
_MOST_SECRETS: Final = 200
_MOST_ERROR: Final = 1 << 20
_ERRORS: Final = 400


class TapeWriter:
    """Writes the exchanges that frames tell of. No method raises once it is made."""

    def __init__(self, settings: TapeSettings) -> None:
        """Open the capture. Raises FileRefused and OSError."""
        self.settings = settings
        self._path = Path(settings.path)
        self._writer = CaptureWriter(
            self._path, tool=f"streamscope {__version__}", replace=settings.force
        )
        self._exchanges: dict[int, _Exchange] = {}
        self._secrets: dict[str, None] = {}
        self._unlooked = _LOOK_EVERY

    @property
    def failure(self) -> str | None:
        """Why nothing more is written, in one line."""
        return self._writer.failure

    def take(self, told: Iterable[TapeFrame]) -> None:
        """Write what some frames tell."""
        with self._writer.together():
            for frame in told:
                self._take(frame)
                self._unlooked += len(frame.data)
        if self._unlooked >= _LOOK_EVERY:
            self._unlooked = 0
            self._look()

    def _take(self, frame: TapeFrame) -> None:
        if frame.kind == frames.REQUEST:
            self._exchanges[frame.number] = _Exchange(
                self._writer.begin(), _value(frame), content=self.settings.content
            )
            self._learn(self._exchanges[frame.number].headers)
        elif (exchange := self._exchanges.get(frame.number)) is not None:
            exchange.take(frame)
            if frame.kind == frames.END:
                del self._exchanges[frame.number]

    def close(self) -> None:
        """Close the capture; what has not ended ends as interrupted."""
        for exchange in self._exchanges.values():
            exchange.asked()
        self._writer.close()

    def _learn(self, headers: dict[str, str]) -> None:
        """Have the keys of a request masked wherever they turn up."""
        new = [value for name, value in headers.items() if is_secret_header(name) and value]
        new += [value.partition(" ")[2] for value in new if " " in value]
        if any(value not in self._secrets for value in new):
            self._secrets |= dict.fromkeys(new)
            while len(self._secrets) > _MOST_SECRETS:
                del self._secrets[next(iter(self._secrets))]
            know_secrets(self._secrets, {})

    def _look(self) -> None:
        """Make room, or end the recording where there is none."""
        settings = self.settings
        if settings.max_size is None:
            return
        size = self._path.stat().st_size
        if settings.folder is not None:
            make_room(Path(settings.folder), settings.max_size, self._path)
        if size > settings.max_size:
            self._writer.fail(ValueError(f"it has {format_bytes(size)}, more than --max-size"))


class _Exchange:
    """One exchange on its way into the capture."""

    def __init__(self, run: RunWriter, head: JsonObject, *, content: bool) -> None:
        self.headers = _headers(head)
        self._run = run
        self._head = head
        self._content = content
        self._parts: list[bytes] = []
        self._requested = False
        self._status: int | None = None
        self._answer: tuple[int, int, dict[str, str]] | None = None
        self._body: BodyUnpacker | None = None
        self._mask: StreamMask | None = None
        self._kept = bytearray()
        """The body of an answer that is no stream, where it has to be looked at whole."""

    def take(self, frame: TapeFrame) -> None:
        """Write what a frame tells."""
        if frame.kind == frames.BODY:
            self._parts.append(frame.data)
        elif frame.kind == frames.ASKED:
            self._request(known=not frame.data)
        elif frame.kind == frames.ANSWER:
            value = _value(frame)
            self._answered(frame.t_ns, int(value["status"]), _headers(value))
        elif frame.kind == frames.CHUNK:
            self._chunk(frame.t_ns, frame.data)
        elif frame.kind == frames.END:
            self._end(frame.t_ns, _value(frame))

    def asked(self) -> None:
        """Write what is known of the request, also where its body is not over."""
        self._request(known=False)

    def _request(self, *, known: bool) -> None:
        if self._requested:
            return
        self._requested = True
        body = _json_of(b"".join(self._parts), self.headers) if known else None
        self._parts.clear()
        url, headers = self._head["url"], self.headers
        if not self._content:
            body, url, headers = masked_json(body), masked_url(url), masked_headers(headers)
        self._run.request(
            body,
            url=url,
            method=self._head["method"],
            headers=headers,
            at_ns=self._head["at"],
        )

    def _answered(self, t_ns: int, status: int, headers: dict[str, str]) -> None:
        self._request(known=False)
        self._status = status
        self._answer = t_ns, status, headers
        self._body = BodyUnpacker(header_of(headers, "content-encoding"))
        if not self._content and "event-stream" in header_of(headers, "content-type"):
            self._mask = StreamMask()
        if not self._body.is_packed:
            self._write_answer()

    def _write_answer(self) -> None:
        """Write the head, once it is known whether the body is what it says."""
        if self._answer is None:
            return
        (t_ns, status, headers), self._answer = self._answer, None
        if self._body is not None and self._body.is_packed:
            gone = ("content-encoding", "content-length")
            headers = {name: text for name, text in headers.items() if name.lower() not in gone}
        self._run.response(t_ns, status, headers if self._content else masked_headers(headers))

    def _chunk(self, t_ns: int, data: bytes) -> None:
        plain = data if self._body is None else self._body.feed(data)
        self._write_answer()
        whole = self._status is not None and self._status >= _ERRORS
        if (whole or not self._content) and len(self._kept) < _MOST_ERROR and not self._mask:
            self._kept += plain
        if self._mask is not None:
            self._run.chunk(t_ns, self._mask.feed(plain))
        elif self._content:
            self._run.chunk(t_ns, plain)

    def _end(self, t_ns: int, value: JsonObject) -> None:
        self._request(known=False)
        self._write_answer()
        body = bytes(self._kept)
        if not self._content and body:
            body = masked_body(body)
            self._run.chunk(t_ns, body)
        how, why = value["how"], value.get("why")
        if how == "eof" and self._status is not None:
            how, error = ending_of(self._status, _object(body), None)
        else:
            kind = {"reset": "connection_lost"}.get(how, how)
            error = None if why is None else {"type": kind, "message": f"{_LABELS[how]}: {why}"}
        self._run.end(t_ns, how, error)


_LABELS: Final = {
    "reset": "Connection lost",
    "cancelled": "Cancelled",
    "refused": "Not forwarded",
    "eof": "Ended",
}


def _value(frame: TapeFrame) -> JsonObject:
    value: JsonObject = json.loads(frame.data)
    return value


def _headers(value: JsonObject) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, text in value["headers"]:
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


def _json_of(body: bytes, headers: dict[str, str]) -> Any:  # noqa: ANN401
    """Return the JSON in the body of a request, None where there is none."""
    if header_of(headers, "content-encoding"):
        try:
            body = Unpacker().unpack(body)
        except PackedError:
            return None
    return _object(body)


def _object(body: bytes) -> JsonObject | None:
    try:
        value = strict_loads(body.decode())
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def main() -> None:
    """Write until standard input ends, or nothing can be written any more."""
    keep_freed_memory()
    settings = TapeSettings(**json.loads(sys.argv[1]))
    try:
        tape = TapeWriter(settings)
    except OSError as error:
        _say(
            {"failure": str(error) if error.errno is None else f"{settings.path}: {error.strerror}"}
        )
        return
    _say({"ready": True})
    # Imported now, while nothing has come: large chunks are encoded with it.
    import pydantic_core  # noqa: F401

    reader = FrameReader()
    while tape.failure is None and reader.fill(0):
        tape.take(reader.frames())
    tape.close()
    if tape.failure is not None:
        _say({"failure": redact_text(tape.failure.partition(" stopped: ")[2])})


def _say(value: JsonObject) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
