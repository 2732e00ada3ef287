"""Nothing from the wire is markup, and no control code of it is drawn, whatever the field."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from rich.segment import Segment

from tests import playbook as pb
from tests.app_harness import LATER_S, BytesSource, Stage, on_stage, strips_of, timed
from tests.hostile import MARKUP, SEQUENCES, hostile_in, hostile_text
from tests.playbook import wire
from tests.sweeps import few
from tui.core.records import JsonObject
from tui.sources import SourceEnded
from tui.widgets.component_styles import ComponentStyles

Word = Callable[[], str]


def everywhere(word: Word) -> list[JsonObject | bytes]:
    """A stream with a text of `word` in every field that is drawn."""
    line = word().replace("\r", "").replace("\n", "").encode("utf-8", "replace")
    return [
        b": " + line + b"\n\n",
        pb.message_start(id=word(), model=word(), stop_sequence=word(), usage={word(): word()}),
        pb.thinking_start(0),
        pb.thinking(0, word()),
        pb.signature(0, word()),
        pb.block_stop(0),
        pb.text_start(1),
        *(pb.text(1, char) for char in word()),
        pb.text(1, f"\n\n```{word()}\n{word()}\n```\n\n| {word()} |\n|---|\n| {word()} |\n\n"),
        pb.citation(1, {"type": word(), "title": word(), "url": word(), "cited_text": word()}),
        pb.citation(1, {word(): word()}),
        pb.block_stop(1),
        pb.tool_start(2, word(), id=word()),
        *(pb.fragment(2, piece) for piece in (json.dumps({word(): word()}), word())),
        pb.delta(2, word(), **{f"x{word()}": word()}),
        pb.block_stop(2),
        pb.tool_start(3, word()),
        pb.fragment(3, '{"' + word()),
        pb.block_start(4, word(), **{f"x{word()}": [word(), {word(): word()}]}),
        pb.block_start(5, "web_search_tool_result", content=[{"title": word(), "url": word()}]),
        pb.block_start(6, "web_search_tool_result", content={"error_code": word()}),
        pb.block_start(7, "server_tool_use", name=word(), input={word(): word()}),
        pb.block_stop(7),
        pb.block_start(8, "fallback", **{"from": {"model": word()}, "to": {"model": word()}}),
        pb.block_start(9, word() + "_tool_result", content=word()),
        pb.block_start(10, word() + "_tool_use", name=word()),
        {"type": word(), "index": word(), word(): word()},
        b"event: " + line + b"\ndata: " + line + b"\n\n",
        pb.message_delta(word(), {"output_tokens": word(), word(): 1}, stop_details=word()),
        pb.error(word(), word()),
        b"data: " + line,
    ]


def assert_safe(stage: Stage) -> None:
    """Nothing on the screen acts on the terminal or the app."""
    lines: list[list[Segment]] = [
        list(line) for line in stage.app.screen._compositor.render_strips()
    ]
    for widget in stage.app.screen.query("*"):
        if isinstance(widget, ComponentStyles):
            # Before the backstop too: the panes make safe what they draw.
            lines += [list(strip) for strip in strips_of(widget)]
    for segment in itertools.chain.from_iterable(lines):
        assert not hostile_in(segment.text)
        assert "\n" not in segment.text and "\t" not in segment.text
        if segment.style is not None:
            assert "@click" not in segment.style.meta
            assert not segment.style.link


async def play_everywhere(word: Word, *, modals: bool) -> None:
    lost = SourceEnded("reset", word(), word(), request_id=word())
    broken = RuntimeError(word())
    chunks = timed(*everywhere(word), every_ms=1)
    sources = [
        BytesSource(chunks, title=word(), prompt=word(), model=word()),
        BytesSource(chunks[:8], title=word(), failure=lost),
        BytesSource(chunks[:8], title=word(), failure=broken),
        BytesSource(timed(wire(pb.error(word(), word()))[:-3])),
        BytesSource(timed(json.dumps({"error": {"message": word(), "type": word()}}).encode())),
    ]
    async with on_stage(*sources, size=(100, 34)) as stage:
        await stage.at(LATER_S)
        for _ in sources:
            assert_safe(stage)
            await stage.press("left_curly_bracket")
        for keys in (["t", "b", "M"], ["comma", "comma", "b"], ["F"]):
            await stage.press(*keys)
            assert_safe(stage)
        if modals:
            await stage.press("L")
            assert_safe(stage)
            await stage.press("escape")
        for seq in range(0, stage.moment.head, 9) if modals else ():
            stage.app.watchlist.go(seq + 1)
            await stage.press("enter")
            assert_safe(stage)
            await stage.press("escape")
        assert stage.app.is_running
        assert stage.app.return_value is None


@pytest.mark.parametrize("words", [SEQUENCES, MARKUP], ids=["sequences", "markup"])
async def test_known_attacks_in_every_field(words: tuple[str, ...]) -> None:
    for shift in (0, 7):
        supply = itertools.cycle(words[shift:] + words[:shift])
        await play_everywhere(partial(next, supply), modals=shift == 0)


# Not shrunk: an example runs the whole app, and says which text it was as it is.
@settings(max_examples=few(3), phases=[Phase.explicit, Phase.generate])
@given(st.lists(hostile_text(), min_size=1, max_size=12))
def test_any_text_in_every_field(words: list[str]) -> None:
    supply = itertools.cycle(words)
    asyncio.run(play_everywhere(partial(next, supply), modals=False))


async def test_a_sequence_that_is_split_over_deltas_is_not_put_together() -> None:
    attack = "".join(SEQUENCES)
    events = [
        pb.message_start(),
        pb.text_start(0),
        *(pb.text(0, char) for char in attack),
        pb.tool_start(1),
        *(pb.fragment(1, char) for char in json.dumps({"a": attack}, ensure_ascii=False)),
    ]
    async with on_stage(timed(*events, every_ms=10)) as stage:
        for moment in range(0, len(events), 12):
            await stage.at(moment / 100)
            assert_safe(stage)
        await stage.at(LATER_S)
        assert_safe(stage)
        assert "OWNED" in stage.transcript  # Shown as text, not carried out.


async def test_the_title_of_the_window_is_ours() -> None:
    source = BytesSource(
        timed(pb.message_start(model="\x1b]0;OWNED\x07")), title="\x1b]0;OWNED\x07"
    )
    async with on_stage(source) as stage:
        await stage.at(1)
        assert stage.app.title == "streamscope"
        assert not hostile_in(str(stage.app.sub_title))
