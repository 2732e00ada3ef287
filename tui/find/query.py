"""The filter language of the event log, and a matcher that keeps up with a growing run.

    delta !ping                 both hold: terms are joined by blanks
    text | thinking             one of them; `or` is the same
    (error | anomaly) seq>100   parentheses
    index:2  #2                 the content block's index
    gap>500ms  time<=1.5s       ns, us, ms, s, m; a gap is the time since the event before
    size>=1kB                   bytes of the event on the wire
    type:vendor_event           a type, of the event or its delta, that has no word of its own
    anomaly  mark               events with an anomaly, or with a mark of the user's own
    "to Paris"  Paris           text in the event; without upper-case letters, in any case
    re:"lo?cation"  re:pa?ris   a regular expression (RE2: no look-around, no backreferences)

A word that means nothing here is text; quotes make text of a word that does.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Set
from fractions import Fraction
from itertools import compress
from typing import Final, NamedTuple, NoReturn, cast

from tui.core.session import Run
from tui.core.text import clip, one_line
from tui.find.needle import (
    MAX_LENGTH,
    REGEX_PREFIX,
    Needle,
    NeedleError,
    ShouldStop,
    parse_needle,
    step_end,
)
from tui.find.terms import (
    AllOf,
    Anomalous,
    AnyOf,
    Column,
    Comparator,
    Compared,
    Contains,
    Marked,
    Named,
    Not,
    Term,
    View,
)

_STEP: Final = 16_384
"""Events of a step that looks at one column only."""
_MAX_DEPTH: Final = 40

_DELTAS: Final = {
    "text": "text_delta",
    "json": "input_json_delta",
    "tool": "input_json_delta",
    "thinking": "thinking_delta",
    "signature": "signature_delta",
    "citation": "citations_delta",
    "compaction": "compaction_delta",
}
_MESSAGES: Final = ("message_start", "message_delta", "message_stop")
_BLOCKS: Final = ("content_block_start", "content_block_delta", "content_block_stop")
WORDS: Final[dict[str, tuple[str, ...]]] = {
    **{name: (name,) for name in (*_MESSAGES, *_BLOCKS, *_DELTAS.values())},
    **{word: (name,) for word, name in _DELTAS.items()},
    **{name.removeprefix("content_block_"): (name,) for name in _BLOCKS},
    **{name: (name,) for name in ("ping", "error", "comment", "cut-off")},
    "message": _MESSAGES,
    "done": ("[DONE]",),
}
"""The words for types, and the types they stand for."""


class _Quantity(NamedTuple):
    """How the values of a column are written."""

    example: str
    units: str
    factors: dict[str, int]


_TIMES: Final = {
    **{"ns": 1, "us": 10**3, "\u00b5s": 10**3, "\u03bcs": 10**3},
    **{"ms": 10**6, "s": 10**9, "m": 60 * 10**9},
}
_SIZES: Final = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_QUANTITIES: Final[dict[str, _Quantity]] = {
    "gap": _Quantity("gap>500ms", "use ns us ms s m", _TIMES),
    "time": _Quantity("time>1.5s", "use ns us ms s m", _TIMES),
    "size": _Quantity("size>1kB", "use B kB MB GB", _SIZES),
    "seq": _Quantity("seq>100", "use none", {"": 1}),
    "index": _Quantity("index:2", "use none", {"": 1}),
}

_BLANKS: Final = re.compile(r"\s*")
_WORD: Final = re.compile(r'[^\s()|"]*')
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
# A unit may stand apart from its number.
_COMPARED: Final = re.compile(
    r"(gap|time|size|seq|index)\s*(<=|>=|[<>=:])\s*"
    r'([0-9.]+\s+(?i:[nu\u00b5\u03bcm]?s|m|[kMG]?B)(?![^\s()|"])|[^\s()|"]*)'
)
_VALUE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([^0-9.]*)")
_INDEX: Final = re.compile(r"#([0-9]{1,15})(?![^\s()|])")


class FilterError(ValueError):
    """The text is no filter. It reads as one line; `position` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{one_line(message)} (at character {position + 1})")
        self.position = position


class Filter(NamedTuple):
    """What `parse_filter` made of a text."""

    text: str
    """As it was typed, without blanks around."""
    term: Term
    terms: int
    """How many conditions there are."""
    needles: tuple[Needle, ...]
    uses_marks: bool

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for: every event matches."""
        return not self.text


class Matcher:
    """Finds the events of a run that match a filter, a step at a time, also while it grows."""

    def __init__(self, query: Filter, run: Run, marks: Set[int] = frozenset()) -> None:
        self.matches: array[int] = array("I")
        """The matches so far, ascending. It only grows; it is begun anew, as another array, when
        `marks` changes, or when the end of the body shows that it was no stream."""
        self.query = query
        self._run = run
        self._marks = marks if query.uses_marks else frozenset()
        self._view = View(run, frozenset(self._marks))
        self._verdict = run.verdict
        self._seq = 0
        # The more conditions, the fewer events in a step, so that it takes a millisecond or so.
        self._events = max(_STEP // max(query.terms, 1), 1)
        self._window = 0
        if query.needles:
            self._window = min(needle.window for needle in query.needles) // len(query.needles)

    @property
    def progress(self) -> float:
        """How much of the run was looked at, 0 to 1."""
        total = len(self._run.timeline)
        return self._seq / total if total else 1.0

    def advance(self, should_stop: ShouldStop | None = None) -> bool:
        """Look at the events that are new, at least one step; return whether none is left."""
        timeline = self._run.timeline
        if self._marks != self._view.marks or self._verdict != self._run.verdict:
            self._begin_anew()
        while self._seq < len(timeline):
            first = self._seq
            end = min(first + self._events, len(timeline))
            if self._window:
                end = min(end, step_end(timeline, first, self._window))
            mask = self.query.term.mask(self._view, first, end)
            self.matches.extend(compress(range(first, end), mask))
            self._seq = end
            if should_stop is not None and should_stop():
                break
        return self._seq == len(timeline)

    def _begin_anew(self) -> None:
        self._view = View(self._run, frozenset(self._marks))
        self._verdict = self._run.verdict
        self._seq = 0
        self.matches = array("I")


def parse_filter(text: str) -> Filter:
    """Read a filter; an empty one matches everything. Raises FilterError, nothing else."""
    if len(text) > MAX_LENGTH:
        raise FilterError(f"longer than {MAX_LENGTH} characters", MAX_LENGTH)
    parser = _Parser(text)
    term = parser.parse()
    needles = tuple(parser.needles)
    return Filter(text.strip(), term, parser.terms, needles, parser.uses_marks)


class _Parser:
    """Recursive descent: a method for each rule of the language."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self.terms = 0
        self.needles: list[Needle] = []
        self.uses_marks = False

    def parse(self) -> Term:
        if not self._peek():
            return AllOf([])
        term = self._either()
        if self._peek():
            self._fail("this parenthesis closes nothing")
        return term

    def _either(self) -> Term:
        terms = [self._both()]
        while self._take("|") or self._take_word("or"):
            terms.append(self._both())
        return terms[0] if len(terms) == 1 else AnyOf(terms)

    def _both(self) -> Term:
        terms = [self._factor()]
        while self._take_word("and") or not self._ends_here():
            terms.append(self._factor())
        return terms[0] if len(terms) == 1 else AllOf(terms)

    def _ends_here(self) -> bool:
        return self._peek() in ("", ")", "|") or self._sees_word("or")

    def _factor(self) -> Term:
        negated = False
        while self._take("!") or self._take_word("not"):
            negated = not negated
        opened = self._at
        if not self._take("("):
            term = self._term()
        else:
            self._depth += 1
            if self._depth > _MAX_DEPTH:
                self._fail("too many parentheses inside each other", opened)
            term = self._either()
            self._depth -= 1
            if not self._take(")"):
                self._fail("this parenthesis is not closed", opened)
        return Not(term) if negated else term

    def _term(self) -> Term:
        if self._ends_here() or self._sees_word("and"):
            self._fail("a condition is missing here")
        self.terms += 1
        start = self._at
        if self._text[start] == '"':
            return self._contains(self._quoted(), start)
        if (match := _INDEX.match(self._text, start)) is not None:
            self._at = match.end()
            return Compared("index", "=", int(match[1]))
        if (match := _COMPARED.match(self._text, start)) is not None:
            self._at = match.end()
            return self._compared(match)
        if self._text.startswith(REGEX_PREFIX, start):
            self._at += len(REGEX_PREFIX)
            return self._contains(REGEX_PREFIX + self._pattern(), start)
        if self._text.startswith("type:", start):
            self._at += len("type:")
            return Named([self._name()])
        return self._word()

    def _word(self) -> Term:
        start = self._at
        word = self._read(_WORD)
        if word in WORDS:
            return Named(WORDS[word])
        if word == "anomaly":
            return Anomalous()
        if word == "mark":
            self.uses_marks = True
            return Marked()
        if word in _QUANTITIES:
            example = _QUANTITIES[word].example
            self._fail(f'{word} needs a value: {example} (or quote it: "{word}")', start)
        return self._contains(word, start)

    def _compared(self, match: re.Match[str]) -> Term:
        quantity = _QUANTITIES[match[1]]
        start = match.start(3)
        value = _VALUE.fullmatch(match[3])
        if value is None:
            self._fail(f"{match[1]} needs a number: {quantity.example}", start)
        amount = Fraction(value[1])
        factor = quantity.factors.get(value[2].lower(), None if amount else 1)
        if factor is None:
            unit = clip(value[2], 20)
            problem = f"there is no unit {unit!r}" if unit else "a unit is missing"
            self._fail(f"{problem}: {quantity.units}", start)
        amount *= factor
        if amount.denominator != 1:
            self._fail(f"{match[3]} is not a whole number of the smallest unit", start)
        comparison = cast(Comparator, match[2].replace(":", "="))
        term = Compared(cast(Column, match[1]), comparison, amount.numerator)
        if match[1] == "index" and comparison[0] == "<":
            # Events without an index have -1 there.
            return AllOf([term, Compared("index", ">=", 0)])
        return term

    def _contains(self, text: str, start: int) -> Term:
        try:
            needle = parse_needle(text)
        except NeedleError as error:
            self._fail(str(error), start)
        self.needles.append(needle)
        return Contains(needle)

    def _name(self) -> str:
        start = self._at
        name = self._quoted() if self._text.startswith('"', start) else self._read(_WORD)
        if not name:
            self._fail("the name of a type is missing: type:ping", start)
        return name

    def _pattern(self) -> str:
        """Read a regular expression: quoted, or up to a blank or a parenthesis not its own."""
        start = self._at
        if self._text.startswith('"', start):
            return self._raw_quoted().replace('\\"', '"')
        depth = 0
        while self._at < len(self._text) and not self._text[self._at].isspace():
            char = self._text[self._at]
            depth += (char == "(") - (char == ")")
            if depth < 0:
                break
            self._at += 2 if char == "\\" else 1
        self._at = min(self._at, len(self._text))
        return self._text[start : self._at]

    def _quoted(self) -> str:
        """Read quoted text, where a backslash protects a quote or another backslash."""
        return re.sub(r'\\(["\\])', r"\1", self._raw_quoted())

    def _raw_quoted(self) -> str:
        match = _QUOTED.match(self._text, self._at)
        if match is None:
            self._fail("this quote is not closed")
        self._at = match.end()
        return match[1]

    # --- characters and words -----------------------------------------------------------------

    def _read(self, pattern: re.Pattern[str]) -> str:
        """Go past what `pattern`, which may match nothing, matches here."""
        found = pattern.match(self._text, self._at)
        read = found[0] if found is not None else ""
        self._at += len(read)
        return read

    def _peek(self) -> str:
        """Go past blanks; return the next character, empty at the end."""
        self._read(_BLANKS)
        return self._text[self._at : self._at + 1]

    def _take(self, char: str) -> bool:
        taken = self._peek() == char
        self._at += taken
        return taken

    def _sees_word(self, word: str) -> bool:
        self._peek()
        start = self._at
        seen = self._read(_WORD)
        self._at = start
        return seen in (word, word.upper())

    def _take_word(self, word: str) -> bool:
        seen = self._sees_word(word)
        self._at += len(word) if seen else 0
        return seen

    def _fail(self, message: str, position: int | None = None) -> NoReturn:
        raise FilterError(message, self._at if position is None else position)
