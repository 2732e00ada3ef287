"""The order in which workers get the tests."""

from __future__ import annotations

from itertools import groupby

import pytest

from tests.handing_out import in_order


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
    assert in_order(ordered) is not ordered
