"""Arithmetic out of a string: read with Python's grammar, computed here, and bounded.

Nothing of it is ever executed: the tokens are checked first, then the tree is walked by a list of
the few nodes there may be. What it computes is what Python computes.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from typing import Final

Number = int | float

MAX_LENGTH: Final = 1_000
MAX_DEPTH: Final = 50
"""How deep parentheses, signs, powers and calls may be nested."""
MAX_DIGITS: Final = 500
"""Of a whole number, also on the way to the result."""
_LIMIT: Final = 10**MAX_DIGITS
_MAX_BITS: Final = _LIMIT.bit_length()
_MAX_PLACES: Final = 400

_TOKEN: Final = re.compile(
    r"(?P<number>(?:[0-9]+(?:_[0-9]+)*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<sign>\*\*|//|[-+*/%(),])"
)
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
# As people and models write them.
_SIGNS: Final = str.maketrans({"\u00d7": "*", "\u00f7": "/", "\u2212": "-", "\u22c5": "*"})
_CONSTANTS: Final = {"pi": math.pi, "e": math.e}
_FUNCTIONS: Final = ("abs", "max", "min", "round", "sqrt")


class CalculatorError(ValueError):
    """An expression that has no value. The message is one line."""


def calculate(expression: str) -> str:
    """Return the value of an expression as text: `4` for `2+2` and for `8/2`.

    Raises CalculatorError.
    """
    value = evaluate(expression)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return str(value)


def evaluate(expression: str) -> Number:
    """Return the value of an expression. Raises CalculatorError, and nothing else.

    There are + - * / // % ** and parentheses; pi and e; abs, max, min, round and sqrt.
    """
    source = " ".join(_tokens(expression))
    try:
        return _value(ast.parse(source, mode="eval").body, 0)
    except SyntaxError as error:
        raise CalculatorError(f"cannot be read as arithmetic: {error.msg}") from None
    except (RecursionError, MemoryError):  # Python's parser, or little of the stack is left.
        raise CalculatorError("nested too deeply") from None


def _tokens(expression: str) -> list[str]:
    """Cut an expression; what is no token of arithmetic never gets to Python's parser."""
    if len(expression) > MAX_LENGTH:
        raise CalculatorError(f"longer than {MAX_LENGTH:,} characters")
    text = expression.translate(_SIGNS)
    tokens = []
    after_number = False
    at = _after_blanks(text, 0)
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            hint = "; a power is written **" if text[at] == "^" else ""
            raise CalculatorError(f"{ascii(text[at])} is not arithmetic{hint}")
        token = found[0]
        if found["name"] and token not in _CONSTANTS and token not in _FUNCTIONS:
            known = ", ".join((*_FUNCTIONS, *_CONSTANTS))
            raise CalculatorError(f"{token[:40]} is not known; there are {known}")
        if after_number and not found["sign"]:
            raise CalculatorError(f"an operator is missing before {token[:40]}")
        after_number = bool(found["number"])
        tokens.append(token)
        at = _after_blanks(text, found.end())
    if not tokens:
        raise CalculatorError("there is nothing to calculate")
    return tokens


def _after_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


# --- the tree -------------------------------------------------------------------------------------


def _value(node: ast.expr, depth: int) -> Number:
    if depth > MAX_DEPTH:
        raise CalculatorError(f"nested deeper than {MAX_DEPTH} levels")
    match node:
        case ast.Constant(value=int() | float() as value):
            return _checked(lambda: value)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.Name(id=name):
            raise CalculatorError(f"{name} is a function: its arguments follow in parentheses")
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](_value(operand, depth + 1))
        case ast.BinOp():
            return _chain(node, depth)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            numbers = [_value(arg, depth + 1) for arg in args]
            return _checked(lambda: _call(name, numbers))
        case ast.Call(func=func) if not isinstance(func, ast.Name) or func.id in _CONSTANTS:
            raise CalculatorError("a number is followed by parentheses; * is needed to multiply")
        case ast.Tuple():
            raise CalculatorError("a comma belongs between the arguments of a function")
    raise CalculatorError("cannot be read as arithmetic")


def _chain(node: ast.BinOp, depth: int) -> Number:
    """Compute from left to right: a long sum is a deep tree, but not deeply nested."""
    chain = [node]
    while isinstance(chain[-1].left, ast.BinOp):
        chain.append(chain[-1].left)
    value = _value(chain[-1].left, depth + 1)
    for step in reversed(chain):
        value = _apply(_BINARY[type(step.op)], value, _value(step.right, depth + 1))
    return value


def _apply(compute: Callable[[Number, Number], Number], left: Number, right: Number) -> Number:
    return _checked(lambda: compute(left, right))


def _checked(compute: Callable[[], Number]) -> Number:
    """Compute one step; whole numbers stay short and fractions finite."""
    try:
        value = compute()
    except ZeroDivisionError:
        raise CalculatorError("division by zero") from None
    except OverflowError:
        raise CalculatorError("the result is too large") from None
    if not (abs(value) < _LIMIT if isinstance(value, int) else math.isfinite(value)):
        raise CalculatorError("the result is too large")
    return value


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int):
        # Not computed to see how long it gets: it would take for ever.
        if abs(base) > 1 and (base.bit_length() - 1) * exponent > _MAX_BITS:
            raise OverflowError
    elif base < 0 and not float(exponent).is_integer():
        raise CalculatorError("a power of a negative number needs a whole exponent")
    value: Number = base**exponent
    return value


def _call(name: str, numbers: list[Number]) -> Number:
    if name in ("min", "max"):
        if len(numbers) < 2:
            raise CalculatorError(f"{name} takes two arguments or more")
        return min(numbers) if name == "min" else max(numbers)
    if name == "round" and len(numbers) == 2:
        places = numbers[1]
        if not isinstance(places, int) or abs(places) > _MAX_PLACES:
            raise CalculatorError(f"round takes -{_MAX_PLACES} to {_MAX_PLACES} as its places")
        return round(numbers[0], places)
    if len(numbers) != 1:
        count = "one or two arguments" if name == "round" else "one argument"
        raise CalculatorError(f"{name} takes {count}")
    number = numbers[0]
    if name == "sqrt":
        if number < 0:
            raise CalculatorError("the square root of a negative number")
        return math.sqrt(number)
    return abs(number) if name == "abs" else round(number)


# There are no tokens for others.
_UNARY: Final[dict[type[ast.unaryop], Callable[[Number], Number]]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_BINARY: Final[dict[type[ast.operator], Callable[[Number, Number], Number]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
