"""What a usage object says beside its counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import hostile_in, hostile_text
from tui.viewmodel.usage_words import usage_words


def test_what_is_as_usual_is_not_said() -> None:
    usage = {
        "input_tokens": 3,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": None},
        "service_tier": "standard",
        "speed": "standard",
        "iterations": [{"type": "message", "input_tokens": 3}],
    }
    assert usage_words(usage) == []
    assert usage_words({}) == []


def test_the_parts_of_the_counts_are_said() -> None:
    usage = {
        "cache_creation": {"ephemeral_5m_input_tokens": 1_200, "ephemeral_1h_input_tokens": 88},
        "service_tier": "priority",
        "speed": "fast",
        "iterations": [
            {"type": "message", "model": "m", "input_tokens": 12, "output_tokens": 5},
            {"type": "compaction", "input_tokens": 9_000, "cache_read_input_tokens": 7},
            {"type": "advisor_message", "model": "claude-x", "cache_creation_input_tokens": 4},
            {"type": "fallback_message", "model": "claude-y"},
            "odd",
        ],
    }
    assert usage_words(usage) == [
        "written to the cache: 1200 for 5 min, 88 for 1 h",
        "passes: message in 12 out 5; compaction in 9000 read 7; advisor (claude-x) write 4; "
        "fallback (claude-y)",
        "service tier: priority",
        "speed: fast",
    ]


def test_a_single_pass_of_another_kind_is_said_and_many_are_counted() -> None:
    assert usage_words({"iterations": [{"type": "compaction"}]}) == ["passes: compaction"]
    (line,) = usage_words({"iterations": [{"type": "message"}] * 9})
    assert line == f"passes: {'; '.join(['message'] * 6)}; and 3 more"


ANY = st.one_of(st.none(), st.integers(), hostile_text(5), st.lists(hostile_text(3), max_size=2))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "service_tier": ANY,
            "speed": ANY,
            "cache_creation": ANY | st.dictionaries(hostile_text(3), ANY, max_size=2),
            "iterations": ANY | st.lists(st.fixed_dictionaries({"type": ANY, "model": ANY})),
        },
    )
)
def test_whatever_comes_is_safe_to_draw(usage: dict[str, object]) -> None:
    assert not any(hostile_in(line) for line in usage_words(usage))
