"""Some dozens of schedules of the storm, and the proof that its reckoning sees what it looks for."""

from collections.abc import Callable

import pytest
from tests.field.storm import prepare, storm

SCHEDULES = range(40)


@pytest.fixture
def url(service_database: Callable[[str], str]) -> str:
    return prepare(service_database("intake"))


def test_nothing_is_lost_and_nothing_is_doubled_whatever_breaks(url: str) -> None:
    found = storm(url, SCHEDULES)
    assert str(found) == f"SYNC ok schedules={len(SCHEDULES)} items={found.items} lost=0 doubled=0", found.problems
    assert found.items > 150
    assert min(found.faults[each] for each in ("lost", "unheard", "killed", "twice", "both", "late", "dead")) > 0


def test_a_server_that_forgets_what_it_was_handed_in_is_found_out(service_database: Callable[[str], str]) -> None:
    found = storm(prepare(service_database("intake"), forgetful=True), range(15), forgetful=True)
    assert found.doubled > 0
    assert str(found).startswith("SYNC FAILED")
