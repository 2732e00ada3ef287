"""Looks for what breaks a law, until the time is up: the targets, then all laws of the tests."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial

from hypothesis import HealthCheck, Phase, seed, settings

from tests.fuzz._suite import EXAMPLES, NAME, Run, run_pytest, search_suite
from tests.fuzz.targets import Law, laws, names

_ROUND = 200
"""Examples that one seed stands for: few enough to find one again quickly."""


_TARGET_S = 600.0
"""Seconds for each target where none are told."""


def main(
    arguments: Sequence[str] | None = None,
    now: Callable[[], float] = time.monotonic,
    run: Run = run_pytest,
) -> int:
    """Return 1 where a law was broken, 0 where none was found to be."""
    known = [*names(), NAME]
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of: {', '.join(known)}")
    parser.add_argument(
        "--seconds",
        type=float,
        help=f"for each target; default: {_TARGET_S:.0f}, and {EXAMPLES} examples of all {NAME}",
    )
    parser.add_argument("--seed", type=int, help="run one round with this seed alone")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.targets if name not in known]
    if unknown:
        parser.error(f"no such target: {', '.join(unknown)}; there are: {', '.join(known)}")
    # Laws take their settings when their module is imported.
    settings.register_profile(
        "round",
        deadline=None,
        database=None,
        max_examples=_ROUND,
        phases=[Phase.explicit, Phase.generate, Phase.target, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("round")
    broken = False
    for name in options.targets or known:
        end = now() + (_TARGET_S if options.seconds is None else options.seconds)
        if name != NAME:
            broken |= not search(name, laws(name), options.seed, end, now)
            continue
        most = EXAMPLES if options.seconds is None else None
        going_on = partial(_is_going_on, most, end, now)
        broken |= not search_suite(_ROUND, options.seed, going_on, run)
    return 1 if broken else 0


def _is_going_on(most: int | None, end: float, now: Callable[[], float], done: int) -> bool:
    """Whether there is more to do: by the examples that were done, or by the time."""
    return now() < end if most is None else done < most


def search(
    name: str, found: list[Law], only: int | None, end: float, now: Callable[[], float]
) -> bool:
    """Hold the laws of a target in turn to one seed after another; return whether all held."""
    first = int.from_bytes(os.urandom(4)) if only is None else only
    number = first
    while True:
        for law in found:
            try:
                seed(number)(law)()
            except Exception:
                traceback.print_exc(file=sys.stdout)
                print(f"\n{name}: {law.__name__} is broken")
                print(f"again: python -m tests.fuzz {name} --seed {number}", flush=True)
                return False
        number += 1
        if only is not None or now() >= end:
            break
    count = (number - first) * len(found) * _ROUND
    print(f"{name}: seeds {first} to {number - 1}, {count} examples, no law broken", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
