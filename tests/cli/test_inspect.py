"""`streamscope inspect`: reports on files, folders and standard input."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pytest

from tests import playbook as pb
from tests.limits import HANG_S
from tui.captures.codec import CaptureHead, ChunkLine, EndLine, encode_line
from tui.cli.inspect import Inspector, readable
from tui.cli.standard_streams import OutputFailed
from tui.core.records import JsonObject
from tui.core.report import dumps, run_report
from tui.core.session import Session
from tui.scenarios import load

BODY = pb.wire(
    pb.message_start(),
    *pb.text_block(0, "one ", "two"),
    *pb.tool_block(1, '{"a"', ": 1}"),
    *pb.ending("tool_use"),
)
CUT = pb.wire(pb.message_start(), pb.text_start(), pb.text(0, "half"))
FAILED = CUT + pb.sse(pb.error())


class Report(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The reports, a line each."""
        found = [pb.strict(line) for line in self.out.splitlines()]
        return [item for item in found if isinstance(item, dict)]

    @property
    def statuses(self) -> list[list[str]]:
        return [[run["status"] for run in item["runs"]] for item in self.objects]


def inspect(
    *targets: str | Path,
    as_json: bool = True,
    stdin: bytes | None = None,
) -> Report:
    out, err = io.StringIO(), io.StringIO()
    inspector = Inspector(out, err, as_json=as_json)
    for target in targets:
        inspector.inspect(str(target), None if stdin is None else io.BytesIO(stdin))
    return Report(inspector.status, out.getvalue(), err.getvalue())


@pytest.fixture
def save(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def write(name: str, body: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        return path

    return write


Save = Callable[[str, bytes], Path]


# --- the shape ------------------------------------------------------------------------------------

FILE_KEYS = ["schema", "file", "runs"]
RUN_KEYS = [
    *("status", "message", "tools", "events", "bytes", "metrics", "error", "request_id"),
    *("findings", "anomalies"),
]
TOOL_KEYS = ["index", "id", "name", "type", "fragments", "raw", "input", "state"]
METRIC_KEYS = [
    *("ttfb_ms", "ttft_ms", "ttfo_ms", "ttst_ms", "e2e_ms", "decode_ms", "itl_ms"),
    *("icl_ms", "tokens_per_s", "stalls"),
]
STATUSES = {"complete", "truncated", "error", "cancelled", "not_sse", "empty"}
TOOL_STATES = {"complete", "partial", "invalid", "empty"}


def check_shape(report: dict[str, Any]) -> None:
    assert list(report) == FILE_KEYS
    assert report["schema"] == "streamscope.inspect/1"
    assert report["runs"]
    for run in report["runs"]:
        assert list(run) == RUN_KEYS
        assert run["status"] in STATUSES
        assert run["message"] is None or isinstance(run["message"], dict)
        assert list(run["events"]) == ["total", "by_type"]
        assert run["events"]["total"] == sum(run["events"]["by_type"].values())
        assert isinstance(run["bytes"], int)
        metrics = run["metrics"]
        assert list(metrics) == METRIC_KEYS
        assert list(metrics["icl_ms"]) == ["p50", "p95", "p99", "max"]
        # A file has no times: nothing is made up.
        assert {value for name, value in metrics.items() if name != "icl_ms"} == {None}
        assert set(metrics["icl_ms"].values()) == {None}
        for tool in run["tools"]:
            assert list(tool) == TOOL_KEYS
            assert tool["state"] in TOOL_STATES
        for anomaly in run["anomalies"]:
            assert list(anomaly) == ["seq", "code", "detail"]


def test_a_report_has_the_agreed_shape(save: Save) -> None:
    path = save("a.sse", BODY)
    report = inspect(path)
    assert (report.status, report.err) == (0, "")
    (found,) = report.objects
    check_shape(found)
    (run,) = found["runs"]
    assert (found["file"], run["status"], run["bytes"]) == (str(path), "complete", len(BODY))
    assert run["message"] == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": [
            {"type": "text", "text": "one two"},
            {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 25, "output_tokens": 15},
    }
    assert run["tools"] == [
        {
            "index": 1,
            "id": "toolu_1",
            "name": "get_weather",
            "type": "tool_use",
            "fragments": 2,
            "raw": '{"a": 1}',
            "input": {"a": 1},
            "state": "complete",
        }
    ]
    assert run["events"]["by_type"]["content_block_delta"] == 4
    assert (run["error"], run["anomalies"]) == (None, [])


def test_recorded_streams_in_one_call(corpus: list[Path]) -> None:
    command = [sys.executable, "-c", "from tui.cli.main import main; main()", "inspect", "--json"]
    folder = os.path.commonpath(corpus)
    result = subprocess.run([*command, folder], capture_output=True, timeout=HANG_S)
    report = Report(result.returncode, result.stdout.decode(), result.stderr.decode())
    assert "Traceback" not in report.err
    files = [item["file"] for item in report.objects]
    assert sorted(files) == sorted(str(path) for path in corpus)
    for item in report.objects:
        check_shape(item)
    flat = [status for statuses in report.statuses for status in statuses]
    assert report.status == (0 if set(flat) == {"complete"} else 1)
    assert flat.count("complete") > len(flat) / 2


# --- what a stream can be -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "runs", "status", "message"),
    [
        (BODY, ["complete"], 0, ""),
        (BODY + BODY, ["complete", "complete"], 0, ""),
        (CUT + BODY, ["truncated", "complete"], 1, ""),
        (CUT, ["truncated"], 1, ""),
        (BODY[:-20], ["truncated"], 1, ""),
        (FAILED, ["error"], 1, ""),
        (pb.sse(pb.error()), ["error"], 1, ""),
        (pb.wire(pb.ping()), ["truncated"], 1, ""),
        (b"", ["empty"], 1, "the file is empty"),
        (b"<!doctype html><p>", ["not_sse"], 1, "an HTML page, not an event stream"),
        (
            b'{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}',
            ["not_sse"],
            1,
            "a JSON error body, not an event stream (overloaded_error: Busy)",
        ),
        (b'{"type":"message"}', ["not_sse"], 1, "a whole Message as JSON, not an event stream"),
        (bytes(range(256)) * 4, ["not_sse"], 1, "binary data, not an event stream"),
        (b"\x1b[2J hello", ["not_sse"], 1, "plain text, not an event stream"),
    ],
    ids=[
        *("whole", "two", "cut then whole", "cut", "no message_stop", "error", "error alone"),
        *("ping", "empty", "html", "json error", "json message", "binary", "text"),
    ],
)
def test_statuses(save: Save, body: bytes, runs: list[str], status: int, message: str) -> None:
    path = save("x", body)
    report = inspect(path)
    check_shape(report.objects[0])
    assert (report.statuses, report.status) == ([runs], status)
    assert report.err == (f"streamscope: {path}: {message}\n" if message else "")


def test_the_error_of_a_json_body_is_reported(save: Save) -> None:
    body = b'{"type":"error","error":{"type":"x","message":"y"},"request_id":"req_1"}'
    (run,) = inspect(save("x", body)).objects[0]["runs"]
    assert run["error"] == {"type": "x", "message": "y", "request_id": "req_1"}
    assert [anomaly["code"] for anomaly in run["anomalies"]] == ["json_error"]


def test_invalid_tool_input_keeps_the_block_and_its_text(save: Save) -> None:
    body = pb.wire(pb.message_start(), *pb.tool_block(0, '{"a": tru'), *pb.ending("max_tokens"))
    (run,) = inspect(save("x", body)).objects[0]["runs"]
    assert run["message"]["content"][0]["input"] == {}
    (tool,) = run["tools"]
    assert (tool["state"], tool["raw"], tool["input"]) == ("invalid", '{"a": tru', None)


def test_a_call_that_was_cut_off_is_partial(save: Save) -> None:
    body = pb.wire(pb.message_start(), pb.tool_start(0), pb.fragment(0, "{"))
    (run,) = inspect(save("x", body)).objects[0]["runs"]
    assert [tool["state"] for tool in run["tools"]] == ["partial"]


# --- where it is looked for -----------------------------------------------------------------------


def test_a_folder_is_searched_in_order(save: Save, tmp_path: Path) -> None:
    paths = [save(name, BODY) for name in ("b.sse", "a/z.sse", "a/b/c.sse", "d.sse")]
    save("a/notes.txt", b"no")
    (tmp_path / "folder.sse").mkdir()
    report = inspect(tmp_path)
    assert report.status == 0
    assert [item["file"] for item in report.objects] == sorted(map(str, paths))


def test_a_folder_without_streams(tmp_path: Path) -> None:
    report = inspect(tmp_path)
    assert (report.status, report.out) == (2, "")
    assert report.err == (
        f"streamscope: {tmp_path}: no streams in this folder (looked for *.sse and logs)\n"
    )


EVENT_LINES = b"\n".join(
    json.dumps(event).encode()
    for event in [pb.message_start(), *pb.text_block(0, "hi"), *pb.ending()]
)


def test_logs_in_a_folder_are_looked_into(save: Save, tmp_path: Path) -> None:
    save("package.json", b'{"name": "x"}')
    save("notes.jsonl", b'{"note": "message_start"}\n')
    save("page.json", b"<p>message_start")
    report = inspect(tmp_path)
    assert (report.status, report.out) == (2, "")
    assert report.err.count("\n") == 1
    log = save("log.jsonl", EVENT_LINES + b"\n")
    report = inspect(tmp_path)
    assert [item["file"] for item in report.objects] == [str(log)]
    assert (report.status, report.statuses) == (0, [["complete"]])


def test_a_log_that_is_named_has_to_hold_something(save: Save, tmp_path: Path) -> None:
    for name, body in (
        ("a.jsonl", b'{"streamscope":1}\n'),
        ("b.jsonl", b'{"streamscope":99}\n'),
        ("c.har", b'{"log": {"entries": []}}'),
    ):
        report = inspect(save(name, body))
        assert report.status == 1
        assert report.err.startswith(f"streamscope: {tmp_path / name}: ")
        assert report.err.count("\n") == 1


def test_a_capture_has_its_times(save: Save) -> None:
    lines: list[JsonObject] = [
        {"streamscope": 1},
        {"k": "request", "run": "r1", "t": 0, "body": {}},
        {"k": "chunk", "run": "r1", "t": 5_000_000, "data": BODY[:900].decode()},
        {"k": "chunk", "run": "r1", "t": 7_000_000, "data": BODY[900:].decode()},
        {"k": "end", "run": "r1", "t": 9_000_000, "how": "eof", "error": None},
    ]
    body = b"\n".join(json.dumps(line).encode() for line in lines) + b"\n"
    report = inspect(save("run.jsonl", body))
    assert (report.status, report.statuses) == (0, [["complete"]])
    metrics = report.objects[0]["runs"][0]["metrics"]
    assert (metrics["ttfb_ms"], metrics["e2e_ms"]) == (5.0, 7.0)
    broken = save(
        "broken.jsonl", body.replace(b'{"k": "end"', b'{"k": "chunk", "t": 5}\n{"k": "end"')
    )
    report = inspect(broken)
    assert (report.status, report.statuses) == (1, [["complete"]])
    assert report.err.count("\n") == 1 and "line " in report.err


def test_a_capture_is_folded_many_reads_at_once_as_read_by_read(
    save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [pb.text(0, f"word {number} \u00e9") for number in range(2_000)]
    wire = pb.wire(pb.message_start(), pb.text_start(), *texts, pb.block_stop(0), *pb.ending())
    read_by_read = {name: Session() for name in ("r1", "r2")}
    lines = [encode_line(CaptureHead())]
    for number, at in enumerate(range(0, len(wire), 97), 1):
        for name, session in read_by_read.items():
            t_ns = number * 1_000_000
            lines.append(encode_line(ChunkLine(name, t_ns, wire[at : at + 97])))
            session.feed(t_ns, wire[at : at + 97])
    for name, session in read_by_read.items():
        lines.append(encode_line(EndLine(name, 9_000_000_000, "eof", None)))
        session.finish(9_000_000_000)

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("a read was folded alone")

    monkeypatch.setattr(Session, "feed", refuse)
    found = inspect(save("two.jsonl", b"".join(lines))).objects[0]["runs"]
    for run, session in zip(found, read_by_read.values(), strict=True):
        assert run | {"findings": []} == pb.strict(dumps(run_report(session.run)))


def test_what_was_left_out_of_a_log_is_told(save: Save) -> None:
    lines = EVENT_LINES.split(b"\n")
    report = inspect(save("log.jsonl", b"\n".join([*lines[:3], b'{"torn', *lines[3:]]) + b"\n"))
    assert report.status == 1
    assert report.statuses == [["complete"]]
    assert "log.jsonl: " in report.err and "Traceback" not in report.err


def test_a_closed_output_is_not_the_fault_of_a_file(save: Save) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise OutputFailed(OSError(28, "No space left on device"))

    with pytest.raises(OutputFailed):
        Inspector(Closed(), io.StringIO(), as_json=True).inspect(str(save("a.sse", BODY)), None)


def test_a_named_file_is_read_whatever_its_name(save: Save) -> None:
    assert inspect(save("answer.txt", BODY)).statuses == [["complete"]]


def test_standard_input() -> None:
    report = inspect("-", stdin=BODY)
    assert (report.status, report.objects[0]["file"]) == (0, "-")
    assert report.statuses == [["complete"]]
    assert inspect("-", stdin=b"").err == "streamscope: -: the file is empty\n"
    closed = inspect("-")
    assert (closed.status, closed.out) == (2, "")
    assert closed.err == "streamscope: -: standard input is closed\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.sse", "no such file"),
        ("a.sse/inside", "cannot be read: Not a directory"),
        ("x" * 300, "cannot be read: File name too long"),
    ],
)
def test_what_cannot_be_read_is_one_line(save: Save, name: str, message: str) -> None:
    path = save("a.sse", BODY).parent / name
    report = inspect(path)
    assert (report.status, report.out) == (2, "")
    assert report.err == f"streamscope: {path}: {message}\n"


def test_in_a_list_the_others_still_go_through(save: Save, tmp_path: Path) -> None:
    good, cut, page = save("a.sse", BODY), save("b.sse", CUT), save("c.sse", b"<html>")
    (tmp_path / "none").mkdir()
    targets: list[str | Path]
    targets = [tmp_path / "absent", good, tmp_path / "none", cut, page, "-", good]
    report = inspect(*targets, stdin=BODY)
    assert report.status == 2
    assert report.statuses == [
        ["complete"],
        ["truncated"],
        ["not_sse"],
        ["complete"],
        ["complete"],
    ]
    assert len(report.err.splitlines()) == 3
    assert inspect(cut, good).status == inspect(good, cut).status == 1


# --- for people -----------------------------------------------------------------------------------


def test_a_readable_report(save: Save) -> None:
    path = save("a.sse", BODY)
    report = inspect(path, as_json=False)
    assert report.out == (
        f"{path}\n"
        f"  \u2713 complete  claude-sonnet-5-5  tool_use  11 events  1.4 kB  in 25  out 15\n"
        "  info  healthy  Complete: 15 tokens.\n"
        '  \u2192 get_weather #1 complete  {"a": 1}\n\n'
    )


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        (CUT, ["\u25d0 truncated", "in 25  out ~1"]),
        (FAILED, ["\u2717 error", "  \u2717 overloaded_error: Overloaded"]),
        (b"", ["\u2717 empty  0 events  0 B"]),
        (b"<html>", ["\u2717 not_sse", "  ! event 0: html: an HTML page"]),
        (
            pb.wire(pb.message_start(usage=5), pb.block_start(0, "mcp_tool_use", name=7)),
            ["  \u2192 mcp_tool_use #0 partial", "! event 0: missing_usage: "],
        ),
        (
            pb.wire(pb.message_start(), *[{"type": "novel"}] * 25),
            ["! event 20: ", "  ! and 5 more"],
        ),
    ],
    ids=["cut", "error", "empty", "html", "odd", "many"],
)
def test_readable_reports_say_what_is_wrong(save: Save, body: bytes, parts: list[str]) -> None:
    out = inspect(save("x", body), as_json=False).out
    for part in parts:
        assert part in out


def test_a_readable_report_is_safe_and_short(save: Save) -> None:
    hostile = "\x1b]0;x\x07\u202e\n" + "y" * 5_000
    body = pb.wire(
        pb.message_start(model=hostile),
        *pb.tool_block(0, json.dumps(hostile), name=hostile),
        pb.delta(0, hostile),
        pb.message_delta(hostile),
        pb.error(hostile, hostile),
    )
    path = save("evil\x1b[2J\n.sse", body)
    report = inspect(path, as_json=False)
    assert not set(report.out + report.err) & {"\x1b", "\x07", "\u202e"}
    assert len(report.out.splitlines()) < 12
    assert inspect(path).objects[0]["file"] == str(path)


def test_a_readable_report_has_the_findings(save: Save) -> None:
    out = inspect(save("x", CUT), as_json=False).out
    assert (
        "  error  cut_off  The response ended cleanly, but without message_stop, "
        "inside a text block (0): 4 characters came and are kept. (event 2)\n"
        "    It is safe to send it again: no tool has run.\n"
    ) in out


def test_counting_the_same_tokens_again_is_no_repeated_request(save: Save) -> None:
    ask = {"model": "claude-opus-5", "messages": [{"role": "user", "content": "Hi."}]}
    url = "https://api.anthropic.com/v1/messages/count_tokens?beta=true"
    lines: list[JsonObject] = [{"streamscope": 1}]
    for run in ("r1", "r2"):
        head = {"content-type": "application/json"}
        lines += [
            {"k": "request", "run": run, "t": 0, "url": url, "body": ask},
            {"k": "response", "run": run, "t": 1, "status": 200, "headers": head},
            {"k": "chunk", "run": run, "t": 5_000_000, "data": '{"input_tokens": 9}'},
            {"k": "end", "run": run, "t": 6_000_000, "how": "eof", "error": None},
        ]
    body = b"\n".join(json.dumps(line).encode() for line in lines) + b"\n"
    runs = inspect(save("run.jsonl", body)).objects[0]["runs"]
    codes = {finding["code"] for run in runs for finding in run["findings"]}
    assert "repeated" not in codes


def test_without_event_names_a_body_is_not_the_apis_and_a_list_of_events_may_be(save: Save) -> None:
    """The API names every event of a body; a file of bare events is no body."""
    data = b"".join(line for line in BODY.splitlines(True) if not line.startswith(b"event:"))
    found = inspect(save("x.sse", data)).objects[0]["runs"][0]["findings"]
    assert found[0]["text"] == (
        "This is not what the API itself sends: no event: names. It fits a gateway in between."
    )
    bare = b"".join(line.removeprefix(b"data: ") for line in data.splitlines(True) if line.strip())
    found = inspect(save("x.jsonl", bare)).objects[0]["runs"][0]["findings"]
    assert "gateway" not in [finding["code"] for finding in found]


def test_findings_of_a_capture_know_request_head_and_neighbours(save: Save) -> None:
    ask = {"model": "claude-opus-5", "messages": [{"role": "user", "content": "Hi."}]}
    lines: list[JsonObject] = [{"streamscope": 1}]
    for run in ("r1", "r2"):
        lines += [
            {"k": "request", "run": run, "t": 0, "body": ask},
            {"k": "response", "run": run, "t": 1, "status": 200, "headers": {"Server": "nginx"}},
            {"k": "chunk", "run": run, "t": 5_000_000, "data": BODY.decode()},
            {"k": "end", "run": run, "t": 3_000_000_000, "how": "eof", "error": None},
        ]
    body = b"\n".join(json.dumps(line).encode() for line in lines) + b"\n"
    first, second = inspect(save("run.jsonl", body)).objects[0]["runs"]
    codes = [[finding["code"] for finding in run["findings"]] for run in (first, second)]
    assert codes[0] == ["open_after_stop", "model_differs", "gateway", "healthy"]
    assert codes[1] == ["open_after_stop", "repeated", "model_differs", "gateway", "healthy"]
    assert list(first["findings"][0]) == ["code", "level", "text", "advice", "events", "values"]


def test_names_and_text_that_are_not_unicode(save: Save) -> None:
    body = pb.wire(pb.message_start(), *pb.text_block(0, "\ud800"), *pb.ending())
    path = save("x\udcff.sse", body.replace(b"end_turn", b"\xff"))
    (report,) = inspect(path).objects
    check_shape(report)
    assert report["runs"][0]["message"]["content"][0]["text"] == "\ud800"
    assert inspect(path, as_json=False).status == 0


def test_the_scenarios_can_be_read() -> None:
    for name in ("tour", "unknown", "hostile"):
        body = b"".join(chunk.data for chunk in load(name).chunks)
        report = inspect("-", "-", stdin=body, as_json=False)
        assert report.out.startswith("-\n  ")
        check_shape(inspect("-", stdin=body).objects[0])


def test_readable_needs_no_message() -> None:
    run = pb.run([]).run
    assert readable("x", run) == "x\n  \u2717 empty  0 events  0 B\n\n"
