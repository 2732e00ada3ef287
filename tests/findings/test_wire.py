"""Findings on the bytes themselves, and what is said where all is well."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import playbook as pb
from tests.findings_play import answer, check, codes, found, timed, told, untimed
from tests.streams import broken_events, cuts
from tests.sweeps import few
from tui.core.records import JsonObject
from tui.core.session import Run, Session
from tui.core.state import End, RunState
from tui.findings import RULES, Evidence, diagnose
from tui.findings.gaps import no_gap_over
from tui.findings.rules import CODES

TEXT = pb.text_block(0, "Let me see.")
WHOLE = answer(*TEXT)


def nameless(parts: list[JsonObject | bytes]) -> bytes:
    return b"".join(pb.sse(part, name="") for part in parts if isinstance(part, dict))


# --- gateway --------------------------------------------------------------------------------------


def uncounted(**fields: object) -> Run:
    return untimed(pb.message_start(**fields), *TEXT, *pb.ending())


@pytest.mark.parametrize(
    ("run", "headers", "sign"),
    [
        (untimed(nameless(WHOLE)), {}, "no event: names"),
        (untimed(*WHOLE, pb.DONE), {}, "a closing [DONE]"),
        (untimed(*WHOLE, pb.NAMED_DONE), {}, "a closing [DONE]"),
        (untimed(nameless(WHOLE), pb.DONE), {}, "no event: names and a closing [DONE]"),
        (untimed(*WHOLE), {"x-litellm-version": "1"}, "the header x-litellm-version"),
        (untimed(*WHOLE), {"server": "uvicorn"}, "no request-id, and the server uvicorn"),
    ],
)
def test_gateway(run: Run, headers: dict[str, str], sign: str) -> None:
    finding = found(run, headers=headers)[0]
    assert (finding.code, finding.level) == ("gateway", "notice")
    assert finding.text == (
        f"This is not what the API itself sends: {sign}. It fits a gateway in between."
    )
    assert codes(run, headers=headers) == ["gateway", "healthy"]


def test_usage_that_comes_late_is_a_sign() -> None:
    start = pb.message_start()
    del start["message"]["usage"]
    end = pb.message_delta("end_turn", {"input_tokens": 25, "output_tokens": 15})
    run = untimed(start, *TEXT, end, pb.message_stop())
    assert "no usage in message_start." in told(run)["gateway"].text
    assert codes(run) == ["gateway", "healthy"]
    bare = untimed(start, *TEXT, pb.message_delta(usage=None), pb.message_stop())
    assert codes(bare) == ["usage_missing"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"server": "cloudflare", "cf-ray": "1", "request-id": "req_1"},
        {"server": "cloudflare"},
        {"server": "uvicorn", "request-id": "req_1"},
    ],
)
def test_the_api_itself_is_no_gateway(headers: dict[str, str]) -> None:
    assert codes(untimed(*WHOLE), headers=headers) == ["healthy"]


def test_files_of_bare_events_have_no_names() -> None:
    assert codes(untimed(nameless(WHOLE)), bare=True) == ["healthy"]


# --- anomalies ------------------------------------------------------------------------------------


def test_anomalies() -> None:
    odd = [pb.text_start(1), pb.text(7, "x"), pb.text(7, "y"), pb.block_stop(1), pb.block_stop(1)]
    run = untimed(*answer(*TEXT, *odd, pb.block_stop(9)))
    finding = found(run)[0]
    assert (finding.code, finding.level) == ("anomalies", "notice")
    assert finding.text == (
        "The stream left the protocol in 4 places: unknown_index (event 5), double_stop (event 8) "
        "and block_not_stopped (event 11)."
    )
    assert finding.events == (5, 8, 11)
    assert codes(run) == ["anomalies", "healthy"]


def test_what_is_merely_unknown_is_no_anomaly() -> None:
    new = [
        {"type": "new_event"},
        pb.block_start(1, "new_block"),
        pb.delta(1, "new_delta", x=1),
        pb.block_stop(1),
    ]
    run = untimed(*answer(*TEXT, *new))
    assert len(run.state.anomalies) == 3
    assert codes(run) == ["healthy"]


def test_what_is_said_already_is_not_counted() -> None:
    run = untimed(*answer(*pb.tool_block(0, "{"), stop="tool_use"))
    assert [note.code for note in run.state.anomalies] == ["invalid_tool_json"]
    assert codes(run) == ["invalid_tool_json"]


# --- healthy --------------------------------------------------------------------------------------


def test_healthy() -> None:
    end = pb.message_delta("end_turn", {"output_tokens": 412})
    run = timed(
        (0.5, pb.message_start(), pb.text_start()),
        (0.61, pb.text(0, "Hello")),
        (0.9, pb.text(0, " there")),
        (3.1, pb.block_stop(0), end, pb.message_stop()),
    )
    (finding,) = found(run)
    assert (finding.code, finding.level, finding.advice) == ("healthy", "info", None)
    assert finding.text == (
        "Complete: 412 tokens in 3.1 s, first word after 0.61 s, no gap over 0.3 s."
    )
    assert finding.values == {
        "tokens": 412,
        "total_s": 3.1,
        "first_word_s": 0.61,
        "no_gap_over_s": 0.3,
    }
    assert finding.events == (6,)


STEP = 100_000_000
GAPS = st.lists(
    st.integers(0, 2_000_000_000)
    | st.sampled_from([0, STEP - 1, STEP, STEP + 1, 1 << 24, 19 * STEP]),
    min_size=1,
    max_size=40,
)


@given(GAPS, st.sampled_from([1, 60, 1_000]))
def test_no_gap_is_over_what_is_said(gaps: list[int], times: int) -> None:
    state = RunState()
    state.gaps_ns = array("q", gaps * times)
    said = no_gap_over(state)
    assert said is not None and said % STEP == 0
    assert said - STEP < max(*gaps, 1) <= said
    state.stalls.append((5, 2_050_000_000))
    assert no_gap_over(state) == 21 * STEP
    assert no_gap_over(RunState()) is None


def test_healthy_says_only_what_is_known() -> None:
    assert found(untimed(*WHOLE))[0].text == "Complete: 15 tokens."
    one = untimed(
        pb.message_start(), *TEXT, pb.message_delta(usage={"output_tokens": 1}), pb.message_stop()
    )
    assert found(one)[0].text == "Complete: 1 token."
    start = pb.message_start({"type": "text", "text": "Hi."}, stop_reason="end_turn")
    assert found(untimed(start, pb.message_stop()))[0].text == "Complete: 3 characters."


# --- all of them ----------------------------------------------------------------------------------


def test_a_run_that_goes_on_has_no_verdict_yet() -> None:
    session = Session()
    session.feed(0, pb.wire(*WHOLE[:4]))
    assert diagnose(Evidence(session.run)) == []


def test_every_rule_stands_in_the_table_once() -> None:
    assert len(set(CODES)) == len(CODES) == len(RULES) + 2
    known = set(CODES)
    assert all(set(rule.gives_way_to) <= known for rule in RULES)


def test_the_shape() -> None:
    (finding,) = found(untimed(*WHOLE))
    assert finding.to_json() == {
        "code": "healthy",
        "level": "info",
        "text": "Complete: 15 tokens.",
        "advice": None,
        "events": [5],
        "values": {"tokens": 15},
    }


def test_within_a_level_endings_come_first() -> None:
    run = timed((6.0, *answer(*TEXT, stop="max_tokens", output_tokens=99)))
    run.state.usage.clear()
    assert codes(run) == ["max_tokens", "usage_missing", "slow_first_byte"]


ENDS: list[End] = ["eof", "reset", "timeout", "cancelled", "http_error"]
REQUESTS = st.fixed_dictionaries(
    {"messages": st.just([{"role": "user", "content": "Hi."}])},
    optional={"model": st.sampled_from(["claude-x", "m"]), "max_tokens": st.integers(0, 9)},
)


@settings(max_examples=few(20))
@given(broken_events(), st.data())
def test_any_events_have_a_verdict(events: list[JsonObject], data: st.DataObject) -> None:
    how = data.draw(st.sampled_from(ENDS))
    step_ns = data.draw(st.sampled_from([0, 10**6, 3 * 10**9]))
    session = Session()
    for number, chunk in enumerate(data.draw(cuts(pb.wire(*events)))):
        session.feed(number * step_ns, chunk)
    session.finish(10**12, how)
    request = data.draw(st.none() | REQUESTS)
    before: Evidence | None = None
    for run in session.runs:
        evidence = Evidence(run, request=request, before=before, next_request=request)
        check(evidence, diagnose(evidence))
        before = evidence


@given(st.binary(max_size=80).flatmap(cuts))
def test_any_bytes_have_a_verdict(chunks: list[bytes]) -> None:
    for run in pb.run(chunks).runs:
        check(Evidence(run), diagnose(Evidence(run)))
