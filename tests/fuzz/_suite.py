"""All laws of the tests, held to one seed after another, and every sweep in full once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

NAME: Final = "laws"
"""How the search is named among the targets."""
EXAMPLES: Final = 100_000
"""Examples of each law where no time is told."""

Run: TypeAlias = Callable[[Sequence[str], Mapping[str, str]], int]
"""Runs pytest with these arguments and variables; returns its exit status."""


def run_pytest(arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", *arguments]
    return subprocess.run(command, env={**os.environ, **variables}).returncode


def search_suite(
    each: int, only: int | None, going_on: Callable[[int], bool], run: Run = run_pytest
) -> bool:
    """Hold every law to `each` examples of a seed, then of the next; return whether all held.

    `going_on` is asked after each seed, with the examples of a law so far.
    """
    first = int.from_bytes(os.urandom(4)) if only is None else only
    number = first
    while True:
        # The first time all tests run, for the sweeps among them.
        laws = [] if number == first else ["-m", "hypothesis"]
        variables = {"HYPOTHESIS_PROFILE": "fuzz", "FUZZ_EXAMPLES": str(each)}
        if run([f"--hypothesis-seed={number}", *laws], variables):
            print(f"\n{NAME}: broken, or no test at all")
            print(f"again: python -m tests.fuzz {NAME} --seed {number}", flush=True)
            return False
        number += 1
        if only is not None or not going_on((number - first) * each):
            break
    print(f"{NAME}: seeds {first} to {number - 1}, {(number - first) * each} examples of each")
    return True
