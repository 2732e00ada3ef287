"""`streamscope inspect`: what is in a file, without a screen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO

from tui.core.report import dumps, file_report
from tui.core.session import Run, Session
from tui.core.state import as_text
from tui.core.text import clip, format_bytes, one_line
from tui.core.timeline import BorrowedStore
from tui.telling import told, told_report
from tui.viewmodel.transcript import describe_error

if TYPE_CHECKING:
    from tui.captures.importers import Recording

SUFFIXES: Final = frozenset({".sse"})
"""What is looked for in folders; a file that is named is read whatever its name."""
LOGS: Final = frozenset({".jsonl", ".ndjson", ".json", ".har", ".yaml", ".yml"})
"""What in folders is looked into, and passed over where it holds no stream."""
_SIGNS: Final = {"complete": "\u2713", "truncated": "\u25d0", "cancelled": "\u25cb"}


class Inspector:
    """Reads files and writes a report each. `status` is the exit status so far."""

    def __init__(self, out: TextIO, err: TextIO, *, as_json: bool) -> None:
        self._out = out
        self._err = err
        self._as_json = as_json
        self.status = 0

    def inspect(self, target: str, stdin: BinaryIO | None) -> None:
        """Report on a file, on every stream in a folder, or on standard input (`-`)."""
        path = Path(target)
        if target == "-":
            if stdin is None:
                self._fail("-: standard input is closed", 2)
            else:
                self._guard("-", lambda: self._report_body("-", stdin.read()))
        # Not `Path.is_dir`: that one raises where a name is too long or a folder is locked.
        elif os.path.isdir(path):
            looks = [partial(self._read, file, looking=True) for file in sorted(_candidates(path))]
            if not any([self._guard(str(look.args[0]), look) for look in looks]):
                self._fail(f"{target}: no streams in this folder (looked for *.sse and logs)", 2)
        else:
            self._guard(str(path), lambda: self._read(path, looking=False))

    def _guard(self, name: str, read: Callable[[], bool]) -> bool:
        """Read a file, whatever is wrong with it; return whether there was anything to report."""
        try:
            return read()
        except FileNotFoundError:
            self._fail(f"{name}: no such file", 2)
        except OSError as error:
            self._fail(f"{name}: cannot be read: {error.strerror or error}", 2)
        return True

    def _read(self, path: Path, *, looking: bool) -> bool:
        """Report on a file; where one is only `looking`, not on one without streams."""
        if not _may_be_log(path):
            return self._report_body(str(path), path.read_bytes())
        # Late: most files are plain streams, and need none of it.
        from tui.captures.importers import ImportFailure, NoStreams, load, mentions_streams, sniff

        if looking and not mentions_streams(path):
            return False
        if sniff(path) == "body":
            if looking and path.suffix in LOGS:
                return False
            return self._report_body(str(path), path.read_bytes())
        try:
            loaded = load(path)
        except NoStreams as failure:
            if not looking:
                self._fail(f"{path}: {failure}", 1)
            return not looking
        except ImportFailure as failure:
            self._fail(f"{path}: {failure}", 1)
            return True
        for warning in loaded.warnings:
            self._fail(f"{path}: {warning}", 1)
        runs: list[Run] = []
        for recording in loaded.recordings:
            runs += self._replay(recording)
            for problem in recording.problems:
                self._fail(f"{path}: line {problem.line} left out: {problem.detail}", 1)
        self._report(str(path), runs)
        return True

    def _replay(self, recording: Recording) -> list[Run]:
        place = recording.place
        # The bytes of a capture stay in its file: it may be larger than the memory.
        raw = None if place is None else BorrowedStore(place.read_at)
        session = Session(timed=recording.timed, raw=raw)
        t_ns = 0
        for t_ns, data in recording.chunks():
            session.feed(t_ns, data)
        session.finish(t_ns, recording.how, recording.error)
        return session.runs

    def _report_body(self, name: str, body: bytes) -> bool:
        session = Session(timed=False)
        session.feed(0, body)
        session.finish(0)
        self._report(name, session.runs)
        return True

    def _report(self, name: str, runs: list[Run]) -> None:
        for run in runs:
            if run.status != "complete":
                self.status = max(self.status, 1)
            if run.status in ("not_sse", "empty"):
                detail = run.verdict.detail if run.verdict else "the file is empty"
                self._fail(f"{name}: {detail}", 1)
        if self._as_json:
            self._out.write(dumps(told_report(file_report(name, runs))) + "\n")
        else:
            for run in runs:
                self._out.write(readable(name, run))

    def _fail(self, message: str, status: int) -> None:
        self.status = max(self.status, status)
        self._err.write(f"streamscope: {told(message)}\n")
        self._err.flush()


def _candidates(folder: Path) -> Iterator[Path]:
    wanted = SUFFIXES | LOGS
    return (file for file in folder.rglob("*") if file.suffix in wanted and file.is_file())


def _may_be_log(path: Path) -> bool:
    """Whether a file may be something else than a response body. A pipe is never looked into."""
    if not path.is_file():
        return False
    if path.suffix.lower() in LOGS:
        return True
    with path.open("rb") as file:
        return file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")


def readable(name: str, run: Run) -> str:
    """Return a few lines on a run, for people."""
    state = run.state
    usage = state.usage
    sign = _SIGNS.get(run.status, "\u2717")
    facts = [
        f"{sign} {run.status}",
        state.model or "",
        state.stop_reason or "",
        f"{state.events} events",
        format_bytes(run.size),
        f"in {usage['input_tokens']}" if "input_tokens" in usage else "",
        f"out {usage['output_tokens']}" if "output_tokens" in usage else "",
    ]
    lines = [one_line(name), "  " + "  ".join(one_line(fact) for fact in facts if fact)]
    for block in state.blocks:
        if block.is_tool:
            called = as_text(block.start.get("name")) or block.type
            shown = "partial" if block.tool_state == "streaming" else block.tool_state
            raw = clip(block.json.text(), 100)
            lines.append(f"  \u2192 {one_line(called)} #{block.index} {shown}  {one_line(raw)}")
    if run.error is not None:
        lines.append(f"  \u2717 {told(describe_error(run.error))}")
    for anomaly in state.anomalies[:20]:
        lines.append(f"  ! event {anomaly.seq}: {anomaly.code}: {told(anomaly.detail)}")
    if len(state.anomalies) > 20:
        lines.append(f"  ! and {len(state.anomalies) - 20} more")
    return "\n".join(lines) + "\n\n"
