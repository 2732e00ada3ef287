"""The report's shape, and that it is strict JSON whatever the stream held."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tests.streams import broken_events, cuts, sse_bytes
from tui.core.records import JsonObject
from tui.core.report import SCHEMA, dumps, file_report, run_report
from tui.core.session import Session


def report(*items: JsonObject | bytes) -> JsonObject:
    """The only run's report, after a trip through JSON."""
    return run_report(pb.run([pb.wire(*items)]).run)


def test_the_shape() -> None:
    data = pb.wire(
        pb.message_start(), pb.ping(), *pb.tool_block(1, '{"a":', "1}"), *pb.ending("tool_use")
    )
    assert file_report("x.sse", pb.run([data]).runs) == {
        "schema": "streamscope.inspect/1",
        "file": "x.sse",
        "runs": [
            {
                "status": "complete",
                "message": {
                    "id": "msg_1",
                    "type": "message",
                    "role": "assistant",
                    "model": "claude-sonnet-5-5",
                    "content": [
                        {
                            "type": "tool_use",
                            "id": "toolu_1",
                            "name": "get_weather",
                            "input": {"a": 1},
                        }
                    ],
                    "stop_reason": "tool_use",
                    "stop_sequence": None,
                    "usage": {"input_tokens": 25, "output_tokens": 15},
                },
                "tools": [
                    {
                        "index": 1,
                        "id": "toolu_1",
                        "name": "get_weather",
                        "type": "tool_use",
                        "fragments": 2,
                        "raw": '{"a":1}',
                        "input": {"a": 1},
                        "state": "complete",
                    }
                ],
                "events": {
                    "total": 8,
                    "by_type": {
                        "message_start": 1,
                        "ping": 1,
                        "content_block_start": 1,
                        "content_block_delta": 2,
                        "content_block_stop": 1,
                        "message_delta": 1,
                        "message_stop": 1,
                    },
                },
                "bytes": len(data),
                "metrics": {
                    "ttfb_ms": 0.0,
                    "ttft_ms": 0.0,
                    "ttfo_ms": 0.0,
                    "ttst_ms": 0.0,
                    "e2e_ms": 0.0,
                    "decode_ms": 0.0,
                    "itl_ms": 0.0,
                    "icl_ms": {"p50": 0.0, "p95": 0.0, "p99": 0.0, "max": 0.0},
                    "tokens_per_s": None,
                    "stalls": 0,
                },
                "error": None,
                "request_id": None,
                "findings": [],
                "anomalies": [],
            }
        ],
    }


def test_a_live_run_has_no_file() -> None:
    found = file_report(None, pb.run([b""]).runs)
    assert (found["schema"], found["file"]) == (SCHEMA, None)
    assert found["runs"][0]["status"] == "empty"
    assert found["runs"][0]["message"] is None


def test_untimed_metrics_are_null() -> None:
    session = Session(timed=False)
    session.feed(0, pb.wire(pb.message_start(), pb.text(0, "a"), pb.text(0, "b"), *pb.ending()))
    session.finish(0)
    metrics = run_report(session.run)["metrics"]
    assert set(metrics.pop("icl_ms").values()) | set(metrics.values()) == {None}


def test_a_run_that_is_still_going_on_counts_as_truncated() -> None:
    session = Session()
    session.feed(0, pb.sse(pb.message_start()))
    assert session.run.status == "streaming"
    assert run_report(session.run)["status"] == "truncated"


def test_error_and_anomalies() -> None:
    found = report(pb.message_start(), {"type": "new"}, pb.error())
    assert (found["status"], found["error"]) == ("error", pb.error()["error"])
    assert found["anomalies"] == [
        {"seq": 1, "code": "unknown_event", "detail": "no event type 'new' is known"}
    ]


def test_one_line_of_ascii() -> None:
    line = dumps(
        report(pb.message_start(), *pb.text_block(0, "\u00e9\n\u2028\ud800"), *pb.ending())
    )
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line)["message"]["content"][0]["text"] == "\u00e9\n\u2028\ud800"


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_infinity_is_written_as_a_string(number: str) -> None:
    event = pb.sse(pb.message_start(odd=0)).replace(b'"odd": 0', b'"odd": ' + number.encode())
    found = report(event, *pb.ending())
    assert math.isinf(found["message"]["odd"])
    parsed = pb.strict(dumps(found))
    assert isinstance(parsed, dict)
    assert parsed["message"]["odd"] in {"inf", "-inf"}
    assert parsed["message"]["usage"] == {"input_tokens": 25, "output_tokens": 15}


@pytest.mark.parametrize("depth", [50, 150, 199, 400, 700, 100_000])
def test_nesting_of_any_depth(depth: int) -> None:
    nest = "[" * depth + "]" * depth
    document = '{"a":' + nest + "}"
    start = pb.sse(pb.block_start(0, "tool_use", input=0)).replace(
        b'"input": 0', b'"input": ' + document.encode()
    )
    line = dumps(
        report(
            pb.message_start(), start, pb.block_stop(0), *pb.tool_block(1, document), *pb.ending()
        )
    )
    parsed = pb.strict(line)
    assert isinstance(parsed, dict)
    assert parsed["tools"][-1]["raw"] == document
    assert parsed["tools"][-1]["state"] in {"complete", "invalid"}


def test_only_what_is_too_deep_is_left_out() -> None:
    document = '{"b":1,"a":' + "[" * 150 + "]" * 150 + "}"
    found = report(
        pb.message_start(), *pb.tool_block(0, document), *pb.text_block(1, "kept"), *pb.ending()
    )
    found["message"]["odd"] = math.inf
    parsed = pb.strict(dumps(found))
    assert isinstance(parsed, dict)
    assert parsed["tools"][0]["input"]["b"] == 1
    assert "nested too deeply" in json.dumps(parsed["tools"][0]["input"])
    assert parsed["message"]["content"][1]["text"] == "kept"


def test_integers_of_any_length() -> None:
    for digits in (400, 4_300, 5_000):
        number = "9" * digits
        event = pb.sse(pb.message_start(odd=0)).replace(b'"odd": 0', b'"odd": ' + number.encode())
        pb.strict(dumps(report(event, *pb.tool_block(0, '{"a":' + number + "}"), *pb.ending())))


def test_numbers_that_are_no_counts() -> None:
    usage = {"output_tokens": 10**400}
    events = [
        pb.message_start(usage=usage),
        pb.text_start(0),
        pb.text(0, "a"),
        pb.ping(),
        pb.fragment(0, "1"),
    ]
    chunks = [pb.sse(event) for event in events]
    found = run_report(pb.run(chunks).run)
    assert found["metrics"]["tokens_per_s"] is None
    pb.strict(dumps(found))


def test_fields_of_a_delta_that_overwrite() -> None:
    event = pb.delta(
        0, "compaction_delta", content=[1], encrypted_content={"a": 1}, type="compaction_delta"
    )
    pb.strict(dumps(report(pb.message_start(), event)))


@given(broken_events(), st.data())
def test_any_events_give_strict_json(events: list[JsonObject], data: st.DataObject) -> None:
    session = pb.run(data.draw(cuts(pb.wire(*events))))
    pb.strict(dumps(file_report("f", session.runs)))


@given((sse_bytes() | st.binary(max_size=80)).flatmap(cuts))
def test_any_bytes_give_strict_json(chunks: list[bytes]) -> None:
    session = pb.run(chunks)
    pb.strict(dumps(file_report("f", session.runs)))


def test_the_request_id_is_that_of_the_head_else_that_of_the_error() -> None:
    event = {"type": "error", "error": {"type": "x", "request_id": "req_2"}}
    runs = pb.run([pb.wire(event)]).runs
    assert file_report("f", runs, [()], ["req_1"])["runs"][0]["request_id"] == "req_1"
    assert file_report("f", runs)["runs"][0]["request_id"] == "req_2"
