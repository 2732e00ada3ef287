"""Requests are looked up by their ends; the outcome is that of comparing each with all before."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tui.core.records import JsonObject
from tui.messages.following import is_of, items_of, same
from tui.messages.linking import Link, Linker, RequestAndAnswer, begins_with, link

BLOCKS = st.sampled_from(
    [
        {"type": "text", "text": "Hi."},
        {"type": "text", "text": "Go on."},
        {"type": "text", "text": "Go on.", "cache_control": {"type": "ephemeral"}},
        {"type": "tool_use", "id": "t1", "name": "look", "input": {}},
        {"type": "tool_result", "tool_use_id": "t1", "content": "seen"},
        {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "seen"}]},
        {"type": "image", "source": {"data": "a"}},
        {"type": "image", "source": {"data": "b"}},
    ]
)
CONTENTS = st.sampled_from(["Hi.", "Go on.", ""]) | st.lists(BLOCKS, max_size=2)
TURNS = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": CONTENTS}),
    max_size=5,
)
REQUESTS = st.fixed_dictionaries({"messages": TURNS, "model": st.sampled_from(["m", "n"])})
ANSWERS = st.none() | st.fixed_dictionaries(
    {"content": st.lists(BLOCKS, max_size=2), "id": st.sampled_from(["msg_1", "msg_2"])}
)
EXCHANGES = st.lists(st.builds(RequestAndAnswer, REQUESTS, ANSWERS), max_size=6)


def is_prefix(start: JsonObject, whole: JsonObject) -> bool:
    one, other = items_of(start), items_of(whole)
    return len(one) <= len(other) and all(
        a.role == b.role and same(a.block, b.block) for a, b in zip(one, other, strict=False)
    )


def extended(exchanges: Sequence[RequestAndAnswer], request: JsonObject) -> int | None:
    """What `link` finds by turns, by comparing with every request before."""
    count = len(items_of(request))
    sizes = [len(items_of(one.request or {})) for one in exchanges]
    for length in range(count - 1, 0, -1):
        found = [
            number
            for number, one in enumerate(exchanges)
            if sizes[number] == length and is_prefix(one.request or {}, request)
        ]
        if not found:
            continue
        back = []
        for role, block in items_of(request)[length:]:
            if role != "assistant":
                break
            back.append(block)
        fitting = [number for number in found if is_of(exchanges[number].answer, back)]
        if fitting:
            return fitting[-1]
        return None if back else found[-1]
    return None


@given(EXCHANGES)
def test_looking_up_finds_what_comparing_finds(exchanges: list[RequestAndAnswer]) -> None:
    links = link(exchanges)
    for number, found in enumerate(links):
        request = exchanges[number].request
        assert request is not None
        earlier = exchanges[:number]
        wanted = extended(earlier, request)
        if wanted is not None:
            # Or one that goes on from there, the call of which is sent back.
            before = found.before
            while before is not None and before > wanted:
                before = links[before].before
            assert before == wanted
        same_ones = [
            place
            for place, one in enumerate(earlier)
            if is_prefix(one.request or {}, request)
            and is_prefix(request, one.request or {})
            and (one.request or {})["model"] == request["model"]
        ]
        assert found.times == len(same_ones)
        assert found.same == (same_ones[-1] if same_ones else None)


@given(TURNS, TURNS)
def test_beginnings(start: list[JsonObject], rest: list[JsonObject]) -> None:
    assert begins_with([*start, *rest], start)
    assert begins_with(rest, start) == is_prefix({"messages": start}, {"messages": rest})


def test_where_an_earlier_turn_was_changed_the_call_that_is_sent_back_tells() -> None:
    def turns(*numbers: int) -> list[JsonObject]:
        found: list[JsonObject] = [{"role": "user", "content": "Hi."}]
        for number in numbers:
            call = {"type": "tool_use", "id": f"t{abs(number)}", "name": "look", "input": {}}
            thought = [{"type": "thinking", "thinking": f"So {number}."}] if number > 0 else []
            result = {"type": "tool_result", "tool_use_id": f"t{abs(number)}", "content": "ok"}
            found.append({"role": "assistant", "content": [*thought, call]})
            found.append({"role": "user", "content": [result]})
        return found

    linker = Linker()
    for number in (1, 2):
        linker.ask({"messages": turns(*range(1, number))})
        linker.answered(number - 1, {"content": turns(number)[1]["content"]})
    assert linker.ask({"messages": turns(-1, 2)}) == Link(1)
    # Another conversation with the same ids, as a mock makes them.
    linker.ask({"messages": [{"role": "user", "content": "Other."}]})
    linker.answered(3, {"content": turns(2)[1]["content"]})
    assert linker.ask({"messages": turns(1)}).before == 0


def test_ten_thousand_requests_of_a_few_conversations() -> None:
    linker = Linker()
    turns: list[list[JsonObject]] = [
        [{"role": "user", "content": f"Task {n}."}] for n in range(200)
    ]
    for number in range(10_000):
        history = turns[number % 200]
        request = {"messages": [*history]}
        wanted = number - 200 if number >= 200 else None
        assert linker.ask(request) == Link(wanted)
        call = {"type": "tool_use", "id": f"t{number}", "name": "look", "input": {}}
        linker.answered(number, {"id": f"m{number}", "content": [call]})
        result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": "ok"}
        history.append({"role": "assistant", "content": [call]})
        history.append({"role": "user", "content": [result]})


def test_of_a_long_request_only_its_end_is_looked_up() -> None:
    linker = Linker()
    looked_up: list[int] = []
    find = linker._find
    linker._find = lambda turns, left: looked_up.append(left) or find(turns, left)  # type: ignore
    turns: list[JsonObject] = [{"role": "user", "content": f"{n}"} for n in range(20_000)]
    for _ in range(2):
        linker.ask({"messages": turns})
    assert len(looked_up) <= 2 * 5_000
    more = [*turns, {"role": "assistant", "content": "So."}, {"role": "user", "content": "On."}]
    assert linker.ask({"messages": more}).before == 1


def test_a_branch_shares_the_beginning_of_another() -> None:
    linker = Linker()
    first = [{"role": "user", "content": "Hi."}]
    linker.ask({"messages": first})
    linker.answered(0, {"content": [{"type": "text", "text": "Hello there."}]})
    other = [*first, {"role": "assistant", "content": "Something else."}]
    found = linker.ask({"messages": [*other, {"role": "user", "content": "And?"}]})
    assert found == Link(None, shares=0)


def test_an_answer_that_is_not_known_yet_may_be_any() -> None:
    linker = Linker()
    first = [{"role": "user", "content": "Hi."}]
    linker.ask({"messages": first})
    other = [*first, {"role": "assistant", "content": "Something."}]
    more = [*other, {"role": "user", "content": "And?"}]
    assert linker.ask({"messages": more}) == Link(0)
    linker.answered(0, None)
    assert linker.ask({"messages": more}) == Link(None, 1, 1, shares=0)
