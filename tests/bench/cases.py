"""The cases by name, and how one is run."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from typing import Final

from tests.bench.measure import Row

CASES: Final = {
    "fold": "folding",
    "streams": "folding",
    "tool-input": "tool_input",
    "decode": "decoding",
    "first-paint": "first_paint",
    "flood": "drawing",
    "load": "loading",
    "capture": "loading",
    "memory": "memory",
    "markdown": "drawing",
    "heartbeat": "heartbeat",
    "inspect": "inspecting",
    "inspect-capture": "inspecting",
    "findings": "judging",
    "search": "searching",
    "step-back": "growth",
    "live-reads": "folding",
    "live-call": "calling",
    "growth": "growth",
    "mock": "serving",
    "relay-latency": "relaying",
    "relay-speed": "relaying",
    "relay-memory": "relaying",
    "list-refresh": "many_runs",
    "many-streams": "many_streams",
    "many-requests": "many_requests",
}
"""Case and module; the case's function has its name, and takes the number of rounds."""


def run(case: str, rounds: int) -> list[Row]:
    """Run one case in a process of its own: none pays for what another one imported or left."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_measure, case, rounds).result()


def _measure(case: str, rounds: int) -> list[Row]:
    module = import_module(f"tests.bench.{CASES[case]}")
    function: Callable[[int], list[Row]] = getattr(module, case.replace("-", "_"))
    return function(rounds)
