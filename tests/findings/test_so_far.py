"""What is said of a stream while it goes on."""

from __future__ import annotations

from tests import playbook as pb
from tests.findings_play import Read, ns
from tui.core.session import Run, Session
from tui.findings import Evidence
from tui.findings.so_far import so_far


def going(*reads: Read, known: bool = True) -> Run:
    """Read at these times, without an end."""
    session = Session(timed=known)
    for at, *parts in reads:
        session.feed(ns(at), pb.wire(*parts))
    return session.run


def told(run: Run, now: float) -> str:
    finding = so_far(Evidence(run), ns(now), run.last_byte_ns)
    return "" if finding is None else finding.text


TEXT = going((0.5, pb.message_start(), pb.text_start()), (1.0, pb.text(0, "so")))


def test_a_stall_is_told_from_its_threshold_on() -> None:
    assert told(TEXT, 4.0) == ""
    assert told(TEXT, 4.2) == "Nothing has come for 3.2 s inside a text block; no byte either."


def test_pings_are_told_apart_from_silence() -> None:
    run = going(
        (0.5, pb.message_start(), pb.text_start()), (1.0, pb.text(0, "so")), (4.9, pb.ping())
    )
    assert told(run, 5.0) == "Nothing has come for 4.0 s inside a text block; pings still arrive."


def test_thinking_and_tool_input_are_given_more_time() -> None:
    thinking = going((0.5, pb.message_start(), pb.thinking_start(0)), (1.0, pb.thinking(0, "well")))
    assert told(thinking, 11.0) == ""
    assert told(thinking, 11.1).startswith("Nothing has come for 10.1 s inside a thinking block")
    tool = going((0.5, pb.message_start(), pb.tool_start(0)), (1.0, pb.fragment(0, "{")))
    assert told(tool, 11.0) == "" and "tool_use block" in told(tool, 11.1)


def test_the_wait_for_the_first_byte() -> None:
    run = going()
    assert told(run, 4.9) == ""
    assert told(run, 5.0) == "No byte has come yet, 5.0 s after the request."


def test_a_stream_that_came_at_once_is_told_before_its_end() -> None:
    chunks = [pb.text(0, "x")] * 50
    head = (pb.message_start(), pb.text_start())
    assert told(going((1.0, *head, *chunks)), 1.5) == (
        "All 50 content chunks so far came at once, 1.0 s after the request: "
        "fits a proxy that buffers."
    )
    assert told(going((0.9, *head, *chunks)), 1.5) == ""
    assert told(going((1.0, *head, *chunks[1:])), 1.5) == ""
    assert told(going((1.0, *head, *chunks[1:]), (1.2, chunks[0])), 1.5) == ""


def test_nothing_is_said_without_times_after_the_stop_reason_or_after_the_end() -> None:
    assert (
        told(going((0.5, pb.message_start(), pb.text_start(), pb.text(0, "a")), known=False), 60)
        == ""
    )
    stopped = going((0.5, pb.message_start(), *pb.text_block(0, "a"), pb.message_delta("end_turn")))
    assert told(stopped, 60) == ""
    session = Session()
    session.feed(ns(1), pb.wire(pb.message_start(), *pb.text_block(0, "a"), *pb.ending()))
    session.finish(ns(2), "eof")
    assert told(session.run, 60) == ""
