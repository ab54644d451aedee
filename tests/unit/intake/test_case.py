"""The case aggregate: which events each step tells, and which steps are refused without a trace."""

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from slrt_contracts.codes import (
    AttributeName,
    AttributeValue,
    ClosedBy,
    DecidedByLevel,
    NeedCode,
    NeedDecision,
    OutcomeCode,
    Recommendation,
)
from slrt_contracts.events import CaseClosed, CaseDecided, CaseRegistered, CaseResolved, NeedOutcomeRecorded
from slrt_contracts.types import NeedId, ReferralId
from slrt_intake.domain.case import Case
from slrt_intake.domain.problems import (
    NeedsMismatchError,
    OutcomesMissingError,
    TransitionRefusedError,
)
from slrt_intake.domain.transitions import CaseStatus, NeedStatus
from slrt_kit.problems import SeparationOfDutiesError


def told(case: Case) -> list[str]:
    return [type(recorded.event).__name__ for recorded in case.raised]


def unchanged_by(case: Case, act: Callable[[], object], error: type[Exception]) -> None:
    before, events = deepcopy(case), case.raised
    with pytest.raises(error):
        act()
    assert case == before
    assert case.raised == events


# -- refusals -----------------------------------------------------------------------------------------------------


def test_whoever_registered_a_case_may_not_decide_it(steps: Any) -> None:
    case = steps.drive(steps.register(), CaseStatus.IN_HANDLING)
    unchanged_by(case, lambda: steps.decide_all(case, by=steps.registrar), SeparationOfDutiesError)


def test_whoever_recommended_may_not_decide(steps: Any) -> None:
    case = steps.drive(steps.register(), CaseStatus.IN_HANDLING)
    unchanged_by(case, lambda: steps.decide_all(case, by=steps.recommender), SeparationOfDutiesError)


def test_a_recommendation_that_misses_a_need_changes_nothing(steps: Any) -> None:
    case = steps.drive(steps.register(steps.need(), steps.need()), CaseStatus.SCREENING)
    some = {case.needs[0].need_id: Recommendation.REFER}
    unchanged_by(case, lambda: case.recommend(some, by="bo-2", at=steps.noon), NeedsMismatchError)


@pytest.mark.parametrize("extra", [True, False])
def test_a_decision_must_name_exactly_the_needs_of_the_case(extra: bool, steps: Any) -> None:
    case = steps.drive(steps.register(steps.need(), steps.need()), CaseStatus.IN_HANDLING)
    named = {need.need_id: NeedDecision.REFER for need in case.needs}
    if extra:
        named[NeedId(uuid4())] = NeedDecision.REFER
    else:
        named.popitem()
    unchanged_by(
        case,
        lambda: case.decide(named, by=steps.decider, level=DecidedByLevel.VILLAGE, at=steps.noon),
        NeedsMismatchError,
    )


def test_a_decision_about_another_case_s_needs_is_refused(steps: Any) -> None:
    case = steps.drive(steps.register(), CaseStatus.IN_HANDLING)
    named = {NeedId(uuid4()): NeedDecision.REFER}
    unchanged_by(
        case,
        lambda: case.decide(named, by=steps.decider, level=DecidedByLevel.VILLAGE, at=steps.noon),
        NeedsMismatchError,
    )


def test_an_outcome_of_a_need_that_the_case_does_not_have_is_refused(steps: Any) -> None:
    case = steps.drive(steps.register(), CaseStatus.DECIDED)
    unchanged_by(case, lambda: steps.outcome(case, uuid4()), TransitionRefusedError)


def test_a_second_outcome_of_the_same_need_is_refused(steps: Any) -> None:
    case = steps.drive(steps.register(steps.need(), steps.need()), CaseStatus.DECIDED)
    steps.outcome(case, case.needs[0].need_id)
    unchanged_by(case, lambda: steps.outcome(case, case.needs[0].need_id), TransitionRefusedError)


def test_a_case_does_not_close_while_a_need_has_no_outcome(steps: Any) -> None:
    case = steps.drive(steps.register(steps.need(), steps.need()), CaseStatus.DECIDED)
    steps.outcome(case, case.needs[0].need_id)
    unchanged_by(
        case,
        lambda: case.close(closed_by=ClosedBy.RESIDENT, satisfied=True, at=steps.noon),
        OutcomesMissingError,
    )


def test_a_need_without_a_decision_cannot_be_told_as_decided(steps: Any) -> None:
    with pytest.raises(RuntimeError):
        steps.need().decided_snapshot()


# -- what is told ---------------------------------------------------------------------------------------------------


def test_every_step_tells_its_facts_in_order_and_counts_on_across_saves(steps: Any) -> None:
    road, power = steps.need(NeedCode.JALAN), steps.need(NeedCode.BPBL)
    case = steps.register(road, power)
    story: list[tuple[str, int]] = []

    def save() -> None:
        version = case.version
        story.extend((type(recorded.event).__name__, recorded.key_sequence) for recorded in case.raised)
        case.mark_saved()
        assert case.version == version + 1
        assert not case.raised

    save()
    steps.drive(case, CaseStatus.SCREENING)
    save()
    steps.recommend_all(case)
    save()
    decisions = {road.need_id: NeedDecision.REFER, power.need_id: NeedDecision.SOLVED_LOCALLY}
    case.decide(decisions, by=steps.decider, level=DecidedByLevel.REGENCY, at=steps.noon)
    save()
    steps.outcome(case, road.need_id)
    save()
    case.close(closed_by=ClosedBy.RESIDENT, satisfied=True, at=steps.noon)
    save()
    assert story == [
        ("CaseRegistered", 1),
        ("CaseScreened", 2),
        ("CaseRecommended", 3),
        ("CaseDecided", 4),
        ("NeedOutcomeRecorded", 5),
        ("NeedOutcomeRecorded", 6),
        ("CaseResolved", 7),
        ("CaseClosed", 8),
    ]


def test_a_registration_tells_codes_and_the_district_only(steps: Any) -> None:
    attributes = {
        AttributeName.GRID_NEARBY: AttributeValue.YES,
        AttributeName.ASSET_CLASS: AttributeValue.VILLAGE_ROAD,
    }
    case = steps.register(steps.need(urgent=True, attributes=attributes), steps.need(NeedCode.DOMISILI))
    [recorded] = case.raised
    event = recorded.event
    assert isinstance(event, CaseRegistered)
    assert event.case_id == case.case_id
    assert event.district_code == "12.74.03"
    assert event.urgent is True
    assert [(need.need_code, need.sector, need.programme_code) for need in event.needs] == [
        ("BPBL", "infrastruktur", "BPBL"),
        ("DOMISILI", "adminduk", None),
    ]
    assert [(a.name, a.value) for a in event.needs[0].attributes] == [
        ("asset_class", "village_road"),
        ("grid_nearby", "yes"),
    ]


def test_a_case_is_urgent_when_one_of_its_needs_is(steps: Any) -> None:
    assert not steps.register(steps.need(), steps.need()).urgent
    assert steps.register(steps.need(), steps.need(urgent=True)).urgent


def test_the_decision_tells_each_need_with_what_was_decided(steps: Any) -> None:
    road, letter = steps.need(NeedCode.JALAN), steps.need(NeedCode.DOMISILI)
    case = steps.drive(steps.register(road, letter), CaseStatus.IN_HANDLING)
    decisions = {road.need_id: NeedDecision.REFER, letter.need_id: NeedDecision.SOLVED_LOCALLY}
    case.decide(decisions, by=steps.decider, level=DecidedByLevel.REGENCY, at=steps.noon)
    event = next(r.event for r in case.raised if isinstance(r.event, CaseDecided))
    assert {need.need_id: need.decision for need in event.needs} == decisions
    assert event.decided_by_level is DecidedByLevel.REGENCY
    assert (road.status, letter.status) == (NeedStatus.REFERRED, NeedStatus.OUTCOME_RECORDED)
    assert letter.outcome_code is OutcomeCode.FULFILLED
    assert case.resolved_at is None


def test_a_case_that_the_village_solves_alone_is_resolved_by_its_decision(steps: Any) -> None:
    case = steps.drive(steps.register(steps.need(), steps.need()), CaseStatus.IN_HANDLING)
    case.mark_saved()
    steps.decide_all(case, NeedDecision.SOLVED_LOCALLY)
    assert told(case) == ["CaseDecided", "NeedOutcomeRecorded", "NeedOutcomeRecorded", "CaseResolved"]
    assert case.resolved_at == steps.noon


@pytest.mark.parametrize("needs", [1, 2, 5])
def test_the_last_outcome_and_only_that_resolves_the_case_once(needs: int, steps: Any) -> None:
    case = steps.drive(steps.register(*(steps.need() for _ in range(needs))), CaseStatus.DECIDED)
    codes = [list(OutcomeCode)[place % len(OutcomeCode)] for place in range(needs)]
    for need, code in zip(case.needs, codes, strict=True):
        assert case.resolved_at is None
        case.mark_saved()
        steps.outcome(case, need.need_id, code)
        first, *rest = [recorded.event for recorded in case.raised]
        assert isinstance(first, NeedOutcomeRecorded)
        assert (first.need_id, first.outcome_code) == (need.need_id, code)
        if need is not case.needs[-1]:
            assert not rest
    [resolved] = rest
    assert isinstance(resolved, CaseResolved)
    assert [(o.need_id, o.outcome_code) for o in resolved.outcomes] == [
        (need.need_id, code) for need, code in zip(case.needs, codes, strict=True)
    ]


def test_an_office_outcome_keeps_its_referral_and_the_time_it_happened(steps: Any) -> None:
    case = steps.drive(steps.register(), CaseStatus.DECIDED)
    [need] = case.needs
    referral, later = ReferralId(uuid4()), steps.noon + timedelta(days=3)
    case.mark_saved()
    case.record_referral_outcome(need.need_id, OutcomeCode.NOT_ELIGIBLE, referral_id=referral, at=later)
    assert (need.outcome_code, need.referral_id) == (OutcomeCode.NOT_ELIGIBLE, referral)
    assert {recorded.happened_at for recorded in case.raised} == {later}
    assert case.resolved_at == later


@pytest.mark.parametrize(("closed_by", "satisfied"), [(ClosedBy.RESIDENT, False), (ClosedBy.POLICY, None)])
def test_closing_says_by_whom_and_whether_it_helped(closed_by: ClosedBy, satisfied: bool | None, steps: Any) -> None:
    case = steps.drive(steps.register(), CaseStatus.DECIDED)
    steps.outcome(case, case.needs[0].need_id)
    case.mark_saved()
    case.close(closed_by=closed_by, satisfied=satisfied, at=steps.noon)
    [recorded] = case.raised
    assert recorded.event == CaseClosed(case_id=case.case_id, closed_by=closed_by, satisfied=satisfied)
    assert (case.status, case.closed_at, case.satisfied) == (CaseStatus.CLOSED, steps.noon, satisfied)
