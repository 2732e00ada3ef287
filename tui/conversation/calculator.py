"""Arithmetic out of a string: parsed by Python and computed here, node by node; never executed."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from typing import Any, Final

MAX_LENGTH: Final = 400
MAX_DIGITS: Final = 500
"""Of a whole number, also on the way to the result."""
_LIMIT: Final = 10**MAX_DIGITS
_MAX_PLACES: Final = 100
_WORD: Final = re.compile(r"_*[A-Za-z][A-Za-z_]*")
_OTHER: Final = re.compile(r"[^A-Za-z0-9_.,()+\-*/% \t\r\n]")
# As people and models write them.
_SIGNS: Final = str.maketrans({"\u00d7": "*", "\u00f7": "/", "\u2212": "-", "\u22c5": "*"})


class CalculatorError(ValueError):
    """An expression that has no value. The message is one line."""


def calculate(expression: str) -> str:
    """Return the value of an expression as text: `4` for `2+2` and for `8/2`.

    There are + - * / // % ** and parentheses; pi and e; abs, max, min, round and sqrt. Raises
    CalculatorError, and nothing else.
    """
    text = expression.translate(_SIGNS).strip()
    if len(text) > MAX_LENGTH:
        raise CalculatorError(f"longer than {MAX_LENGTH} characters")
    # Looked at first: Python's parser has warnings for words and strings where none belong.
    names = (*_FUNCTIONS, *_CONSTANTS)
    for word in _WORD.findall(text):
        if word not in (*names, "E"):  # As in 1E5.
            known = ", ".join(names)
            raise CalculatorError(f"{word[:40]} is not known; there are {known}")
    if other := _OTHER.search(text):
        hint = "; a power is written **" if other[0] == "^" else ""
        raise CalculatorError(f"{ascii(other[0])} is not arithmetic{hint}")
    try:
        value = _value(ast.parse(" ".join(text.split()), mode="eval").body)
    except ZeroDivisionError:
        raise CalculatorError("division by zero") from None
    except OverflowError:
        raise CalculatorError("the result is too large") from None
    except (SyntaxError, RecursionError, MemoryError):
        raise CalculatorError("cannot be read as arithmetic") from None
    except (TypeError, ValueError) as error:
        raise CalculatorError(f"cannot be computed: {error}") from None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return str(value)


def _value(node: ast.expr) -> Any:  # noqa: ANN401
    match node:
        case ast.Constant(value=int() | float() as value):
            return _bounded(value)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](_value(operand))
        case ast.BinOp(left=left, op=op, right=right):
            return _bounded(_BINARY[type(op)](_value(left), _value(right)))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return _bounded(_FUNCTIONS[name](*map(_value, args)))
    raise SyntaxError


def _bounded(value: Any) -> Any:  # noqa: ANN401
    """Return a number that is short and finite, as any step on the way has to be."""
    if isinstance(value, complex):
        raise ValueError("a power of a negative number needs a whole exponent")
    if not (abs(value) < _LIMIT if isinstance(value, int) else math.isfinite(value)):
        raise OverflowError
    return value


def _power(base: Any, exponent: Any) -> Any:  # noqa: ANN401
    # Not computed to see how long it gets: it would take for ever.
    if isinstance(base, int) and abs(base) > 1 and base.bit_length() * exponent > 8 * MAX_DIGITS:
        raise OverflowError
    return base**exponent


def _round(number: float, places: int = 0) -> float:
    if abs(places) > _MAX_PLACES:
        raise OverflowError
    return round(number, places)


_CONSTANTS: Final = {"pi": math.pi, "e": math.e}
_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "abs": abs,
    "max": max,
    "min": min,
    "round": _round,
    "sqrt": math.sqrt,
}
# What `_OTHER` lets through makes no other operators.
_UNARY: Final[dict[type[ast.unaryop], Callable[..., Any]]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_BINARY: Final[dict[type[ast.operator], Callable[..., Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
