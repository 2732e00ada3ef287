"""Refusals of single fields, with their paths, as the Messages API words them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tui.mock.api import ApiError, brief

_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "a string": (str,),
    "a whole number": (int,),
    "a number": (int, float),
    "a list": (list,),
    "true or false": (bool,),
    "an object": (dict,),
}


def refuse(path: str, problem: str) -> ApiError:
    """The refusal of the field at `path`, to be raised."""
    return ApiError(400, f"{brief(path)}: {brief(problem)}")


def expect(path: str, value: object, called: str) -> None:
    """Raise ApiError unless `value` is what it is `called`: a string, a whole number and so on."""
    if type(value) not in _KINDS[called]:
        raise refuse(path, f"Input should be {called}")


def one_of(path: str, value: object, tags: tuple[str, ...]) -> None:
    """Raise ApiError unless the value is one of `tags`."""
    if value not in tags:
        known = " or ".join(repr(tag) for tag in tags)
        raise refuse(path, f"Input should be {known}")


def tagged(path: str, value: Mapping[str, Any], tags: tuple[str, ...]) -> str:
    """The type of an object that comes in several. Raises ApiError where it is none of `tags`."""
    if "type" not in value:
        raise refuse(f"{path}.type", "Field required")
    kind = value["type"]
    if kind not in tags:
        known = ", ".join(repr(tag) for tag in tags)
        raise refuse(
            path,
            f"Input tag {kind!r} found using 'type' does not match any of the expected tags: "
            f"{known}",
        )
    return str(kind)
