"""Files and folders that are listed while they are looked into."""

from __future__ import annotations

from pathlib import Path

from tests import playbook as pb
from tests.app_harness import on_stage, rows_of
from tui.sources.opened import open_together

BODY = pb.wire(pb.message_start(), *pb.text_block(0, "one"), *pb.ending())


def write(folder: Path, count: int) -> None:
    for number in range(count):
        (folder / f"answer-{number:04}.sse").write_bytes(BODY)


async def test_a_folder_is_listed_loaded_and_played_again(tmp_path: Path) -> None:
    write(tmp_path, 40)
    (tmp_path / "answer-0000.har").write_bytes(b'{"log": "message_start"}')
    async with on_stage(opening=open_together([tmp_path])) as stage:
        watchlist = stage.app.watchlist
        await stage.until(lambda: len(watchlist.all) == 41)
        await stage.until(lambda: all(feed.done for feed in watchlist.feeds))
        # The first cannot be read: the first that can is shown.
        assert watchlist.position == (2, 41)
        statuses = [feed.runs[0].status for feed in watchlist.feeds]
        assert statuses == ["not_sse", *["complete"] * 40]
        assert "41 runs" in stage.text
        await stage.press("r")
        again = watchlist.all[-1]
        assert len(watchlist.all) == 42 and again.feed.info.paced
        assert watchlist.shown is not None and watchlist.shown.watched is again


async def test_a_file_that_cannot_be_read_is_a_row_that_says_so(tmp_path: Path) -> None:
    write(tmp_path, 1)
    paths = [tmp_path / "absent.sse", tmp_path / "answer-0000.sse"]
    async with on_stage(opening=open_together(paths)) as stage:
        watchlist = stage.app.watchlist
        await stage.until(lambda: len(watchlist.all) == 2)
        assert watchlist.position[0] == 2
        watchlist.pick(-1)
        await stage.settle()
        assert "no such file" in "\n".join(rows_of(stage.transcript_pane))
