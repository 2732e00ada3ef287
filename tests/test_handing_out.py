"""The order in which workers get the tests."""

from __future__ import annotations

from itertools import groupby

import pytest

from tests.handing_out import Unit, among, in_order


def test_every_test_is_handed_out_once_and_groups_stay_together(
    request: pytest.FixtureRequest,
) -> None:
    items = list(request.session.items)
    ordered = in_order(items)
    assert sorted(map(id, ordered)) == sorted(map(id, items))

    def unit(item: pytest.Item) -> str:
        group = item.get_closest_marker("xdist_group")
        return group.args[0] if group is not None else item.nodeid

    units = [name for name, _ in groupby(ordered, key=unit)]
    assert len(units) == len(set(units))


def test_what_waits_lies_evenly_among_the_others_and_not_at_the_end() -> None:
    waiting = [Unit(seconds=2.0) for _ in range(3)]
    busy = [Unit(seconds=seconds) for seconds in (4.0, 3.0, 2.0, 1.0, 1.0, 1.0)]
    ordered = among(waiting, busy)
    assert [unit for unit in ordered if unit in busy] == busy
    assert [ordered.index(unit) for unit in waiting] == [0, 2, 5]
