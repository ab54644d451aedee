"""The condition that keeps a query inside a scope."""

from slrt_kit.access import Scope
from slrt_kit.scoped import in_region


def test_a_scope_without_a_region_has_nothing_in_it() -> None:
    assert in_region(Scope(everywhere=False, region=None, office="12.74.DUKCAPIL"), "c") == ("false", {})


def test_everywhere_asks_for_nothing() -> None:
    assert in_region(Scope(everywhere=True, region="12", office=None), "c") == ("true", {})


def test_a_region_goes_as_a_value_and_never_into_the_text() -> None:
    condition, values = in_region(Scope(everywhere=False, region="12' OR true --", office=None), "p.village_code")
    assert values == {"region": "12' OR true --"}
    assert "OR true" not in condition
    assert condition.count("p.village_code") == 3
