"""The calculator: what Python computes, in bounded time, and one kind of error for all else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.conversation.calculator import MAX_DIGITS, MAX_LENGTH, CalculatorError, calculate


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2+2", "4"),
        ("8/2", "4"),
        ("7/2", "3.5"),
        ("-7//2", "-4"),
        ("-7 % 3", "2"),
        ("-2**2", "-4"),
        ("2**3**2", "512"),
        ("2**-1", "0.5"),
        ("(1+2)*3", "9"),
        ("1_000 * 2", "2000"),
        (".5 + 1.", "1.5"),
        ("1E-3", "0.001"),
        ("0.1+0.2", "0.30000000000000004"),
        ("-0.0", "0"),
        ("--3", "3"),
        ("sqrt(16)", "4"),
        ("round(2.567, 2)", "2.57"),
        ("round(2.5)", "2"),
        ("round(1234, -2)", "1200"),
        ("min(3, 1, 2) + max(1, 2) + abs(-3)", "6"),
        ("2*e + pi", str(2 * math.e + math.pi)),
        (" \t2\n +\r\n2 ", "4"),
        ("2 \u00d7 3 \u00f7 4 \u2212 1", "0.5"),
        ("1e300", "1e+300"),
        ("9" * 390, "9" * 390),
        ("10**499", "1" + "0" * 499),
    ],
)
def test_values(expression: str, value: str) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "cannot be read"),
        ("1/0", "division by zero"),
        ("1 % 0.0", "division by zero"),
        ("0**-1", "division by zero"),
        ("2^3", r"a power is written \*\*"),
        ("foo(1)", "foo is not known; there are abs, max"),
        ("__import__('os')", "__import__ is not known"),
        ("1 if 2 else 3", "if is not known"),
        ("1or 2", "or is not known"),
        ("1j", "j is not known"),
        ("True", "True is not known"),
        ("pi.real", "real is not known"),
        ("[1]", "is not arithmetic"),
        ("'\\d'", "is not known"),
        ("'1'", "is not arithmetic"),
        ("\u0663", "is not arithmetic"),
        ("\ud800", "is not arithmetic"),
        ("2\0", "is not arithmetic"),
        ("2 3", "cannot be read"),
        ("2pi", "cannot be read"),
        ("2(3)", "cannot be read"),
        ("(1", "cannot be read"),
        ("min(*pi, 2)", "cannot be read|cannot be computed"),
        ("max(**pi)", "cannot be read"),
        ("1, 2", "cannot be read"),
        ("...", "cannot be read"),
        ("min", "cannot be read"),
        ("min(1)", "cannot be computed"),
        ("abs(1, 2)", "cannot be computed"),
        ("round(1, 2.0)", "cannot be computed"),
        ("sqrt(-1)", "cannot be computed"),
        ("(-8) ** (1/3)", "whole exponent"),
        ("1e999", "too large"),
        ("2.0 ** 5000", "too large"),
        ("sqrt(10**400)", "too large"),
        ("9**9**9**9", "too large"),
        ("(-3)**10**400", "too large"),
        ("round(5, -10**9)", "too large"),
        ("round(5, 10**9)", "too large"),
        (f"10**{MAX_DIGITS}", "too large"),
        ("+".join("1" * MAX_LENGTH), "longer than"),
    ],
)
def test_what_has_no_value(expression: str, message: str) -> None:
    with pytest.raises(CalculatorError, match=message) as raised:
        calculate(expression)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("sign", ["-", "(", "abs(", "2**", "1+", "1_", "."])
def test_however_deep_it_is_nested(sign: str) -> None:
    expression = sign * (MAX_LENGTH // len(sign) - 1) + "1"
    try:
        assert calculate(expression)
    except CalculatorError as error:
        assert str(error)


PIECES = st.one_of(
    st.sampled_from(["sqrt(", "round(", "min(", "abs(", "pi", "e", "if ", "1e", "**", "//"]),
    st.sampled_from("0123456789.,+-*/%()_ eE"),
    st.characters(),
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join)))
def test_any_text_gives_a_short_value_or_its_own_error(text: str) -> None:
    try:
        value = calculate(text)
    except CalculatorError as error:
        assert str(error).isprintable()
    else:
        assert len(value) <= MAX_DIGITS + 1
        assert math.isfinite(float(value)) or len(value) > 300


LEAVES = st.one_of(st.integers(0, 99), st.floats(0, 99).map(lambda number: round(number, 3)))


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["+", "-", "*", "/", "//", "%", "** 2 *"])
    return st.one_of(
        st.tuples(inner, operators, inner).map(" ".join),
        inner.map(lambda text: f"-({text})"),
        st.tuples(inner, inner).map(lambda two: f"max({', '.join(two)})"),
    )


@given(st.recursive(LEAVES.map(str), larger, max_leaves=8))
def test_it_agrees_with_python(expression: str) -> None:
    try:
        expected = eval(expression, {"__builtins__": {"max": max}})
    except (ZeroDivisionError, OverflowError):
        expected = None
    try:
        found = float(calculate(expression))
    except CalculatorError:
        assert expected is None or not math.isfinite(expected)
    else:
        assert found == expected
