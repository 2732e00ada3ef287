"""`streamscope inspect`: what is in a file, without a screen."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO

from tui.captures.folders import HEAD, files_below, format_in_folder, may_be_log
from tui.captures.telling import told, told_report, why_unread
from tui.core.report import dumps, file_report
from tui.core.session import Run, Session
from tui.core.state import as_text
from tui.core.text import clip, format_bytes, one_line
from tui.core.timeline import BorrowedStore
from tui.findings import Evidence, Finding, diagnose
from tui.viewmodel.counters import output_tokens
from tui.viewmodel.transcript import describe_error
from tui.viewmodel.usage_words import usage_words

if TYPE_CHECKING:
    from tui.captures.importers import Readable, Recording

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
                self._guard("-", lambda: self._read_held("-", stdin.read()))
        # Not `Path.is_dir`: that one raises where a name is too long or a folder is locked.
        elif os.path.isdir(path):
            looks = [partial(self._read, file, looking=True) for file in files_below(path)]
            if not any([self._guard(str(look.args[0]), look) for look in looks]):
                self._fail(f"{target}: no streams in this folder (looked for *.sse and logs)", 2)
        else:
            self._guard(str(path), lambda: self._read(path, looking=False))

    def _guard(self, name: str, read: Callable[[], bool]) -> bool:
        """Read a file, whatever is wrong with it; return whether there was anything to report."""
        try:
            return read()
        except OSError as error:
            self._fail(f"{name}: {why_unread(error)}", 2)
        return True

    def _read(self, path: Path, *, looking: bool) -> bool:
        """Report on a file; where one is only `looking`, not on one without streams."""
        # A pipe cannot be looked into and then read from its beginning.
        if not path.is_file():
            return self._read_held(str(path), path.read_bytes())
        if looking:
            found = format_in_folder(path)
        else:
            with path.open("rb") as file:
                head = file.read(HEAD)
            found = "body"
            if may_be_log(head, path.suffix):
                # Late: most files are plain streams, and need none of it.
                from tui.captures.importers import sniff

                found = sniff(path)
        if found is None:
            return False
        if found == "body":
            return self._report_body(str(path), path.read_bytes())
        return self._read_log(str(path), path, looking=looking)

    def _read_held(self, name: str, data: bytes) -> bool:
        """Report on what came through a pipe."""
        if not may_be_log(data[:HEAD], ""):
            return self._report_body(name, data)
        from tui.captures.importers import InMemoryFile, sniff

        held = InMemoryFile(data, "standard input" if name == "-" else Path(name).name)
        if sniff(held) == "body":
            return self._report_body(name, data)
        return self._read_log(name, held, looking=False)

    def _read_log(self, name: str, file: Readable, *, looking: bool) -> bool:
        """Report on all streams of a log."""
        from tui.captures.importers import ImportFailure, NoStreams, load
        from tui.conversation.diagnosis import findings_of, of_recording

        try:
            loaded = load(file)
        except ImportFailure as failure:
            if looking and isinstance(failure, NoStreams):
                return False
            unread = Evidence(_unreadable(str(failure)))
            self._report(name, [unread], [diagnose(unread)])
            return True
        for warning in loaded.warnings:
            self._fail(f"{name}: {warning}", 1)
        known: list[Evidence] = []
        names: list[str] = []
        for recording in loaded.recordings:
            found = of_recording(recording, self._replay(recording))
            known += found
            names += [name if recording.streamed else f"{name} (did not stream)"] * len(found)
            for problem in recording.problems:
                self._fail(f"{name}: line {problem.line} left out: {problem.detail}", 1)
        self._report(name, known, findings_of(known), names)
        return True

    def _replay(self, recording: Recording) -> list[Run]:
        body = recording.body
        # The bytes of a capture stay in its file: it may be larger than the memory.
        raw = None if body is None else BorrowedStore(body.read_at)
        session = Session(timed=recording.timed, raw=raw)
        t_ns = 0
        for times, reads in recording.batches():
            session.feed_many(times, reads)
            t_ns = times[-1]
        ended_ns = t_ns if recording.end_ns is None else recording.end_ns
        session.finish(ended_ns, recording.how, recording.error)
        return session.runs

    def _report_body(self, name: str, body: bytes) -> bool:
        session = Session(timed=False)
        session.feed(0, body)
        session.finish(0)
        known = [Evidence(run) for run in session.runs]
        self._report(name, known, [diagnose(one) for one in known])
        return True

    def _report(
        self,
        name: str,
        known: list[Evidence],
        findings: list[list[Finding]],
        names: list[str] | None = None,
    ) -> None:
        """Report on the runs of a file; `names` is what each is called, for people."""
        runs = [one.run for one in known]
        for run in runs:
            if run.status != "complete":
                self.status = max(self.status, 1)
            if run.status in ("not_sse", "empty"):
                detail = run.verdict.detail if run.verdict else "the file is empty"
                self._fail(f"{name}: {detail}", 1)
        if self._as_json:
            listed = [[one.to_json() for one in found] for found in findings]
            ids = [one.headers.get("request-id") for one in known]
            self._out.write(dumps(told_report(file_report(name, runs, listed, ids))) + "\n")
        else:
            called = names or [name] * len(runs)
            for title, run, found in zip(called, runs, findings, strict=True):
                self._out.write(readable(title, run, found))

    def _fail(self, message: str, status: int) -> None:
        self.status = max(self.status, status)
        self._err.write(f"streamscope: {told(message)}\n")
        self._err.flush()


def _unreadable(detail: str) -> Run:
    """Return the run of a file that holds no stream, or none that can be read."""
    session = Session(timed=False)
    session.refuse(detail)
    return session.run


def readable(name: str, run: Run, findings: Sequence[Finding] = ()) -> str:
    """Return a few lines on a run, for people: the verdict first, then what else was found."""
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
        f"out {output_tokens(state).exact}" if "output_tokens" in usage else "",
    ]
    lines = [one_line(name), "  " + "  ".join(one_line(fact) for fact in facts if fact)]
    lines += [f"  {told(words)}" for words in usage_words(usage)]
    for finding in findings:
        lines += finding_lines(finding)
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


def finding_lines(finding: Finding) -> list[str]:
    """Return a finding as lines for people: the sentence, and what to do about it."""
    shown = finding.events and finding.level != "info"
    where = f" (event {finding.events[0]})" if shown else ""
    lines = [f"  {finding.level}  {finding.code}  {told(finding.text)}{where}"]
    if finding.advice is not None:
        lines.append(f"    {told(finding.advice)}")
    return lines
