"""What goes out of the inspector and comes back: captures, exports, the clipboard."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from pathlib import Path

import pytest
from textual.widgets import OptionList

from tests.app_harness import (
    BytesSource,
    all_rows,
    drawn,
    on_stage,
    rows_of,
)
from tests.whole.inspector import (
    EVENTS,
    STREAM,
    both_sizes,
    everything,
    told,
)
from tui.captures.codec import CaptureHead, CaptureLine, ChunkLine, EndLine, encode_line
from tui.captures.exporters import EXPORTS
from tui.captures.writer import CaptureWriter
from tui.core.records import Chunk, JsonObject
from tui.screens.compare import CompareView
from tui.screens.detail import Detail
from tui.screens.menu import Menu
from tui.sources.capture import CaptureSource, FollowSource, recorded

# --- keeping --------------------------------------------------------------------------------------


@both_sizes
async def test_what_is_saved_is_opened_again_as_it_was(
    size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with on_stage(STREAM, size=size) as stage:
        await stage.at(10)
        await stage.press("w")
        assert told(stage).startswith("Saved ")
        before = (stage.transcript, stage.tools, all_rows(stage.log_pane))
    (path,) = tmp_path.iterdir()
    factories, warnings = recorded(path)
    assert warnings == []
    async with on_stage(*factories, size=size) as stage:
        await stage.at(2)
        assert "sunny" not in stage.transcript, "played at its own times"
        await stage.at(10)
        assert "COMPLETE" in stage.lines[0]
        assert (stage.transcript, stage.tools, all_rows(stage.log_pane)) == before


@both_sizes
async def test_a_recorded_run_is_followed_while_it_is_written(
    size: tuple[int, int], tmp_path: Path
) -> None:
    path = tmp_path / "live.jsonl"
    writer = CaptureWriter(path, tool="test")
    recorder = writer.begin()
    recorder.request({"model": "m", "messages": [{"role": "user", "content": "Is it sunny?"}]})
    recorder.response(50_000_000, 200, {})
    for t_ns, read in STREAM[:6]:
        recorder.chunk(t_ns, read)
    looked = asyncio.Event()

    async def wait() -> None:
        looked.clear()
        await looked.wait()

    source = FollowSource(path, wait=wait, now=lambda: 0)
    async with on_stage(source, size=size) as stage:
        looked.set()
        await stage.settle()
        assert "Is it sunny?" in stage.said
        assert "Paris is very" in stage.said
        assert "sunny today" not in stage.said
        for t_ns, read in STREAM[6:]:
            recorder.chunk(t_ns, read)
        recorder.end(4_500_000_000, "eof", None)
        looked.set()
        await stage.settle()
        assert "sunny today" in stage.said
        assert "COMPLETE" in stage.lines[0]
        assert '{"city": "Paris"}' in stage.tools
    writer.close()


REQUEST: JsonObject = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Is it sunny?"}],
}


class Asked(BytesSource):
    """A stream whose request is known."""

    def __init__(self) -> None:
        super().__init__(STREAM, prompt="Is it sunny?")
        self.info = type(self.info)(
            title="asked",
            prompt="Is it sunny?",
            request=REQUEST,
            kind="demo",
            timed=True,
            paced=True,
            url="https://api.anthropic.com/v1/messages",
        )


IN_EXPORTS = {
    "capture": b'"k":"chunk"',
    "sse": b"event: content_block_delta",
    "message": b'"stop_reason"',
    "markdown": b"# Weather",
    "events": b"input_json_delta",
    "har": b'"entries"',
    "asciicast": b'"version": 2',
    "curl": b"curl",
    "python": b"import",
    "svg": b"<svg",
}


async def test_each_kind_of_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert IN_EXPORTS.keys() == {*EXPORTS, "svg"}
    async with on_stage(Asked(), size=(80, 24)) as stage:
        await stage.at(10)
        for kind, expected in IN_EXPORTS.items():
            before = set(tmp_path.iterdir())
            await stage.press("x")
            assert isinstance(stage.app.screen, Menu)
            options = stage.app.screen.query_one(OptionList)
            options.highlighted = options.get_option_index(kind)
            await drawn(stage.app)
            title = "Picture of the screen" if kind == "svg" else EXPORTS[kind].title
            assert title in stage.text
            await stage.press("enter")
            (path,) = set(tmp_path.iterdir()) - before
            assert told(stage) == f"Saved {path}"
            assert path.stat().st_mode & 0o777 == 0o600
            content = path.read_bytes()
            assert expected in content
            if kind == "sse":
                assert content == b"".join(chunk.data for chunk in STREAM)


async def test_the_copy_menu_fits_and_each_entry_copies() -> None:
    async with on_stage(Asked(), size=(80, 24)) as stage:
        await stage.at(10)
        stage.app.watchlist.go(12)
        await stage.press("y")
        options = stage.app.screen.query_one(OptionList)
        ids = [str(option.id) for option in options.options]
        assert ids == ["event", "data", "text", "tool", "message", "curl", "python"]
        for option in options.options:
            assert str(option.prompt).split("  ")[0] in stage.text
        await stage.press("escape")
        copied = {}
        for id in ids:
            await stage.press("y")
            options = stage.app.screen.query_one(OptionList)
            options.highlighted = options.get_option_index(id)
            await stage.press("enter")
            assert told(stage).startswith("Copied ")
            copied[id] = stage.app.clipboard
        assert json.loads(copied["event"]) == json.loads(copied["data"]) == EVENTS[11]
        assert copied["text"] == "# Weather\n\nParis is **very** sunny today."
        assert copied["tool"] == '{"city": "Paris"}'
        assert json.loads(copied["message"])["content"][1]["text"] == copied["text"]
        assert "Is it sunny?" in copied["curl"]
        compile(copied["python"], "request.py", "exec")


@both_sizes
async def test_two_runs_side_by_side_or_stacked(size: tuple[int, int]) -> None:
    other = [Chunk(t_ns, read.replace(b"sunny", b"rainy")) for t_ns, read in STREAM]
    async with on_stage(
        BytesSource(STREAM, title="fair"), BytesSource(other, title="foul"), size=size
    ) as stage:
        await stage.at(10)
        await stage.press("C")
        await stage.app.workers.wait_for_complete()
        await stage.settle()
        shown = stage.text
        assert "fair" in shown
        assert "foul" in shown
        whole = everything(stage, CompareView)
        assert "sunny" in whole
        assert "rainy" in whole
        await stage.press("n")
        assert "1 of" in stage.text
        await stage.press("escape")
        assert stage.app.screen is stage.dashboard


async def test_what_was_put_off_until_after_a_screen_is_closed_does_no_harm() -> None:
    async with on_stage(STREAM, STREAM) as stage:
        await stage.at(10)
        await stage.press("C")
        await stage.app.workers.wait_for_complete()
        compare = stage.app.screen.query_one(CompareView)
        await stage.press("escape", "enter")
        detail = stage.app.screen
        assert isinstance(detail, Detail)
        await stage.press("escape")
        # Both wait for a frame, and the screens may be closed before there is one.
        compare._check_styles()
        detail._show()
        assert stage.app.screen is stage.dashboard


# --- captures with bad lines ----------------------------------------------------------------------


def damaged(path: Path, bad: int) -> Path:
    """A capture with some lines in it that are no records."""
    lines: list[CaptureLine] = [
        CaptureHead(),
        *(ChunkLine("r1", t_ns, read) for t_ns, read in STREAM),
    ]
    encoded = [encode_line(line) for line in lines]
    broken = b'{"k":"chunk","run":"r1","t":-1,"data":"\xff[@click=app.quit]"}\n'
    encoded[5:5] = [broken] * bad
    encoded.append(encode_line(EndLine("r1", 4_600_000_000, "eof", None)))
    path.write_bytes(b"".join(encoded))
    return path


@both_sizes
@pytest.mark.parametrize(
    ("bad", "label", "more"),
    [
        (1, "1 line of the capture could not be read", None),
        (3, "3 lines of the capture could not be read", "and 2 more"),
        (50, "20 lines or more of the capture could not be read", "and many more"),
    ],
)
async def test_lines_of_a_large_capture_that_cannot_be_read_are_told(
    bad: int,
    label: str,
    more: str | None,
    size: tuple[int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tui.sources.capture.LARGE", 10)
    monkeypatch.setattr("tui.captures.capture_file.CHECKED_SIZE", 10)
    factories, _ = recorded(damaged(tmp_path / "c.jsonl", bad))
    async with on_stage(*factories, size=size) as stage:
        await stage.at(10)
        assert "sunny today" in stage.said
        assert label in stage.said
        assert "line 6: " in stage.said
        assert (more in stage.said) if more else ("more" not in stage.said)
        seen = " ".join(row.strip("\u258e ") for row in rows_of(stage.transcript_pane))
        assert label in seen
        stage.app.watchlist.go(3)
        await stage.settle()
        assert label in stage.said, "in the past too"


async def test_a_sound_capture_has_nothing_to_tell(tmp_path: Path) -> None:
    (factory,), warnings = recorded(damaged(tmp_path / "c.jsonl", 0))
    assert warnings == []
    source = factory()
    assert isinstance(source, CaptureSource)
    assert source.damage is None
    async with on_stage(partial(factory), size=(80, 24)) as stage:
        await stage.at(10)
        assert "could not be read" not in stage.said
