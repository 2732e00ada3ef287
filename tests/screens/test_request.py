"""The request in full: what is drawn of it, its keys, and large ones."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from textual.selection import SELECT_ALL
from textual.strip import Strip

from tests.app_harness import all_rows, drawn, rows_of
from tests.hostile import MARKUP, SEQUENCES, hostile_in
from tests.screen_host import Host, shown
from tui.screens import request as module
from tui.screens.request import JsonView, RequestView

SYSTEM = "Answer in one sentence and name the source. " * 6
REQUEST = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 4096,
    "system": SYSTEM,
    "messages": [{"role": "user", "content": "Hello"}],
}


def view_of(screen: RequestView) -> JsonView:
    return screen.query_one(JsonView)


def copied(view: JsonView) -> object:
    """What is copied of all its rows, read as JSON again."""
    selected = view.get_selection(SELECT_ALL)
    assert selected is not None
    return json.loads(selected[0])


# --- what is shown --------------------------------------------------------------------------------


async def test_all_of_it_stands_there() -> None:
    screen = RequestView(REQUEST)
    async with shown(screen, (120, 40)) as hand:
        rows = rows_of(view_of(screen))
        assert rows[:3] == ["{", '  "model": "claude-sonnet-4-6",', '  "max_tokens": 4096,']
        assert '  "messages": [{"role": "user", "content": "Hello"}]' in rows
        assert copied(view_of(screen)) == REQUEST
        assert "Request  claude-sonnet-4-6" in hand.text
        assert "370 B  ~69 tokens  e edit  r send  y copy  esc closes" in hand.text


async def test_files_are_named_beside_the_tokens() -> None:
    image = {"type": "image", "source": {"type": "base64", "data": "AAAA"}}
    request = {"messages": [{"role": "user", "content": [image, image]}]}
    async with shown(RequestView(request)) as hand:
        assert "~1 tokens and 2 files" in hand.text
        assert "Request " in hand.text


async def test_words_stay_whole_at_the_edge() -> None:
    screen = RequestView(REQUEST)
    async with shown(screen):
        rows = all_rows(view_of(screen))
        first = next(n for n, row in enumerate(rows) if '"system"' in row)
        words = set(SYSTEM.split()) | {'"system":', '"Answer', '"', '",'}
        for row in rows[first : first + 4]:
            assert set(row.split()) <= words
        assert rows[first + 1].startswith("    ")


async def test_parts_have_their_colours() -> None:
    screen = RequestView({"key": ["text", 1, None]})
    async with shown(screen):
        view = view_of(screen)
        strip = view.row(0, view.row_width)
        looks = {segment.text: segment.style for segment in strip}
        assert looks['"key"'] == view.style("tool-pane--key")
        assert looks['"text"'] == view.style("tool-pane--string")
        assert looks["1"] == view.style("tool-pane--number")
        assert looks["null"] == view.style("tool-pane--literal")
        assert len({str(look) for look in looks.values()}) >= 4


async def test_hostile_text_is_escaped_and_wide_text_fits() -> None:
    texts = [*SEQUENCES, *MARKUP, "\u6771\u4eac " * 60, "e\u0301" * 200, "\U0001f44d\u200d" * 90]
    request = {"model": "m\x1b[2J\u202e", "messages": [{"role": "user", "content": texts}]}
    for size in ((80, 24), (30, 10)):
        screen = RequestView(request)
        async with shown(screen, size) as hand:
            view = view_of(screen)
            drawn_text = "\n".join([*all_rows(view), hand.text])
            assert not hostile_in(drawn_text)
            assert copied(view) == request
            for y in range(view.height_in_rows):
                strip = view.row(y, 10_000)
                assert len(strip.text.rstrip(" ")) == len(
                    strip.crop(0, view.row_width).text.rstrip()
                )
            assert hand.app.results == []


# --- keys -----------------------------------------------------------------------------------------


async def test_keys() -> None:
    async with shown(Host()) as hand:
        keys = {"e": "edit", "r": "send", "y": "copy", "escape": None, "q": None}
        for key, result in keys.items():
            await hand.open(RequestView(REQUEST))
            await hand.press(key)
            assert hand.app.results == [result], key


async def test_scrolling() -> None:
    screen = RequestView({"messages": [{"role": "user", "content": str(n)} for n in range(90)]})
    async with shown(screen) as hand:
        view = view_of(screen)
        await hand.press("j", "j", "k")
        assert view.scroll_offset.y == 1
        await hand.press("end")
        assert view.scroll_offset.y == view.max_scroll_y > 0
        await hand.press("g")
        assert view.scroll_offset.y == 0


# --- sizes ----------------------------------------------------------------------------------------


async def test_another_width_wraps_again_and_keeps_the_place() -> None:
    turns = [{"role": "user", "content": f"turn {n} " + "word " * 30} for n in range(40)]
    screen = RequestView({"messages": turns})
    async with shown(screen, (120, 30)) as hand:
        view = view_of(screen)
        place = next(n for n, row in enumerate(all_rows(view)) if "turn 20 " in row)
        view.scroll_to(y=place, animate=False)
        await drawn(hand.app)
        assert "turn 20 " in rows_of(view)[0]
        before = view.height_in_rows
        await hand.resize(60, 24)
        assert view.height_in_rows > before
        assert "turn 20 " in rows_of(view)[0]
        for size in ((1, 1), (20, 5), (300, 100), (120, 30)):
            await hand.resize(*size)
        assert view.height_in_rows == before
        assert copied(view) == {"messages": turns}


async def test_a_large_one_is_laid_out_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SLICE_S", 0.0)
    turns = [{"role": "user", "content": f"turn {n} " + "word " * 40} for n in range(60)]
    screen = RequestView({"messages": turns})
    heights: list[int] = []
    original = JsonView._go_on

    def counted(view: JsonView, steps: Iterator[None]) -> None:
        original(view, steps)
        heights.append(view.height_in_rows)

    monkeypatch.setattr(JsonView, "_go_on", counted)
    async with shown(screen):
        view = view_of(screen)
        assert view.settled
        assert len(set(heights)) > 3
        assert heights == sorted(heights)
        assert copied(view) == {"messages": turns}


async def test_only_rows_in_view_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    original = JsonView.row

    def counted(view: JsonView, y: int, width: int) -> Strip:
        asked.append(y)
        return original(view, y, width)

    monkeypatch.setattr(JsonView, "row", counted)
    turns = [
        {"role": "user", "content": "x" * 1_000_000},
        {"role": "user", "content": "\u6f22" * 30_000},
    ]
    screen = RequestView({"messages": turns})
    async with shown(screen) as hand:
        view = view_of(screen)
        assert view.height_in_rows > 15_000
        assert set(asked) <= set(range(view.size.height))
        asked.clear()
        await hand.press("end")
        assert rows_of(view)[-1] == "}"
        assert min(asked) >= view.max_scroll_y
        assert all(len(row) <= view.row_width for row in rows_of(view))


async def test_another_text_in_the_middle_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SLICE_S", 0.0)
    app = Host()
    async with shown(app):
        view = JsonView()
        view.show('["never seen", ' + ", ".join(map(str, range(5_000))) + "]")
        await app.screen.mount(view)
        view.show('{"a": 1}')
        await drawn(app)
        assert all_rows(view) == ['{"a": 1}']
        assert view.settled


async def test_text_that_is_no_json_is_shown_too() -> None:
    app = Host()
    async with shown(app):
        view = JsonView()
        await app.screen.mount(view)
        view.show('{"a": oops\nand more}')
        await drawn(app)
        assert "oops" in "\n".join(all_rows(view))
        view.show("")
        await drawn(app)
        assert view.height_in_rows == 0
