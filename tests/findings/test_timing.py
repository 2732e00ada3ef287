"""Findings on where the time went. Every threshold has a stream just under it that says nothing."""

from __future__ import annotations

import pytest

from tests import playbook as pb
from tests.findings_play import Read, answer, codes, found, ns, timed, told, words
from tui.core.records import JsonObject
from tui.core.session import Run
from tui.findings import Evidence, holding, reads, timing

OPEN = (pb.message_start(), pb.text_start())
CLOSE = (pb.block_stop(0), pb.message_delta(usage={"output_tokens": 300}), pb.message_stop())


def spread(count: int, start: float, step: float) -> list[tuple[float, JsonObject]]:
    """Return text deltas at even distances, a read each."""
    return [(start + step * number, pb.text(0, "word")) for number in range(count)]


# --- buffered -------------------------------------------------------------------------------------


def buffered(early: int, late: int, at: float = 9.4, span: float = 0.0) -> Run:
    """Some chunks at their pace, then the others in reads over `span` seconds."""
    first = spread(early, 0.5, 0.02)
    step = span / max(late - 1, 1)
    burst: list[Read]
    if span:
        burst = [(at + step * number, pb.text(0, "word")) for number in range(late)]
    else:
        burst = [(at, *words(late))]
    return timed((0.4, *OPEN), *first, *burst, (at + 0.2, *CLOSE))


def test_buffered() -> None:
    finding = found(buffered(12, 288))[0]
    assert (finding.code, finding.level) == ("buffered", "warning")
    assert finding.text == (
        "288 of 300 content chunks came in one read, 9.4 s after the request: "
        "something between the API and here holds the stream back."
    )
    assert finding.events == (14, 301)
    assert finding.values == {
        "share": 0.96,
        "chunks": 288,
        "of": 300,
        "reads": 1,
        "after_s": 9.4,
    }
    assert finding.advice is not None and "X-Accel-Buffering: no" in finding.advice
    assert codes(buffered(12, 288)) == ["buffered"]


def test_a_burst_is_all_reads_within_100_ms_of_its_first() -> None:
    finding = told(buffered(0, 50, span=0.1))["buffered"]
    assert (finding.values["reads"], finding.values["share"]) == (50, 1.0)
    assert "in 50 reads within 0.10 s, 9.4 s after" in finding.text
    assert "buffered" not in told(buffered(0, 50, span=0.13))
    # 40 of 50 in 100 ms, and then 10 more at leisure.
    tail = spread(10, 9.6, 0.02)
    run = timed((0.4, *OPEN), *spread(40, 9.4, 0.1 / 39), *tail, (10, *CLOSE))
    assert told(run)["buffered"].values["chunks"] == 40


@pytest.mark.parametrize(
    ("run", "fires"),
    [
        (buffered(0, 50), True),
        (buffered(0, 49), False),
        (buffered(10, 40), True),
        (buffered(11, 40), False),
        (buffered(0, 60, at=1.0), True),
        (buffered(0, 60, at=0.999), False),
    ],
    ids=["50", "49", "80 %", "under", "1 s", "early"],
)
def test_how_much_is_buffered(run: Run, fires: bool) -> None:
    assert ("buffered" in told(run)) == fires
    assert (reads.BUFFERED_CHUNKS, reads.BUFFERED_SHARE) == (50, 0.8)


def test_the_largest_burst_is_told() -> None:
    # One chunk a little before: from there on, a burst would miss the last ones.
    run = timed((0.4, *OPEN), (9.33, pb.text(0, "a")), *spread(99, 9.4, 0.001), (10, *CLOSE))
    finding = told(run)["buffered"]
    assert finding.values["chunks"] == 99
    assert finding.values["after_s"] == 9.4


def test_what_buffering_explains_is_no_slow_first_byte_and_not_bunched() -> None:
    run = timed((9.4, *answer(*pb.text_block(0, *["word"] * 300))))
    assert codes(run) == ["buffered"]


def test_input_of_tools_does_not_count_as_buffered() -> None:
    parts = pb.tool_block(0, '{"a": "', *["word"] * 80, '"}')
    run = timed((0.4, pb.message_start()), (1.5, *parts, *pb.ending("tool_use")))
    assert "buffered" not in told(run)


def test_thinking_counts_as_buffered() -> None:
    thoughts = [pb.thinking(0, "hm") for _ in range(60)]
    parts = [pb.thinking_start(0), *thoughts, pb.block_stop(0), *pb.text_block(1, "x")]
    assert "buffered" in told(timed((0.4, pb.message_start()), (3.0, *parts, *pb.ending())))


def test_coarse_times_say_nothing_about_bursts() -> None:
    run = buffered(12, 288)
    assert "buffered" in told(run, resolution_ns=10_000_000)
    assert "buffered" not in told(run, resolution_ns=10_000_001)
    # A second's resolution, 20 chunks a second: each of them 20 reads at the same time.
    steady = [(float(1 + n // 20), pb.text(0, "word")) for n in range(200)]
    assert codes(timed((1.0, *OPEN), *steady, (12.0, *CLOSE))) == ["healthy"]


def test_a_burst_at_a_round_time_is_a_burst() -> None:
    single = [(0.5 + n / 10, pb.text(0, "word")) for n in range(12)]
    burst = [(9.4, pb.text(0, "word")) for _ in range(288)]
    run = timed((0.4, *OPEN), *single, *burst, (9.4, *CLOSE))
    assert codes(run) == ["buffered"]


def test_a_later_message_of_a_body_has_no_request_of_its_own() -> None:
    session = pb.run([pb.wire(*answer(*pb.text_block(0, "a")))])
    assert len(session.runs) == 1
    from tui.core.session import Session

    session = Session()
    session.feed(ns(0.5), pb.wire(*answer(*pb.text_block(0, "a"))))
    session.feed(ns(9), pb.wire(*answer(*pb.text_block(0, *["word"] * 99))))
    session.finish(ns(9))
    assert codes(session.runs[1]) == ["healthy"]


# --- bunched --------------------------------------------------------------------------------------


def bunches(size: int, count: int, step: float) -> Run:
    bursts = [(0.5 + step * number, *words(size)) for number in range(count)]
    return timed((0.4, *OPEN), *bursts, (0.6 + step * count, *CLOSE))


def test_bunched() -> None:
    finding = found(bunches(12, 20, 0.1))[0]
    assert (finding.code, finding.level) == ("bunched", "notice")
    assert finding.text == (
        "Half of the reads bring 12 content chunks or more at once (240 chunks over 1.9 s): "
        "it fits a proxy or a client that collects them."
    )


@pytest.mark.parametrize(
    ("size", "count", "step", "fires"),
    [
        (8, 20, 0.1, True),
        (7, 20, 0.1, False),
        (9, 11, 0.2, False),
        (10, 11, 0.1, True),
        (10, 11, 0.0999, False),
    ],
    ids=["8 a read", "7 a read", "99 chunks", "1 s", "under 1 s"],
)
def test_how_much_is_bunched(size: int, count: int, step: float, fires: bool) -> None:
    assert ("bunched" in codes(bunches(size, count, step))) == fires


def test_compressed() -> None:
    run = bunches(1, 5, 0.1)
    finding = found(run, headers={"content-encoding": "gzip"})[1]
    assert (finding.code, finding.level) == ("compressed", "info")
    assert finding.text.startswith("The stream came packed with gzip: ")
    assert codes(run, headers={"content-encoding": "gzip"}) == ["healthy", "compressed"]
    assert codes(run, headers={"content-encoding": "identity"}) == ["healthy"]


# --- the first byte -------------------------------------------------------------------------------


def test_slow_first_byte() -> None:
    whole = answer(*pb.text_block(0, "a"))
    (finding,) = found(timed((5.0, *whole)))
    assert (finding.code, finding.level) == ("slow_first_byte", "warning")
    assert finding.text == (
        "The first byte came after 5.0 s: the wait was before the stream began, "
        "which fits a queue, a very long prompt, or something that holds the answer back."
    )
    assert codes(timed((4.999, *whole))) == ["healthy"]
    assert codes(timed((50.0, *whole), known=False)) == ["healthy"]


# --- stalls ---------------------------------------------------------------------------------------


def test_stall() -> None:
    run = timed((0.5, *OPEN, pb.text(0, "a")), (3.6, pb.text(0, "b")), (3.7, *CLOSE))
    (finding,) = found(run)
    assert (finding.code, finding.level, finding.events) == ("stall", "warning", (3,))
    assert finding.text == (
        "Nothing came for 3.1 s inside a text block (0), before event 3, without a ping: "
        "it fits a server or a network that stood still."
    )
    quiet = timed((0.5, *OPEN, pb.text(0, "a")), (3.5, pb.text(0, "b")), (3.6, *CLOSE))
    assert codes(quiet) == ["healthy"]
    assert quiet.metrics().stalls == 1


def test_the_longest_stall_is_told_and_all_are_counted() -> None:
    run = timed(
        (0.5, *OPEN, pb.text(0, "a")),
        (4.0, pb.text(0, "b")),
        (6.0, pb.ping()),
        (9.0, pb.text(0, "c")),
        (9.1, *CLOSE),
    )
    finding = found(run)[0]
    assert finding.text == (
        "Nothing came for 5.0 s inside a text block (0), before event 5, with 1 ping: "
        "the connection lived, the model or its server stood still. "
        "There were 2 in all, 8.5 s together."
    )
    assert finding.events == (5, 3)


def test_thinking_may_pause_for_longer() -> None:
    def thinking(gap: float) -> Run:
        return timed(
            (0.5, pb.message_start(), pb.thinking_start(0), pb.thinking(0, "a")),
            (0.5 + gap, pb.thinking(0, "b"), pb.block_stop(0)),
            (1.0 + gap, *pb.text_block(1, "x"), *pb.ending()),
        )

    assert "stall" in told(thinking(10.01))
    assert "stall" not in told(thinking(10.0))


def test_a_gap_between_two_blocks_is_no_stall() -> None:
    run = timed(
        (0.5, *OPEN, pb.text(0, "a"), pb.block_stop(0), pb.text_start(1)),
        (8.0, pb.text(1, "b"), pb.block_stop(1), *pb.ending()),
    )
    assert codes(run) == ["healthy"]
    assert run.metrics().stalls == 1


# --- tools ----------------------------------------------------------------------------------------


def held(gap: float, *pieces: str, request: JsonObject | None = None) -> Evidence:
    """A call whose input comes some time after its start, all of it at once."""
    run = timed(
        (0.5, pb.message_start(), pb.tool_start(0)),
        (0.5 + gap, *(pb.fragment(0, piece) for piece in pieces), pb.block_stop(0)),
        (0.6 + gap, *pb.ending("tool_use")),
    )
    return Evidence(run, request=request)


def test_withheld_tool_input() -> None:
    evidence = held(4.1, '{"path"', ': "a.md"', ', "text": "', "once upon", '"}')
    finding = found(evidence)[0]
    assert (finding.code, finding.level, finding.events) == ("withheld_tool_input", "notice", (2,))
    assert finding.text == (
        "The input of get_weather came in 1 piece after 4.1 s of silence in all: the API "
        "sends a value when it is whole, unless fine-grained tool streaming is on."
    )
    assert codes(evidence) == ["withheld_tool_input", "healthy"]
    assert codes(held(2.0, '{"path"', ': "a.md"', "}")) == ["healthy"]
    assert codes(held(2.001, '{"path"', ': "a.md"', "}")) == ["withheld_tool_input", "healthy"]
    assert holding.HELD_NS == ns(2)


@pytest.mark.parametrize("kind", ["server_tool_use", "mcp_tool_use"])
def test_nothing_can_be_set_on_the_servers_own_tools(kind: str) -> None:
    def call(index: int, kind: str) -> list[JsonObject]:
        start = pb.block_start(index, kind, id=f"t{index}", name=kind, input={})
        return [start, pb.fragment(index, '{"query": "x"}'), pb.block_stop(index)]

    own = [(0.5, pb.message_start(), *call(0, kind)[:1]), (4.6, *call(0, kind)[1:])]
    finding = told(timed(*own, (4.7, *pb.ending())))["withheld_tool_input"]
    assert finding.advice is None
    assert finding.text == (
        f"The input of {kind} came in 1 piece after 4.1 s of silence in all: the API "
        "sends a value when it is whole."
    )
    mixed = timed(
        *own, (4.8, *call(1, "tool_use")[:1]), (8, *call(1, "tool_use")[1:]), (8.1, *pb.ending())
    )
    advice = told(mixed)["withheld_tool_input"].advice
    assert advice is not None and advice.startswith("Set eager_input_streaming on the tool")


def test_gaps_within_an_input_count_together() -> None:
    run = timed(
        (0.5, pb.message_start(), pb.tool_start(0), pb.fragment(0, "")),
        (3.0, *(pb.fragment(0, piece) for piece in ('{"a": "', "x" * 60, '"'))),
        (3.2, pb.ping()),
        (7.0, pb.fragment(0, ', "b": "' + "y" * 60), pb.fragment(0, '"}'), pb.block_stop(0)),
        (7.1, *pb.ending("tool_use")),
    )
    finding = found(run)[0]
    assert finding.values == {"total_s": 6.5, "pieces": 2}
    assert finding.events == (7, 3)
    assert codes(run) == ["withheld_tool_input", "healthy"]


def test_a_pause_before_a_call_counts() -> None:
    run = timed(
        (0.5, pb.message_start(), *pb.text_block(0, "I'll look.")),
        (4.0, *pb.tool_block(1, '{"city"', ': "Par', 'is"}')),
        (4.1, *pb.ending("tool_use")),
    )
    assert told(run)["withheld_tool_input"].values == {"total_s": 3.5, "pieces": 1}


def test_input_that_goes_on_at_its_pace_was_not_held_back() -> None:
    slow = [(3.5 + 0.03 * n, pb.fragment(0, "abcd")) for n in range(20)]
    run = timed(
        (0.5, pb.message_start(), pb.tool_start(0), pb.fragment(0, '{"a": "')),
        *slow,
        (4.5, pb.fragment(0, '"}'), pb.block_stop(0), *pb.ending("tool_use")),
    )
    assert codes(run) == ["healthy"]


def test_with_eager_streaming_nothing_is_held_back() -> None:
    pieces = ('{"path"', ': "a.md"', "}")
    tools: JsonObject = {"tools": [{"name": "get_weather", "eager_input_streaming": True}]}
    assert codes(held(5, *pieces, request=tools)) == ["healthy"]
    betas: JsonObject = {"betas": ["fine-grained-tool-streaming-2025-05-14"]}
    assert codes(held(5, *pieces, request=betas)) == ["healthy"]
    other: JsonObject = {"tools": [{"name": "other", "eager_input_streaming": True}]}
    assert "withheld_tool_input" in codes(held(5, *pieces, request=other))


def searched(wait: float) -> Run:
    call = pb.block_start(0, "server_tool_use", id="s1", name="web_search", input={})
    result = pb.block_start(1, "web_search_tool_result", tool_use_id="s1", content=[])
    return timed(
        (0.5, pb.message_start(), call, pb.fragment(0, '{"q": "x"}'), pb.block_stop(0)),
        (0.5 + wait, result, pb.block_stop(1), *pb.text_block(2, "So.")),
        (0.6 + wait, *pb.ending()),
    )


def test_server_tool_wait() -> None:
    finding = found(searched(6.2))[0]
    assert (finding.code, finding.level, finding.events) == ("server_tool_wait", "notice", (4,))
    assert finding.text == (
        "The server's tool web_search took 6.2 s from its call to its result: "
        "the model waited for it."
    )
    assert codes(searched(6.2)) == ["server_tool_wait", "healthy"]
    assert codes(searched(2.0)) == ["healthy"]


# --- decoding -------------------------------------------------------------------------------------


def decoded(tokens: int, duration: float, gap: float = 0.5) -> Run:
    steps = round(duration / gap)
    chunks = spread(steps + 1, 0.5, gap)
    end = [pb.block_stop(0), pb.message_delta("end_turn", {"output_tokens": tokens})]
    return timed((0.5, *OPEN), *chunks, (0.5 + duration, *end, pb.message_stop()))


def test_slow_decode() -> None:
    finding = found(decoded(100, 10))[0]
    assert (finding.code, finding.level) == ("slow_decode", "notice")
    assert finding.text == (
        "100 tokens in 10.0 s of decoding are 10.0 tokens a second, without a stall: "
        "it fits a model under load."
    )
    assert codes(decoded(149, 10)) == ["slow_decode", "healthy"]
    assert codes(decoded(150, 10)) == ["healthy"]
    assert codes(decoded(10, 5)) == ["slow_decode", "healthy"]
    assert codes(decoded(10, 4.999, gap=4.999 / 10)) == ["healthy"]


def test_with_a_stall_decoding_was_not_slow() -> None:
    assert codes(decoded(20, 10, gap=5)) == ["stall"]


def test_waits_are_taken_off() -> None:
    assert codes(searched(30)) == ["server_tool_wait", "healthy"]


def test_untimed_streams_say_nothing_about_time() -> None:
    for run in (searched(30), decoded(20, 10, gap=5), buffered(12, 288)):
        run.timed = False
        assert codes(run, headers={"content-encoding": "br"}) == ["healthy"]
    assert timing.SLOW_FIRST_BYTE_NS == ns(5)
