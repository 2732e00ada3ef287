"""Finding, looking inside and keeping, on the real screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.app import App
from textual.widgets import Input, OptionList

from tests.app_harness import Stage, all_rows, drawn, on_stage, strips_of, timed
from tests.playbook import (
    block_stop,
    ending,
    fragment,
    message_start,
    ping,
    text,
    text_start,
    thinking,
    thinking_start,
    tool_start,
)
from tests.whole.inspector import numbers, typed
from tui.captures.importers import load
from tui.core.records import Chunk
from tui.dashboard.saving import copyables, save_new
from tui.run import Feed
from tui.screens.compare import Compare
from tui.screens.detail import Detail
from tui.screens.latency import Latency
from tui.screens.menu import Menu
from tui.sources.replay import LargeFileSource
from tui.widgets.lines_view import LinesView

STREAM = timed(
    message_start(),
    thinking_start(0),
    thinking(0, "Let me see. "),
    block_stop(0),
    text_start(1),
    text(1, "Paris is "),
    text(1, "sunny."),
    ping(),
    block_stop(1),
    tool_start(2),
    fragment(2, '{"city": '),
    fragment(2, '"Paris"}'),
    block_stop(2),
    *ending("tool_use"),
)
LAST = 14


async def ended(stage: Stage) -> None:
    await stage.at(10)


def cursor(stage: Stage) -> int | None:
    return stage.app.watchlist.cursor


# --- finding --------------------------------------------------------------------------------------


async def test_a_filter_leaves_the_rows_that_match_and_is_cleared_with_one_key() -> None:
    async with on_stage(STREAM) as stage:
        await ended(stage)
        await stage.press("f")
        await typed(stage, "json")
        assert numbers(stage) == [10, 11]
        assert "filter: json (2)" in stage.log_pane.title
        await stage.press("backspace")
        assert "filter" not in stage.log_pane.title
        assert numbers(stage)[-1] == LAST


async def test_a_filter_is_applied_while_it_is_typed_and_esc_takes_it_back() -> None:
    async with on_stage(STREAM) as stage:
        await ended(stage)
        await stage.press("f")
        stage.dashboard.query_one(Input).value = "ping"
        await stage.settle()
        assert numbers(stage) == [7]
        await stage.press("escape")
        assert numbers(stage)[-1] == LAST
        assert stage.log_pane.has_focus


async def test_what_is_no_filter_is_said_and_changes_nothing() -> None:
    async with on_stage(STREAM) as stage:
        await ended(stage)
        await stage.press("f")
        await typed(stage, "gap>>")
        assert "-asking" in stage.dashboard.classes
        assert "gap" in str(stage.dashboard.query_one("#ask-error").render())
        assert numbers(stage)[-1] == LAST


async def test_the_cursor_moves_from_match_to_match_of_a_filter() -> None:
    async with on_stage(STREAM) as stage:
        await ended(stage)
        await stage.press("f")
        await typed(stage, "text or json")
        await stage.press("k")
        first = cursor(stage)
        await stage.press("k")
        assert (first, cursor(stage)) == (11, 7)


async def test_search_goes_to_matches_in_events_and_in_the_text_they_add_up_to() -> None:
    async with on_stage(STREAM) as stage:
        await ended(stage)
        await stage.press("slash")
        await typed(stage, "Paris")
        assert cursor(stage) == 6
        assert "search: Paris 1/2" in stage.log_pane.title
        await stage.press("n")
        assert cursor(stage) == 12
        await stage.press("N")
        assert cursor(stage) == 6
        await stage.press("slash")
        await typed(stage, "is sunny")
        assert cursor(stage) == 6


async def test_a_search_without_a_match_and_a_broken_one_say_so() -> None:
    async with on_stage(STREAM) as stage:
        await ended(stage)
        await stage.press("slash")
        await typed(stage, "nowhere")
        assert cursor(stage) is None
        await stage.press("slash")
        await typed(stage, "re:(")
        assert "-asking" in stage.dashboard.classes
        await stage.press("escape")
        assert stage.app.finder.needle == "nowhere"


async def test_markers_and_own_marks_are_jumped_to() -> None:
    async with on_stage(STREAM) as stage:
        await ended(stage)
        stage.app.watchlist.go(1)
        places = []
        for _ in range(4):
            await stage.press("right_square_bracket")
            places.append(cursor(stage))
        assert places == [2, 4, 5, 9]
        stage.app.watchlist.go(7)
        await stage.press("m")
        assert "\u25b6" in "\n".join(stage.log)
        stage.app.watchlist.go(5)
        await stage.press("right_square_bracket")
        assert cursor(stage) == 7
        await stage.press("left_square_bracket")
        assert cursor(stage) == 5


async def test_the_strip_shows_the_run_and_leads_to_an_event() -> None:
    async with on_stage(STREAM, size=(120, 40)) as stage:
        await ended(stage)
        strip = stage.dashboard.strip
        bars, marks = (drawn_row.text for drawn_row in strips_of(strip))
        assert bars.strip()
        assert "\u2534" in marks
        await stage.click(strip, 0, 0)
        assert cursor(stage) == 1


# --- linked views ---------------------------------------------------------------------------------


def lit(stage: Stage, pane: str) -> str:
    """The text that is drawn in the style of the contribution."""
    widget = stage.transcript_pane if pane == "transcript" else stage.tool_pane
    background = widget.style(
        f"{'transcript' if pane == 'transcript' else 'tool-pane'}--highlight"
    ).bgcolor
    return "".join(
        segment.text
        for y in range(widget.height_in_rows)
        for segment in widget.row(y, widget.row_width)
        if segment.style is not None and segment.style.bgcolor == background
    )


@pytest.mark.parametrize(
    ("count", "keys", "pane", "words"),
    [
        (7, ["M"], "transcript", "sunny."),
        (6, ["M"], "transcript", "Paris is "),
        (3, ["t"], "transcript", "\u25be thinking  12 charsLet me see. "),
        (11, [], "tools", '{"city": '),
        (12, [], "tools", '"Paris"}'),
        (8, ["M"], "transcript", ""),
    ],
)
async def test_what_the_event_wrote_is_highlighted(
    count: int, keys: list[str], pane: str, words: str
) -> None:
    async with on_stage(STREAM) as stage:
        await ended(stage)
        await stage.press(*keys)
        stage.app.watchlist.go(count)
        await stage.settle()
        assert lit(stage, pane).replace(" ", "") == words.replace(" ", "")


async def test_a_character_leads_to_the_event_that_wrote_it() -> None:
    async with on_stage(STREAM) as stage:
        await ended(stage)
        await stage.press("M")
        pane = stage.transcript_pane
        row = next(y for y, words in enumerate(all_rows(pane)) if "sunny" in words)
        pane.focus()
        pane.caret = (row, all_rows(pane)[row].index("sunny"))
        await stage.press("enter")
        assert cursor(stage) == 7
        stage.app.watchlist.follow()
        await stage.settle()
        tools = stage.tool_pane
        row = next(y for y, words in enumerate(all_rows(tools)) if "Paris" in words)
        tools.focus()
        tools.caret = (row, all_rows(tools)[row].index("Paris"))
        await stage.press("o")
        assert cursor(stage) == 12


async def test_the_caret_is_moved_with_the_arrows_and_a_click() -> None:
    async with on_stage(STREAM) as stage:
        await ended(stage)
        pane = stage.transcript_pane
        pane.focus()
        await stage.press("k", "k", "l")
        assert pane.caret is not None
        row, column = pane.caret
        assert (row, column) == (pane.height_in_rows - 2, 1)
        await stage.click(pane, 4, 1)
        assert pane.caret is not None
        assert pane.caret[0] == pane.scroll_offset.y + 1


# --- looking inside -------------------------------------------------------------------------------


def detail_text(app: App[int]) -> str:
    view = app.screen.query_one(LinesView)
    return "\n".join(all_rows(view))


async def test_the_detail_of_an_event_and_of_its_neighbours() -> None:
    async with on_stage(STREAM) as stage:
        await ended(stage)
        stage.app.watchlist.go(12)
        await stage.press("enter")
        await drawn(stage.app)
        assert isinstance(stage.app.screen, Detail)
        shown = detail_text(stage.app)
        for words in (
            "content_block_delta  #2",
            "content[2].fragments  1 \u2192 2",
            '"partial_json": "\\"Paris\\"}"',
            "event: content_block_delta",
        ):
            assert words in shown
        await stage.press("x")
        await drawn(stage.app)
        assert "000000  65 76 65 6e 74 3a 20 63" in detail_text(stage.app)
        await stage.press("n", "n")
        await drawn(stage.app)
        assert "message.stop_reason" in detail_text(stage.app)
        await stage.press("escape")
        assert cursor(stage) == 14


async def test_an_anomaly_is_explained() -> None:
    async with on_stage("unknown") as stage:
        await ended(stage)
        shown = stage.app.watchlist.shown
        assert shown is not None
        seq = shown.run.state.anomalies[0].seq
        stage.app.watchlist.go(seq + 1)
        await stage.press("enter")
        await drawn(stage.app)
        assert "does not know" in " ".join(detail_text(stage.app).split())


async def test_the_latency_view_leads_to_the_longest_gap() -> None:
    async with on_stage("stall") as stage:
        await ended(stage)
        await stage.press("L")
        await drawn(stage.app)
        assert isinstance(stage.app.screen, Latency)
        shown = "\n".join(all_rows(stage.app.screen.query_one(LinesView)))
        for words in ("TTFT", "first byte", "Gaps between content chunks", "Longest gaps"):
            assert words in shown
        run = stage.moment.run
        longest = max(range(len(run.state.stalls)), key=lambda n: run.state.stalls[n][1])
        await stage.press("1")
        assert cursor(stage) == run.state.stalls[longest][0] + 1


async def test_runs_are_compared() -> None:
    async with on_stage(STREAM, "plain") as stage:
        await ended(stage)
        await stage.press("C")
        assert isinstance(stage.app.screen, Compare)


async def test_one_run_has_nothing_to_be_compared_with() -> None:
    async with on_stage(STREAM) as stage:
        await ended(stage)
        await stage.press("C")
        assert stage.app.screen is stage.dashboard


# --- keeping --------------------------------------------------------------------------------------


async def test_a_saved_capture_replays_the_same_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with on_stage(STREAM) as stage:
        await ended(stage)
        await stage.press("w", "w")
    first, second = sorted(tmp_path.iterdir())
    assert first.stat().st_mode & 0o777 == 0o600
    assert second.name != first.name
    (recording,) = load(first).recordings
    assert list(recording.chunks()) == STREAM


@pytest.mark.parametrize(("kind", "extension"), [("markdown", ".md"), ("svg", ".svg")])
async def test_an_export_is_chosen_from_a_menu(
    kind: str, extension: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with on_stage(STREAM) as stage:
        await ended(stage)
        await stage.press("x")
        assert isinstance(stage.app.screen, Menu)
        options = stage.app.screen.query_one(OptionList)
        options.highlighted = options.get_option_index(kind)
        await stage.press("enter")
    (path,) = tmp_path.iterdir()
    assert path.name.endswith(extension)
    assert "sunny" in path.read_text(encoding="utf-8") or kind == "svg"


async def test_a_folder_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tui.dashboard.saving.save", full)
    async with on_stage(STREAM) as stage:
        await ended(stage)
        await stage.press("w")
        assert "No space left" in stage.text
    assert list(tmp_path.iterdir()) == []


async def test_what_can_be_copied_and_where_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    async with on_stage(STREAM) as stage:
        await ended(stage)
        await stage.press("y")
        assert isinstance(stage.app.screen, Menu)
        options = stage.app.screen.query_one(OptionList)
        options.highlighted = options.get_option_index("text")
        await stage.press("enter")
        assert stage.app.clipboard == "Paris is sunny."
    kept = tmp_path / "streamscope" / "copied.txt"
    assert kept.read_text() == "Paris is sunny."
    assert kept.stat().st_mode & 0o777 == 0o600


async def test_every_copyable_has_its_text() -> None:
    async with on_stage("one-tool") as stage:
        await ended(stage)
        shown = stage.app.watchlist.shown
        assert shown is not None
        state = stage.app.watchlist.state()
        assert state is not None
        made = {item.id: item.text() for item in copyables(shown.run, shown.feed, state, 3)}
    assert json.loads(made["event"])["type"] == shown.run.timeline.label(3).type
    assert json.loads(made["data"])
    assert json.loads(made["tool"])["place"] == "Cape Horn"
    assert json.loads(made["message"])["role"] == "assistant"
    assert "$ANTHROPIC_API_KEY" in made["curl"]
    compile(made["python"], "request.py", "exec")


async def copied(stage: Stage, id: str) -> str:
    """Choose an entry of the copy menu, and return what it copied."""
    await stage.press("y")
    options = stage.app.screen.query_one(OptionList)
    options.highlighted = options.get_option_index(id)
    await stage.press("enter")
    return stage.app.clipboard


@pytest.mark.parametrize(
    ("count", "text", "tool"),
    [(6, "Paris is ", None), (11, "Paris is sunny.", '{"city": '), (12, None, '{"city": "Paris"}')],
)
async def test_what_is_copied_in_the_past_is_what_is_shown(
    count: int, text: str | None, tool: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    async with on_stage(STREAM) as stage:
        await ended(stage)
        stage.app.watchlist.go(count)
        await stage.press("y")
        assert f"as of event {count - 1}" in stage.text
        ids = [option.id for option in stage.app.screen.query_one(OptionList).options]
        assert ("tool" in ids) == (tool is not None)
        await stage.press("escape")
        if text is not None:
            assert await copied(stage, "text") == text
        if tool is not None:
            assert await copied(stage, "tool") == tool
        message = json.loads(await copied(stage, "message"))
        assert message["content"][1]["text"] == (text or "Paris is sunny.")
        assert message["stop_reason"] is None
        assert json.loads(await copied(stage, "event"))["type"] == "content_block_delta"


async def test_before_the_first_event_nothing_of_the_answer_is_copied() -> None:
    async with on_stage(STREAM) as stage:
        await ended(stage)
        stage.app.watchlist.go(0)
        await stage.press("y")
        assert not isinstance(stage.app.screen, Menu)
        assert "nothing to copy" in stage.text


async def test_a_copy_is_of_the_moment_when_it_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    async with on_stage(STREAM) as stage:
        await stage.at(1.15)  # The first half of the tool's input is there.
        await stage.press("y")
        options = stage.app.screen.query_one(OptionList)
        options.highlighted = options.get_option_index("tool")
        await ended(stage)
        await stage.press("enter")
        assert stage.app.clipboard == '{"city": '


async def test_in_the_past_a_file_is_of_the_whole_run_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with on_stage(STREAM, size=(80, 24)) as stage:
        await ended(stage)
        stage.app.watchlist.go(6)
        await stage.press("x")
        assert "whole run" in stage.text
        await stage.press("escape", "w")
        assert stage.app.notes.text.startswith("Saved the whole run: ")
    (path,) = tmp_path.iterdir()
    (recording,) = load(path).recordings
    assert b"message_stop" in b"".join(chunk.data for chunk in recording.chunks())


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    paths = [save_new(tmp_path / "a.events.jsonl", b"x") for _ in range(3)]
    assert [path.name for path in paths] == [
        "a.events.jsonl",
        "a-2.events.jsonl",
        "a-3.events.jsonl",
    ]


# --- size -----------------------------------------------------------------------------------------


async def test_a_large_file_is_loaded_and_its_bytes_stay_in_it(tmp_path: Path) -> None:
    path = tmp_path / "large.sse"
    body = b"".join(chunk.data for chunk in STREAM)
    path.write_bytes(body)
    feed = Feed(LargeFileSource(path))
    assert feed.progress == 0.0
    await feed.run()
    run = feed.session.run
    assert feed.progress is None
    assert run.status == "complete"
    assert run.timeline.record(5).payload == {
        "type": "content_block_delta",
        "index": 1,
        "delta": {"type": "text_delta", "text": "Paris is "},
    }
    assert list(feed.session.raw.chunk(0)) == list(Chunk(0, body))
