"""Findings on how a run ended where it did not come to its own end."""

from __future__ import annotations

import pytest

from tests import playbook as pb
from tests.findings_play import codes, found, timed, told, untimed
from tui.core.records import JsonObject
from tui.core.session import Run
from tui.core.state import End

START = (0.5, pb.message_start())
LOST: JsonObject = {"type": "connection_lost", "message": "Connection lost: gone"}


@pytest.mark.parametrize(
    ("run", "text"),
    [
        (
            timed(START, (0.6, pb.text_start(), pb.text(0, "half")), how="reset", ended=12.6),
            "The connection broke after 12.0 s of silence, inside a text block (0): "
            "4 characters came and are kept.",
        ),
        (
            timed(START, (0.6, pb.text_start(), pb.text(0, "half")), ended=0.7),
            "The response ended cleanly, but without message_stop, inside a text block (0): "
            "4 characters came and are kept.",
        ),
        (
            timed(START, (0.6, pb.tool_start(0), pb.fragment(0, '{"a')), how="timeout", ended=61),
            "The time was up after 60.4 s of silence, inside the input of get_weather (block 0): "
            "3 characters came and are kept.",
        ),
        (
            untimed(pb.message_start(), *pb.text_block(0, "a"), pb.message_delta()),
            "The response ended cleanly, but without message_stop, after the stop reason end_turn: "
            "1 character came and is kept.",
        ),
        (
            untimed(pb.message_start(), *pb.text_block(0, "a")),
            "The response ended cleanly, but without message_stop, after 1 block: "
            "1 character came and is kept.",
        ),
        (
            untimed(pb.ping()),
            "The response ended cleanly, but without message_stop, before the message began: "
            "nothing of it had come.",
        ),
    ],
    ids=["reset", "clean", "time-out in a tool", "after the delta", "after a block", "before"],
)
def test_cut_off(run: Run, text: str) -> None:
    finding = found(run)[0]
    assert (finding.code, finding.level, finding.text) == ("cut_off", "error", text)
    assert finding.events == (len(run.timeline) - 1,)
    assert finding.advice == "It is safe to send it again: no tool has run."
    assert codes(run) == ["cut_off"]


def test_a_tool_of_the_server_may_have_run() -> None:
    call = pb.block_start(0, "server_tool_use", id="s1", name="code_execution", input={})
    finding = told(untimed(pb.message_start(), call, pb.block_stop(0)))["cut_off"]
    assert finding.values["retry_safe"] is False
    assert finding.advice is not None and "runs code_execution again" in finding.advice


def test_another_message_began() -> None:
    session = pb.run([pb.wire(pb.message_start(), *pb.text_block(0, "a"), pb.message_start())])
    finding = found(session.runs[0])[0]
    assert finding.text.startswith("Another message began before message_stop, after 1 block")
    assert codes(session.runs[0]) == ["cut_off"]


def test_what_came_whole_is_not_cut_off() -> None:
    whole = [*pb.text_block(0, "a"), *pb.ending()]
    assert codes(untimed(pb.message_start(), *whole)) == ["healthy"]
    assert codes(timed(START, (1, *whole), how="reset", ended=2)) == ["healthy"]


@pytest.mark.parametrize(
    ("how", "message", "kind", "text"),
    [
        (
            "refused",
            "Cannot connect: [Errno -2] Name or service not known",
            "dns",
            "No answer: the host's name was not found in 3.0 s "
            "(Cannot connect: [Errno -2] Name or service not known).",
        ),
        (
            "refused",
            "Cannot connect: [SSL: CERTIFICATE_VERIFY_FAILED]",
            "tls",
            "No answer: no secure connection could be made in 3.0 s "
            "(Cannot connect: [SSL: CERTIFICATE_VERIFY_FAILED]).",
        ),
        (
            "refused",
            "Cannot connect: All connection attempts failed",
            "refused",
            "No answer: no connection could be made in 3.0 s "
            "(Cannot connect: All connection attempts failed).",
        ),
        (
            "refused",
            "Request not sent: no key",
            "not_sent",
            "No answer: the request was not sent in 3.0 s (Request not sent: no key).",
        ),
        (
            "timeout",
            "No data for too long: ReadTimeout",
            "timeout",
            "No answer: not one byte of a body in 3.0 s, then the time was up "
            "(No data for too long: ReadTimeout).",
        ),
        (
            "reset",
            "Connection lost: gone",
            "reset",
            "No answer: the connection was lost before the first byte in 3.0 s "
            "(Connection lost: gone).",
        ),
        ("eof", None, "empty", "The response was empty: not one byte of a body in 3.0 s."),
    ],
)
def test_no_answer(how: End, message: str | None, kind: str, text: str) -> None:
    error = None if message is None else {"type": how, "message": message}
    (finding,) = found(timed(how=how, error=error, ended=3))
    assert (finding.code, finding.level, finding.text) == ("no_answer", "error", text)
    assert finding.values["kind"] == kind and finding.advice


def test_a_head_without_a_body() -> None:
    finding = told(timed(how="timeout", ended=30), status=200)["no_answer"]
    assert finding.text == (
        "HTTP 200 came, but not one byte of a body in 30.0 s, then the time was up."
    )


def test_cancelled() -> None:
    run = timed(START, (0.6, pb.text_start(), pb.text(0, "half")), how="cancelled", ended=1.5)
    assert codes(run) == ["cancelled", "healthy"]
    finding = told(run)["cancelled"]
    assert (finding.level, finding.advice) == ("info", None)
    assert finding.text == (
        "Cancelled by the reader after 1.5 s, when 4 characters had come; it may still be billed."
    )
    assert told(run)["healthy"].text.startswith("Nothing wrong until then: 4 characters in 0.60 s")
    interrupted = told(untimed(pb.message_start(), how="interrupted"))["cancelled"]
    assert interrupted.text == (
        "Interrupted: whatever read it ended, when nothing had come; it may still be billed."
    )
    whole = timed(START, (1, *pb.text_block(0, "a"), *pb.ending()), how="cancelled")
    assert codes(whole) == ["healthy"]


def test_open_after_stop() -> None:
    reads = (START, (1.0, *pb.text_block(0, "a"), *pb.ending()))
    finding = found(timed(*reads, ended=3.5))[0]
    assert (finding.code, finding.level) == ("open_after_stop", "notice")
    assert finding.text == (
        "The connection stayed open for 2.5 s after message_stop: "
        "a client that reads to the end of the body waits for it."
    )
    assert finding.events == (5,)
    assert codes(timed(*reads, ended=3.0)) == ["healthy"]
    assert codes(timed(*reads, ended=30, known=False)) == ["healthy"]


# --- errors of the API ----------------------------------------------------------------------------


def http_error(status: int, **error: object) -> JsonObject:
    return {
        "type": "http_error",
        "message": f"HTTP {status}",
        "status": status,
        "request_id": "req_1",
        "error": error,
    }


def test_an_error_event() -> None:
    run = untimed(pb.message_start(), pb.text_start(), pb.text(0, "half"), pb.error())
    (finding,) = found(run)
    assert (finding.code, finding.level) == ("api_error", "error")
    assert finding.text == "The API answered overloaded_error: Overloaded. 4 characters had come."
    assert finding.events == (3,)
    assert finding.advice == "Send it again after a moment: it can succeed."
    lost = untimed(pb.message_start(), pb.error(), how="reset", error=LOST)
    assert codes(lost) == ["api_error"]


def test_an_http_error() -> None:
    error = http_error(429, type="rate_limit_error", message="Slow down.")
    run = timed(how="http_error", error=error, ended=1)
    (finding,) = found(run, status=429, headers={"retry-after": "12"})
    assert finding.text == (
        "The API answered rate_limit_error (HTTP 429): Slow down. Request req_1."
    )
    assert finding.advice == "Send it again in 12 s: it can succeed."
    assert finding.values["can_help"] is True


@pytest.mark.parametrize(
    ("status", "error", "advice"),
    [
        (
            429,
            {
                "type": "rate_limit_error",
                "message": "no",
                "details": {"error_code": "enforced_spend_limit_reached"},
            },
            "The spend limit is reached: raise it, or wait until it is reset.",
        ),
        (
            400,
            {"type": "invalid_request_error", "message": "no"},
            "Change the request: the same one cannot succeed.",
        ),
        (
            401,
            {"type": "authentication_error", "message": "no"},
            "Check the key and what it may do: the same request cannot succeed.",
        ),
        (503, {}, "Send it again after a moment: it can succeed."),
        (418, {}, "Change the request: the same one cannot succeed."),
    ],
)
def test_whether_sending_again_can_help(status: int, error: JsonObject, advice: str) -> None:
    run = timed(how="http_error", error=http_error(status, **error), ended=1)
    (finding,) = found(run)
    assert finding.advice == advice


def test_a_spend_limit_is_named() -> None:
    details = {"error_code": "enforced_spend_limit_reached"}
    error = http_error(429, type="rate_limit_error", message="Limit.", details=details)
    finding = told(timed(how="http_error", error=error))["api_error"]
    assert finding.text == (
        "The API answered rate_limit_error (enforced_spend_limit_reached) (HTTP 429): Limit. "
        "It does not pass: sending it again cannot help. Request req_1."
    )
    assert finding.values["can_help"] is False


def test_the_label_is_read_from_older_captures() -> None:
    error = {"type": "http_error", "message": "HTTP 529: overloaded_error: Busy", "status": 529}
    finding = told(timed(how="http_error", error=error))["api_error"]
    assert finding.text == "The API answered overloaded_error (HTTP 529): Busy."


def test_an_error_as_json_is_no_missing_stream() -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}'
    assert codes(untimed(body)) == ["api_error"]
    assert codes(untimed(body, how="http_error", error=http_error(529))) == ["api_error"]


def test_an_error_page_of_a_gateway() -> None:
    known = {"status": 502, "headers": {"server": "nginx", "content-type": "text/html"}}
    (finding,) = found(untimed(b"<html>502 Bad Gateway</html>"), **known)
    assert finding.code == "api_error"
    assert finding.text == (
        "HTTP 502, with an HTML page from nginx in place of an error of the API: "
        "a server in between answered."
    )


# --- no stream ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "known", "text"),
    [
        (
            b"<!doctype html><p>Log in",
            {"status": 200, "headers": {"server": "nginx", "content-type": "text/html"}},
            "An HTML page from nginx came where a stream was due (HTTP 200, text/html).",
        ),
        (b'{"type":"message"}', {}, "Plain JSON came where a stream was due."),
        (
            b"\x1f\x8b\x08\x00\x00\x01\x02\x00" * 9,
            {},
            "A body packed with gzip came where a stream was due.",
        ),
        (
            bytes(range(256)),
            {"headers": {"content-encoding": "br"}},
            "A body packed with br came where a stream was due.",
        ),
        (bytes(range(256)), {}, "Binary data came where a stream was due."),
        (b"hello", {}, "Plain text came where a stream was due."),
    ],
)
def test_not_a_stream(body: bytes, known: JsonObject, text: str) -> None:
    (finding,) = found(untimed(body), **known)
    assert (finding.code, finding.level, finding.text) == ("not_a_stream", "error", text)


def test_a_stream_of_another_api() -> None:
    chunk = b'data: {"object":"chat.completion.chunk","choices":[]}\n\n'
    (finding,) = found(untimed(chunk * 3, pb.DONE))
    assert finding.code == "not_a_stream"
    assert finding.text == (
        "4 events came, and none that the Messages API sends: a stream of another kind."
    )
    other = untimed({"type": "session.status_idle"}, {"type": "agent.message"})
    assert told(other)["not_a_stream"].text.startswith("2 events came, the first session.status")
    assert codes(untimed({"type": "new"}, pb.message_start())) == ["cut_off"]
