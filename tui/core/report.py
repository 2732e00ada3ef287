"""The report on a run: what `inspect --json` and `run --json` print."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Final

from tui.core.metrics import to_json
from tui.core.records import JsonObject
from tui.core.session import Run
from tui.core.state import ToolReport, as_text

SCHEMA: Final = "streamscope.inspect/1"


def run_report(
    run: Run, findings: Sequence[JsonObject] = (), request_id: str | None = None
) -> JsonObject:
    """Return the report on one run as a JSON object, in the fixed shape.

    `request_id` is what the head of its response says; an error may say it too.
    """
    state = run.state
    # A stream that is still running when it is reported on was cut off by whoever reports.
    status = "truncated" if run.status == "streaming" else run.status
    return {
        "status": status,
        "message": state.message_json(),
        "tools": [_tool_json(tool) for tool in state.tool_reports()],
        "events": {"total": state.events, "by_type": dict(state.counts)},
        "bytes": run.size,
        "metrics": to_json(run.metrics()),
        "error": run.error,
        "request_id": request_id or as_text((run.error or {}).get("request_id")),
        "findings": list(findings),
        "anomalies": [anomaly._asdict() for anomaly in state.anomalies],
    }


def _tool_json(tool: ToolReport) -> JsonObject:
    # By hand: `asdict` copies the input level by level, and one from the wire can be too deep.
    return {field.name: getattr(tool, field.name) for field in fields(tool)}


def file_report(
    file: str | None,
    runs: list[Run],
    findings: Sequence[Sequence[JsonObject]] = (),
    request_ids: Sequence[str | None] = (),
) -> JsonObject:
    """Return the report on a file, or on a live run with `file` None.

    `findings` are those of each run, as JSON.
    """
    told = findings or [()] * len(runs)
    ids = request_ids or [None] * len(runs)
    reports = [run_report(*known) for known in zip(runs, told, ids, strict=True)]
    return {"schema": SCHEMA, "file": file, "runs": reports}


def dumps(report: JsonObject) -> str:
    """Return a report as one line of strict JSON, ASCII only.

    Wire data may hold what Python can read but JSON cannot say (1e999 becomes infinity), or be
    nested deeper than the encoder goes; such a value is written as a string.
    """
    try:
        return json.dumps(report, allow_nan=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return json.dumps(_plain(report, 0), allow_nan=False, separators=(",", ":"))


def _plain(value: object, depth: int) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (dict, list)) and depth >= 100:
        return "nested too deeply"
    if isinstance(value, dict):
        return {name: _plain(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    return value
