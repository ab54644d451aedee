"""The demo's roster is one that intake takes, and its cases have somebody at every step of the line."""

from datetime import date
from typing import Any

from slrt_contracts.types import DutyId
from slrt_intake.api.duties import DutyBody
from slrt_intake.domain.duty import DutyTerms
from slrt_kit.clock import new_uuid7
from slrt_kit.clocks.reporting import packaged_roles
from slrt_kit.duty import Duty, chain, officer_id_of
from slrt_kit.regions import Regions
from slrt_local.demo.roster import roster

DAY = date(2026, 7, 1)


def _terms(row: dict[str, Any]) -> DutyTerms:
    return DutyBody.model_validate(row).terms()


def _duty(terms: DutyTerms) -> Duty:
    return Duty(
        duty_id=DutyId(new_uuid7()),
        officer_id=officer_id_of(terms.officer),
        role=terms.role,
        area_code=terms.area_code,
        office_code=terms.office_code,
        first_day=terms.first_day,
        last_day=terms.last_day,
    )


def test_every_row_makes_a_duty_in_a_region_that_there_is() -> None:
    regions = Regions.load()
    for terms in map(_terms, roster()):
        assert terms.area_code == "00" or regions.get(terms.area_code), terms


def test_nobody_is_missing_in_the_line_of_the_demo_s_facilitator_and_of_an_office() -> None:
    duties = [_duty(_terms(row)) for row in roster()]
    up = packaged_roles().line
    lines = [
        chain(duties, up("facilitator"), "12.74.03.1002", on=DAY),
        chain(duties, up("opd_officer"), "12.74.03", on=DAY, office="12.74.DUKCAPIL"),
    ]
    assert [step.role for line in lines for step in line if step.is_missing] == []
