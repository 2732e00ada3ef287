"""How long to wait before another attempt, and when there is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tui.conversation.retry import RetryPolicy, Wait
from tui.core.records import JsonObject
from tui.core.session import Run
from tui.sources import SourceEnded


def run_of(*events: JsonObject | bytes) -> Run:
    return pb.run([pb.wire(*events)]).run


def refusal(retry_after_s: float | None = None, *, retryable: bool = True) -> SourceEnded:
    return SourceEnded(
        "http_error", "HTTP 529", "", retryable=retryable, retry_after_s=retry_after_s
    )


NOTHING = run_of()


@given(
    attempt=st.integers(1, 40),
    retries=st.integers(0, 40),
    chance=st.floats(0, 1),
)
def test_waits_grow_and_are_bounded(attempt: int, retries: int, chance: float) -> None:
    policy = RetryPolicy(retries, random=lambda: chance)
    wait = policy.wait(attempt, NOTHING, refusal())
    if attempt > retries:
        assert wait is None
        return
    assert wait is not None and wait.seconds is not None and wait.asked_s is None
    longest = min(policy.base_s * 2 ** (attempt - 1), policy.longest_s)
    assert longest / 2 <= wait.seconds <= longest


@given(asked=st.floats(0, 1e6), chance=st.floats(0, 1))
def test_what_the_api_asks_is_never_undercut(asked: float, chance: float) -> None:
    policy = RetryPolicy(1, random=lambda: chance)
    wait = policy.wait(1, NOTHING, refusal(asked))
    assert wait is not None and wait.asked_s == asked
    if asked > policy.obeyed_s:
        assert wait.seconds is None, "so long that somebody has to be asked"
        alone = RetryPolicy(1, asks=False, random=lambda: chance)
        assert alone.wait(1, NOTHING, refusal(asked)) is None
    else:
        assert wait.seconds is not None and asked <= wait.seconds <= asked * 1.1


def test_what_cannot_pass_is_not_tried_again() -> None:
    assert RetryPolicy(9).wait(1, NOTHING, refusal(retryable=False)) is None
    assert RetryPolicy(9).wait(1, NOTHING, SourceEnded("timeout", "Timed out", "")) is None


def test_a_spend_limit_is_no_rate_limit() -> None:
    spent = {"type": "rate_limit_error", "details": {"error_code": "enforced_spend_limit_reached"}}
    end = SourceEnded("http_error", "HTTP 429", "", retryable=True, retry_after_s=1, error=spent)
    assert RetryPolicy(9).wait(1, NOTHING, end) is None
    within = run_of(pb.message_start(), {"type": "error", "error": spent})
    assert RetryPolicy(9).wait(1, within, None) is None


START = [pb.message_start()]


@pytest.mark.parametrize(
    ("events", "again"),
    [
        ([], True),
        (START, True),
        ([*START, pb.ping()], True),
        ([*START, pb.text_start()], True),
        ([*START, pb.thinking_start()], True),
        ([*START, pb.text_start(), pb.text(0, "")], True),
        ([*START, pb.text_start(), pb.text(0, "a")], False),
        ([*START, pb.thinking_start(), pb.thinking(0, "a")], False),
        ([*START, pb.tool_start()], False),
        ([*START, pb.block_start(0, "web_search_tool_result")], False),
    ],
)
def test_never_after_output(events: list[JsonObject], again: bool) -> None:
    lost = SourceEnded("reset", "Connection lost", "", retryable=True)
    for run in (run_of(*events), run_of(*events, pb.error("overloaded_error"))):
        assert (RetryPolicy(1).wait(1, run, lost) is not None) is again
    # A clean end that came too early.
    assert (RetryPolicy(1).wait(1, run_of(*events), None) is not None) is again


def test_an_error_in_the_stream_that_stands_is_not_tried_again() -> None:
    run = run_of(*START, pb.error("invalid_request_error"))
    assert RetryPolicy(1).wait(1, run, None) is None
    assert RetryPolicy(1).wait(1, run_of(b"<html>"), None) is None
    wait = RetryPolicy(1, random=lambda: 0.0).wait(1, run_of(*START, pb.error()), None)
    assert wait == Wait(0.5)
