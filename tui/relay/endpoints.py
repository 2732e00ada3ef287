"""What a path is to the relay: which exchanges are recorded, and which only pass through."""

from __future__ import annotations

import re
from typing import Final

_NO_VERSION: Final = re.compile(r"/messages(?=$|[/?])")
_RECORDED: Final = re.compile(
    r"/messages(?:/count_tokens)?$"  # Whatever stands before it: gateways have paths of their own.
    r"|/model/[^/]+/(?:invoke|invoke-with-response-stream)$"  # Bedrock
    r"|/publishers/anthropic/models/[^/]+:(?:rawPredict|streamRawPredict)$"  # Vertex
)
_UNDECODED: Final = re.compile(r"/sessions/[^/]+/(?:events/)?stream$")

_LONGEST: Final = 60
"""Characters of a path that are shown; a report of all of them has to fit into a pipe."""


def forwarded(target: str) -> str:
    """Return the target of a request as it is sent on.

    `/messages` is `/v1/messages`: some clients have the version in their base URL, and lose it
    where that is replaced.
    """
    return f"/v1{target}" if _NO_VERSION.match(target) else target


def is_recorded(method: str, target: str) -> bool:
    """Whether an exchange goes into the capture, rather than being counted only."""
    return method == "POST" and _RECORDED.search(_path(target)) is not None


def label(method: str, target: str) -> str:
    """Return what a request that is only counted is counted as, in a few words."""
    method, path = method[:_LONGEST], _path(target)[:_LONGEST]
    if _UNDECODED.search(path):
        return f"{method} {path} (session events are passed on, and not decoded)"
    return f"{method} {path}"


def _path(target: str) -> str:
    return target.partition("?")[0]
