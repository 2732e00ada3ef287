"""Reads hostile YAML into plain values, from the parser's events.

The loaders of PyYAML recurse: the one in C overruns the stack, and ends the process, on a few
thousand brackets, and both can be made to multiply aliases and merge keys without end. The events
come one after another, whatever is in the file; what they build is bounded here.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from yaml import ScalarEvent

MAX_DEPTH: Final = 60
MAX_NODES: Final = 500_000
"""A node takes ten microseconds."""
_PLAIN: Final = {"": None, "~": None, "null": None, "true": True, "false": False}
_INT: Final = re.compile(r"-?[0-9]{1,18}")
_FLOAT: Final = re.compile(r"-?[0-9]{1,18}\.[0-9]{1,18}")
_BINARY: Final = frozenset({"tag:yaml.org,2002:binary", "!binary"})


class YamlError(ValueError):
    """The text is no YAML, or more than is let in."""


class _Open:
    """A list or mapping that is being read. `weight` counts its nodes, aliases written out."""

    __slots__ = ("anchor", "key", "value", "weight")

    def __init__(self, value: list[Any] | dict[str, Any], anchor: str | None) -> None:
        self.value = value
        self.anchor = anchor
        self.key: str | None = None
        self.weight = 1

    def take(self, item: object, weight: int) -> None:
        self.weight += weight
        if self.weight > MAX_NODES:
            raise YamlError(f"it has more than {MAX_NODES:,} parts, aliases written out")
        if isinstance(self.value, list):
            self.value.append(item)
        elif self.key is None:
            self.key = item if isinstance(item, str) else repr(item)[:200]
        else:
            self.value[self.key] = item
            self.key = None


def load_yaml(data: bytes) -> object:
    """Return the first document as JSON values, and bytes where it has binary data.

    A merge key is a key like any other, a date is text. Raises YamlError.
    """
    import yaml

    root: list[object] = []
    stack = [_Open(root, None)]
    anchors: dict[str, tuple[object, int]] = {}
    try:
        for event in yaml.parse(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            top = stack[-1]
            if isinstance(event, yaml.ScalarEvent):
                value = _scalar(event)
                if event.anchor:
                    anchors[event.anchor] = (value, 1)
                top.take(value, 1)
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                if len(stack) > MAX_DEPTH:
                    raise YamlError("nested too deeply")
                is_list = isinstance(event, yaml.SequenceStartEvent)
                stack.append(_Open([] if is_list else {}, event.anchor))
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                stack.pop()
                if top.anchor:
                    anchors[top.anchor] = (top.value, top.weight)
                stack[-1].take(top.value, top.weight)
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor not in anchors:
                    raise YamlError(f"the alias {event.anchor} stands for nothing yet")
                top.take(*anchors[event.anchor])
            elif isinstance(event, yaml.DocumentEndEvent):
                break
    except yaml.YAMLError as error:
        _refuse(error)
    except OverflowError as error:
        # From the parser in Python, for an escape beyond the last code point.
        raise YamlError(f"not YAML: {error}") from None
    return root[0] if root else None


def _scalar(event: ScalarEvent) -> object:
    text: str = event.value
    if event.tag in _BINARY:
        try:
            return b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise YamlError(f"binary data that is not base64: {error}") from None
    if event.style or event.tag:
        return text
    if text in _PLAIN:
        return _PLAIN[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _refuse(error: Exception) -> NoReturn:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
    place = "" if mark is None else f"line {mark.line + 1}: "
    raise YamlError(f"not YAML: {place}{problem}") from None
