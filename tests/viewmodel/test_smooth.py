"""Reading along: sentences, the steady pace, characters that stay whole."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rich.cells import split_graphemes

from tui.core.state import Buffer
from tui.viewmodel.smooth import LAG_NS, LONGEST_CLUSTER, Reveal, Smoother, joined

MS = 1_000_000
KINDS: tuple[Reveal, ...] = ("sentence", "character")

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
FLAGS = "\U0001f1eb\U0001f1f7\U0001f1ee\U0001f1f9"
PIECES = (
    *("Hello", " there", ".", "!", "?", " ", "\n", "\r\n", "3.14", "...", "e.g."),
    *(
        "e\u0301",
        "\u0301",
        "\u200d",
        FAMILY,
        FLAGS,
        FLAGS[0],
        "\U0001f44d\U0001f3fd",
        "\u2764\ufe0f",
    ),
    *("\ud83d", "\ude00", "\ud83d\ude00", "\u3002", "\uff01\uff1f", "\u300d", "\u6f22\u5b57"),
    *("\u1112\u1161\u11ab", "\ud55c", "\uff76\uff9e", "1\ufe0f\u20e3", "\u0915\u094d\u0937"),
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


class Fed:
    """A text that grows, and how much of it was shown at each look."""

    def __init__(self, kind: Reveal) -> None:
        self.smoother = Smoother(kind)
        self.text = Buffer()
        self.shown = [0]
        self.asked = 0

    def look(self, new: str, now_ns: int, done: bool = False) -> int:
        self.text.append(new)
        shown = self.smoother.reveal(len(self.text), self._slice, now_ns, done)
        self.shown.append(shown)
        return shown

    def _slice(self, start: int, end: int) -> str:
        assert 0 <= start <= end <= len(self.text)
        self.asked += end - start
        return self.text.slice(start, end)


def wholes(text: str) -> set[int]:
    """The places in a text that are not inside of a character; one code point after the other."""
    places = {0, len(text)}
    letters = 0
    for place, (before, after) in enumerate(pairwise(text), 1):
        letters = letters + 1 if "\U0001f1e6" <= before <= "\U0001f1ff" else 0
        flag = letters % 2 == 1 and "\U0001f1e6" <= after <= "\U0001f1ff"
        if not flag and not joined(before, after):
            places.add(place)
    return places


def sentence_ends(text: str) -> set[int]:
    """The places in a text up to which it may be shown."""
    places = {0}
    for place, char in enumerate(text, 1):
        after = text[place : place + 1]
        if char == "\n" or (char in ".!?" and after.isspace()):
            places.add(place)
        if char in "\u3002\uff01\uff1f" and after and after not in "\u3002\uff01\uff1f\u300d":
            places.add(place)
    return places & wholes(text)


@st.composite
def schedules(draw: st.DrawFn) -> list[tuple[str, int]]:
    """A text in deltas, cut anywhere, and when each of them comes."""
    text = draw(TEXTS)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    now = draw(st.integers(0, 10**15))
    steps = []
    for start, end in pairwise([0, *cuts, len(text)]):
        steps.append((text[start:end], now))
        now += draw(st.sampled_from([0, 1, 7 * MS, 33 * MS, 200 * MS, 3_000 * MS]))
    return steps


def fed(kind: Reveal, steps: Sequence[tuple[str, int]]) -> Fed:
    growing = Fed(kind)
    for new, now in steps:
        growing.look(new, now)
    return growing


# --- laws -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@given(schedules())
def test_it_never_goes_back_and_never_ahead(kind: Reveal, steps: list[tuple[str, int]]) -> None:
    growing, arrived = Fed(kind), 0
    for new, now in steps:
        arrived += len(new)
        before = growing.shown[-1]
        assert before <= growing.look(new, now) <= arrived


@pytest.mark.parametrize("kind", KINDS)
@given(schedules())
def test_at_the_end_everything_is_shown_within_a_second(
    kind: Reveal, steps: list[tuple[str, int]]
) -> None:
    growing = fed(kind, steps)
    end = steps[-1][1]
    growing.look("", end, done=True)
    assert growing.look("", end + 1_000 * MS, done=True) == len(growing.text)


@pytest.mark.parametrize("kind", KINDS)
@given(schedules())
def test_what_is_shown_never_ends_inside_of_a_character(
    kind: Reveal, steps: list[tuple[str, int]]
) -> None:
    growing = Fed(kind)
    for new, now in steps:
        shown = growing.look(new, now)
        assert shown in wholes(growing.text.text())


@given(TEXTS, st.integers(1, 400))
def test_the_screen_s_own_clusters_are_kept_whole_too(text: str, step_ms: int) -> None:
    growing = Fed("character")
    # The screen draws a line alone, and sees no cluster that reaches over its end.
    text = text.replace("\r", "").replace("\n", "")
    ends = {end for _, end, _ in split_graphemes(text)[0]} | {0}
    # The screen has no rule for joiners in a row.
    assume("\u200d\u200d" not in text)
    for number in range(5):
        assert growing.look(text if not number else "", number * step_ms * MS) in ends


@given(schedules())
def test_a_sentence_is_shown_when_it_is_complete(steps: list[tuple[str, int]]) -> None:
    growing = Fed("sentence")
    for new, now in steps:
        shown = growing.look(new, now)
        assert shown == max(sentence_ends(growing.text.text()))


@given(TEXTS, st.lists(st.integers(0, 200), max_size=8))
def test_sentences_do_not_depend_on_the_deltas(text: str, cuts: list[int]) -> None:
    whole = Fed("sentence")
    whole.look(text, 0)
    pieces = Fed("sentence")
    for start, end in pairwise([0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]):
        pieces.look(text[start:end], 0)
    assert pieces.shown[-1] == whole.shown[-1]


@given(TEXTS, st.lists(st.integers(0, 200), max_size=8), st.integers(0, 700))
def test_the_pace_does_not_depend_on_how_what_came_at_once_was_cut(
    text: str, cuts: list[int], later_ms: int
) -> None:
    whole = Fed("character")
    whole.look(text, 0)
    pieces = Fed("character")
    for start, end in pairwise([0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]):
        pieces.look(text[start:end], 0)
    assert pieces.look("", later_ms * MS) == whole.look("", later_ms * MS)


@given(schedules(), st.lists(st.integers(0, 4_000), max_size=20), st.integers(0, 600))
def test_the_pace_does_not_depend_on_how_often_one_looks(
    steps: list[tuple[str, int]], looks_ms: list[int], later_ms: int
) -> None:
    seldom, often = Fed("character"), Fed("character")
    looks = sorted(steps[0][1] + look * MS for look in looks_ms)
    for new, now in steps:
        while looks and looks[0] < now:
            often.look("", looks.pop(0))
        seldom.look(new, now)
        often.look(new, now)
        assert often.shown[-1] == seldom.shown[-1]
    end = steps[-1][1] + later_ms * MS
    for look in looks:
        if look < end:
            often.look("", look)
    assert often.look("", end) == seldom.look("", end)


@given(schedules())
def test_every_character_is_shown_in_time(steps: list[tuple[str, int]]) -> None:
    growing = Fed("character")
    arrived: list[tuple[int, int]] = []
    for new, now in steps:
        shown = growing.look(new, now)
        assert all(shown >= length for at, length in arrived if at + LAG_NS <= now)
        arrived.append((now, len(growing.text)))


@pytest.mark.parametrize("kind", KINDS)
@given(schedules(), st.booleans())
def test_only_what_is_new_is_read(kind: Reveal, steps: list[tuple[str, int]], done: bool) -> None:
    growing = fed(kind, steps)
    for number in range(5):
        growing.look("", steps[-1][1] + number * 200 * MS, done)
    looks = len(growing.shown)
    assert growing.asked <= len(growing.text) + looks * (LONGEST_CLUSTER + 2)


# --- sentences ------------------------------------------------------------------------------------


def test_a_sentence_waits_for_the_blank_behind_it() -> None:
    growing = Fed("sentence")
    assert growing.look("It is 3", 0) == 0
    assert growing.look(".", 1) == 0
    assert growing.look("5 degrees.", 2) == 0
    assert growing.look(" Cold", 3) == len("It is 3.5 degrees.")
    assert growing.look("!", 4) == len("It is 3.5 degrees.")
    assert growing.look("\n", 5) == len("It is 3.5 degrees. Cold!\n")


def test_a_line_is_shown_whatever_it_ends_with() -> None:
    growing = Fed("sentence")
    assert growing.look("# Weather\n- Paris", 0) == len("# Weather\n")
    assert growing.look(": 12", 0) == len("# Weather\n")


def test_a_sentence_without_blanks_ends_behind_its_stop() -> None:
    growing = Fed("sentence")
    hot = "\u6691\u3044\u3002"
    assert growing.look(hot, 0) == 0
    assert growing.look("\u6c34", 0) == 3
    quoted = Fed("sentence")
    assert quoted.look("\u300c" + hot + "\u300d\u3068", 0) == 0


def test_the_rest_is_shown_when_no_more_will_come() -> None:
    growing = Fed("sentence")
    assert growing.look("No end", 0) == 0
    assert growing.look("", 10**12) == 0
    assert growing.look("", 10**12, done=True) == 6


def test_nothing_is_read_while_nothing_comes() -> None:
    growing = Fed("sentence")
    growing.look("A long sentence without an end, " * 100, 0)
    asked = growing.asked
    for number in range(50):
        growing.look("", number)
    assert growing.asked == asked


# --- the pace -------------------------------------------------------------------------------------


def test_a_burst_is_shown_at_one_pace() -> None:
    growing = Fed("character")
    growing.look("x" * 1_000, 0)
    shown = [growing.look("", LAG_NS * tenth // 10) for tenth in range(11)]
    assert shown == [100 * tenth for tenth in range(11)]


def test_a_steady_stream_is_shown_as_steadily() -> None:
    growing = Fed("character")
    now = 0
    for _ in range(100):
        growing.look("word ", now)
        now += 50 * MS
    sizes = [after - before for before, after in pairwise(growing.shown[20:])]
    assert set(sizes) <= {4, 5}


def test_deltas_in_bursts_are_spread_between_them() -> None:
    growing = Fed("character")
    shown = []
    for tick in range(120):
        # Forty characters each 0.4 s; one looks every 50 ms.
        shown.append(growing.look("x" * 40 if tick % 8 == 0 else "", tick * 50 * MS))
    sizes = [after - before for before, after in pairwise(shown[20:])]
    assert max(sizes) <= 10
    assert min(sizes) > 0


def test_a_small_delta_does_not_hold_up_the_burst_before_it() -> None:
    growing = Fed("character")
    growing.look("x" * 1_000, 0)
    growing.look("y", LAG_NS // 2)
    assert growing.look("", LAG_NS) == 1_000
    assert growing.look("", LAG_NS * 3 // 2) == 1_001


def test_the_pace_rises_for_a_burst_and_falls_after_it() -> None:
    growing = Fed("character")
    growing.look("x" * 100, 0)
    assert growing.look("y" * 1_000, LAG_NS // 2) == 50
    middle = growing.look("", LAG_NS)
    assert middle == 50 + 1_050 // 2
    assert growing.look("", LAG_NS * 3 // 2) == 1_100


def test_what_was_done_before_it_was_seen_is_shown_at_once() -> None:
    for kind in KINDS:
        assert Fed(kind).look("All of it, no end", 5, done=True) == 17


def test_a_clock_that_stands_or_goes_back_shows_nothing_new_and_hides_nothing() -> None:
    growing = Fed("character")
    growing.look("x" * 100, LAG_NS)
    half = growing.look("", LAG_NS * 3 // 2)
    assert half == 50
    assert growing.look("", LAG_NS * 3 // 2) == half
    assert growing.look("", 0) == half
    assert growing.look("more", 0) == half
    assert growing.look("", 3 * LAG_NS) == 104


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_that_is_cut_back_shows_no_more_than_it_has(kind: Reveal) -> None:
    smoother = Smoother(kind)
    text = "One. Two. Three. "
    now = 0
    for _ in range(3):
        smoother.reveal(len(text), lambda start, end: text[start:end], now, False)
        now += LAG_NS
    assert smoother.reveal(4, lambda start, end: text[start:end][:4], now, False) == 4


# --- characters -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cluster",
    [
        "e\u0301",
        "\u0915\u094d",
        FAMILY,
        FLAGS[:2],
        "\U0001f44d\U0001f3fd",
        "\u2764\ufe0f",
        "1\ufe0f\u20e3",
        "\ud83d\ude00",
        "\u1112\u1161\u11ab",
        "\ud55c\u11ab",
        "\uff76\uff9e",
        "\r\n",
        "x" + "\u0301" * (LONGEST_CLUSTER - 1),
    ],
    ids=ascii,
)
def test_a_character_is_shown_whole(cluster: str) -> None:
    growing = Fed("character")
    growing.look(cluster * 3, 0)
    sizes = {growing.look("", LAG_NS * part // 97) for part in range(98)}
    assert sizes == {len(cluster) * number for number in range(4)}


def test_a_mark_that_comes_late_is_shown_with_its_letter() -> None:
    growing = Fed("character")
    growing.look("e", 0)
    assert growing.look("", LAG_NS) == 1
    assert growing.look("\u0301 x", LAG_NS) == 2
    flags = Fed("character")
    flags.look(FLAGS[0], 0)
    assert flags.look("", LAG_NS) == 1
    assert flags.look(FLAGS[1:], LAG_NS) == 2
    assert flags.look("", LAG_NS + 1) == 2


def test_a_row_of_flags_is_cut_between_flags() -> None:
    growing = Fed("character")
    growing.look("go " + FLAGS * 20, 0)
    sizes = {growing.look("", LAG_NS * part // 200) for part in range(201)}
    assert sizes == {0, 1, 2, *range(3, 84, 2)}


def test_a_character_without_end_is_shown_in_parts() -> None:
    growing = Fed("character")
    growing.look("x" + "\u0301" * 100_000, 0)
    first = growing.look("", LAG_NS // 100_000)
    assert 1 < first <= LONGEST_CLUSTER + 1
    before = growing.asked
    growing.look("", LAG_NS // 50_000)
    assert growing.asked - before <= 2 * LONGEST_CLUSTER + 2
    assert growing.look("", LAG_NS) == 100_001


def test_letters_blanks_and_lines_are_not_joined() -> None:
    for before, after in ("ab", "a ", " a", ".\n", "\n\u0301", "\u6f22\u5b57", "\ude00\ud83d"):
        assert not joined(before, after)
