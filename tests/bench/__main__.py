"""Runs the benchmarks and prints a table."""

from __future__ import annotations

import argparse
import sys
import time

from tests.bench.cases import CASES, run

_WIDTHS = (12, 58, 37, 51, 7, 14, 5)


def main() -> int:
    """Return 1 where a ratio misses its budget by more than a fifth, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of: {', '.join(CASES)}")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="default: 3")
    options = parser.parse_args()
    unknown = [case for case in options.cases if case not in CASES]
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}; there are: {', '.join(CASES)}")
    if options.rounds < 1:
        parser.error("--rounds: 1 or more")
    start = time.perf_counter()
    _print("case", "work", "ours", "yardstick", "ratio", "budget", "")
    failed = False
    for case in options.cases or CASES:
        for row in run(case, options.rounds):
            limit = "" if row.limit is None else str(row.limit)
            _print(case, row.work, row.ours, row.yardstick, row.ratio, limit, row.verdict)
            failed |= row.failed
    print(f"\nMedians, ours and the yardstick in turn; {time.perf_counter() - start:.0f} s in all.")
    print("miss: not what we claim. MISS: by more than a fifth, which makes the exit status 1.")
    print("What is a time in itself depends on the machine, and never decides.")
    return 1 if failed else 0


def _print(*cells: str) -> None:
    padded = [f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True)]
    print("  ".join(padded).rstrip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
