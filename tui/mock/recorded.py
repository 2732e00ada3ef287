"""A Messages API on loopback that answers with what was recorded, as it was recorded."""

from __future__ import annotations

import asyncio
import hashlib
import math
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from aiohttp import web

from tui.captures.capture_file import load_capture
from tui.captures.recording import ImportFailure, Recording
from tui.core.records import Chunk, JsonObject
from tui.core.text import one_line
from tui.mock.api import MAX_BODY_BYTES, ApiError, error_response, parsed, refused_response
from tui.mock.faults import Faults
from tui.mock.matching import Matching, MatchMode
from tui.mock.mock import FAULT_HEADER, FAULT_SUFFIX, MockSettings, serve_handler
from tui.mock.playback import Plan, play
from tui.scenarios import Scenario
from tui.serving.bodies import Bodies
from tui.serving.guard import Refused

MATCH_HEADER: Final = "x-streamscope-match"
_OWN: Final = frozenset({"content-length", "transfer-encoding", "connection", "content-encoding"})
"""Headers that belong to how the answer was sent then, not now."""
_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_MASKED: Final = "[redacted]"


class RecordedMock:
    """Answers requests from a capture; it is the handler of a server.

    `log` is given a line for each request: what answered it, or why nothing did.
    """

    def __init__(
        self,
        recordings: list[Recording],
        mode: MatchMode,
        settings: MockSettings,
        *,
        log: Callable[[str], None] = lambda line: None,
        bodies: Bodies | None = None,
    ) -> None:
        self.settings = settings
        self.matching = Matching(recordings, mode)
        self._log = log
        self._bodies = bodies or Bodies()
        self._rng = random.Random(settings.seed)
        self._failed: Counter[bytes] = Counter()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to a request, whatever it is."""
        try:
            return await self._answer(request)
        except ApiError as error:
            return error_response(error)
        except Refused as refused:
            return refused_response(refused)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        raw = await self._bodies.read(request, MAX_BODY_BYTES)
        body = parsed(raw) if raw else None
        fault = request.headers.get(FAULT_HEADER, "")
        if body is not None and isinstance(body.get("model"), str):
            model, _, suffix = body["model"].partition(FAULT_SUFFIX)
            body, fault = {**body, "model": model}, ";".join(filter(None, (fault, suffix)))
        settings = self.settings
        if not fault and settings.faults and self._rng.random() < settings.fault_rate:
            fault = self._rng.choice(settings.faults)
        try:
            faults = Faults.parse(fault)
        except ValueError as error:
            raise ApiError(400, f"{FAULT_HEADER}: {error}") from None
        await self._fail(faults, fault, raw)
        found = self.matching.find(request.method, request.path, body)
        line = f"{request.method} {request.path} -> "
        if found.recording is None:
            self._log(one_line(f"{line}404, {found.reason}"))
            response = error_response(ApiError(404, f"Never recorded: {found.reason}"))
            response.headers[MATCH_HEADER] = _header(f"none; {found.reason}")
            return response
        self._log(one_line(line + found.reason))
        recording = found.recording
        plan = self._plan(recording, faults, body)
        plan = plan.jittered(settings.jitter, self._rng) if settings.jitter else plan
        headers = {
            name: text
            for name, text in recording.response_headers.items()
            if name.lower() not in _OWN and text != _MASKED and _can_be_header(name, text)
        }
        headers[MATCH_HEADER] = _header(found.reason)
        plan = faults.apply(plan, headers)
        return await play(plan, request, headers, status=recording.status or 200)

    async def _fail(self, faults: Faults, text: str, raw: bytes) -> None:
        """Raise ApiError where the request is to fail."""
        if faults.fail is not None:
            key = hashlib.sha256(b"\0".join((text.encode(), raw))).digest()
            self._failed[key] += 1
            if self._failed[key] > faults.fail:
                return
        elif faults.status is None:
            return
        await asyncio.sleep(faults.slow_start)
        raise ApiError(
            faults.status or 529, "Asked for by the request", retry_after=faults.retry_after or ""
        )

    def _plan(self, recording: Recording, faults: Faults, body: JsonObject | None) -> Plan:
        speed = self.settings.speed
        chunks = tuple(
            Chunk(0 if math.isinf(speed) else int(t_ns / speed), data)
            for t_ns, data in (recording.raw or recording.chunks)()
            if data
        )
        end_ns = recording.end_ns or 0
        end_ns = 0 if math.isinf(speed) else int(end_ns / speed)
        last_ns = chunks[-1].t_ns if chunks else 0
        # What was cut off then is cut off now, however that came about.
        clean = recording.how in ("eof", "http_error")
        scenario = Scenario(
            name=recording.run,
            title=recording.title,
            description="",
            prompt="",
            request=body or {},
            chunks=chunks,
            how="eof" if clean else "reset",
            duration_ns=max(end_ns, last_ns),
        )
        scenario = faults.alter(scenario, "req_recorded") if chunks else scenario
        return Plan(scenario.chunks, scenario.how, scenario.duration_ns)


def _can_be_header(name: str, text: str) -> bool:
    """Whether a capture that anybody may have written has a proper header here."""
    # Printable: no control code, no lone surrogate.
    return _NAME.fullmatch(name) is not None and text.replace("\t", " ").isprintable()


def _header(text: str) -> str:
    """A text as the value of a header."""
    return text.encode("ascii", "backslashreplace").decode()[:1000]


def recorded_mock(
    path: Path, mode: MatchMode, settings: MockSettings, log: Callable[[str], None]
) -> RecordedMock:
    """A mock that answers from a capture.

    Raises OSError where it cannot be read, ImportFailure where there is nothing in it to answer.
    """
    recordings = load_capture(path).recordings
    recordings = [one for one in recordings if one.status and 200 <= one.status <= 599]
    if not recordings:
        raise ImportFailure("there is no answer in it that could be given again")
    return RecordedMock(recordings, mode, settings, log=log)


def serve_recorded(path: Path, mode: MatchMode, settings: MockSettings, port: int) -> None:
    """Run it until interrupted, with its log on standard output. Raises what `recorded_mock` does,
    OSError when the port is taken, and KeyboardInterrupt on Ctrl+C.
    """
    handler = recorded_mock(path, mode, settings, lambda line: print(line, flush=True))
    count = len(handler.matching)
    asyncio.run(serve_handler(handler, port, f", with {count} recorded answers"))
