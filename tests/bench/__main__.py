"""Runs the benchmarks and prints a table."""

from __future__ import annotations

import argparse
import sys
import time

from tests.bench.cases import CASES, run

_WIDTHS = (12, 58, 37, 51, 7, 14, 5)


def main() -> int:
    """Return 1 where `--check` is given and a floor was missed, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of: {', '.join(CASES)}")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="default: 3")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a floor is missed")
    options = parser.parse_args()
    unknown = [case for case in options.cases if case not in CASES]
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}; there are: {', '.join(CASES)}")
    if options.rounds < 1:
        parser.error("--rounds: 1 or more")
    start = time.perf_counter()
    _print("case", "work", "ours", "yardstick", "ratio", "budget", "")
    floor_missed = False
    for case in options.cases or CASES:
        for row in run(case, options.rounds):
            limit = "" if row.limit is None else str(row.limit)
            _print(case, row.work, row.ours, row.yardstick, row.ratio, limit, row.verdict)
            floor_missed |= row.verdict == "FLOOR"
    print(f"\nMedians, ours and the yardstick in turn; {time.perf_counter() - start:.0f} s in all.")
    print("MISS: not what we claim. FLOOR: not even what must hold on any machine.")
    return 1 if options.check and floor_missed else 0


def _print(*cells: str) -> None:
    padded = [f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True)]
    print("  ".join(padded).rstrip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
