"""A family's needs and participations: what may follow what, and what is told."""

from datetime import UTC, date, datetime
from itertools import product
from uuid import UUID

import pytest

from slrt_contracts.catalogue import PROGRAMMES
from slrt_contracts.codes import OutcomeCode, ProgrammeCode
from slrt_contracts.events.registry import (
    FamilyRecorded,
    ParticipationRecorded,
    ProgrammeNeedMet,
    ProgrammeNeedRecorded,
)
from slrt_contracts.types import CaseId, FamilyId, NeedId, ParticipationId, PersonId, ReferralId
from slrt_kit.regions import RegionCode
from slrt_registry.domain.family import Family
from slrt_registry.domain.problems import TransitionRefusedError
from slrt_registry.domain.transitions import NEED_TRANSITIONS, OUTCOME_ACTIONS, NeedAction, NeedStatus

AT = datetime(2026, 7, 1, 8, tzinfo=UTC)
LATER = datetime(2026, 7, 9, 8, tzinfo=UTC)
CASE, NEED, REFERRAL = CaseId(UUID(int=1)), NeedId(UUID(int=2)), ReferralId(UUID(int=3))
CHILD, MOTHER = PersonId(UUID(int=4)), PersonId(UUID(int=5))
PARTICIPATION = ParticipationId(UUID(int=6))


def family(programme: ProgrammeCode = ProgrammeCode.PIP, person: PersonId | None = CHILD) -> Family:
    """A family of two that needs a programme, as it is loaded: with nothing raised."""
    made = Family.new(
        family_id=FamilyId(UUID(int=7)),
        regency_code=RegionCode("12.74"),
        village_code=RegionCode("12.74.03.1002"),
        kk_number=None,
    )
    made.record(kk_number=None, village_code=RegionCode("12.74.03.1002"), members=[MOTHER, CHILD], case_id=CASE, at=AT)
    made.record_need(NEED, programme_code=programme, person_id=person, case_id=CASE, at=AT)
    made.mark_saved()
    return made


def settle(it: Family, outcome: OutcomeCode, *, need: NeedId = NEED, programme: ProgrammeCode | None = None) -> None:
    it.settle_need(
        need,
        outcome,
        programme_code=programme,
        referral_id=REFERRAL,
        participation_id=PARTICIPATION,
        starts_on=date(2026, 7, 9),
        at=LATER,
    )


@pytest.mark.parametrize(
    ("status", "action"), [p for p in product(NeedStatus, NeedAction) if p not in NEED_TRANSITIONS]
)
def test_a_step_that_the_table_lacks_is_refused_and_changes_nothing(status: NeedStatus, action: NeedAction) -> None:
    need = family().needs[0]
    need.status = status
    with pytest.raises(TransitionRefusedError):
        need.apply(action)
    assert need.status is status


@pytest.mark.parametrize(("start", "end"), [(*pair, end)[0::2] for pair, end in NEED_TRANSITIONS.items()])
def test_a_need_leaves_unmet_once_and_for_good(start: NeedStatus, end: NeedStatus) -> None:
    assert start is NeedStatus.UNMET
    assert end is not NeedStatus.UNMET


def test_every_outcome_does_something_to_a_need() -> None:
    assert set(OUTCOME_ACTIONS) == set(OutcomeCode)


def test_a_need_of_another_family_is_refused() -> None:
    it = family()
    with pytest.raises(TransitionRefusedError):
        settle(it, OutcomeCode.FULFILLED, need=NeedId(UUID(int=99)))
    assert not it.raised


def test_a_second_outcome_is_refused() -> None:
    it = family()
    settle(it, OutcomeCode.FULFILLED)
    with pytest.raises(TransitionRefusedError):
        settle(it, OutcomeCode.PARTLY)
    assert len(it.participations) == 1


@pytest.mark.parametrize("outcome", [OutcomeCode.FULFILLED, OutcomeCode.PARTLY])
def test_a_fulfilled_need_of_a_person_makes_that_person_take_part(outcome: OutcomeCode) -> None:
    it = family()
    settle(it, outcome)
    met, recorded = (raised.event for raised in it.raised)
    assert isinstance(met, ProgrammeNeedMet)
    assert met.referral_id == REFERRAL
    assert isinstance(recorded, ParticipationRecorded)
    assert (recorded.person_id, recorded.programme_code) == (CHILD, ProgrammeCode.PIP)
    assert recorded.starts_on == date(2026, 7, 9)
    assert [raised.key_sequence for raised in it.raised] == [3, 4]
    assert all(raised.happened_at == LATER for raised in it.raised)


def test_a_family_programme_is_the_familys_whoever_asked_for_it() -> None:
    it = family(ProgrammeCode.BPBL, person=MOTHER)
    settle(it, OutcomeCode.FULFILLED)
    assert it.participations[0].person_id is None


def test_a_service_that_is_done_once_brings_no_participation() -> None:
    it = family(ProgrammeCode.ADMINDUK)
    settle(it, OutcomeCode.FULFILLED)
    assert [type(raised.event) for raised in it.raised] == [ProgrammeNeedMet]
    assert not it.participations


def test_the_participation_is_in_the_programme_that_the_office_gave() -> None:
    it = family(ProgrammeCode.RUTILAHU)
    settle(it, OutcomeCode.FULFILLED, programme=ProgrammeCode.PKH)
    met, recorded = (raised.event for raised in it.raised)
    assert isinstance(met, ProgrammeNeedMet)
    assert isinstance(recorded, ParticipationRecorded)
    assert (met.programme_code, recorded.programme_code) == (ProgrammeCode.RUTILAHU, ProgrammeCode.PKH)


@pytest.mark.parametrize("outcome", [code for code, action in OUTCOME_ACTIONS.items() if action is NeedAction.END])
def test_any_other_outcome_ends_the_need_and_tells_nothing(outcome: OutcomeCode) -> None:
    it = family()
    settle(it, outcome)
    need = it.needs[0]
    assert (need.status, need.outcome_code, need.settled_at) == (NeedStatus.ENDED, outcome, LATER)
    assert not it.raised


@pytest.mark.parametrize("programme", list(ProgrammeCode))
def test_every_programme_of_the_catalogue_can_be_needed_and_met(programme: ProgrammeCode) -> None:
    it = family(programme)
    settle(it, OutcomeCode.FULFILLED)
    assert len(it.participations) == (PROGRAMMES[programme].participation != "none")


def test_recording_tells_the_family_and_each_need_in_order() -> None:
    it = Family.new(
        family_id=FamilyId(UUID(int=7)),
        regency_code=RegionCode("12.74"),
        village_code=RegionCode("12.74.03.1002"),
        kk_number=None,
    )
    it.record(kk_number=None, village_code=it.village_code, members=[MOTHER, CHILD], case_id=CASE, at=AT)
    it.record_need(NEED, programme_code=ProgrammeCode.BPBL, person_id=None, case_id=CASE, at=AT)
    recorded, need = (raised.event for raised in it.raised)
    assert isinstance(recorded, FamilyRecorded)
    assert (recorded.member_count, recorded.district_code) == (2, "12.74.03")
    assert isinstance(need, ProgrammeNeedRecorded)


def test_a_member_counts_once_leaves_and_comes_back() -> None:
    it = family()
    village = it.village_code
    it.leave(CHILD, at=LATER)
    it.leave(CHILD, at=datetime(2027, 1, 1, tzinfo=UTC))
    assert it.present == [MOTHER]
    assert it.members[1].left_at == LATER, "the first end of a membership stays"
    it.record(kk_number=None, village_code=village, members=[CHILD, MOTHER, MOTHER], case_id=CASE, at=LATER)
    assert sorted(it.present) == [CHILD, MOTHER]


def test_a_known_card_is_not_overwritten_and_a_missing_one_is_filled_in() -> None:
    it = family()
    for kk in ("1274031505159001", "1274052202209001"):
        it.record(kk_number=kk, village_code=it.village_code, members=[], case_id=CASE, at=LATER)
    assert it.kk_number == "1274031505159001"


def test_a_family_beyond_the_contracts_bound_is_told_as_the_bound() -> None:
    it = family()
    crowd = [PersonId(UUID(int=1000 + n)) for n in range(200)]
    it.record(kk_number=None, village_code=it.village_code, members=crowd, case_id=CASE, at=LATER)
    told = it.raised[-1].event
    assert isinstance(told, FamilyRecorded)
    assert told.member_count == 99
