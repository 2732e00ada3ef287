"""Input tokens of a request, and what the prompt cache makes of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.manual_clock import ManualClock
from tui.mock.usage import LOOKBACK, MINIMUM, Counted, PromptCache, estimate_tokens

MINUTE = 60_000_000_000
MARK = {"type": "ephemeral"}
LONG = "word " * 1_000
BASE: dict[str, Any] = {"model": "claude-sonnet-5-5", "max_tokens": 9}


def block(text: str, mark: dict[str, str] | None = None) -> dict[str, Any]:
    return {"type": "text", "text": text} | ({} if mark is None else {"cache_control": mark})


def written(counted: Counted) -> int:
    return sum(counted.written.values())


def asking(*blocks: dict[str, Any], **more: object) -> dict[str, Any]:
    return {**BASE, "messages": [{"role": "user", "content": list(blocks)}], **more}


def test_a_quarter_of_the_characters() -> None:
    few = estimate_tokens(asking(block("Hi")))
    more = estimate_tokens(asking(block("Hi" + "x" * 400)))
    assert (more - few, estimate_tokens({})) == (100, 4)


def test_a_picture_is_not_counted_by_its_characters() -> None:
    def picture(size: int) -> dict[str, Any]:
        source = {"type": "base64", "media_type": "image/png", "data": "A" * size}
        return asking({"type": "image", "source": source})

    assert estimate_tokens(picture(10)) == estimate_tokens(picture(1_000_000)) < 2_000


def test_without_marks_all_is_input() -> None:
    body = asking(block(LONG))
    assert PromptCache().count(body) == Counted(estimate_tokens(body))


def test_a_marked_prefix_is_written_and_then_read() -> None:
    cache = PromptCache()
    body = asking(block("Hello"), system=[block(LONG, MARK)])
    first, second = cache.count(body), cache.count(body)
    assert written(first) >= MINIMUM and first.read == 0
    assert (second.read, written(second)) == (written(first), 0)
    assert first.input == second.input == estimate_tokens(body) - written(first)


def test_what_is_new_after_the_prefix_is_input() -> None:
    cache = PromptCache()
    system = [block(LONG, MARK)]
    cache.count(asking(block("One question"), system=system))
    other = cache.count(asking(block("Another question, which is longer"), system=system))
    assert other.read >= MINIMUM and written(other) == 0 and other.input < 50


def test_a_short_prefix_is_not_cached() -> None:
    cache = PromptCache()
    body = asking(block("x" * (4 * MINIMUM - 40), MARK))
    assert cache.count(body) == cache.count(body) == Counted(estimate_tokens(body))


def test_a_conversation_that_grows_reads_what_it_has_written() -> None:
    cache = PromptCache()
    first = asking(block(LONG, MARK))
    begun = written(cache.count(first))
    answer = {"role": "assistant", "content": "Yes."}
    more = {"role": "user", "content": [block("And " + LONG, MARK)]}
    grown = {**BASE, "messages": [*asking(block(LONG))["messages"], answer, more]}
    second = cache.count(grown)
    assert second.read == begun
    assert written(second) > MINIMUM
    assert cache.count(grown).read == second.read + written(second)


def test_the_cache_is_searched_only_so_far_back() -> None:
    for between, found in ((LOOKBACK - 1, True), (LOOKBACK, False)):
        cache = PromptCache()
        cache.count(asking(block(LONG, MARK)))
        later = [block(str(number)) for number in range(between - 1)]
        counted = cache.count(asking(block(LONG), *later, block("end", MARK)))
        assert (counted.read > 0) is found


def test_every_part_of_the_prefix_counts() -> None:
    tool = {"name": "t", "input_schema": {"type": "object"}}
    body = asking(block(LONG, MARK), system="Be brief.", tools=[tool])
    for change in (
        {"system": "Be long."},
        {"tools": [{**tool, "name": "u"}]},
        {"model": "claude-opus-5-5"},
        {"messages": [{"role": "user", "content": [block("x" + LONG, MARK)]}]},
    ):
        cache = PromptCache()
        cache.count(body)
        assert cache.count({**body, **change}).read == 0
        # Tools come first, then the system prompt, then the messages.
        assert cache.count(body).read > 0


def test_text_alone_is_a_block_of_text() -> None:
    cache = PromptCache()
    cache.count(asking(block("Hello"), system=[block(LONG, MARK)], cache_control=None))
    body = {**BASE, "system": LONG, "messages": [{"role": "user", "content": "Hello"}]}
    assert cache.count({**body, "cache_control": MARK}).read >= MINIMUM


def test_a_mark_on_the_whole_is_one_on_the_last_block() -> None:
    cache = PromptCache()
    body = asking(block(LONG), block("Hello"), cache_control=MARK)
    first = cache.count(body)
    assert written(first) == cache.count(body).read > MINIMUM


def test_how_long_it_is_kept_is_told() -> None:
    for ttl in ("5m", "1h"):
        counted = PromptCache().count(asking(block(LONG, {**MARK, "ttl": ttl})))
        assert list(counted.written) == [ttl]
    assert list(PromptCache().count(asking(block(LONG, MARK))).written) == ["5m"]


def test_what_is_kept_longer_comes_first_and_is_counted_apart() -> None:
    body = asking(block(LONG, MARK), system=[block(LONG * 2, {**MARK, "ttl": "1h"})])
    counted = PromptCache().count(body)
    assert counted.written["1h"] > 1.9 * counted.written["5m"] > MINIMUM
    assert counted.input + written(counted) == estimate_tokens(body)


@pytest.mark.parametrize(("ttl", "minutes"), [("5m", 5), ("1h", 60)])
def test_it_is_kept_so_long_after_its_last_use(ttl: str, minutes: int) -> None:
    clock = ManualClock()
    cache = PromptCache(now=clock)
    body = asking(block("Hello"), system=[block(LONG, {**MARK, "ttl": ttl})])
    size = written(cache.count(body))
    for _ in range(3):  # Each use keeps it anew.
        clock.now_ns += minutes * MINUTE - 1
        assert cache.count(body).read == size
    clock.now_ns += minutes * MINUTE
    late = cache.count(body)
    assert (late.read, dict(late.written)) == (0, {ttl: size})


def test_what_was_written_for_longer_outlives_the_rest() -> None:
    clock = ManualClock()
    cache = PromptCache(now=clock)
    body = asking(block(LONG, MARK), system=[block(LONG, {**MARK, "ttl": "1h"})])
    first = cache.count(body)
    clock.now_ns += 6 * MINUTE
    later = cache.count(body)
    assert later.read == first.written["1h"]
    assert dict(later.written) == {"5m": first.written["5m"]}


def test_the_oldest_prefixes_are_forgotten() -> None:
    cache = PromptCache(size=2)
    bodies = [asking(block(f"{number} {LONG}", MARK)) for number in range(3)]
    cache.count(bodies[0])
    cache.count(bodies[1])
    assert cache.count(bodies[0]).read > 0  # Used, and so the newest.
    cache.count(bodies[2])
    assert cache.count(bodies[1]).read == 0
    assert len(cache._held) == 2


@given(st.lists(st.tuples(st.integers(1, 6_000), st.booleans()), min_size=1, max_size=4))
def test_nothing_is_counted_twice_or_lost(parts: list[tuple[int, bool]]) -> None:
    cache = PromptCache()
    body = asking(*(block("x" * size, MARK if marked else None) for size, marked in parts))
    for _ in range(2):
        counted = cache.count(body)
        assert counted.input + written(counted) + counted.read == estimate_tokens(body)
        assert min(counted.input, counted.read, *counted.written.values()) >= 0
    assert written(counted) == 0
