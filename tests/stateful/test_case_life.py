"""A case under whatever order of steps people try: the rules of its life hold after every one of them."""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from slrt_contracts.codes import (
    Channel,
    ClosedBy,
    DecidedByLevel,
    NeedCode,
    NeedDecision,
    OutcomeCode,
    Recommendation,
    RegistryStatus,
)
from slrt_contracts.events import CaseClosed, CaseDecided, CaseResolved, Event, NeedOutcomeRecorded
from slrt_contracts.types import CaseId, NeedId, ReferralId
from slrt_intake.domain.case import Case, Need
from slrt_intake.domain.transitions import CaseStatus, NeedStatus
from slrt_kit.problems import ProblemError
from slrt_kit.regions import RegionCode

NOW = datetime(2026, 7, 1, tzinfo=UTC)
PEOPLE = ("kader", "bo", "koordinator", "manajer")
ORDER = list(CaseStatus)

people = st.sampled_from(PEOPLE)
need_codes = st.lists(st.sampled_from(NeedCode), min_size=1, max_size=4)


class CaseLife(RuleBasedStateMachine):
    """Tries every step at any time, by anybody, about the right and the wrong needs, with saves in between."""

    @initialize(codes=need_codes, by=people)
    def register(self, codes: list[NeedCode], by: str) -> None:
        needs = [
            Need(need_id=NeedId(uuid4()), need_code=code, person_id=None, urgent=False, description=None)
            for code in codes
        ]
        self.story: list[Event] = []
        self.saves = 0
        self.case = Case.register(
            case_id=CaseId(uuid4()),
            ticket_number="1274-7KQ4-M2XD",
            channel=Channel.PUSKESOS,
            village_code=RegionCode("12.74.03.1002"),
            needs=needs,
            has_subject=False,
            reachable_by=(),
            by=by,
            at=NOW,
        )
        self._hear()

    def _hear(self) -> None:
        """Take over what was raised since the last save; sequences go on from where the story stands."""
        fresh = self.case.raised[len(self.story) - self.saved :]
        for place, recorded in enumerate(fresh, start=len(self.story) + 1):
            assert recorded.key_sequence == place
            self.story.append(recorded.event)

    saved = 0
    """How much of the story was saved, and is therefore no longer raised."""

    def _try(self, step: Callable[[], None], *, allowed: bool) -> None:
        """The step is taken exactly when it is allowed; a refused one leaves the case as it was."""
        before, raised = deepcopy(self.case), self.case.raised
        if not allowed:
            with pytest.raises(ProblemError):
                step()
            assert self.case == before
            assert self.case.raised == raised
        else:
            step()
            assert ORDER.index(self.case.status) - ORDER.index(before.status) in (0, 1)
            self._hear()

    @rule(found=st.sampled_from(RegistryStatus))
    def screen(self, found: RegistryStatus) -> None:
        allowed = self.case.status is CaseStatus.REGISTERED
        self._try(lambda: self.case.screen(registry_status=found, at=NOW), allowed=allowed)

    def _named(self, how: str) -> list[NeedId]:
        ids = [need.need_id for need in self.case.needs]
        return {"all": ids, "too few": ids[1:], "too many": [*ids, NeedId(uuid4())], "others": [NeedId(uuid4())]}[how]

    names = st.sampled_from(["all", "all", "all", "too few", "too many", "others"])

    @rule(how=names, by=people, proposal=st.sampled_from(Recommendation))
    def recommend(self, how: str, by: str, proposal: Recommendation) -> None:
        allowed = self.case.status is CaseStatus.SCREENING and how == "all"
        named = dict.fromkeys(self._named(how), proposal)
        self._try(lambda: self.case.recommend(named, by=by, at=NOW), allowed=allowed)

    @rule(how=names, by=people, local=st.lists(st.booleans(), min_size=5, max_size=5))
    def decide(self, how: str, by: str, local: list[bool]) -> None:
        own = by in (self.case.registered_by, self.case.recommended_by)
        allowed = self.case.status is CaseStatus.IN_HANDLING and how == "all" and not own
        decisions = {
            need_id: NeedDecision.SOLVED_LOCALLY if here else NeedDecision.REFER
            for need_id, here in zip(self._named(how), local, strict=False)
        }
        level = DecidedByLevel.VILLAGE
        self._try(lambda: self.case.decide(decisions, by=by, level=level, at=NOW), allowed=allowed)

    @rule(place=st.integers(0, 4), code=st.sampled_from(OutcomeCode))
    def office_answers(self, place: int, code: OutcomeCode) -> None:
        needs = self.case.needs
        need_id = needs[place].need_id if place < len(needs) else NeedId(uuid4())
        allowed = place < len(needs) and needs[place].status is NeedStatus.REFERRED
        referral = ReferralId(uuid4())
        self._try(
            lambda: self.case.record_referral_outcome(need_id, code, referral_id=referral, at=NOW), allowed=allowed
        )

    @rule(by=st.sampled_from(ClosedBy), satisfied=st.none() | st.booleans())
    def close(self, by: ClosedBy, satisfied: bool | None) -> None:
        answered = all(need.outcome_code for need in self.case.needs)
        allowed = self.case.status is CaseStatus.DECIDED and answered
        self._try(lambda: self.case.close(closed_by=by, satisfied=satisfied, at=NOW), allowed=allowed)

    @precondition(lambda self: self.case.status is not CaseStatus.CLOSED)
    @rule(local=st.lists(st.booleans(), min_size=5, max_size=5), code=st.sampled_from(OutcomeCode))
    def go_on(self, local: list[bool], code: OutcomeCode) -> None:
        """The right step, so that most lives get to their end however many wrong ones are tried between."""
        waiting = [place for place, need in enumerate(self.case.needs) if need.status is NeedStatus.REFERRED]
        busy = {self.case.registered_by, self.case.recommended_by}
        match self.case.status:
            case CaseStatus.REGISTERED:
                self.screen(RegistryStatus.LISTED)
            case CaseStatus.SCREENING:
                self.recommend("all", "bo", Recommendation.REFER)
            case CaseStatus.IN_HANDLING:
                self.decide("all", next(one for one in PEOPLE if one not in busy), local)
            case _ if waiting:
                self.office_answers(waiting[-1], code)
            case _:
                self.close(ClosedBy.RESIDENT, satisfied=True)

    @precondition(lambda self: self.case.raised)
    @rule()
    def save(self) -> None:
        self.case.mark_saved()
        self.saves += 1
        self.saved = len(self.story)

    # -- what always holds ------------------------------------------------------------------------------------------

    @invariant()
    def versions_and_events_are_counted_without_a_gap(self) -> None:
        assert self.case.version == self.saves
        assert self.case.event_sequence == len(self.story)
        assert len(self.case.raised) == len(self.story) - self.saved

    @invariant()
    def it_is_resolved_exactly_when_every_need_has_an_outcome(self) -> None:
        answered = all(need.outcome_code is not None for need in self.case.needs)
        assert (self.case.resolved_at is not None) == answered
        assert sum(isinstance(event, CaseResolved) for event in self.story) == answered

    @invariant()
    def it_is_closed_only_after_it_was_resolved(self) -> None:
        kinds = [type(event) for event in self.story]
        assert (self.case.status is CaseStatus.CLOSED) == (CaseClosed in kinds)
        if CaseClosed in kinds:
            assert kinds.index(CaseResolved) < kinds.index(CaseClosed) == len(kinds) - 1

    @invariant()
    def every_need_stands_where_the_decision_has_put_it(self) -> None:
        told = {event.need_id for event in self.story if isinstance(event, NeedOutcomeRecorded)}
        for need in self.case.needs:
            decided = {
                None: {NeedStatus.IDENTIFIED, NeedStatus.RECOMMENDED},
                NeedDecision.REFER: {NeedStatus.REFERRED, NeedStatus.OUTCOME_RECORDED},
                NeedDecision.SOLVED_LOCALLY: {NeedStatus.OUTCOME_RECORDED},
            }
            assert need.status in decided[need.decision]
            assert (need.status is NeedStatus.OUTCOME_RECORDED) == (need.outcome_code is not None)
            assert (need.outcome_code is not None) == (need.need_id in told)
            with_office = need.decision is NeedDecision.REFER and need.outcome_code is not None
            assert (need.referral_id is not None) == with_office
            assert (need.recommendation is None) == (need.status is NeedStatus.IDENTIFIED)

    @invariant()
    def who_decided_neither_registered_nor_recommended(self) -> None:
        decided = [event for event in self.story if isinstance(event, CaseDecided)]
        assert len(decided) == (self.case.decided_by is not None)
        assert self.case.decided_by is None or self.case.decided_by not in (
            self.case.registered_by,
            self.case.recommended_by,
        )


CaseLife.TestCase.settings = settings(max_examples=80, stateful_step_count=40)
TestCaseLife = CaseLife.TestCase
