"""The calculator: what Python computes, in bounded time, and one kind of error for all else."""

from __future__ import annotations

import ast
import inspect
import math
import sys
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.conversation.calculator import (
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_LENGTH,
    CalculatorError,
    calculate,
    evaluate,
)

NAMES: Final = {
    "__builtins__": {},
    **{"abs": abs, "min": min, "max": max, "round": round, "sqrt": math.sqrt},
    **{"pi": math.pi, "e": math.e},
}


def by_python(expression: str) -> object:
    """The value in Python itself; None where it has none among the real numbers."""
    try:
        value = eval(compile(ast.parse(expression, mode="eval"), "x", "eval"), NAMES)
    except (ZeroDivisionError, OverflowError, ValueError):
        return None
    return None if isinstance(value, complex) else value


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2+2", "4"),
        ("8/2", "4"),
        ("7/2", "3.5"),
        ("7//2", "3"),
        ("-7//2", "-4"),
        ("-7 % 3", "2"),
        ("2**10", "1024"),
        ("-2**2", "-4"),
        ("2**3**2", "512"),
        ("2**-1", "0.5"),
        ("(1+2)*3", "9"),
        ("1_000 * 2", "2000"),
        (".5 + 1.", "1.5"),
        ("1e3", "1000"),
        ("1E-3", "0.001"),
        ("0.1+0.2", "0.30000000000000004"),
        ("-0.0", "0"),
        ("--3", "3"),
        ("+3", "3"),
        ("sqrt(16)", "4"),
        ("round(2.567, 2)", "2.57"),
        ("round(2.5)", "2"),
        ("round(1234, -2)", "1200"),
        ("abs(-3)", "3"),
        ("min(3, 1, 2) + max(1, 2)", "3"),
        ("pi", str(math.pi)),
        ("2*e", str(2 * math.e)),
        (" \t2\n +\r\n2 ", "4"),
        ("2 \u00d7 3 \u00f7 4 \u2212 1", "0.5"),
        ("1e300", "1e+300"),
        ("10**499", "1" + "0" * 499),
    ],
)
def test_values(expression: str, value: str) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "nothing to calculate"),
        ("  \n", "nothing to calculate"),
        ("1/0", "division by zero"),
        ("1 // 0", "division by zero"),
        ("1 % 0.0", "division by zero"),
        ("0**-1", "division by zero"),
        ("2^3", r"a power is written \*\*"),
        ("foo(1)", "foo is not known; there are abs, max"),
        ("__import__('os')", "__import__ is not known"),
        ("1 if 2 else 3", "is not known"),
        ("1j", "j is not known"),
        ("0x10", "x10 is not known"),
        ("True", "True is not known"),
        ("'a'", "is not arithmetic"),
        ("2 = 2", "'=' is not arithmetic"),
        ("pi.real", "'.' is not arithmetic"),
        ("[1]", "is not arithmetic"),
        ("\u0663", "is not arithmetic"),
        ("\ud800", "is not arithmetic"),
        ("2\0", "is not arithmetic"),
        ("2 3", "an operator is missing before 3"),
        ("2pi", "an operator is missing before pi"),
        ("2e", "an operator is missing before e"),
        ("2(3)", "needed to multiply"),
        ("(2)(3)", "needed to multiply"),
        ("pi(2)", "needed to multiply"),
        ("(1", "never closed"),
        ("1)", "unmatched"),
        ("2 +", "cannot be read"),
        ("* 2", "cannot be read"),
        ("2 * * 3", "cannot be read"),
        ("min(*pi, 2)", "cannot be read"),
        ("max(**pi)", "cannot be read"),
        ("007", "cannot be read"),
        ("1, 2", "between the arguments"),
        ("()", "between the arguments"),
        ("min", "min is a function"),
        ("min(1)", "two arguments or more"),
        ("abs(1, 2)", "one argument"),
        ("sqrt()", "one argument"),
        ("round(1, 2, 3)", "one or two arguments"),
        ("round(1, 2.0)", "its places"),
        ("sqrt(-1)", "negative number"),
        ("(-8) ** (1/3)", "whole exponent"),
        ("1e999", "too large"),
        ("1e308 * 10", "too large"),
        ("2.0 ** 5000", "too large"),
        ("sqrt(10**400)", "too large"),
        ("1.5 + 10**400", "too large"),
    ],
)
def test_what_has_no_value(expression: str, message: str) -> None:
    with pytest.raises(CalculatorError, match=message) as raised:
        evaluate(expression)
    assert "\n" not in str(raised.value)


# --- bounds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        "9**9**9**9",
        "10**10**10",
        "(-3)**10**400",
        "2**-10**400",
        "-2.5**10**400",
        "1.0000001**10**499",
        "round(5, -10**9)",
        "round(5, 10**9)",
        "9" * (MAX_DIGITS + 1),
        f"1{'0' * (MAX_DIGITS - 1)} * 10",
        "*".join(["9" * 400] * 2),
        f"10**{MAX_DIGITS}",
    ],
)
def test_what_would_take_for_ever_or_a_long_line(expression: str) -> None:
    with pytest.raises(CalculatorError):
        evaluate(expression)


def test_a_whole_number_may_be_as_long_as_is_said() -> None:
    assert len(calculate("9" * MAX_DIGITS)) == MAX_DIGITS
    assert evaluate(f"1 ** {10**400}") == 1


def test_the_length_is_bounded() -> None:
    longest = "+".join(["1"] * (MAX_LENGTH // 2))
    assert evaluate(longest) == MAX_LENGTH // 2
    with pytest.raises(CalculatorError, match="longer than"):
        evaluate(longest + "+1")


@pytest.mark.parametrize(
    "nest",
    [
        lambda n: "-" * n + "1",
        lambda n: "abs(" * n + "1" + ")" * n,
        lambda n: "1+(" * n + "1" + ")" * n,
        lambda n: "**".join(["1"] * (n + 1)),
    ],
)
def test_the_depth_is_bounded(nest: object) -> None:
    assert callable(nest)
    assert evaluate(nest(MAX_DEPTH - 1)) is not None
    with pytest.raises(CalculatorError, match="nested"):
        evaluate(nest(MAX_DEPTH + 1))
    with pytest.raises(CalculatorError):
        evaluate(nest(150))
    with pytest.raises(CalculatorError):
        evaluate("(" * 999)


def test_little_of_the_stack_is_left() -> None:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + MAX_DEPTH // 2)
    try:
        with pytest.raises(CalculatorError, match="nested too deeply"):
            evaluate("-" * MAX_DEPTH + "1")
    finally:
        sys.setrecursionlimit(before)


# --- laws -----------------------------------------------------------------------------------------

LEAVES: Final = st.one_of(
    st.integers(0, 99).map(str),
    st.floats(0, 99).map(lambda number: f"{number:.3f}"),
    st.sampled_from(["pi", "e", "0", "1"]),
)


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["+", "-", "*", "/", "//", "%", " + ", " * "])
    several = st.lists(inner, min_size=2, max_size=3).map(", ".join)
    return st.one_of(
        st.tuples(inner, operators, inner).map("".join),
        st.tuples(inner, st.sampled_from(["**2", "**-1", "**0.5", "**3"])).map(
            lambda pair: f"({pair[0]}){pair[1]}"
        ),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-({text})"),
        st.tuples(st.sampled_from(["abs", "round", "sqrt"]), inner).map(
            lambda pair: f"{pair[0]}({pair[1]})"
        ),
        st.tuples(inner, st.integers(-3, 3)).map(lambda pair: f"round({pair[0]}, {pair[1]})"),
        st.tuples(st.sampled_from(["min", "max"]), several).map(
            lambda pair: f"{pair[0]}({pair[1]})"
        ),
    )


@given(st.recursive(LEAVES, larger, max_leaves=8))
def test_it_agrees_with_python(expression: str) -> None:
    expected = by_python(expression)
    try:
        value: object = evaluate(expression)
    except CalculatorError:
        value = None
    assert (type(value), repr(value)) == (type(expected), repr(expected))


PIECES: Final = st.one_of(
    st.sampled_from(
        ["sqrt(", "round(", "min(", "max(", "abs(", "pi", "e", "if ", "1e", "**", "//"]
    ),
    st.sampled_from("0123456789.,+-*/%()_ eE"),
    st.characters(),
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join)))
def test_any_text_gives_a_value_or_its_own_error(text: str) -> None:
    try:
        value = evaluate(text)
    except CalculatorError as error:
        assert str(error)
        assert str(error).isprintable()
    else:
        assert math.isfinite(value) if isinstance(value, float) else len(str(abs(value))) <= 500
        assert calculate(text)
