"""Files of every format, damaged: read in part or refused in one line, in bounded time, by any way.

python -m tests.fuzz.importers SECONDS
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time
from copy import deepcopy
from typing import Any, Final

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests import playbook as pb
from tests.recorded import BATCH, EVENTS, SESSION, exception_frame, json_lines, whole_files
from tests.streams import json_values
from tui.captures.importers import ImportFailure, InMemoryFile, Loaded, load
from tui.cli.inspect import Inspector
from tui.cli.plain import succeeded
from tui.core.session import Session
from tui.run import INSTANT, Clock, Feed
from tui.sources.capture import from_pipe

LONGEST_S: Final = 20.0
"""For a file of some kilobytes: only what never ends takes so long."""
FILES: Final = {
    **whole_files(),
    "results.jsonl": json_lines(*BATCH),
    "mixed.jsonl": json_lines(*SESSION, {"type": "stream_event", "event": EVENTS[0]}),
    "thrown.bin": whole_files()["bedrock.bin"][:900] + exception_frame("x", "y"),
    "interactions.yaml": b"interactions:\n- request:\n    uri: https://api.anthropic.com/v1/messages\n"
    b"  response:\n    status: {code: 200}\n    body: {string: !!binary aGk=}\n",
}
SUFFIXES: Final = ["", ".json", ".jsonl", ".har", ".yaml", ".sse"]
TOKENS: Final = [
    *(b"null", b"[]", b"{}", b"-1", b"1e999", b'"', b"\n", b"{", b"[", b"]", b"}", b",", b"\\"),
    *(b"\0", b"\xff", b"\x00\x00\x00\x10", b"9999999999", b'"type":', b"data:", b"\n\n", b"\r"),
    *(b"[" * 300, b'{"a":' * 300, b"1" * 5000, b"\xed\xa0\x80", b'"\\ud800"', b"\xef\xbb\xbf"),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file with some of its bytes replaced, a part left out, or a part of another put in."""
    data = bytearray(FILES[draw(st.sampled_from(sorted(FILES)))])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.integers(0, 4))
        if kind == 0:
            data[at : at + draw(st.integers(0, 40))] = draw(st.binary(max_size=5))
        elif kind == 1:
            data[at : at + draw(st.integers(0, 40))] = draw(st.sampled_from(TOKENS))
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            other = FILES[draw(st.sampled_from(sorted(FILES)))]
            start = draw(st.integers(0, len(other)))
            data[at:at] = other[start : start + draw(st.integers(0, 2000))]
        else:
            data[at:at] = bytes(data[max(at - 60, 0) : at]) * draw(st.integers(1, 30))
    return bytes(data)


def _json_files() -> dict[str, list[Any]]:
    found = {}
    for name, data in FILES.items():
        try:
            found[name] = [json.loads(line) for line in data.splitlines()]
        except ValueError:
            try:
                found[name] = [json.loads(data)]
            except ValueError:
                continue
    return found


VALUES: Final = _json_files()


@st.composite
def altered(draw: st.DrawFn) -> bytes:
    """A file of JSON some of whose values are others, or elsewhere."""
    original = VALUES[draw(st.sampled_from(sorted(VALUES)))]
    values = deepcopy(original)
    for _ in range(draw(st.integers(1, 3))):
        at: Any = values
        while True:
            if not at:
                break
            keys = sorted(at) if isinstance(at, dict) else range(len(at))
            key = draw(st.sampled_from(keys))
            if not isinstance(at[key], (dict, list)) or draw(st.integers(0, 4)) == 0:
                at[key] = draw(json_values() | st.builds(deepcopy, st.sampled_from(original)))
                break
            at = at[key]
    indent = draw(st.sampled_from([None, None, 1]))
    if draw(st.booleans()):
        return "\n".join(json.dumps(value, indent=indent) for value in values).encode()
    return json.dumps(values, indent=indent).encode()


ANY: Final = st.one_of(damaged(), altered(), st.binary(max_size=400))


class TooSlow(AssertionError):
    """A small file took very long."""


def settled(held: InMemoryFile) -> Loaded | None:
    """Load and read everything; None where the file was refused."""
    started = time.monotonic()
    try:
        loaded = load(held)
        assert loaded.recordings
        for recording in loaded.recordings:
            session = Session(timed=recording.timed)
            size = last_ns = 0
            for t_ns, data in recording.chunks():
                assert t_ns >= last_ns
                session.feed(t_ns, data)
                size, last_ns = size + len(data), t_ns
            session.finish(last_ns, recording.how, recording.error)
            assert recording.size in (None, size)
            assert "\n" not in recording.title
            assert all(run.status != "streaming" for run in session.runs)
    except ImportFailure as failure:
        assert "\n" not in str(failure) and 0 < len(str(failure)) < 500
        return None
    finally:
        if time.monotonic() - started > LONGEST_S:
            raise TooSlow
    assert all("\n" not in warning for warning in loaded.warnings)
    return loaded


@given(ANY, st.sampled_from(SUFFIXES))
def any_file_is_read_or_refused_in_one_line(data: bytes, suffix: str) -> None:
    """Nothing but an ImportFailure is let out, and reading ends."""
    settled(InMemoryFile(data, f"x{suffix}"))


@given(ANY, st.lists(st.integers(0, 4000), max_size=4))
def open_and_inspect_agree(data: bytes, places: list[int]) -> None:
    """Through a pipe cut anywhere: both say the same about how complete it is."""
    out, err = io.StringIO(), io.StringIO()
    inspector = Inspector(out, err, as_json=True)
    inspector.inspect("-", io.BytesIO(data))
    (report,) = [json.loads(line) for line in out.getvalue().splitlines()]
    assert inspector.status in (0, 1)
    assert all(run["status"] == "complete" for run in report["runs"]) or inspector.status
    pieces = iter([piece for piece in pb.cut(data, places) if piece])
    try:
        factories, warnings = from_pipe(lambda size: next(pieces, b""), "x")
    except ImportFailure:
        assert inspector.status == 1
        return

    async def play() -> bool:
        complete = True
        for make in factories:
            feed = Feed(make(), clock=Clock(speed=INSTANT))
            await feed.run()
            assert feed.failure is None, feed.failure
            complete &= succeeded(feed)
        return complete

    complete = asyncio.run(play()) and not warnings
    assert complete == (inspector.status == 0), (warnings, err.getvalue())


_ROUND: Final = 100
LAWS: Final = [any_file_is_read_or_refused_in_one_line, open_and_inspect_agree]


def main(seconds: float) -> None:
    """Look for exceptions to the laws, with one seed after another."""
    started = time.monotonic()
    number = int(started)
    settings.register_profile(
        "round",
        max_examples=_ROUND,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("round")
    # Laws take their settings when their module is imported; this one is `__main__`.
    from tests.fuzz.importers import LAWS as laws

    rounds = 0
    while time.monotonic() - started < seconds:
        for law in laws:
            seed(number)(law)()
        number, rounds = number + 1, rounds + 1
    print(f"importers: {rounds * len(laws) * _ROUND} examples, no law broken")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 600)
