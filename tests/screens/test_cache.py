"""The prompt cache: columns, bars, differences, and an empty list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.app_harness import all_rows, all_strips, drawn, rows_of
from tests.hostile import MARKUP, SEQUENCES, hostile_in, hostile_text
from tests.screen_host import Host, shown
from tui.screens.cache import CachePage, CacheRow, CacheView, cache_lines, heading, share_line
from tui.viewmodel.views import VerdictView
from tui.widgets.lines_view import LinesView

ROWS = [
    CacheRow(1, "12:03:04", "claude-sonnet-4-6", 21, 0, 12_840, 0.0),
    CacheRow(2, "12:03:41", "claude-sonnet-4-6", 35, 12_840, 412, 0.966),
    CacheRow(
        3, "12:05:02", "claude-opus-4-6", 13_310, 0, 0, 0.0, "system", "at 11:03.", "at 11:05."
    ),
    CacheRow(4, "12:06:30", "claude-opus-4-6", 88, 6_400, 7_021, 0.47, "tools[1]", "search", None),
    CacheRow(5, "12:07:00", "claude-opus-4-6", None, None, None, None),
]
COUNTS = st.one_of(st.none(), st.integers(0, 10**8))
ANY_ROW = st.builds(
    CacheRow,
    st.integers(1, 9_999),
    hostile_text(4),
    hostile_text(4),
    COUNTS,
    COUNTS,
    COUNTS,
    st.one_of(st.none(), st.floats(-1, 2)),
    hostile_text(3),
    st.one_of(st.none(), hostile_text(20)),
    st.one_of(st.none(), hostile_text(20)),
)


class Still:
    """Requests to which nothing comes, `size` on a page."""

    def __init__(
        self, rows: list[CacheRow], verdict: VerdictView | None = None, size: int = 100
    ) -> None:
        self.rows, self.verdict, self.size, self.start = rows, verdict, size, 0

    def page(self) -> CachePage:
        shown = self.rows[self.start : self.start + self.size]
        return CachePage(shown, -1, self.start, len(self.rows), verdict=self.verdict)

    def step(self, direction: int) -> bool:
        turned = self.start + direction * self.size
        if not 0 <= turned < len(self.rows):
            return False
        self.start = turned
        return True

    async def compare(self) -> bool:
        return False


def texts(rows: list[CacheRow], width: int = 70) -> list[str]:
    return [
        "".join(text for text, _ in line.pieces).rstrip()
        for line in cache_lines(CachePage(rows), width)
    ]


# --- lines ----------------------------------------------------------------------------------------


def test_each_request_has_a_row_and_the_place_where_it_differs() -> None:
    none, most, half = "\u2500" * 6, "\u2588" * 5 + "\u258a", "\u2588" * 2 + "\u2589" + "\u2500" * 3
    assert texts(ROWS) == [
        f" 1  12:03:04  claude-sonnet-4-6          21      0  12.8k  {none}   0%",
        "",
        f" 2  12:03:41  claude-sonnet-4-6          35  12.8k    412  {most}  97%",
        "",
        f" 3  12:05:02  claude-opus-4-6         13.3k      0      0  {none}   0%",
        "    first difference at system",
        "    \u2212 at 11:03.",
        "    + at 11:05.",
        "",
        f" 4  12:06:30  claude-opus-4-6            88   6400   7021  {half}  47%",
        "    first difference at tools[1]",
        "    \u2212 search",
        "    + nothing",
        "",
        " 5  12:07:00  claude-opus-4-6"
        + f"{'-':>14}{'-':>7}{'-':>7}{'-':>13}".replace("-", "\u2013"),
    ]


def test_the_heads_stand_over_their_columns() -> None:
    for width in (30, 50, 70, 110):
        [(head, _)] = heading(width).pieces
        row = texts([ROWS[1]], width)[0]
        for name, value in (("input", "35"), ("read", "12.8k"), ("write", "412"), ("hits", "97%")):
            assert head.index(name) + len(name) == row.index(value) + len(value)
        if "model" in head:
            assert head.index("model") == row.index("claude")


@pytest.mark.parametrize(
    ("width", "gone"), [(80, ""), (60, "\u2588"), (46, "\u2588 12:03"), (34, "\u2588 12:03 claude")]
)
def test_on_a_narrow_screen_the_bar_goes_first_and_the_counts_never(width: int, gone: str) -> None:
    row = texts([ROWS[1]], width)[0]
    for text in ("\u2588", "12:03", "claude"):
        assert (text in row) == (text not in gone), text
    for text in ("35", "12.8k", "412", "97%"):
        assert text in row


@pytest.mark.parametrize(
    ("rate", "bar"),
    [
        (0.0, "\u2500" * 6),
        (1.0, "\u2588" * 6),
        (0.5, "\u2588" * 3 + "\u2500" * 3),
        (1 / 48, "\u258f" + "\u2500" * 5),
        (7.0, "\u2588" * 6),
    ],
)
def test_bars(rate: float, bar: str) -> None:
    row = texts([ROWS[0]._replace(hit_rate=rate)])[0]
    assert f"  {bar} " in row


def test_a_request_alone_says_what_to_do_next() -> None:
    said = " ".join(" ".join(texts(ROWS[:1])).split())
    assert said.endswith(
        "Send a second request in this conversation: this shows what the cache kept of it"
    )
    assert "Send a second" not in " ".join(texts(ROWS[:2]))


def test_the_share_of_all_tokens() -> None:
    assert share_line(ROWS) == "36% of 53.0k input tokens read from the cache"
    assert share_line(ROWS[:1]) == "0% of 12.9k input tokens read from the cache"
    assert share_line(ROWS[4:]) == share_line([]) == ""


@given(st.lists(ANY_ROW, max_size=3), st.integers(1, 120))
def test_any_rows_fit_any_width_and_are_safe(rows: list[CacheRow], width: int) -> None:
    for line in cache_lines(CachePage(rows), width):
        text = "".join(part for part, _ in line.pieces)
        assert not hostile_in(text)
        assert "\n" not in text
        if width >= 60 and "first difference" not in text:
            assert cell_len(text) <= width + 2


# --- the screen -----------------------------------------------------------------------------------


async def test_the_screen_shows_them() -> None:
    async with shown(CacheView(Still(ROWS))) as hand:
        assert "Prompt cache  36% of 53.0k input tokens read from the cache" in hand.text
        assert any(
            row.split()[1:6] == ["#", "when", "model", "input", "read"] for row in hand.lines
        )
        view = hand.app.screen.query_one(LinesView)
        assert [row.strip() for row in all_rows(view)] == [
            text.strip() for text in texts(ROWS, view.row_width)
        ]
        strip = all_strips(view)[2]
        looks = {segment.text.strip(): segment.style for segment in strip}
        assert looks["12.8k"] == view.style("lines--good")
        assert looks["\u2588" * 5 + "\u258a"] == view.style("lines--full")


async def test_differences_have_signs_and_colours() -> None:
    async with shown(CacheView(Still(ROWS))) as hand:
        view = hand.app.screen.query_one(LinesView)
        removed, added = all_strips(view)[6:8]
        assert {segment.style for segment in removed} == {view.style("lines--removed")}
        assert {segment.style for segment in added} == {view.style("lines--added")}


async def test_an_empty_list_says_what_will_be_here() -> None:
    async with shown(CacheView()) as hand:
        said = " ".join(hand.text.replace("\u2502", " ").split())
        assert "What the prompt cache read and wrote for each request appears here" in said
        assert "Send a request, then a second one in this conversation." in said
        assert "input tokens" not in hand.text
        assert "when" not in hand.text.replace("where", "")


async def test_other_rows_can_be_shown() -> None:
    still = Still(ROWS[:1])
    async with shown(CacheView(still)) as hand:
        still.rows = ROWS
        screen = hand.app.screen
        assert isinstance(screen, CacheView)
        screen.look()
        await drawn(hand.app)
        assert "36%" in hand.text
        assert "claude-opus-4-6" in hand.text


async def test_pages_of_many_requests_are_turned() -> None:
    rows = [ROWS[1]._replace(number=number) for number in range(1, 10_001)]
    async with shown(CacheView(Still(rows, size=40))) as hand:
        assert "requests 1\u201340 of 10,000" in hand.text
        assert "n p later, earlier" in hand.text
        await hand.press("n")
        assert "requests 41\u201380 of 10,000" in hand.text
        assert rows_of(hand.app.screen.query_one(LinesView))[0].split()[0] == "41"
        await hand.press("p", "p")
        assert "requests 1\u201340 of 10,000" in hand.text


async def test_keys_that_close() -> None:
    async with shown(Host()) as hand:
        for key in ("escape", "q"):
            await hand.open(CacheView(Still(ROWS)))
            await hand.press(key)
            assert hand.app.results == [None]


async def test_many_scroll_and_the_heads_stay() -> None:
    rows = [ROWS[1]._replace(number=number) for number in range(1, 60)]
    async with shown(CacheView(Still(rows))) as hand:
        await hand.press("end")
        view = hand.app.screen.query_one(LinesView)
        assert rows_of(view)[-1].startswith("59  ")
        assert "model" in hand.text


async def test_resizes() -> None:
    async with shown(CacheView(Still(ROWS))) as hand:
        view = hand.app.screen.query_one(LinesView)
        for size in ((1, 1), (40, 10), (300, 100), (120, 40)):
            await hand.resize(*size)
            assert all(strip.cell_length <= view.row_width for strip in all_strips(view))
        row = next(line for line in hand.lines if "12:03:41" in line)
        head = next(line for line in hand.lines if "when" in line)
        assert head.index("write") + 5 == row.index("412") + 3


async def test_hostile_text_is_drawn_as_symbols() -> None:
    async with shown(Host()) as hand:
        for evil in (*SEQUENCES, *MARKUP):
            row = CacheRow(2, evil, evil, 1, 2, 3, 0.5, evil, evil, evil)
            await hand.open(CacheView(Still([row, row])))
            assert not hostile_in(hand.text)
            await hand.press("q")
            assert hand.app.results == [None]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_it_begins_with_the_verdict_on_the_cache(size: tuple[int, int]) -> None:
    text = "Nothing was read from the cache: the first difference is at system, [b]really[/b]."
    async with shown(
        CacheView(Still(ROWS, VerdictView("\u25b2", "warning", text, 0))), size=size
    ) as hand:
        told = [line for line in hand.lines if "\u25b2 Nothing was read" in line]
        assert told and hand.lines.index(told[0]) < next(
            n for n, line in enumerate(hand.lines) if "model" in line
        )
        assert "[b]really[/b]" in " ".join(hand.lines)
