"""The transcript: prompt, thinking, Markdown as it streams, marks, citations, endings, caret."""

from __future__ import annotations

import random

import pytest

from tests import playbook as pb
from tests.app_harness import (
    LATER_S,
    BytesSource,
    PushedSource,
    Stage,
    all_rows,
    all_strips,
    on_stage,
    rows_of,
    timed,
)
from tests.manual_clock import ManualClock, settle
from tui.core.records import JsonObject
from tui.core.text import sanitize
from tui.screens.cited import Cited
from tui.widgets.line_view import LineView

CARET = "\u258c"
MARKDOWN = """\
# A title

Some **bold** and *slanted* words with `code`.

- one
- two

| name | share |
|---|---|
| Ada | 1/2 |

```python
def f(x):
    return x + 1
```

The end."""


def message(*events: JsonObject, stop: bool = True) -> list[JsonObject]:
    return [pb.message_start(), *events, *(pb.ending() if stop else [])]


def rows(stage: Stage) -> list[str]:
    return all_rows(stage.transcript_pane)


# --- prompt and thinking --------------------------------------------------------------------------


async def test_the_prompt_stands_first_and_keeps_its_lines() -> None:
    source = BytesSource(
        timed(*message(*pb.text_block(0, "Hi"))), prompt="First line\n[second] line"
    )
    async with on_stage(source) as stage:
        await stage.at(LATER_S)
        assert rows(stage)[0] == "you  First line"
        assert rows(stage)[1].strip() == "[second] line"
        assert rows(stage)[2] == ""
        assert rows(stage)[3] == "Hi"


async def test_thinking_is_one_row_with_its_latest_words_while_it_streams() -> None:
    thoughts = [f"thought{n} " for n in range(40)]
    events = message(
        pb.thinking_start(0), *(pb.thinking(0, words) for words in thoughts), pb.ping()
    )
    async with on_stage(timed(*events)) as stage:
        await stage.at(4.15)
        (row,) = rows(stage)
        assert "thinking" in row and "chars" in row
        assert row.rstrip().endswith("thought38")
        assert "thought2 " not in row
        await stage.advance(0.1)
        (row,) = rows(stage)
        assert row.rstrip().endswith("thought39")


async def test_thinking_is_folded_to_its_size_and_can_be_unfolded() -> None:
    body = "First, foxes.\n\n1. quick\n2. brown"
    events = message(
        pb.thinking_start(0), pb.thinking(0, body), pb.block_stop(0), *pb.text_block(1, "So.")
    )
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        assert f"{len(body)} chars" in rows(stage)[0]
        assert "foxes" not in stage.transcript
        await stage.press("t")
        assert "First, foxes." in stage.transcript
        assert "quick" in stage.transcript and "brown" in stage.transcript
        assert rows(stage)[-3] == "So."
        await stage.press("t")
        assert "foxes" not in stage.transcript


async def test_thinking_grows_unfolded() -> None:
    events = message(
        pb.thinking_start(0), *(pb.thinking(0, f"thought{n}\n") for n in range(30)), pb.ping()
    )
    async with on_stage(timed(*events)) as stage:
        await stage.press("t")
        for count in (1, 7, 30):
            await stage.at(0.25 + count * 0.1)
            assert f"thought{count - 1}" in stage.transcript
            assert f"thought{count}\n" not in stage.transcript + "\n"


async def test_thinking_that_the_api_does_not_show_says_so() -> None:
    events = message(
        pb.thinking_start(0),
        pb.signature(0, "c2ln"),
        pb.block_stop(0),
        pb.block_start(1, "redacted_thinking", data="b3BhcXVl"),
        pb.block_stop(1),
    )
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        assert "not shown by the API" in stage.transcript
        assert "redacted" in stage.transcript
        assert "c2ln" not in stage.transcript and "b3BhcXVl" not in stage.transcript


# --- text -----------------------------------------------------------------------------------------


async def test_markdown_is_rendered() -> None:
    async with on_stage(timed(*message(*pb.text_block(0, MARKDOWN)))) as stage:
        await stage.at(LATER_S)
        shown = stage.transcript
        for words in ("A title", "Some bold and slanted words with code.", "return x + 1", "1/2"):
            assert words in shown
        for sign in ("**", "`", "# ", "|---"):
            assert sign not in shown


@pytest.mark.parametrize("size", [3, 40])
async def test_markdown_that_streamed_looks_like_markdown_that_came_at_once(size: int) -> None:
    pieces = [MARKDOWN[at : at + size] for at in range(0, len(MARKDOWN), size)]
    async with on_stage(timed(*message(*pb.text_block(0, *pieces)), every_ms=10)) as stage:
        for moment in range(len(pieces) + 4):
            stage.clock.now_ns = (moment + 10) * 10_000_000
            stage.app.watchlist.feeds[0].clock.wake()
            await settle()
            stage.app.tick()
        await stage.at(LATER_S)
        streamed = stage.transcript
    async with on_stage(timed(*message(*pb.text_block(0, MARKDOWN)))) as stage:
        await stage.at(LATER_S)
        assert stage.transcript == streamed


async def test_markdown_is_readable_at_every_moment() -> None:
    events = message(pb.text_start(0), *(pb.text(0, char) for char in MARKDOWN), pb.ping())
    async with on_stage(timed(*events, every_ms=10)) as stage:
        for count in range(1, len(MARKDOWN) + 1, 9):
            await stage.at(0.1 + 0.01 * (count + 1))
            words = "".join(c for c in MARKDOWN[:count] if c.isalnum())
            shown = "".join(c for c in stage.transcript if c.isalnum())
            # All that came is there, whatever is still open; a code block adds its language.
            assert shown == words or shown.replace("python", "", 1) in words


async def test_the_source_is_the_text_as_it_came() -> None:
    async with on_stage(timed(*message(*pb.text_block(0, MARKDOWN)))) as stage:
        await stage.at(LATER_S)
        await stage.press("M")
        assert stage.transcript.startswith(MARKDOWN)


async def test_the_source_can_be_shown_while_it_streams() -> None:
    events = message(pb.text_start(0), *(pb.text(0, f"*word{n}*\n") for n in range(30)), pb.ping())
    async with on_stage(timed(*events)) as stage:
        await stage.press("M")
        for count in (1, 12, 30):
            await stage.at(0.25 + count * 0.1)
            assert f"*word{count - 1}*" in stage.transcript
            assert f"word{count}*" not in stage.transcript
        await stage.press("M")
        assert "*" not in stage.transcript


def odd_texts() -> list[str]:
    chance = random.Random(3)
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    atoms = [
        *"abc defg ",
        "\u6f22",
        "\u5b57",
        "\ud55c",
        "e\u0301",
        "\U0001f44d",
        family,
        "\u2764\ufe0f",
        "1\ufe0f\u20e3",
        "\U0001f1e9\U0001f1ea",
        "\u202e",
        "\x1b",
    ]
    return ["".join(chance.choices(atoms, k=120)) for _ in range(8)]


@pytest.mark.parametrize("source", [False, True])
async def test_wrapping_loses_no_character_and_makes_no_row_too_wide(source: bool) -> None:
    texts = odd_texts()
    blocks = [event for n, body in enumerate(texts) for event in pb.text_block(n, body)]
    async with on_stage(timed(*message(*blocks), every_ms=1)) as stage:
        if source:
            await stage.press("M")
        await stage.at(LATER_S)
        for width in (120, 64, 47, 40):
            await stage.resize(width, 40)
            pane = stage.transcript_pane
            assert all(strip.cell_length <= pane.row_width for strip in all_strips(pane))
            shown = "".join("".join(rows(stage)).split())
            for body in texts:
                assert "".join(sanitize(body).split()) in shown


async def test_blocks_are_set_apart_by_a_blank_row() -> None:
    events = message(*pb.text_block(0, "One."), *pb.text_block(1, "Two."))
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        assert rows(stage)[:4] == ["One.", "", "Two.", ""]


# --- marks ----------------------------------------------------------------------------------------


async def test_tool_calls_are_marked_where_they_were_made() -> None:
    events = message(
        *pb.text_block(0, "Before."),
        *pb.tool_block(1, "{}", name="get_weather"),
        *pb.tool_block(2, "{}", name="get_tides"),
        *pb.text_block(3, "After."),
    )
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        found = [row for row in rows(stage) if row]
        places = [
            next(n for n, row in enumerate(found) if word in row)
            for word in ("Before", "get_weather  #1", "get_tides  #2", "After")
        ]
        assert places == [0, 1, 2, 3]
        all_found = rows(stage)
        weather = next(n for n, row in enumerate(all_found) if "get_weather" in row)
        assert "get_tides" in all_found[weather + 1]


def cited_answer() -> list[JsonObject]:
    tides = {"type": "web", "title": "Tide [tables]", "url": "https://www.tides.example/x"}
    return message(
        *pb.text_block(0, "It is **so**: "),
        pb.block_start(1, "text", text="", citations=[]),
        pb.text(1, "low water is at 13:10"),
        pb.citation(1, tides | {"cited_text": "Low water: [b]13:10[/b]"}),
        pb.citation(
            1, {"type": "char_location", "document_title": "Log book", "cited_text": "..."}
        ),
        pb.block_stop(1),
        *pb.text_block(2, ". And that"),
        pb.block_start(3, "text", text="", citations=[]),
        pb.text(3, " is all."),
        pb.citation(3, tides),
        pb.block_stop(3),
    )


async def test_citations_stand_in_the_sentence_and_their_sources_below_the_answer() -> None:
    async with on_stage(timed(*cited_answer())) as stage:
        await stage.at(LATER_S)
        assert rows(stage)[:6] == [
            "It is so: low water is at 13:10[1][2]. And that is",
            "all.[1]",
            "",
            "\u2261 sources",
            "  [1] Tide [tables]  tides.example",
            "  [2] Log book",
        ]


@pytest.mark.parametrize("place", [(0, 33), (1, 5), (4, 2), (4, 20)])
async def test_enter_on_a_source_shows_what_is_cited(place: tuple[int, int]) -> None:
    async with on_stage(timed(*cited_answer())) as stage:
        await stage.at(LATER_S)
        stage.transcript_pane.focus()
        stage.transcript_pane.caret = place
        await stage.press("enter")
        await stage.settle()
        screen = stage.app.screen
        assert isinstance(screen, Cited)
        shown = "\n".join(all_rows(screen.query_one("#cited", LineView)))
        assert "https://www.tides.example/x" in shown
        assert "Low water: [b]13:10[/b]" in shown
        await stage.press("enter")
        assert not isinstance(stage.app.screen, Cited)


@pytest.mark.parametrize("source", [False, True])
async def test_enter_in_a_text_with_citations_goes_to_the_event_that_wrote_it(source: bool) -> None:
    events = cited_answer()
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        stage.transcript_pane.focus()
        if source:
            await stage.press("M")
            await stage.settle()
        row = rows(stage)[0]
        stage.transcript_pane.caret = (0, row.index("that is"))
        await stage.press("enter")
        await stage.settle()
        assert stage.app.watchlist.cursor == events.index(pb.text(2, ". And that")) + 1


def run_of_code(lines: int) -> list[JsonObject]:
    stdout = "".join(f"line {number}\n" for number in range(lines))
    content = {"type": "code_execution_result", "stdout": stdout, "stderr": "", "return_code": 0}
    return message(
        pb.block_start(0, "code_execution_tool_result", tool_use_id="s", content=content),
        pb.block_stop(0),
        *pb.text_block(1, "Done."),
    )


async def test_a_long_result_is_folded_and_enter_unfolds_it() -> None:
    async with on_stage(timed(*run_of_code(30)), size=(80, 50)) as stage:
        await stage.at(LATER_S)
        pane = stage.transcript_pane
        pane.focus()
        assert rows(stage)[0].endswith("exit 0")
        assert rows(stage)[8].strip() == "line 7"
        assert rows(stage)[9].strip() == "\u25b8 22 more lines  enter unfolds"
        assert rows(stage)[11] == "Done."
        pane.caret = (3, 0)
        await stage.press("enter")
        await stage.settle()
        assert rows(stage)[30].strip() == "line 29"
        assert rows(stage)[31].strip() == "\u25be enter folds"
        assert pane.caret == (0, 0)
        await stage.press("enter")
        await stage.settle()
        assert rows(stage)[9].strip().startswith("\u25b8 22 more")


async def test_a_result_that_is_short_has_nothing_to_unfold() -> None:
    events = run_of_code(9)
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        assert "unfold" not in stage.said and "line 8" in stage.said
        stage.transcript_pane.focus()
        stage.transcript_pane.caret = (2, 0)
        await stage.press("enter")
        await stage.settle()
        assert stage.app.watchlist.cursor == 2


async def test_as_it_came_a_result_is_json() -> None:
    async with on_stage(timed(*run_of_code(2)), size=(120, 40)) as stage:
        await stage.at(LATER_S)
        stage.transcript_pane.focus()
        await stage.press("M")
        await stage.settle()
        assert '"stdout": "line 0\\nline 1\\n"' in stage.said


async def test_markdown_of_an_mcp_server_is_folded_too() -> None:
    body = "# Title\n\n" + "\n\n".join(f"Part **{number}**" for number in range(900))
    parts = [{"type": "text", "text": body}]
    events = message(
        pb.block_start(0, "mcp_tool_result", tool_use_id="m", is_error=False, content=parts),
        pb.block_stop(0),
    )
    async with on_stage(timed(*events), size=(80, 50)) as stage:
        await stage.at(LATER_S)
        pane = stage.transcript_pane
        pane.focus()
        assert "Part 0" in stage.said and "**" not in stage.said and "Part 30" not in stage.said
        assert f"{len(body):,} chars in all" in stage.said
        pane.caret = (2, 0)
        await stage.press("enter")
        await stage.settle()
        assert "Part 899" in stage.said


async def test_the_results_of_a_server_tool_are_listed() -> None:
    results = [
        {"type": "web_search_result", "title": "Crossing times", "url": "https://a.example"},
        {"type": "web_search_result", "title": "Predictions", "url": "https://b.example"},
    ]
    events = message(
        pb.block_start(0, "server_tool_use", id="s1", name="web_search", input={}),
        pb.fragment(0, '{"query": "tides"}'),
        pb.block_stop(0),
        pb.block_start(1, "web_search_tool_result", tool_use_id="s1", content=results),
        pb.block_stop(1),
        pb.block_start(2, "web_search_tool_result", content={"error_code": "too_many_requests"}),
        pb.block_stop(2),
    )
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        for words in (
            "web_search  #0",
            "Crossing times",
            "Predictions  b.example",
            "too_many_requests",
        ):
            assert words in stage.transcript


async def test_a_fallback_names_the_model_that_goes_on() -> None:
    events = message(
        pb.block_start(
            0, "fallback", **{"from": {"model": "claude-one"}, "to": {"model": "claude-two"}}
        ),
        pb.block_stop(0),
        *pb.text_block(1, "Hello."),
    )
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        assert "claude-one \u2192 claude-two" in stage.transcript
        assert "claude-two" in stage.header


async def test_a_compaction_shows_what_is_left() -> None:
    events = message(
        pb.block_start(0, "compaction", content=None),
        pb.delta(0, "compaction_delta", content="They spoke of tides."),
        pb.block_stop(0),
    )
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        assert "compacted" in stage.transcript
        assert "They spoke of tides." in stage.transcript


async def test_a_block_of_an_unknown_type_is_shown_as_it_is() -> None:
    events = message(
        pb.block_start(0, "hologram", beams=3, hue={"deep": ["[bold]"]}),
        pb.delta(0, "beam_delta", beam="green"),
        pb.block_stop(0),
    )
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        for words in ("hologram", "beams: 3", "[bold]", "green"):
            assert words in stage.said


# --- endings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "meaning"),
    [
        ("end_turn", "complete"),
        ("tool_use", "tool results"),
        ("max_tokens", "cut off"),
        ("stop_sequence", "stop sequence"),
        ("pause_turn", "continued"),
        ("refusal", "declined"),
        ("model_context_window_exceeded", "context window"),
        ("something_new", "does not know"),
    ],
)
async def test_the_stop_reason_is_explained(reason: str, meaning: str) -> None:
    events = [
        pb.message_start(),
        *pb.text_block(0, "Hi."),
        pb.message_delta(reason),
        pb.message_stop(),
    ]
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        last = stage.said.partition("Hi.")[2]
        assert reason in last
        assert meaning in last


async def test_the_caret_stands_where_text_is_being_written_and_nowhere_else() -> None:
    events = message(
        pb.thinking_start(0),
        pb.thinking(0, "hm"),
        pb.block_stop(0),
        pb.text_start(1),
        pb.text(1, "Hello "),
        pb.text(1, "world"),
        pb.block_stop(1),
        pb.text_start(2),
        pb.text(2, "Again"),
        pb.block_stop(2),
    )
    async with on_stage(timed(*events)) as stage:
        seen = []
        for count in range(1, len(events) + 1):
            await stage.at(0.05 + count * 0.1)
            lines = [row for row in rows(stage) if CARET in row]
            assert len(lines) <= 1
            seen.append(lines[0] if lines else "")
        carets = [CARET, f"Hello{CARET}", f"Hello world{CARET}", ""]
        assert seen[4:8] == carets or seen[4:8] == [CARET, f"Hello {CARET}", *carets[2:]]
        assert seen[8:10] == [CARET, f"Again{CARET}"]
        assert not any(seen[:4]) and not any(seen[10:])


@pytest.mark.parametrize("how", ["truncated", "cancelled"])
async def test_nothing_is_being_written_after_the_end_of_the_stream(how: str) -> None:
    clock = ManualClock()
    source = PushedSource(clock)
    async with on_stage(source, clock=clock) as stage:
        source.push(pb.message_start(), pb.text_start(0), pb.text(0, "Hello"))
        await stage.advance(0.1)
        assert f"Hello{CARET}" in stage.transcript
        if how == "truncated":
            source.end()
            await stage.advance(0.1)
        else:
            await stage.press("escape")
        assert CARET not in stage.transcript
        assert "Hello" in stage.transcript
        await stage.press("comma")
        assert CARET in stage.transcript


# --- the tail and the reader ----------------------------------------------------------------------


async def test_the_end_of_the_text_is_followed() -> None:
    events = message(pb.text_start(0), *(pb.text(0, f"line{n}\n\n") for n in range(60)), pb.ping())
    async with on_stage(timed(*events), size=(80, 24)) as stage:
        for count in (3, 20, 60):
            await stage.at(0.25 + count * 0.1)
            assert f"line{count - 1}" in "\n".join(rows_of(stage.transcript_pane))


async def test_new_text_does_not_move_what_a_reader_has_scrolled_to() -> None:
    clock = ManualClock()
    source = PushedSource(clock)
    async with on_stage(source, clock=clock, size=(80, 24)) as stage:
        source.push(
            pb.message_start(), pb.text_start(0), *(pb.text(0, f"line{n}\n\n") for n in range(60))
        )
        await stage.advance(1)
        pane = stage.transcript_pane
        await stage.wheel(pane, -3)
        before = rows_of(pane)
        assert "line59" not in "\n".join(before)
        for number in range(60, 90):
            source.push(pb.text(0, f"line{number}\n\n"))
        await stage.advance(1)
        assert rows_of(pane) == before
        await stage.press("F")
        assert "line89" in "\n".join(rows_of(pane))


async def test_going_back_takes_text_away() -> None:
    events = message(*pb.text_block(0, "One. ", "Two. ", "Three."), *pb.text_block(1, "Four."))
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        for count, words in ((7, "Three."), (5, "Three."), (4, "Two."), (3, "One."), (2, "")):
            stage.app.watchlist.go(count)
            await stage.settle()
            assert stage.said.rstrip(CARET).rstrip().endswith(words)
        stage.app.watchlist.go(8)
        await stage.settle()
        assert "Four." in stage.transcript


async def test_a_heading_is_told_to_its_end() -> None:
    path = "/home/someone/a/folder/that/is/deep/drift.py"
    call = {"id": "s1", "name": "text_editor_code_execution", "input": {"path": path}}
    made = {"type": "text_editor_code_execution_create_result", "is_file_update": False}
    events = timed(
        pb.message_start(),
        pb.block_start(0, "server_tool_use", **call),
        pb.block_stop(0),
        pb.block_start(1, "text_editor_code_execution_tool_result", tool_use_id="s1", content=made),
        pb.block_stop(1),
        *pb.ending(),
    )
    async with on_stage(events, size=(60, 24)) as stage:
        await stage.at(10)
        shown = "".join(row.strip() for row in rows_of(stage.transcript_pane))
        assert path in shown and "text_editor_code_execution  #0  server" in shown
