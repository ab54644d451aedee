"""Who answers for something, and to whom it goes up: the nearest who is on duty, and never nobody without a word."""

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_contracts.codes import DutyRole
from slrt_contracts.types import DutyId, OfficerId
from slrt_kit.clock import day_of
from slrt_kit.clocks.reporting import packaged_roles
from slrt_kit.duty import Duty, chain, holders, levels_of, officer_id_of
from slrt_kit.regions import NATION
from slrt_kit.regions.codes import InvalidRegionCodeError

DAY = date(2026, 7, 1)
VILLAGE = "12.74.03.1002"
LINE_OF = packaged_roles().line
AREAS = (VILLAGE, "12.74.03", "12.74.05", "12.74", "12.71", "12", NATION)


def duty(role: DutyRole, area: str, *, office: str | None = None, first: date = DAY, last: date | None = None) -> Duty:
    return Duty(
        duty_id=DutyId(uuid4()),
        officer_id=OfficerId(uuid4()),
        role=role,
        area_code=area,
        office_code=office,
        first_day=first,
        last_day=last,
    )


duties = st.lists(st.builds(duty, st.sampled_from(DutyRole), st.sampled_from(AREAS)), max_size=20)


@pytest.mark.parametrize("area", ["", "1274", "12.7", "12.74.03.1002.1", "xx"])
def test_a_place_that_is_none_has_no_levels(area: str) -> None:
    with pytest.raises(InvalidRegionCodeError):
        levels_of(area)


def test_the_nearest_level_that_has_one_answers_alone() -> None:
    near, far = duty(DutyRole.SUPERVISOR, "12.74.03"), duty(DutyRole.SUPERVISOR, "12.74")
    assert holders([far, near], DutyRole.SUPERVISOR, VILLAGE, on=DAY) == (near,)
    assert holders([far, near], DutyRole.SUPERVISOR, "12.74.05", on=DAY) == (far,)
    assert holders([far, near], DutyRole.SUPERVISOR, "12.71", on=DAY) == ()


def test_both_days_count_and_no_other() -> None:
    found = duty(DutyRole.MANAGER, "12.74", first=date(2026, 7, 2), last=date(2026, 7, 3))
    held = [holders([found], DutyRole.MANAGER, "12.74", on=date(2026, 7, day)) for day in (1, 2, 3, 4)]
    assert held == [(), (found,), (found,), ()]


def test_a_day_is_one_of_western_indonesia() -> None:
    assert day_of(datetime(2026, 6, 30, 17, tzinfo=UTC)) == DAY


def test_an_officer_of_one_office_does_not_answer_for_another() -> None:
    mine = duty(DutyRole.OPD_OFFICER, "12.74", office="12.74.PUPR")
    assert holders([mine], DutyRole.OPD_OFFICER, "12.74.03", on=DAY, office="12.74.PUPR") == (mine,)
    assert holders([mine], DutyRole.OPD_OFFICER, "12.74.03", on=DAY, office="12.74.DIKBUD") == ()
    assert holders([mine], DutyRole.OPD_OFFICER, "12.74.03", on=DAY) == ()


def test_a_missing_person_stands_in_the_line_and_the_next_follows() -> None:
    found = chain([duty(DutyRole.MANAGER, "12.74")], LINE_OF("facilitator"), VILLAGE, on=DAY)
    assert [(step.role, step.is_missing) for step in found] == [
        (DutyRole.FACILITATOR, True),
        (DutyRole.SUPERVISOR, True),
        (DutyRole.MANAGER, False),
        (DutyRole.HEAD_OF_OFFICE, True),
        (DutyRole.PROVINCE_DESK, True),
        (DutyRole.CENTRE_DESK, True),
    ]


def test_the_head_of_the_office_answers_for_its_officers_and_else_the_area_s_own() -> None:
    own = duty(DutyRole.HEAD_OF_OFFICE, "12.74")
    theirs = duty(DutyRole.HEAD_OF_OFFICE, "12.74", office="12.74.PUPR")
    up = LINE_OF("opd_officer")
    line = {s.role: s.duties for s in chain([own, theirs], up, "12.74", on=DAY, office="12.74.PUPR")}
    assert line[DutyRole.HEAD_OF_OFFICE] == (theirs,)
    line = {s.role: s.duties for s in chain([own], up, "12.74", on=DAY, office="12.74.PUPR")}
    assert line[DutyRole.HEAD_OF_OFFICE] == (own,)


@given(known=duties, role=st.sampled_from(DutyRole), area=st.sampled_from(AREAS))
def test_every_line_ends_at_the_centre_and_names_each_step_once(known: list[Duty], role: DutyRole, area: str) -> None:
    roles = [step.role for step in chain(known, LINE_OF(role), area, on=DAY)]
    assert roles[0] is role
    assert roles[-1] is DutyRole.CENTRE_DESK
    assert len(set(roles)) == len(roles)


@given(known=duties, role=st.sampled_from(DutyRole), area=st.sampled_from(AREAS))
def test_who_answers_is_of_one_level_and_nobody_nearer_is_passed_over(
    known: list[Duty], role: DutyRole, area: str
) -> None:
    found = holders(known, role, area, on=DAY)
    around = [each for each in known if each.role is role and each.area_code in levels_of(area)]
    assert bool(found) == bool(around)
    assert len({each.area_code for each in found}) <= 1
    if found:
        place = levels_of(area).index(found[0].area_code)
        assert min(levels_of(area).index(each.area_code) for each in around) == place


def test_a_login_stands_behind_an_id_that_is_always_the_same() -> None:
    uuid = uuid4()
    assert officer_id_of(str(uuid)) == uuid
    assert officer_id_of("fasilitator.03") == officer_id_of("fasilitator.03") != officer_id_of("fasilitator.05")
