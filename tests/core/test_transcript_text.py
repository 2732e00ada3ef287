"""What a message gained, told as text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests import playbook as pb
from tui.core.buffer import Buffer
from tui.core.session import Session
from tui.core.transcript_text import Gain, TranscriptText, call_line

STREAM = pb.wire(
    pb.message_start(),
    # Both are open at the same time: the second one waits.
    pb.text_start(0),
    pb.text_start(1),
    pb.text(1, "three "),
    pb.text(0, "One "),
    pb.text(0, "two"),
    pb.block_stop(0),
    pb.text(1, "four"),
    pb.block_stop(1),
    *pb.tool_block(2, '{"a": ', "1}"),
    *pb.ending(),
)


def told(gains: list[Gain]) -> list[str]:
    """All text of each block, in the order in which it was told."""
    texts: dict[int, str] = {}
    for block, text, _, _ in gains:
        texts[block.index] = texts.get(block.index, "") + text
    assert list(texts) == sorted(texts)
    return list(texts.values())


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_blocks_are_told_once_and_one_after_another(places: list[int]) -> None:
    session, text = Session(), TranscriptText()
    gains: list[Gain] = []
    for number, data in enumerate(pb.cut(STREAM, places)):
        session.feed(number, data)
        gains += text.take(session.run.state)
    session.finish(100)
    gains += text.take(session.run.state)
    assert told(gains) == ["One two", "three four", ""]
    assert [block.index for block, _, over, _ in gains if over] == [0, 1, 2]
    assert call_line(gains[-1].block) == '\u2192 get_weather {"a": 1}'
    assert list(text.take(session.run.state)) == []


def test_what_is_held_back_is_told_later_and_nothing_overtakes_it() -> None:
    state = pb.run([STREAM]).run.state
    text, held = TranscriptText(), Buffer("One")
    assert [gain[1:] for gain in text.take(state, {0: held})] == [("One", False, True)]
    assert [gain[1:] for gain in text.take(state, {0: held})] == [("", False, False)]
    assert [gain[1:] for gain in text.take(state)] == [
        (" two", True, False),
        ("three four", True, True),
        ("", True, True),
    ]


def test_a_call_is_one_line_that_is_safe_to_print() -> None:
    name = "two\nlines\x1b[2J"
    state = pb.run([pb.wire(pb.message_start(), *pb.tool_block(0, '{"a"', name=name))]).run.state
    (gain,) = TranscriptText().take(state)
    line = call_line(gain.block, "  (not valid JSON)")
    assert line.endswith('{"a"  (not valid JSON)')
    assert "\n" not in line and "\x1b" not in line
