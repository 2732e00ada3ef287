"""The requests of a large capture: their bodies stay in the file until they are looked at."""

from __future__ import annotations

from threading import Lock
from typing import Final

from tui.captures.capture_body import lines_before
from tui.captures.codec import CaptureError, Problem, RequestLine, decode_line
from tui.captures.in_memory_file import Readable
from tui.core.records import JsonObject

_LONG: Final = 4_096
"""Shorter lines are parsed at once: to read them again would take longer."""
_HEAD: Final = b'{"k":"request",'
_BODY: Final = b',"body":'
_END: Final = b"}}\n"
_ELSEWHERE: Final = (b'"like":', b'"timed":')
"""Fields that say more of a request, and may stand behind its body."""
_NEAR_END: Final = 1_000
"""Bytes at the end of a line that they are looked for in: in all of it takes as long as parsing."""
_MOST_KEPT: Final = 16 << 20
"""Bytes of the lines whose bodies are kept as they were parsed: several are looked at in turn."""


def head_of(line: bytes) -> RequestLine | None:
    """Return a request without its body, None for a line that has to be read as a whole.

    Only of lines as `encode_line` writes them it is known that nothing follows the body.
    """
    if len(line) < _LONG or not (line.startswith(_HEAD) and line.endswith(_END)):
        return None
    at = line.find(_BODY)
    if at < 0 or line[at + len(_BODY) : at + len(_BODY) + 1] != b"{":
        return None
    ending = line[-_NEAR_END:]
    if any(name in ending or name in line[:at] for name in _ELSEWHERE):
        return None
    try:
        head = decode_line(line[:at] + b"}")
    except CaptureError:
        return None
    return head if isinstance(head, RequestLine) else None


class StoredRequests:
    """Reads the bodies of requests again from a capture, and keeps the last ones."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._kept: dict[int, tuple[int, object]] = {}
        """By the place of a line: its length, and the body. The one looked at last stands last."""
        self._looking = Lock()
        """Long histories are compared in a thread."""

    def line_number(self, offset: int) -> int:
        """Return which line of the file lies there, from one; 0 where that cannot be told."""
        try:
            return lines_before(self._file, [offset])[0] + 1
        except OSError:
            return 0

    def body(self, offset: int, length: int) -> object:
        """Return the body of a request whose line lies there.

        Raises CaptureError where it cannot be read, as it would have at the start.
        """
        with self._looking:
            found = self._kept.pop(offset, None)
            if found is None:
                found = length, self._read(offset, length)
            self._kept[offset] = found
            while len(self._kept) > 1 and sum(size for size, _ in self._kept.values()) > _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            return found[1]

    def _read(self, offset: int, length: int) -> object:
        try:
            with self._file.open("rb") as file:
                file.seek(offset)
                line = decode_line(file.read(length))
        except OSError as error:
            raise CaptureError(str(error)) from None
        if not isinstance(line, RequestLine):
            raise CaptureError("it is not there any more")
        if line.like is not None or not line.timed:
            raise CaptureError("its body stands before fields that belong in front of it")
        return line.body


class StoredRequest:
    """The body of one request in a capture."""

    def __init__(self, requests: StoredRequests, offset: int, length: int) -> None:
        self.problem: Problem | None = None
        """Why it could not be read, once it was looked at."""
        self._offset = offset
        self._requests = requests
        self._length = length

    def __call__(self) -> JsonObject | None:
        """Return it, None where it cannot be read."""
        if self.problem is not None:
            return None
        try:
            body = self._requests.body(self._offset, self._length)
        except CaptureError as error:
            self.problem = Problem(self._requests.line_number(self._offset), str(error))
            return None
        return body if isinstance(body, dict) else None
