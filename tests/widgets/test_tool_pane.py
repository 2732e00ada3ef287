"""The tool pane: live JSON, what is missing, fragments, wrapping, and the past."""

from __future__ import annotations

import json
import random
import re

import pytest
from rich.style import Style
from textual.strip import Strip

from tests.app_harness import (
    LATER_S,
    BytesSource,
    Stage,
    all_rows,
    all_strips,
    on_stage,
    rows_of,
    timed,
)
from tests.playbook import (
    block_start,
    block_stop,
    ending,
    fragment,
    message_start,
    ping,
    tool_block,
    tool_start,
    wire,
)
from tui.core.records import Chunk, JsonObject
from tui.core.text import sanitize

INDENT = 2


def call(*fragments: str, stop: bool = True, name: str = "get_weather") -> list[JsonObject]:
    """A stream with one call; its fragments arrive from 0.3 s on, every 100 ms."""
    events = [message_start(), tool_start(0, name), *(fragment(0, piece) for piece in fragments)]
    return [*events, block_stop(0), *ending("tool_use")] if stop else events


def json_strips(stage: Stage) -> list[Strip]:
    """The rows below the first heading."""
    return all_strips(stage.tool_pane)[1:]


def styled(stage: Stage, strips: list[Strip]) -> list[tuple[str, Style]]:
    """Each character of the rows with its style, without the indentation."""
    found = []
    for strip in strips:
        cells = [(char, style or Style()) for text, style, _ in strip for char in text]
        found += cells[INDENT:]
    return found


def look(stage: Stage, name: str) -> Style:
    return stage.tool_pane.style(f"tool-pane--{name}")


def with_look(stage: Stage, name: str) -> str:
    """The text that is drawn in the style of that name."""
    wanted = look(stage, name)
    return "".join(char for char, style in styled(stage, json_strips(stage)) if style == wanted)


# --- a call ---------------------------------------------------------------------------------------


async def test_a_heading_tells_name_index_state_fragments_size_and_time() -> None:
    async with on_stage(timed(*call('{"location":', ' "Paris"}'))) as stage:
        await stage.at(0.45)
        heading = stage.tools.split("\n")[0]
        assert re.search(r"get_weather +#0 +\u25cf +2 fragments +21 B +250ms$", heading)
        await stage.at(LATER_S)
        heading = stage.tools.split("\n")[0]
        assert re.search(r"get_weather +#0 +\u2713 +2 fragments +21 B +300ms$", heading)
        assert "Tool calls  1" in stage.text


async def test_the_json_is_drawn_as_it_arrives_with_what_is_missing_dim() -> None:
    async with on_stage(timed(*call('{"location": ', '"Par', 'is", "days": [1', "2]}"))) as stage:
        await stage.at(0.3)
        assert "location" in stage.tools
        await stage.at(0.4)
        assert '"location": "Par"' in stage.tools
        assert with_look(stage, "pending") == '"}'
        await stage.at(0.5)
        assert '"days": [1]' in stage.tools
        assert "".join(with_look(stage, "pending").split()) == "]}"
        await stage.at(LATER_S)
        assert '{"location": "Paris", "days": [12]}' in stage.tools
        assert with_look(stage, "pending") == ""


async def test_keys_strings_and_numbers_have_colours_of_their_own() -> None:
    async with on_stage(timed(*call('{"key": "text", "n": 12.5}'))) as stage:
        await stage.at(LATER_S)
        assert with_look(stage, "key") == '"key""n"'
        assert with_look(stage, "string") == '"text"'
        assert with_look(stage, "number") == "12.5"


async def test_what_does_not_fit_on_a_line_is_laid_out_over_several() -> None:
    value = {"station": "Bergen - Florida", "country": "NO", "range": {"from": 1, "to": 2}}
    async with on_stage(timed(*call(json.dumps(value)))) as stage:
        await stage.at(LATER_S)
        rows = [row.rstrip() for row in stage.tools.split("\n")[1:]]
        assert rows[0] == "  {"
        assert '    "country": "NO",' in rows
        assert '    "range": {"from": 1, "to": 2}' in rows
        assert json.loads("".join(rows)) == value


async def test_a_call_without_input_says_so() -> None:
    async with on_stage(timed(*call(""))) as stage:
        await stage.at(LATER_S)
        assert "no input" in stage.tools
        assert "1 fragment " in stage.tools


async def test_an_input_that_came_with_the_start_says_so() -> None:
    events = [message_start(), tool_start(0, input={"city": "Rome"}), block_stop(0), *ending()]
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        assert "came whole" in stage.tools
        assert '{"city": "Rome"}' in stage.tools


@pytest.mark.parametrize(
    ("raw", "place"),
    [('{"city": "Rome", oops}', 17), ('{"city": "Rome"', 15), ("{]", 1), ('{"a": 01}', 7)],
)
async def test_input_that_is_not_json_says_where(raw: str, place: int) -> None:
    async with on_stage(timed(*call(raw))) as stage:
        await stage.at(LATER_S)
        assert "not valid JSON" in stage.tools.split("\n")[0]
        assert f"character {place}:" in " ".join(stage.tools.split())
        arrived = "".join(stage.tools.split("\n", 1)[1].split())
        assert "".join(raw.split()) in arrived


async def test_the_part_that_is_not_json_stands_out_already_while_it_streams() -> None:
    async with on_stage(timed(*call('{"a": 1, ', "oops", stop=False))) as stage:
        await stage.at(0.3)
        assert with_look(stage, "invalid") == ""
        await stage.at(0.4)
        assert "oops" in with_look(stage, "invalid")
        assert "not valid" not in stage.tools


async def test_a_call_that_was_cut_off_is_no_longer_streaming() -> None:
    async with on_stage(timed(*call('{"city": "Ro', stop=False), ping())) as stage:
        await stage.at(0.3)
        assert "never finished" not in stage.tools
        await stage.at(LATER_S)
        assert "never finished" in stage.tools
        assert '"city": "Ro' in stage.tools


async def test_interleaved_calls_are_kept_apart() -> None:
    events = [
        message_start(),
        tool_start(1, "one"),
        tool_start(2, "two"),
        fragment(1, '{"a": '),
        fragment(2, '{"b": "be'),
        fragment(1, "1}"),
        fragment(2, 'ta"}'),
        block_stop(2),
        block_stop(1),
        *ending("tool_use"),
    ]
    async with on_stage(timed(*events)) as stage:
        await stage.at(0.55)
        assert "Tool calls  2" in stage.text
        await stage.at(LATER_S)
        one, two = stage.tools.split("\n\n")
        assert "one  #1" in one and '{"a": 1}' in one
        assert "two  #2" in two and '{"b": "beta"}' in two


async def test_other_kinds_of_calls_are_named() -> None:
    events = [
        message_start(),
        block_start(0, "server_tool_use", id="srv_1", name="web_search", input={}),
        fragment(0, '{"query": "tides"}'),
        block_stop(0),
        block_start(1, "mcp_tool_use", id="mcp_1", name="lookup", server_name="maps", input={}),
        fragment(1, "{}"),
        block_stop(1),
        block_start(2, "psychic_call", name="guess"),
        fragment(2, "[1]"),
        block_stop(2),
        *ending(),
    ]
    async with on_stage(timed(*events)) as stage:
        await stage.at(LATER_S)
        for words in ("web_search  #0  server", "lookup  #1  mcp", "guess  #2", "[1]"):
            assert words in stage.tools


async def test_a_long_name_gives_way_and_the_state_stays() -> None:
    events = call('{"a": 1}', name="n" * 300)
    async with on_stage(timed(*events), size=(80, 24)) as stage:
        await stage.at(LATER_S)
        heading = all_strips(stage.tool_pane)[0]
        assert heading.cell_length <= stage.tool_pane.row_width
        assert "\u2713" in heading.text
        assert "\u2026" in heading.text


async def test_the_pane_follows_the_newest_call() -> None:
    blocks = [event for n in range(12) for event in tool_block(n, json.dumps({"n": n}))]
    async with on_stage(timed(message_start(), *blocks, every_ms=10), size=(80, 24)) as stage:
        for moment in (0.2, 0.3, 0.4, 5):
            await stage.at(moment)
            pane = stage.tool_pane
            assert pane.scroll_offset.y == pane.max_scroll_y
        assert '{"n": 11}' in stage.text


# --- fragments ------------------------------------------------------------------------------------


def fragments_of(text: str, places: list[int]) -> list[str]:
    edges = [0, *places, len(text)]
    return [text[start:end] for start, end in zip(edges, edges[1:], strict=False)]


LETTERS = "ACDFGHIJKLMNOPQRSTVWXYZ"  # Not those in `<U+202E>` and `<U+200B>`.
# Every letter stands once, so that its place in the raw text is known; around them what the layout
# moves (blanks), what is drawn as more than one character, and what is wider than a cell.
RAW = (
    '{  "k\\u00e9y\\n":"ABC\u202eDEF\x7f",   "\u6f22\u5b57":["GHIJ\\"KL",\n\n"MN\U0001f44dOP"],'
    '"x":  "Q\u200bRS TU  VW" ,"y":"X\u00e9YZ"}'
)


@pytest.mark.parametrize("width", [120, 80, 50])
@pytest.mark.parametrize("seed", range(4))
async def test_fragments_are_told_apart_at_their_place_in_the_raw_text(
    seed: int, width: int
) -> None:
    places = sorted(random.Random(seed).choices(range(1, len(RAW)), k=14))
    pieces = fragments_of(RAW, places)  # Some are empty: two cuts at one place.
    async with on_stage(timed(*call(*pieces)), size=(width, 40)) as stage:
        await stage.at(LATER_S)
        plain = stage.tools
        await stage.press("b")
        assert stage.tools == plain
        shown = {char: style for char, style in styled(stage, json_strips(stage))}
        solid = [piece for piece in pieces if piece]
        starts = [sum(len(piece) for piece in solid[:n]) for n in range(len(solid))]
        string = look(stage, "string")
        for letter in LETTERS:
            at = RAW.index(letter)
            number = max(n for n, start in enumerate(starts) if start <= at)
            assert bool(shown[letter].underline) == (at in starts), letter
            assert (shown[letter].bgcolor != string.bgcolor) == bool(number % 2), letter


async def test_an_empty_fragment_between_others_takes_no_character_away() -> None:
    async with on_stage(timed(*call("", '{"a": "bc', "", "", 'def"}', ""))) as stage:
        await stage.at(LATER_S)
        await stage.press("b")
        assert '{"a": "bcdef"}' in stage.tools
        assert "6 fragments" in stage.tools


async def test_boundaries_of_what_is_still_missing() -> None:
    async with on_stage(timed(*call('{"city": "Ro', "m", stop=False))) as stage:
        await stage.at(0.4)
        await stage.press("b")
        assert '{"city": "Rom"}' in stage.tools
        shown = {char: style for char, style in styled(stage, json_strips(stage))}
        assert shown["m"].underline
        assert not shown["}"].underline


# --- wrapping -------------------------------------------------------------------------------------


def values() -> list[str]:
    """Strings of all widths: wide, combined, joined, flags, hostile, and mixed by chance."""
    chance = random.Random(20)
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    wide = ["\u6f22", "\u5b57", "\ud55c", "\U0001f44d\U0001f3fd", family, "\U0001f1e9\U0001f1ea"]
    joined = ["e\u0301", "\u2764\ufe0f", "1\ufe0f\u20e3", "\u1112\u1161\u11ab", "\u0e01\u0e33"]
    atoms = [*"abc {}[]:,\\\"'", *wide, *joined, "\u202e", "\u200b", "\x1b[31m", "\x85"]
    mixed = ["".join(chance.choices(atoms, k=60)) for _ in range(12)]
    return [*(atom * 45 for atom in atoms if len(atom.strip()) and atom not in '\\"'), *mixed]


async def test_wrapping_loses_no_character_and_makes_no_row_too_wide() -> None:
    texts = values()
    inputs = [json.dumps({"t": text}, ensure_ascii=False) for text in texts]
    blocks = [event for n, raw in enumerate(inputs) for event in tool_block(n, raw)]
    async with on_stage(timed(message_start(), *blocks, *ending(), every_ms=1)) as stage:
        await stage.at(LATER_S)
        for width in (120, 81, 64, 47, 40):
            await stage.resize(width, 40)
            strips = all_strips(stage.tool_pane)
            assert all(strip.cell_length <= stage.tool_pane.row_width for strip in strips)
            shown = [strip.text[INDENT:] for strip in strips]
            found = "".join("".join(shown).split())
            for raw in inputs:
                # Layout adds blanks and breaks between tokens, and nothing inside of a string.
                assert "".join(sanitize(raw).split()) in found


async def test_a_very_long_line_is_drawn_row_by_row() -> None:
    raw = json.dumps({"t": "\u6f22" * 15_000 + "a" * 15_000}, ensure_ascii=False)
    async with on_stage(timed(*call(raw)), size=(80, 24)) as stage:
        await stage.at(LATER_S)
        strips = all_strips(stage.tool_pane)
        assert all(strip.cell_length <= stage.tool_pane.row_width for strip in strips)
        text = "".join(strip.text.strip() for strip in strips)
        assert text.count("\u6f22") == 15_000
        assert "a" * 15_000 in text


# --- the past -------------------------------------------------------------------------------------


async def test_the_cursor_takes_fragments_back_and_calls_away() -> None:
    events = [message_start(), *tool_block(0, '{"a"', ": 1}"), *tool_block(1, '{"b"', ": 2}")]
    async with on_stage(timed(*events, *ending())) as stage:
        await stage.at(LATER_S)
        drawn = {}
        for count in range(stage.moment.head, 0, -1):
            stage.app.watchlist.go(count)
            await stage.settle()
            drawn[count] = stage.tools
        assert '{"b": 2}' in drawn[9]
        assert "2 fragments" in drawn[8].split("\n\n")[1]
        assert "1 fragment " in drawn[7].split("\n\n")[1]
        assert ": 2" not in drawn[7]
        assert "get_weather  #1" in drawn[6]
        assert "get_weather  #1" not in drawn[5]
        assert "\u2713" in drawn[5] and "\u25cf" in drawn[4]
        assert drawn[1] == ""
        for count in (3, 9, 1, 6, 4, 8):
            stage.app.watchlist.go(count)
            await stage.settle()
            assert stage.tools == drawn[count]


async def test_the_past_of_a_cut_off_call_is_still_streaming() -> None:
    async with on_stage(timed(*call('{"city"', ': "Ro', stop=False))) as stage:
        await stage.at(LATER_S)
        assert "never finished" in stage.tools
        await stage.press("comma")
        assert "never finished" not in stage.tools
        assert "\u25cf" in stage.tools


async def test_a_call_that_was_invalid_is_drawn_afresh_when_the_cursor_goes_back() -> None:
    async with on_stage(timed(*call('{"city": ', "oops", "}"))) as stage:
        await stage.at(LATER_S)
        assert "oops" in with_look(stage, "invalid")
        stage.app.watchlist.go(3)
        await stage.settle()
        assert with_look(stage, "invalid") == ""
        assert '"city"' in stage.tools
        assert "not valid" not in stage.tools


async def test_many_calls_are_laid_out_in_slices_and_the_place_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = [event for n in range(300) for event in tool_block(n, f'{{"n": {n}, "m": [1, 2]}}')]
    source = BytesSource([Chunk(0, wire(message_start(), *events))], is_timed=False)
    async with on_stage(source) as stage:
        whole = all_rows(stage.tool_pane)
    monkeypatch.setattr("tui.widgets.tool_pane._BUDGET", 2_000)
    monkeypatch.setattr("tests.app_harness._TICKS", 1)
    source = BytesSource([Chunk(0, wire(message_start(), *events))], is_timed=False)
    async with on_stage(source) as stage:
        pane = stage.tool_pane
        assert not pane._complete
        assert "#299" in "".join(rows_of(pane))
        middle = pane._starts[len(pane._starts) // 2]
        pane.scroll_to(y=middle, animate=False, force=True, immediate=True)
        top = rows_of(pane)[0]
        assert "#150" in top
        stage.app.tick()
        assert '"n": 150' in rows_of(pane)[1]
        while not pane._complete:
            stage.app.tick()
            assert rows_of(pane)[0] == top
        assert all_rows(pane) == whole


async def test_only_the_calls_that_are_looked_at_stay_laid_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = json.dumps({"m": list(range(9_000))})
    events = [
        event
        for n in range(80)
        for event in tool_block(n, long if n == 3 else f'{{"n": {n}, "m": [1, 2{"]" * (n != 5)}}}')
    ]
    chunk = Chunk(0, wire(message_start(), *events))
    drawn: list[list[list[str]]] = []
    for kept in (1, 8, 100):
        monkeypatch.setattr("tui.widgets.tool_pane._KEPT", kept)
        async with on_stage(BytesSource([chunk], is_timed=False)) as stage:
            pane = stage.tool_pane
            drawn.append([all_rows(pane), all_rows(pane)])
            laid_out = [key for key, each in pane._calls.items() if each._layout is not None]
            assert len(laid_out) <= kept + 1
            assert 3 in laid_out
            stage.app.watchlist.go(200)
            await stage.settle()
            drawn[-1].append(all_rows(pane))
    assert drawn[0] == drawn[1] == drawn[2]
    assert drawn[0][0] == drawn[0][1] != drawn[0][2]
