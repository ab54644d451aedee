"""What intake takes and gives over HTTP. Unknown fields are refused; sizes are bounded."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Self, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints

from slrt_contracts.catalogue import ATTRIBUTES, NEEDS
from slrt_contracts.codes import (
    AttributeName,
    AttributeValue,
    Channel,
    NeedCode,
    NeedDecision,
    OutcomeCode,
    Recommendation,
    RegistryStatus,
)
from slrt_contracts.types import NeedId
from slrt_intake.domain.case import Case, Need
from slrt_intake.domain.draft import Draft
from slrt_intake.domain.party import Contact, Person, Relation, normalise_phone
from slrt_intake.domain.problems import NeedsMismatchError
from slrt_intake.domain.transitions import CaseStatus, NeedStatus
from slrt_intake.store.timeline import TimelineEntry
from slrt_intake.usecases.cases import NeedInput, RegisterCase
from slrt_kit.clock import NewId
from slrt_kit.http.bodies import Body, Count, Day, Flag
from slrt_kit.privacy.masking import Unmasked, UnmaskedText, refuse_masked

MAX_PERSONS = 30
MAX_NEEDS = 20


def _phone(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    refuse_masked(value)
    phone = normalise_phone(value)
    if phone is None:
        raise ValueError("bukan nomor telepon Indonesia / not an Indonesian phone number")
    return phone


def _of_the_catalogue(stated: dict[AttributeName, AttributeValue]) -> dict[AttributeName, AttributeValue]:
    for name, value in stated.items():
        if value not in ATTRIBUTES[name]:
            raise ValueError(f"{name} tidak mengenal {value} / {name} cannot be {value}")
    return stated


ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
VillageCode = Annotated[str, Field(pattern=r"^[0-9]{2}\.[0-9]{2}\.[0-9]{2}\.[0-9]{4}$", examples=["12.74.03.1002"])]
Phone = Annotated[str, BeforeValidator(_phone), Field(examples=["0812-0000-9901"])]
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s<>\",;]+@[^@\s<>\",;]+\.[^@\s<>\",;]+$")]
Attributes = Annotated[dict[AttributeName, AttributeValue], Field(max_length=20), AfterValidator(_of_the_catalogue)]
# Bounded but not shaped: a number with a digit too few is a warning, never a refusal (domain 8.1).
LooseNumber = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=32), Unmasked]


class PersonBody(Body):
    """A person of the report. Leave ``nik`` out for somebody who has none."""

    relation: Relation
    name: Annotated[ShortText, UnmaskedText]
    nik: LooseNumber | None = None
    birth_date: Day | None = None
    sex: Annotated[str, Field(pattern="^[LP]$")] | None = None


class ContactBody(Body):
    """How the resident is reached; ``language`` of the messages."""

    phone: Phone | None = None
    email: Email | None = None
    language: Annotated[str, Field(pattern="^(id|en)$")] = "id"
    kk_number: LooseNumber | None = None
    address: Annotated[ShortText, UnmaskedText] | None = None
    proxy_name: Annotated[ShortText, UnmaskedText] | None = None


class NeedBody(Body):
    """One problem. ``person_ref`` counts into ``persons`` from 0; null when it concerns the place."""

    need_code: NeedCode
    person_ref: Count | None = Field(default=None, ge=0, lt=MAX_PERSONS)
    urgent: Flag = False
    description: LongText | None = None
    attributes: Attributes = Field(default_factory=dict)


class RegisterCaseBody(Body):
    """One contact at the door."""

    channel: Channel = Channel.FACILITATOR
    village_code: VillageCode
    visit_date: Day | None = None
    persons: list[PersonBody] = Field(default_factory=list, max_length=MAX_PERSONS)
    contact: ContactBody = ContactBody()
    needs: list[NeedBody] = Field(min_length=1, max_length=MAX_NEEDS)
    restricted: Flag = Field(
        default=False, description="known to assigned officers only; a sensitive need makes it so in any case"
    )
    reporter_secret: Flag = Field(default=False, description="hide how the reporter is reached, also from offices")

    def command(self, new_id: NewId) -> RegisterCase:
        """As the use case takes it."""
        return RegisterCase(
            channel=self.channel,
            village_code=self.village_code,
            persons=[Person(person_id=new_id(), **vars(person)) for person in self.persons],
            contact=Contact(**vars(self.contact)),
            needs=[NeedInput(**vars(need)) for need in self.needs],
            restricted=self.restricted,
            reporter_secret=self.reporter_secret,
        )


class ReportBody(Body):
    """A message as the facilitator sends it."""

    text: Annotated[str, Field(min_length=1, max_length=20_000)]


class DraftReceipt(BaseModel):
    """A draft was made; its content is read with GET."""

    draft_id: UUID
    warnings: list[str]
    missing: list[str] = Field(description="what must be filled in before the draft can be confirmed")


class DraftList(BaseModel):
    """One message may hold several reports."""

    drafts: list[DraftReceipt]


class DraftView(DraftReceipt):
    """A draft with its content, for its author."""

    content: dict[str, Any]
    text: str
    created_at: datetime
    case_id: UUID | None

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


class NeedReceipt(BaseModel):
    """A need without anything personal."""

    need_id: UUID
    need_code: NeedCode
    status: NeedStatus
    urgent: bool
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
    village_code: str
    urgent: bool
    restricted: bool
    sealed: bool
    registered_at: datetime
    registry_status: RegistryStatus | None
    resolved_at: datetime | None
    closed_at: datetime | None
    satisfied: bool | None
    needs: list[NeedReceipt]
    warnings: list[str] = Field(default_factory=list, description="doubts about numbers, such as persons/0/nik:length")

    @classmethod
    def of(cls, case: Case, warnings: list[str] | None = None) -> Self:
        return cls(
            case_id=case.case_id,
            ticket_number=case.ticket_number,
            status=case.status,
            channel=case.channel,
            village_code=case.village_code,
            urgent=case.urgent,
            restricted=case.restricted,
            sealed=case.sealed_at is not None,
            registered_at=case.registered_at,
            registry_status=case.registry_status,
            resolved_at=case.resolved_at,
            closed_at=case.closed_at,
            satisfied=case.satisfied,
            needs=[NeedReceipt.of(need) for need in case.needs],
            warnings=warnings or [],
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
    phone_last4: Annotated[str, Field(pattern="^[0-9]{4}$")]


class ConfirmBody(TicketBody):
    """Did it help?"""

    satisfied: Flag


class TrackedNeed(BaseModel):
    """A need in plain words."""

    label: str
    stage: str


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
