"""Sections in rows: the same rows whichever are laid out first, and the end before the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style

from tests import playbook as pb
from tests.app_harness import BytesSource, Stage, all_rows, on_stage, rows_of
from tests.viewmodel.test_viewmodel import view_of
from tui.core.records import Chunk, JsonObject
from tui.core.session import Session
from tui.viewmodel import TranscriptItem, TranscriptItems, transcript
from tui.viewmodel.tools import ToolItems, tools
from tui.viewmodel.views import ItemKind
from tui.widgets import transcript as pane_module
from tui.widgets.markdown.theme import MarkdownTheme
from tui.widgets.section_rows import SectionRows
from tui.widgets.sections import SectionStyles

LOOK = SectionStyles(
    lambda name: Style(), lambda name: Style(), MarkdownTheme(), unfolded=False, source=False
)
NEVER = 1 << 60
KINDS: list[ItemKind] = ["text", "tool", "result", "prompt", "thinking", "banner"]


@st.composite
def items(draw: st.DrawFn) -> list[TranscriptItem]:
    count = draw(st.integers(0, 12))
    made = []
    for place in range(count):
        kind = draw(st.sampled_from(KINDS))
        body = draw(st.sampled_from(["", "x", "one\n\ntwo", "word " * 40, "- a\n- b\n\n# c"]))
        made.append(TranscriptItem(("block", place), kind, "label", body, False))
    return made


def rows_of_all(rows: SectionRows) -> list[tuple[object, int] | None]:
    parts = [rows.part(y) for y in range(rows.height)]
    return [None if part is None else (part[0].item.key, part[1]) for part in parts]


@given(items(), st.randoms(use_true_random=False), st.integers(5, 60))
def test_the_order_of_laying_out_does_not_matter(
    given_items: list[TranscriptItem], random: Random, width: int
) -> None:
    whole, bit_by_bit = SectionRows(), SectionRows()
    for rows in (whole, bit_by_bit):
        rows.take(given_items, width, LOOK)
        rows.arrange()
    for entry in whole.entries:
        whole.measure(entry, NEVER)
    whole.arrange()
    order = list(bit_by_bit.entries)
    random.shuffle(order)
    for entry in order:
        assert not entry.measured
        bit_by_bit.measure(entry, NEVER)
        bit_by_bit.arrange()
        shown = [entry for entry in bit_by_bit.entries if entry.height]
        for above, below in zip(shown, shown[1:], strict=False):
            gap = bit_by_bit.start(below) - bit_by_bit.start(above) - above.height
            call = above.item.kind == "tool" and below.item.kind in ("tool", "result")
            assert gap == (0 if call else 1)
    assert rows_of_all(bit_by_bit) == rows_of_all(whole)
    assert bit_by_bit.waiting == 0


@given(items(), st.integers(0, 40), st.integers(0, 10))
def test_what_is_nearest_is_laid_out_next(
    given_items: list[TranscriptItem], top: int, height: int
) -> None:
    rows = SectionRows()
    rows.take(given_items, 30, LOOK)
    rows.arrange()
    assert {entry.number for entry in rows.to_measure(top, top + height)} == set(
        range(len(given_items))
    )
    for entry in rows.within(top, top + height):
        rows.measure(entry, NEVER)
    assert not any(entry.measured for entry in rows.to_measure(top, top + height))


@given(items(), items(), st.integers(5, 60))
def test_what_is_taken_later_is_as_if_it_had_been_there_before(
    before: list[TranscriptItem], after: list[TranscriptItem], width: int
) -> None:
    rows, fresh = SectionRows(), SectionRows()
    rows.take(before, 20, LOOK)
    for known in (rows, fresh):
        known.take(after, width, LOOK)
        for entry in known.entries:
            if not entry.measured:
                known.measure(entry, NEVER)
        known.arrange()
    assert rows_of_all(rows) == rows_of_all(fresh)


# --- items ----------------------------------------------------------------------------------------

EVENTS = [
    *(event for index in range(3) for event in (pb.text_start(index), pb.text(index, "ab"))),
    *(
        event
        for index in range(3)
        for event in (pb.tool_start(index), pb.fragment(index, '{"a": 1}'))
    ),
    *(pb.block_stop(index) for index in range(3)),
    pb.citation(0, {"cited_text": "ab"}),
    pb.text(1, "c"),
]


@given(st.lists(st.sampled_from(EVENTS), max_size=14))
def test_items_made_once_are_as_those_made_anew(events: list[JsonObject]) -> None:
    session = Session()
    made, calls = TranscriptItems(), ToolItems()
    for seq, event in enumerate([pb.message_start(), *events]):
        session.feed(seq, pb.sse(event))
        view = view_of(session)
        assert made.of(view) == transcript(view)
        assert calls.of(view.moment) == tools(view.moment)
    session.finish(100)
    view = view_of(session)
    assert made.of(view) == transcript(view)
    assert calls.of(view.moment) == tools(view.moment)


# --- ten thousand blocks --------------------------------------------------------------------------


def many(count: int) -> BytesSource:
    """Text and calls in turn, and no end: a banner says so."""
    events: list[JsonObject] = [pb.message_start()]
    for index in range(count):
        if index % 2:
            events += pb.tool_block(index, f'{{"n": {index}}}')
        else:
            words = f"Block {index} says so much that it is wrapped. " * (1 + index % 5)
            events += pb.text_block(index, words)
    return BytesSource([Chunk(0, pb.wire(*events))], is_timed=False)


@pytest.fixture
def no_spare_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only what is looked at is laid out, and one section more a tick; ticks come by hand."""
    monkeypatch.setattr("tests.app_harness._TICKS", 1)
    monkeypatch.setattr("tests.app_harness._MOST_TICKS", 0)
    monkeypatch.setattr(pane_module, "_BUDGET_NS", 0)
    yield


def laid_out(stage: Stage) -> int:
    return sum(entry.section is not None for entry in stage.transcript_pane._rows.entries)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_end_of_ten_thousand_blocks_is_there_at_once(
    no_spare_time: None, size: tuple[int, int]
) -> None:
    async with on_stage(many(10_000), size=size) as stage:
        while not stage.moment.done:
            await asyncio.sleep(0)
        assert laid_out(stage) < 300  # While it was read, a screenful a tick.
        ticks = 0
        while "Truncated" not in "".join(rows_of(stage.transcript_pane)):
            stage.app.tick()
            ticks += 1
            assert ticks == 1
        for _ in range(3):
            before = laid_out(stage)
            stage.app.tick()
            assert laid_out(stage) - before <= 1
        assert "#9999" in "".join(rows_of(stage.transcript_pane))


async def test_scrolling_up_into_what_is_not_laid_out_never_jumps(no_spare_time: None) -> None:
    async with on_stage(many(2_000), size=(80, 24)) as stage:
        await stage.settle()  # The verdict has taken its row.
        pane = stage.transcript_pane
        seen = rows_of(pane)
        for _ in range(60):
            pane.scroll_relative(y=-3, animate=False, force=True, immediate=True)
            now = rows_of(pane)
            assert now[3:] == seen[:-3]
            stage.app.tick()
            assert rows_of(pane) == now
            seen = now
        assert not pane.complete


async def test_a_jump_into_the_middle_stays_there_while_the_rest_is_laid_out(
    no_spare_time: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_stage(many(2_000), size=(80, 24)) as stage:
        pane = stage.transcript_pane
        pane.scroll_to(y=pane.max_scroll_y // 2, animate=False, force=True, immediate=True)
        seen = rows_of(pane)
        assert any("Block" in row for row in seen)
        assert laid_out(stage) < 300
        monkeypatch.setattr(pane_module, "_BUDGET_NS", 1_000_000)
        while not pane.complete:
            stage.app.tick()
            assert rows_of(pane) == seen
        rows = all_rows(pane)
        top = pane.scroll_offset.y
        assert rows[top : top + len(seen)] == seen
        pane.action_top()
        assert rows_of(pane)[0].startswith("Block 0 says")
