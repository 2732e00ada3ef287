"""`streamscope inspect`: what is in a file, without a screen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, TextIO

from tui.core.report import dumps, file_report
from tui.core.session import Run, Session
from tui.core.state import as_text
from tui.core.text import clip, format_bytes, one_line
from tui.viewmodel.transcript import describe_error

SUFFIXES: Final = frozenset({".sse"})
"""What is looked for in folders; a file that is named is read whatever its name."""
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
                self._read("-", stdin.read)
        # Not `Path.is_dir`: that one raises where a name is too long or a folder is locked.
        elif os.path.isdir(path):
            found = False
            for file in sorted(_streams(path)):
                found = True
                self._read(str(file), file.read_bytes)
            if not found:
                self._fail(f"{target}: no streams in this folder (looked for *.sse)", 2)
        else:
            self._read(str(path), path.read_bytes)

    def _read(self, name: str, read: Callable[[], bytes]) -> None:
        try:
            body = read()
        except FileNotFoundError:
            self._fail(f"{name}: no such file", 2)
        except OSError as error:
            self._fail(f"{name}: cannot be read: {error.strerror or error}", 2)
        else:
            self._report(name, body)

    def _report(self, name: str, body: bytes) -> None:
        session = Session(timed=False)
        session.feed(0, body)
        session.finish(0)
        for run in session.runs:
            if run.status != "complete":
                self.status = max(self.status, 1)
            if run.status in ("not_sse", "empty"):
                detail = run.verdict.detail if run.verdict else "the file is empty"
                self._fail(f"{name}: {detail}", 1)
        if self._as_json:
            self._out.write(dumps(file_report(name, session.runs)) + "\n")
        else:
            for run in session.runs:
                self._out.write(readable(name, run))

    def _fail(self, message: str, status: int) -> None:
        self.status = max(self.status, status)
        self._err.write(f"streamscope: {one_line(message)}\n")
        self._err.flush()


def _streams(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.suffix in SUFFIXES and file.is_file())


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
        lines.append(f"  \u2717 {one_line(describe_error(run.error))}")
    for anomaly in state.anomalies[:20]:
        lines.append(f"  ! event {anomaly.seq}: {anomaly.code}: {one_line(anomaly.detail)}")
    if len(state.anomalies) > 20:
        lines.append(f"  ! and {len(state.anomalies) - 20} more")
    return "\n".join(lines) + "\n\n"
