"""What intake takes and gives over HTTP. Unknown fields are refused; sizes are bounded."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field

from slrt_contracts.catalogue import NEEDS
from slrt_contracts.codes import (
    CaseKind,
    Channel,
    Concern,
    GrievanceType,
    NeedCode,
    NeedDecision,
    NeedSubject,
    OutcomeCode,
    Recommendation,
    RegistryStatus,
    WaitReason,
)
from slrt_contracts.types import NeedId
from slrt_intake.api.registration_schemas import MAX_NEEDS
from slrt_intake.domain.case import Case, Need
from slrt_intake.domain.draft import Draft
from slrt_intake.domain.problems import NeedsMismatchError
from slrt_intake.domain.transitions import CaseStatus, NeedStatus
from slrt_intake.store.timeline import TimelineEntry
from slrt_kit.http.bodies import Body, Flag


class DraftReceipt(BaseModel):
    """A draft was made; its content is read with GET."""

    draft_id: UUID
    warnings: list[str]
    missing: list[str] = Field(description="what must be filled in before the draft can be confirmed")
    case_id: UUID | None = Field(description="the case that it became")


class DraftList(BaseModel):
    """One message may hold several reports."""

    drafts: list[DraftReceipt]


class DraftView(DraftReceipt):
    """A draft with its content, for its author."""

    content: dict[str, Any]
    text: str
    created_at: datetime

    @classmethod
    def of(cls, draft: Draft, missing: list[str]) -> Self:
        return cls(
            draft_id=draft.draft_id,
            warnings=draft.warnings,
            missing=missing,
            content=draft.content,
            text=draft.text,
            created_at=draft.created_at,
            case_id=draft.case_id,
        )


class WaitView(BaseModel):
    """Another need of the case that must be met before."""

    need_id: UUID
    reason: WaitReason


class NeedReceipt(BaseModel):
    """A need without anything personal."""

    need_id: UUID
    need_code: NeedCode
    status: NeedStatus
    urgent: bool
    subject: NeedSubject
    grievance_type: GrievanceType | None
    waits_on: list[WaitView]
    recommendation: Recommendation | None
    decision: NeedDecision | None
    outcome_code: OutcomeCode | None
    referral_id: UUID | None

    @classmethod
    def of(cls, need: Need) -> Self:
        return cls(
            need_id=need.need_id,
            need_code=need.need_code,
            status=need.status,
            urgent=need.urgent,
            subject=need.subject,
            grievance_type=need.grievance_type,
            waits_on=[WaitView(need_id=wait.need_id, reason=WaitReason(wait.reason)) for wait in need.waits_on],
            recommendation=need.recommendation,
            decision=need.decision,
            outcome_code=need.outcome_code,
            referral_id=need.referral_id,
        )


class CaseReceipt(BaseModel):
    """A case without anything personal: the answer of every command and the row of a list."""

    case_id: UUID
    ticket_number: str
    status: CaseStatus
    channel: Channel
    kind: CaseKind
    concerns: Concern
    concerned_people: int | None
    visit_date: date | None
    village_code: str
    urgent: bool
    restricted: bool
    reporter_secret: bool
    sealed: bool
    registered_at: datetime
    registry_status: RegistryStatus | None
    resolved_at: datetime | None
    closed_at: datetime | None
    satisfied: bool | None
    needs: list[NeedReceipt]
    warnings: list[str] = Field(default_factory=list, description="doubts about numbers, such as persons/0/nik:length")
    slip_code: str | None = Field(
        default=None,
        description="in the answer to a registration without a phone: four digits for the ticket slip, which open the "
        "ticket as the last four of a phone do",
    )

    @classmethod
    def of(cls, case: Case, warnings: list[str] | None = None, *, slip_code: str | None = None) -> Self:
        return cls(
            case_id=case.case_id,
            ticket_number=case.ticket_number,
            status=case.status,
            channel=case.channel,
            kind=case.kind,
            concerns=case.concerns,
            concerned_people=case.concerned_people,
            visit_date=case.visit_date,
            village_code=case.village_code,
            urgent=case.urgent,
            restricted=case.restricted,
            reporter_secret=case.reporter_secret,
            sealed=case.sealed_at is not None,
            registered_at=case.registered_at,
            registry_status=case.registry_status,
            resolved_at=case.resolved_at,
            closed_at=case.closed_at,
            satisfied=case.satisfied,
            needs=[NeedReceipt.of(need) for need in case.needs],
            warnings=warnings or [],
            slip_code=slip_code,
        )


class TimelineView(BaseModel):
    """One thing that happened, in whichever service."""

    event_id: UUID
    event_type: str
    service: str
    happened_at: datetime
    recorded_at: datetime
    facts: dict[str, Any]

    @classmethod
    def of(cls, entry: TimelineEntry) -> Self:
        return cls(
            event_id=entry.event_id,
            event_type=entry.event_type,
            service=entry.service,
            happened_at=entry.happened_at,
            recorded_at=entry.recorded_at,
            facts=entry.facts,
        )


class CaseView(CaseReceipt):
    """A case with what happened to it across all services."""

    timeline: list[TimelineView]


class ScreenBody(Body):
    """What the registry check said."""

    registry_status: RegistryStatus


Said = TypeVar("Said")


def _once_each(named: Sequence[tuple[UUID, Said]]) -> Mapping[NeedId, Said]:
    """By need.

    Raises:
        NeedsMismatchError: a need is named twice, so that it is unclear what is meant.
    """
    found = {NeedId(need_id): said for need_id, said in named}
    if len(found) != len(named):
        raise NeedsMismatchError
    return found


class NeedRecommendation(Body):
    need_id: UUID
    recommendation: Recommendation


class RecommendBody(Body):
    """The back office's proposal, one per need."""

    needs: list[NeedRecommendation] = Field(min_length=1, max_length=MAX_NEEDS)

    def by_need(self) -> Mapping[NeedId, Recommendation]:
        """Raises NeedsMismatchError when a need is named twice."""
        return _once_each([(need.need_id, need.recommendation) for need in self.needs])


class NeedDecisionBody(Body):
    need_id: UUID
    decision: NeedDecision


class DecideBody(Body):
    """The decision, one per need."""

    needs: list[NeedDecisionBody] = Field(min_length=1, max_length=MAX_NEEDS)

    def by_need(self) -> Mapping[NeedId, NeedDecision]:
        """Raises NeedsMismatchError when a need is named twice."""
        return _once_each([(need.need_id, need.decision) for need in self.needs])


class TicketBody(Body):
    """What the resident knows."""

    ticket_number: Annotated[str, Field(min_length=8, max_length=40, examples=["1274-7KQ4-M2XD"])]
    phone_last4: Annotated[
        str, Field(pattern="^[0-9]{4}$", description="of the phone; of a case without one, the code on the slip")
    ]


class ConfirmBody(TicketBody):
    """Did it help?"""

    satisfied: Flag


class TrackedNeed(BaseModel):
    """A need in plain words."""

    label: str
    stage: str
    waits_for: list[str] = Field(description="other needs of the case that must be met before")


class TrackingView(BaseModel):
    """Where the case stands, in plain words; nothing personal."""

    ticket_number: str
    status: CaseStatus
    stage: str
    next_step: str
    can_confirm: bool
    needs: list[TrackedNeed]


class NeedCodeView(BaseModel):
    """An entry of the catalogue of needs."""

    need_code: NeedCode
    sector: str
    programme_code: str | None
    label_id: str
    label_en: str


def need_catalogue() -> list[NeedCodeView]:
    """The needs that can be stated, for the forms of a frontend."""
    return [
        NeedCodeView(
            need_code=code,
            sector=entry.sector,
            programme_code=entry.programme,
            label_id=entry.label.id,
            label_en=entry.label.en,
        )
        for code, entry in NEEDS.items()
    ]
