"""The case: one contact at the door, with its needs, from registration to the resident's confirmation."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Self
from uuid import UUID

from slrt_contracts.catalogue import NEEDS, SENSITIVE_NEEDS
from slrt_contracts.codes import (
    AttributeName,
    AttributeValue,
    CaseKind,
    Channel,
    ClosedBy,
    Concern,
    DecidedByLevel,
    GrievanceType,
    NeedCode,
    NeedDecision,
    NeedSubject,
    NotificationChannel,
    OutcomeCode,
    Recommendation,
    RegistryStatus,
)
from slrt_contracts.events.intake import (
    CaseAssigned,
    CaseClosed,
    CaseDecided,
    CaseRecommended,
    CaseRegistered,
    CaseResolved,
    CaseScreened,
    CaseSealed,
    CaseTransferred,
    CaseUnassigned,
    CaseUnsealed,
    DecidedNeed,
    NeedAttribute,
    NeedOutcome,
    NeedOutcomeRecorded,
    NeedSnapshot,
    RecommendedNeed,
    Wait,
)
from slrt_contracts.types import CaseId, DistrictCode, NeedId, ReferralId
from slrt_intake.domain.problems import (
    NeedsMismatchError,
    OutcomesMissingError,
    TransitionRefusedError,
)
from slrt_intake.domain.transitions import (
    CASE_TRANSITIONS,
    NEED_TRANSITIONS,
    RESOLVED,
    CaseAction,
    CaseStatus,
    NeedAction,
    NeedStatus,
    SealReason,
)
from slrt_kit.aggregate import Aggregate
from slrt_kit.problems import SeparationOfDutiesError
from slrt_kit.regions import RegionCode, district_of

_TOLD_IN_CONFIDENCE: frozenset[GrievanceType] = frozenset({GrievanceType.INCLUSION_ERROR, GrievanceType.MISCONDUCT})
"""Who tells that a neighbour gets what is not theirs, or how staff behave, is not to be known by it."""


def subject_of(code: NeedCode) -> NeedSubject:
    """What a need is about where nobody said: a programme is asked for, of all else somebody complains."""
    return NeedSubject.COMPLAINT if NEEDS[code].programme is None else NeedSubject.NEED


@dataclass(kw_only=True)
class Need:
    """One problem inside a case. ``person_id`` is who it is for; None when it concerns the place (a road).

    ``waits_on`` are needs of the same case that must be met before (an identity card before a health premium).

    ``description`` is there when the case is registered; kept sealed, it is not loaded with the case.
    """

    need_id: NeedId
    need_code: NeedCode
    person_id: UUID | None
    urgent: bool
    description: str | None
    attributes: Mapping[AttributeName, AttributeValue] = field(default_factory=dict)
    subject: NeedSubject = NeedSubject.NEED
    grievance_type: GrievanceType | None = None
    waits_on: Sequence[Wait] = ()
    status: NeedStatus = NeedStatus.IDENTIFIED
    recommendation: Recommendation | None = None
    decision: NeedDecision | None = None
    outcome_code: OutcomeCode | None = None
    referral_id: ReferralId | None = None

    def apply(self, action: NeedAction) -> None:
        """Move along the table.

        Raises:
            TransitionRefusedError: the table has no such step.
        """
        target = NEED_TRANSITIONS.get((self.status, action))
        if target is None:
            raise TransitionRefusedError(need_id=str(self.need_id), state=self.status, action=action)
        self.status = target

    def snapshot(self) -> NeedSnapshot:
        """The need as an event tells it: codes only."""
        return NeedSnapshot(**self._codes())

    def decided_snapshot(self) -> DecidedNeed:
        """The same with the decision that was taken."""
        if self.decision is None:
            raise RuntimeError("a need without a decision was told as decided")
        return DecidedNeed(**self._codes(), decision=self.decision)

    def _codes(self) -> dict[str, object]:
        entry = NEEDS[self.need_code]
        return {
            "need_id": self.need_id,
            "need_code": self.need_code,
            "sector": entry.sector,
            "programme_code": entry.programme,
            "urgent": self.urgent,
            "attributes": tuple(NeedAttribute(name=n, value=v) for n, v in sorted(self.attributes.items())),
            "subject": self.subject,
            "grievance_type": self.grievance_type,
            "waits_on": tuple(self.waits_on),
        }


@dataclass(kw_only=True)
class Case(Aggregate):
    """The aggregate. Every change goes through a method that checks the table and raises the event.

    ``policy_version`` names the rules that it began under and keeps; None for one that is older than they are.
    """

    case_id: CaseId
    ticket_number: str
    channel: Channel
    village_code: RegionCode
    registered_by: str
    registered_at: datetime
    needs: list[Need]
    has_subject: bool
    kind: CaseKind = CaseKind.COMPLAINT
    concerns: Concern = Concern.INDIVIDUAL
    concerned_people: int | None = None
    visit_date: date | None = None
    restricted: bool = False
    reporter_secret: bool = False
    sealed_at: datetime | None = None
    sealed_by: str | None = None
    seal_reason: SealReason | None = None
    status: CaseStatus = CaseStatus.REGISTERED
    registry_status: RegistryStatus | None = None
    recommended_by: str | None = None
    decided_by: str | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    satisfied: bool | None = None
    policy_version: str | None = None
    _saved_step: str = field(default="", init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._saved_step = self.step

    @classmethod
    def register(
        cls,
        *,
        case_id: CaseId,
        ticket_number: str,
        channel: Channel,
        village_code: RegionCode,
        needs: Sequence[Need],
        has_subject: bool,
        reachable_by: Sequence[NotificationChannel],
        by: str,
        at: datetime,
        kind: CaseKind = CaseKind.COMPLAINT,
        concerns: Concern = Concern.INDIVIDUAL,
        concerned_people: int | None = None,
        visit_date: date | None = None,
        restricted: bool = False,
        reporter_secret: bool = False,
    ) -> Self:
        """A new case. ``at`` is the server's time, where the clocks start (domain 13.5).

        It is restricted when that is asked for, and always when a need of it is sensitive (`SENSITIVE_NEEDS`) or is
        about how staff behave, who would read it else. Who brought a need that is `_TOLD_IN_CONFIDENCE` is secret.
        ``concerned_people`` is how many of a group it concerns, as far as somebody knows; ``visit_date`` the local day
        on which the reporter was spoken to, which may be days before.
        """
        grievances = {need.grievance_type for need in needs}
        case = cls(
            case_id=case_id,
            ticket_number=ticket_number,
            channel=channel,
            village_code=village_code,
            registered_by=by,
            registered_at=at,
            needs=list(needs),
            has_subject=has_subject,
            kind=kind,
            concerns=concerns,
            concerned_people=concerned_people,
            visit_date=visit_date,
            restricted=restricted
            or GrievanceType.MISCONDUCT in grievances
            or any(need.need_code in SENSITIVE_NEEDS for need in needs),
            reporter_secret=reporter_secret or not grievances.isdisjoint(_TOLD_IN_CONFIDENCE),
        )
        case._raise_event(
            CaseRegistered(
                case_id=case_id,
                channel=channel,
                district_code=case.district_code,
                urgent=case.urgent,
                restricted=case.restricted,
                has_subject=has_subject,
                reachable_by=tuple(reachable_by),
                kind=kind,
                concerns=concerns,
                needs=tuple(need.snapshot() for need in case.needs),
            ),
            at=at,
        )
        return case

    @property
    def urgent(self) -> bool:
        """Whether any need is urgent."""
        return any(need.urgent for need in self.needs)

    @property
    def step(self) -> str:
        """The step of the workflow that it is at: its status, or `RESOLVED`."""
        waits_for_resident = self.status is CaseStatus.DECIDED and self.resolved_at is not None
        return RESOLVED if waits_for_resident else str(self.status)

    @property
    def came_to_step(self) -> bool:
        """Whether it is at another step than when it was loaded or last saved."""
        return self.step != self._saved_step

    def mark_saved(self) -> None:
        """See `Aggregate`."""
        super().mark_saved()
        self._saved_step = self.step

    @property
    def district_code(self) -> DistrictCode:
        """The kecamatan: the finest place that an event may name."""
        return DistrictCode(district_of(self.village_code))

    def screen(self, *, registry_status: RegistryStatus, at: datetime) -> None:
        """Record what the welfare registry says of the family."""
        self.status = self._target(CaseAction.SCREEN)
        self.registry_status = registry_status
        self._raise_event(CaseScreened(case_id=self.case_id, registry_status=registry_status), at=at)

    def recommend(self, recommendations: Mapping[NeedId, Recommendation], *, by: str, at: datetime) -> None:
        """Record the back office's proposal for every need.

        Raises:
            NeedsMismatchError: they are not exactly the needs of the case.
        """
        target = self._target(CaseAction.RECOMMEND)
        self._check_names_all(recommendations)
        self.status = target
        for need in self.needs:
            need.apply(NeedAction.RECOMMEND)
            need.recommendation = recommendations[need.need_id]
        self.recommended_by = by
        self._raise_event(
            CaseRecommended(
                case_id=self.case_id,
                needs=tuple(
                    RecommendedNeed(need_id=need.need_id, recommendation=recommendations[need.need_id])
                    for need in self.needs
                ),
            ),
            at=at,
        )

    def decide(self, decisions: Mapping[NeedId, NeedDecision], *, by: str, level: DecidedByLevel, at: datetime) -> None:
        """Decide what happens with every need; what the village solves itself has its outcome at once.

        Raises:
            SeparationOfDutiesError: the decider registered or recommended the case (domain 13.3).
            NeedsMismatchError: they are not exactly the needs of the case.
        """
        target = self._target(CaseAction.DECIDE)
        if by in (self.registered_by, self.recommended_by):
            raise SeparationOfDutiesError
        self._check_names_all(decisions)
        self.status = target
        for need in self.needs:
            need.decision = decisions[need.need_id]
            need.apply(NeedAction.REFER if need.decision is NeedDecision.REFER else NeedAction.SOLVE_LOCALLY)
        self.decided_by = by
        self._raise_event(
            CaseDecided(
                case_id=self.case_id,
                district_code=self.district_code,
                restricted=self.restricted,
                decided_by_level=level,
                needs=tuple(need.decided_snapshot() for need in self.needs),
            ),
            at=at,
        )
        for need in self.needs:
            if need.status is NeedStatus.SOLVED_LOCALLY:
                self._record_outcome(need, OutcomeCode.FULFILLED, referral_id=None, at=at)

    def record_referral_outcome(
        self, need_id: NeedId, outcome: OutcomeCode, *, referral_id: ReferralId, at: datetime
    ) -> None:
        """Take over the outcome that an office recorded; the last one resolves the case.

        Raises:
            TransitionRefusedError: the need is not (or not yet) with an office, or has its outcome.
        """
        need = self.need(need_id)
        if need is None:
            raise TransitionRefusedError(need_id=str(need_id), state="unknown", action=NeedAction.RECORD_OUTCOME)
        self._record_outcome(need, outcome, referral_id=referral_id, at=at)

    def close(self, *, closed_by: ClosedBy, satisfied: bool | None, at: datetime) -> None:
        """End the case.

        Raises:
            OutcomesMissingError: a need has no outcome.
        """
        if self.resolved_at is None:
            raise OutcomesMissingError
        self.status = self._target(CaseAction.CLOSE)
        self.closed_at = at
        self.satisfied = satisfied
        self._raise_event(CaseClosed(case_id=self.case_id, closed_by=closed_by, satisfied=satisfied), at=at)

    def transfer(self, village_code: RegionCode, *, at: datetime) -> None:
        """Give the case to another region. Who worked on it there is no longer in charge: the store ends that.

        Raises:
            TransitionRefusedError: it is there already, or it is closed.
        """
        if village_code == self.village_code or self.status is CaseStatus.CLOSED:
            raise TransitionRefusedError(state=self.status, action="transfer")
        self.village_code = village_code
        self._raise_event(CaseTransferred(case_id=self.case_id, district_code=self.district_code), at=at)

    def assign(self, officer: str, *, by: str, at: datetime) -> None:
        """Put an officer in charge.

        Raises:
            SeparationOfDutiesError: whoever assigns does not let himself in.
        """
        if officer == by:
            raise SeparationOfDutiesError
        self._raise_event(CaseAssigned(case_id=self.case_id), at=at)

    def unassign(self, *, at: datetime) -> None:
        """An officer is no longer in charge."""
        self._raise_event(CaseUnassigned(case_id=self.case_id), at=at)

    def seal(self, reason: SealReason, *, by: str, at: datetime) -> None:
        """Close the case to everybody.

        Raises:
            TransitionRefusedError: it is sealed.
        """
        if self.sealed_at is not None:
            raise TransitionRefusedError(state="sealed", action="seal")
        self.sealed_at, self.sealed_by, self.seal_reason = at, by, reason
        self._raise_event(CaseSealed(case_id=self.case_id), at=at)

    def unseal(self, *, at: datetime) -> None:
        """Lift the seal.

        Raises:
            TransitionRefusedError: it is not sealed.
        """
        if self.sealed_at is None:
            raise TransitionRefusedError(state="unsealed", action="unseal")
        self.sealed_at = self.sealed_by = self.seal_reason = None
        self._raise_event(CaseUnsealed(case_id=self.case_id), at=at)

    def waiting_for(self, need: Need) -> list[Need]:
        """The needs that must be met before, as far as they have no outcome yet."""
        before = {wait.need_id for wait in need.waits_on}
        return [each for each in self.needs if each.need_id in before and each.outcome_code is None]

    def need(self, need_id: NeedId) -> Need | None:
        """The need of that id."""
        return next((need for need in self.needs if need.need_id == need_id), None)

    def _record_outcome(
        self, need: Need, outcome: OutcomeCode, *, referral_id: ReferralId | None, at: datetime
    ) -> None:
        need.apply(NeedAction.RECORD_OUTCOME)
        need.outcome_code = outcome
        need.referral_id = referral_id
        self._raise_event(
            NeedOutcomeRecorded(
                case_id=self.case_id, need_id=need.need_id, outcome_code=outcome, referral_id=referral_id
            ),
            at=at,
        )
        outcomes = [NeedOutcome(need_id=n.need_id, outcome_code=n.outcome_code) for n in self.needs if n.outcome_code]
        if len(outcomes) == len(self.needs):
            self.resolved_at = at
            self._raise_event(CaseResolved(case_id=self.case_id, outcomes=tuple(outcomes)), at=at)

    def _target(self, action: CaseAction) -> CaseStatus:
        """Where the action leads. Nothing is changed yet: a step that is refused leaves the case as it was."""
        target = CASE_TRANSITIONS.get((self.status, action))
        if target is None:
            raise TransitionRefusedError(state=self.status, action=action)
        return target

    def _check_names_all(self, named: Iterable[NeedId]) -> None:
        if set(named) != {need.need_id for need in self.needs}:
            raise NeedsMismatchError
