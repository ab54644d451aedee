"""A code of before names the one of today."""

import pytest

from slrt_kit.regions import Regions
from slrt_kit.regions.former import _former, successor_of


def test_what_has_another_code_is_in_the_table_under_it_alone() -> None:
    regions = Regions.load()
    assert len(_former()) == 26
    for old, successor in _former().items():
        assert regions.get(old) is None, old
        assert regions.get(successor.code) is not None, successor
        assert regions.get(old[:2]) is not None, "the province that it was split off is still there"


@pytest.mark.parametrize(
    ("code", "now"),
    [
        ("91.01", "93.01"),
        ("91.01.05", "93.01"),
        ("92.71.01.1001", "96.71"),
        ("91.03", None),
        ("99.99", None),
        ("", None),
    ],
)
def test_a_district_is_told_where_its_regency_went(code: str, now: str | None) -> None:
    found = successor_of(code)
    assert (None if found is None else found.code) == now
