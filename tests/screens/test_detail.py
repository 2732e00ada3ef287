"""The closer look at one event."""

from __future__ import annotations

from tests.app_harness import LATER_S, BytesSource, all_rows, all_strips, on_stage, timed
from tests.playbook import ending, message_start, text_block
from tui.screens.detail import Detail
from tui.sources import Answer
from tui.widgets.lines_view import LinesView

EVENTS = [message_start(), *text_block(0, "word " * 40), *ending()]


class AnsweredSource(BytesSource):
    """A stream whose response has a head."""

    answer = Answer(0, 200, {"Request-Id": "req_[1]\x1b"})


async def test_the_request_id_is_in_the_detail_and_can_be_copied() -> None:
    async with on_stage(AnsweredSource(timed(*EVENTS))) as stage:
        await stage.at(LATER_S)
        await stage.press("enter")
        await stage.settle()
        assert isinstance(stage.app.screen, Detail)
        rows = all_rows(stage.app.screen.query_one(LinesView))
        assert "request  req_[1]\u241b" in rows
        await stage.press("escape", "y")
        await stage.settle()
        assert "Request id" in stage.text


async def test_json_is_in_colours_and_bytes_have_a_mark_where_they_are_wrapped() -> None:
    async with on_stage(timed(*EVENTS), size=(80, 24)) as stage:
        await stage.at(LATER_S)
        await stage.press("g", "j", "j", "enter")
        await stage.settle()
        view = stage.app.screen.query_one(LinesView)
        rows = all_rows(view)
        assert not any(row.startswith("request") for row in rows)
        key = next(
            style for strip in all_strips(view) for text, style, _ in strip if text == '"delta"'
        )
        assert key == view.style("lines--key")
        data = rows[rows.index("Bytes, as received") + 1 :]
        assert data[0] == "event: content_block_delta"
        assert len(data[1]) == view.row_width
        assert data[2].startswith("\u21aa ") and "word word" in data[2]
        assert data[-1].startswith("\u21aa ") and data[-1].endswith("}}")
