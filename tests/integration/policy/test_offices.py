"""Referral asks the policy in force who does what: an office that two people add is there for all who look."""

from collections.abc import Mapping
from datetime import date

import pytest
from tests.integration.policy.conftest import Desk, office, offices

from slrt_contracts.codes import FunctionCode
from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.packaged import bring_in, packaged_documents
from slrt_kit.policy.problems import PolicyUnknownError
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.testing import FixedClock
from slrt_referral.adapters.office_book import BookOffices
from slrt_referral.domain.offices import OfficeLevel

TODAY = date(2026, 7, 1)


def changed(documents: Mapping[str, str], old: str, new: str) -> dict[str, str]:
    assert old in documents["offices"]
    return {**documents, "offices": documents["offices"].replace(old, new)}


async def test_before_anything_is_read_no_office_is_guessed(desk: Desk, fixed_clock: FixedClock) -> None:
    table = BookOffices(PolicyBook(desk.rules, desk.database), fixed_clock)
    with pytest.raises(PolicyUnknownError):
        table.find(FunctionCode.PUPR, OfficeLevel.REGENCY, district_code="12.74.05", on=TODAY)


async def test_a_new_office_takes_over_at_the_instant(desk: Desk, fixed_clock: FixedClock) -> None:
    packaged = packaged_documents("slrt_referral", PolicyRules.of("referral"))
    await bring_in(desk.database, desk.rules, packaged)
    book = PolicyBook(desk.rules, desk.database)
    table = BookOffices(book, fixed_clock)
    await book.refresh()

    def found(function: FunctionCode, district: str) -> str | None:
        known = table.find(function, OfficeLevel.REGENCY, district_code=district, on=TODAY)
        return None if known is None else known.code

    assert found(FunctionCode.PUPR, "12.74.05") == "12.74.PUPR"
    assert len(list(table)) == sum(each["offices"].count(": {functions") for each in packaged.values())
    documents = changed(packaged["12.74"], "12.74.PUPR: ", "12.74.PUTRP: ")
    await desk.put_into_force("12.74", documents)
    await book.refresh()
    assert found(FunctionCode.PUPR, "12.74.05") == "12.74.PUPR"
    fixed_clock.move(seconds=10)
    assert found(FunctionCode.PUPR, "12.74.05") == "12.74.PUTRP"
    assert (table.get("12.74.PUPR", on=TODAY), found(FunctionCode.PUPR, "34.04.01")) == (None, "34.04.PUPKP")


async def test_an_office_of_another_regency_is_known_by_its_code(desk: Desk, fixed_clock: FixedClock) -> None:
    await bring_in(desk.database, desk.rules, packaged_documents("slrt_referral", desk.rules))
    book = PolicyBook(desk.rules, desk.database)
    await book.refresh()
    table = BookOffices(book, fixed_clock)
    known = table.get("34.04.SOSIAL", on=TODAY)
    assert known is not None
    assert known.region == "34.04"
    for unknown in ("34.04.GHOST", "SOSIAL", "", "99.99.SOSIAL"):
        assert table.get(unknown, on=TODAY) is None


async def test_a_region_that_was_split_off_has_its_own_offices(desk: Desk, fixed_clock: FixedClock) -> None:
    await bring_in(desk.database, desk.rules, packaged_documents("slrt_referral", desk.rules))
    own = offices(office("12.20.SOSIAL"))
    await desk.put_into_force("12.20", own | {"layer": "parent: 12.74\n"})
    fixed_clock.move(minutes=1)
    book = PolicyBook(desk.rules, desk.database)
    await book.refresh()
    table = BookOffices(book, fixed_clock)
    found = table.find(FunctionCode.SOSIAL, OfficeLevel.REGENCY, district_code="12.20.01", on=TODAY)
    assert found is not None
    assert found.code == "12.20.SOSIAL"
    assert book.at("12.20.01", fixed_clock.now()).version == "00:1,12:1,12.74:1,12.20:1"
