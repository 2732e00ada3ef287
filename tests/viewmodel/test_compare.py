"""The lines of a comparison: what differs, marked with glyphs, in one or in two columns."""

from __future__ import annotations

import pytest

from tests import playbook as pb
from tui.compare import json_digest
from tui.compare import text_diff as text_module
from tui.compare.comparison import Comparison, compare
from tui.compare.json_diff import json_diff
from tui.compare.text_diff import first_difference, text_diff
from tui.core.records import JsonObject
from tui.core.session import Run, Session
from tui.core.steps import finish
from tui.viewmodel import compare_lines as module
from tui.viewmodel.compare import compare_lines
from tui.viewmodel.compare_lines import CompareLine, json_lines, text_lines
from tui.viewmodel.lines import StyledLine

MS = 1_000_000


def compared(
    left: Run, right: Run, request: JsonObject | None, other_request: JsonObject | None
) -> Comparison:
    return finish(compare(left, right, request, other_request))


def made(*events: JsonObject, every_ms: float = 10, timed: bool = True) -> Run:
    session = Session(timed=timed)
    for number, event in enumerate(events, 1):
        session.feed(int(number * every_ms * MS), pb.wire(event))
    session.finish(0)
    return session.run


def answer(text: str, **fields: object) -> list[JsonObject]:
    return [pb.message_start(**fields), *pb.text_block(0, text), *pb.ending()]


def cell_text(cell: StyledLine) -> str:
    return " " * cell.indent + cell.mark + "".join(text for text, _ in cell.pieces)


def plain(line: CompareLine) -> str:
    left = cell_text(line.left).rstrip()
    return left if line.right is None else f"{left} | {cell_text(line.right)}".rstrip()


def view(
    left: Run,
    right: Run,
    asked: tuple[JsonObject | None, JsonObject | None] = (None, None),
    width: int = 80,
) -> list[CompareLine]:
    return list(compare_lines(compared(left, right, *asked), width))


def lines(
    left: Run,
    right: Run,
    asked: tuple[JsonObject | None, JsonObject | None] = (None, None),
    width: int = 80,
) -> list[str]:
    return [plain(line) for line in view(left, right, asked, width)]


def words(rows: list[str]) -> list[str]:
    """The lines of a table, whatever the width of its columns."""
    return [" ".join(row.split()) for row in rows]


def section(rows: list[str], name: str) -> list[str]:
    """The lines under a heading, without the blank one at its end."""
    start = next(place for place, row in enumerate(rows) if row.startswith(name))
    rest = rows[start:]
    return rest[: rest.index("")] if "" in rest else rest


# --- the whole ------------------------------------------------------------------------------------


def test_a_run_and_itself_have_nothing_to_jump_to() -> None:
    run = made(*answer("hi"), *pb.tool_block(1, "{}"))
    rows = view(run, run)
    assert plain(rows[0]) == "No differences"
    assert not any(row.stop for row in rows)
    assert not any(row.left.mark.strip() for row in rows)
    assert "Request   not known" in map(plain, rows)


def test_the_first_line_names_what_differs() -> None:
    rows = lines(made(*answer("hi", model="a")), made(*answer("ho", model="b")))
    assert rows[0] == "Differ in model, text"


def test_facts_stand_side_by_side() -> None:
    rows = view(made(*answer("hi", model="a\n[b]")), made(*answer("hi", model="b")))
    (model,) = (row for row in rows if plain(row).startswith("~ model"))
    assert model.stop
    assert plain(model).split() == ["~", "model", "a\u23ce[b]", "b"]
    assert [look for _, look in model.left.pieces] == ["muted", "removed", "added"]
    status = next(row for row in rows if plain(row).startswith("  status"))
    assert plain(status).split() == ["status", "complete", "complete"]
    assert not status.stop


# --- numbers --------------------------------------------------------------------------------------


def test_a_long_fact_takes_more_rows() -> None:
    kinds = [pb.block_start(number, f"a_kind_of_block_{number}") for number in range(4)]
    rows = [plain(row) for row in view(made(pb.message_start(), *kinds), made(pb.message_start()))]
    place = next(number for number, row in enumerate(rows) if row.startswith("~ content"))
    assert "\u2026" not in rows[place]
    told = " ".join(row.strip() for row in rows[place : place + 4])
    assert all(f"1 a_kind_of_block_{number}" in told for number in range(4))
    assert sum(row.startswith("~ content") for row in rows) == 1


def test_latencies_with_differences_and_words() -> None:
    events = (pb.message_start(), *pb.text_block(0, "a", "b", "c"), *pb.ending())
    slow = words(section(lines(made(*events), made(*events, every_ms=20)), "Latency"))
    assert "total 80ms 160ms +80ms +100% \u25b2 slower" in slow
    assert slow[-2].split()[0] == "tok/s"
    assert slow[-2].endswith("\u25bc slower")
    assert slow[-1].split() == ["stalls", "0", "0", "="]
    fast = words(section(lines(made(*events, every_ms=20), made(*events)), "Latency"))
    assert "total 160ms 80ms \u221280ms \u221250% \u25bc faster" in fast
    assert fast[-2].endswith("\u25b2 faster")


def test_only_the_first_difference_of_a_table_is_a_stop() -> None:
    events = (pb.message_start(), *pb.text_block(0, "a", "b", "c"), *pb.ending())
    rows = view(made(*events), made(*events, every_ms=20))
    assert [plain(row).split()[0] for row in rows if row.stop] == ["TTFB"]


def test_small_and_great_differences() -> None:
    def ttfb(every_ms: float, other_ms: float) -> str:
        events = (pb.message_start(), *pb.text_block(0, "a", "b"), *pb.ending())
        rows = lines(made(*events, every_ms=every_ms), made(*events, every_ms=other_ms))
        return words(section(rows, "Latency"))[1]

    assert ttfb(1, 1.00001) == "TTFB 1.0ms 1.0ms ="
    assert ttfb(1, 90) == "TTFB 1.0ms 90ms +89ms \u00d790 \u25b2 slower"
    assert ttfb(1000, 1001) == "TTFB 1.00s 1.00s +1.0ms \u25b2 slower"


def test_stalls_are_more_or_fewer() -> None:
    def stalls(every_ms: float, other_ms: float) -> str:
        events = (pb.message_start(), *pb.text_block(0, "a", "b"), *pb.ending())
        rows = lines(made(*events, every_ms=every_ms), made(*events, every_ms=other_ms))
        return words(section(rows, "Latency"))[-1]

    assert stalls(10, 3_000) == "stalls 0 1 +1 \u25b2 more"
    assert stalls(3_000, 10) == "stalls 1 0 \u22121 \u2212100% \u25bc fewer"


def test_made_up_times_are_said_to_be() -> None:
    events = answer("hi")
    rows = lines(made(*events, timed=False), made(*events))
    assert "  The times of the left side are made up: there is nothing to measure." in rows
    assert any(row.split()[:3] == ["TTFB", "\u2013", "10ms"] for row in rows)
    rows = lines(made(*events, timed=False), made(*events, timed=False))
    assert "  The times of the right side are made up: there is nothing to measure." in rows
    assert not any("TTFB" in row for row in rows)


def test_tokens_are_shown_where_there_are_any() -> None:
    usage = {"input_tokens": 25, "cache_read_input_tokens": 5, "output_tokens": 1}
    more = made(pb.message_start(usage=usage), pb.message_delta(usage={"output_tokens": 20_000}))
    rows = words(section(lines(made(pb.message_start(), pb.message_delta()), more), "Tokens"))
    assert rows[1] == "input 25 25 ="
    assert rows[2] == "cache read \u2013 5"
    assert "output 15 20.0k +20.0k \u00d71333 \u25b2" in rows
    assert not any("cache write" in row for row in rows)


# --- texts ----------------------------------------------------------------------------------------

OLD = "same\nthe quick fox\nthree\nfour\nfive\nsix\nseven\ngone"
NEW = "same\nthe slow fox\nthree\nfour\nfive\nsix\nseven"


def text_rows(left: str, right: str, *, wide: bool = False) -> list[str]:
    return [plain(row) for row in text_lines(finish(text_diff(left, right)), wide=wide)]


def test_stacked_a_changed_line_stands_twice() -> None:
    assert text_rows(OLD, NEW) == [
        "  same",
        "\u2212 the quick fox",
        "+ the slow fox",
        "  three",
        "  four",
        "  five",
        "  six",
        "  seven",
        "\u2212 gone",
    ]


def test_side_by_side_it_stands_once_in_each_column() -> None:
    assert text_rows(OLD, NEW, wide=True)[:2] == [
        "  same |   same",
        "~ the quick fox | ~ the slow fox",
    ]
    assert text_rows(OLD, NEW, wide=True)[-1] == "\u2212 gone |"


def test_what_changed_in_a_line_is_marked_without_the_blanks_around_it() -> None:
    diff = finish(text_diff("the quick red fox", "the fox"))
    left, right = text_lines(diff, wide=False)
    assert left.left.pieces == (
        ("the ", "plain"),
        ("", "plain"),
        ("quick red", "removed-word"),
        (" ", "plain"),
        ("fox", "plain"),
    )
    assert ("fox", "plain") in right.left.pieces
    diff = finish(text_diff("the fox", "the  fox"))
    assert [row.left.pieces[1] for row in text_lines(diff, wide=False)] == [
        (" ", "removed-word"),
        ("  ", "added-word"),
    ]


def test_equal_lines_are_folded_but_for_those_next_to_a_difference() -> None:
    same = "\n".join(str(number) for number in range(20))
    assert text_rows(f"a\n{same}\nb", f"x\n{same}\ny") == [
        "\u2212 a",
        "+ x",
        "  0",
        "  1",
        "  \u22ef 16 equal lines",
        "  18",
        "  19",
        "\u2212 b",
        "+ y",
    ]
    assert text_rows(same, f"{same}\n+")[0] == "  \u22ef 18 equal lines"
    assert text_rows(same, f"+\n{same}")[-1] == "  \u22ef 18 equal lines"


def test_lines_without_a_counterpart_are_put_beside_each_other() -> None:
    assert text_rows("one two\nthree", "aa bb", wide=True) == [
        "\u2212 one two | + aa bb",
        "\u2212 three |",
    ]
    assert text_rows("", "aa", wide=True) == ["\u2212 | + aa"]


def test_a_passage_is_one_stop() -> None:
    rows = list(text_lines(finish(text_diff(OLD, NEW)), wide=False))
    assert [plain(row) for row in rows if row.stop] == ["\u2212 the quick fox", "\u2212 gone"]


def test_long_lines_are_shortened_but_not_at_the_change() -> None:
    same = "word " * 200
    rows = text_rows(f"{same}old {same}", f"{same}new {same}")
    assert rows[0].startswith("\u2212  \u22ef 840 equal characters \u22ef ")
    assert "word old word" in rows[0]
    assert rows[0].endswith(" \u22ef 841 equal characters \u22ef")
    assert len(rows[0]) < 500
    assert text_rows(f"{same}\nold", f"{same}\nnew")[0].endswith("\u2026 and 600 characters")
    assert text_rows("x" * 3_000, "y")[0].endswith("\u2026 and 1,000 characters")


def test_a_long_list_of_differences_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_LINES", 3)
    rows = text_rows("a\nb\nc\nd\ne\nsame\nf", "same\ng")
    assert rows == ["\u2212 a", "\u2212 b", "\u2212 c", "  \u2026 and 3 more differing lines"]
    rows = text_rows("a\nb\nc\nsame\nf", "same\ng")
    assert rows[-1] == "  \u2026 and 1 more differing line"


def test_texts_past_the_bounds_show_where_they_part(monkeypatch: pytest.MonkeyPatch) -> None:
    diff = finish(first_difference("one\ntwo", "one\nten"))
    assert [plain(row) for row in text_lines(diff, wide=False)] == [
        "  Too long to be aligned. Line 2 is the first that differs:",
        "\u2212 \u2026one\ntwo\u2026",
        "+ \u2026one\nten\u2026",
    ]
    nested = list(text_lines(diff, wide=True, nested=True, indent=2))
    assert plain(nested[0]) == "    line 2 is the first that differs:"
    assert len(nested) == 2
    assert not any(row.stop for row in nested)
    monkeypatch.setattr(text_module, "WORD_CHARS", 3)
    rows = lines(made(*answer("one\ntwo")), made(*answer("one\nten")))
    assert "2 \u2192 2 lines, too long to look at every word" in section(rows, "Text")[0]


def test_the_heading_of_a_text_has_its_size() -> None:
    rows = lines(made(*answer("one\ntwo")), made(*answer("one")))
    assert section(rows, "Text")[0] == "Text   7 \u2192 3 characters, 2 \u2192 1 line"
    rows = lines(made(*answer("x")), made(*answer("x")))
    assert section(rows, "Text") == ["Text   equal, 1 character"]


def test_thinking_is_shown_where_there_is_any() -> None:
    def run(thought: str) -> Run:
        return made(pb.message_start(), pb.thinking_start(0), pb.thinking(0, thought))

    assert section(lines(run("so it is"), run("so it goes")), "Thinking")[1:] == [
        "\u2212 so it is",
        "+ so it goes",
    ]
    assert not any(row.startswith("Thinking") for row in lines(run(""), run("")))


# --- JSON -----------------------------------------------------------------------------------------


def json_rows(left: object, right: object) -> list[str]:
    return [plain(row) for row in json_lines(finish(json_diff(left, right)), wide=False)]


def test_paths_with_what_came_went_and_changed() -> None:
    assert json_rows({"a": 1, "b": {"c": "x"}}, {"b": {"c": "y"}, "d": [None, True]}) == [
        "\u2212 $.a  1",
        '~ $.b.c  "x" \u2192 "y"',
        "+ $.d  [null, true]",
    ]


def test_long_strings_are_shown_as_texts() -> None:
    assert json_rows({"s": "one\ntwo"}, {"s": "one\nten"}) == [
        "~ $.s  7 \u2192 7 characters",
        "    one",
        "  \u2212 two",
        "  + ten",
    ]


def test_values_and_lists_of_changes_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = json_rows([], ["x" * 5_000])
    assert len(row) < 320
    monkeypatch.setattr(module, "_MOST_CHANGES", 2)
    rows = json_rows([], [1, 2, 3])
    assert rows == ["+ $[0]  1", "+ $[1]  2", "  \u2026 and 1 more difference"]
    monkeypatch.setattr(json_digest, "MAX_VALUES", 2)
    assert json_rows([1, 2], [3, 4]) == ["~ too large to be compared"]


# --- calls and requests ---------------------------------------------------------------------------


def calls(*named: tuple[str, str]) -> Run:
    blocks = [pb.tool_block(at, value, name=name) for at, (name, value) in enumerate(named)]
    return made(pb.message_start(), *(event for block in blocks for event in block), *pb.ending())


def test_calls_equal_changed_and_alone() -> None:
    left = calls(("f", '{"a":1}'), ("g", '{"n":1}'), ("old", '{"x":'))
    right = calls(("f", '{"a":1}'), ("g", '{"n":2}'), ("", '{"y":1}'))
    assert section(lines(left, right), "Tool calls") == [
        "Tool calls   3 \u2192 3, 1 equal",
        "  f  equal",
        "~ g",
        "  ~ $.n  1 \u2192 2",
        '\u2212 old  {"x":',
        "+ a tool without a name  {y: 1}",
    ]


def test_a_call_that_is_not_whole_is_shown_as_it_came() -> None:
    rows = section(lines(calls(("f", '{"a": 1}')), calls(("f", '{"a": 1'))), "Tool calls")
    assert rows[1:] == [
        "~ f  complete \u2192 invalid",
        '  \u2212 {"a": 1}',
        '  + {"a": 1',
    ]
    cut = made(pb.message_start(), pb.tool_start(0, "f"), *pb.ending())
    rows = section(lines(calls(("f", "")), cut), "Tool calls")
    assert rows[1:] == ["~ f  empty \u2192 partial"]


def test_other_fields_are_shown_where_they_differ() -> None:
    rows = lines(made(pb.message_start(container="a")), made(pb.message_start(container="b")))
    assert section(rows, "Other fields")[1:] == ['~ $.message.container  "a" \u2192 "b"']


REQUEST: JsonObject = {"model": "m", "max_tokens": 1, "system": "s", "messages": []}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((REQUEST, None), "known of the left side only"),
        ((None, REQUEST), "known of the right side only"),
        ((None, None), "not known"),
        ((REQUEST, REQUEST), "equal"),
    ],
)
def test_a_request_in_a_word(asked: tuple[JsonObject | None, JsonObject | None], said: str) -> None:
    run = made(*answer("x"))
    assert lines(run, run, asked)[-1] == f"Request   {said}"


def test_a_request_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    run = made(*answer("x"))
    other = REQUEST | {"max_tokens": 2, "top_k": 3, "system": "t"}
    assert section(lines(run, run, (REQUEST, other)), "Request") == [
        "Request",
        "  Parameters   2 differences",
        "  ~ $.max_tokens  1 \u2192 2",
        "  + $.top_k  3",
        "  System       1 difference",
        '  ~ $.system  "s" \u2192 "t"',
        "  Tools        equal",
        "  Messages     equal",
    ]
    monkeypatch.setattr(json_digest, "MAX_VALUES", 1)
    assert section(lines(run, run, (REQUEST, other)), "Request")[1:3] == [
        "  Parameters",
        "  ~ too large to be compared",
    ]


def test_wide_texts_stand_in_two_columns_everywhere() -> None:
    left, right = made(*answer("one\ntwo")), made(*answer("one\nten"))
    asked = ({"system": "a\nb"}, {"system": "a\nc"})
    for width, columns in ((99, False), (100, True)):
        rows = view(left, right, asked, width)
        assert any(row.right is not None for row in rows) is columns
