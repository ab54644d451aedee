"""What routes about consent and sharing take and give over HTTP; records in the form of ISO/IEC TS 27560."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from slrt_contracts.types import OFFICE_PATTERN, OfficeCode
from slrt_intake.api.looks_wording import GOES_ON
from slrt_intake.domain.consent import (
    Consent,
    ConsentState,
    GivenBy,
    HeldClaim,
    Method,
    Notice,
    ProxyRelation,
    Speaker,
    WithdrawalReason,
    WitnessRole,
)
from slrt_intake.store.sharings import Sharing
from slrt_kit.http.bodies import Body
from slrt_kit.purposes import CODE, Purpose, PurposeTable

SCHEMA_VERSION = "https://w3id.org/dpv/schema/dpv-27560#record"
"""The profile of ISO/IEC TS 27560 that the records follow."""
JURISDICTION = "ID"
_DPV = "https://w3id.org/dpv#"
_STATES = {
    ConsentState.GIVEN: f"{_DPV}ConsentGiven",
    ConsentState.EXPIRED: f"{_DPV}ConsentExpired",
    ConsentState.WITHDRAWN: f"{_DPV}ConsentWithdrawn",
}

PurposeCode = Annotated[str, Field(pattern=CODE, max_length=40, examples=["additional-assistance"])]
Office = Annotated[str, Field(pattern=OFFICE_PATTERN, max_length=29, examples=["12.74.DUKCAPIL"])]
Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class SpeakerBody(Body):
    """Who speaks for the person; whoever is not the person says how they stand to them."""

    given_by: GivenBy = GivenBy.SELF
    relation: ProxyRelation | None = None

    @model_validator(mode="after")
    def _relation_of_others(self) -> Self:
        if (self.relation is None) != (self.given_by is GivenBy.SELF):
            raise ValueError(
                "wali atau kuasa menyebut hubungannya / a guardian or proxy, and nobody else, says the relation"
            )
        return self

    @property
    def speaker(self) -> Speaker:
        """As the domain takes it."""
        return Speaker(given_by=self.given_by, relation=self.relation)


class ConsentBody(SpeakerBody):
    """What a person of the case agrees to."""

    person_id: UUID
    purposes: list[PurposeCode] = Field(min_length=1, max_length=10)
    offices: list[Office] = Field(
        default_factory=list, max_length=20, description="who may receive; empty: every office the case is referred to"
    )
    notice_version: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,39}$", examples=["2026.07"])]
    notice_language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$", examples=["id"])]
    method: Method
    witness_role: WitnessRole | None = None
    given_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    note: Note | None = None

    def said(self) -> dict[str, Any]:
        """As `Consent.give` takes it, without whom it is about."""
        return {
            "purposes": tuple(sorted(set(self.purposes))),
            "offices": tuple(sorted({OfficeCode(office) for office in self.offices})),
            "notice": Notice(version=self.notice_version, language=self.notice_language),
            "method": self.method,
            "speaker": self.speaker,
            "witness_role": self.witness_role,
            "given_at": self.given_at,
            "expires_at": self.expires_at,
            "note": self.note,
        }


class ConsentReceipt(BaseModel):
    """What a command about a consent says back; the whole record is read."""

    consent_id: UUID
    state: ConsentState
    expires_at: datetime | None


class WithdrawalBody(SpeakerBody):
    """Who withdraws, and why, if they say."""

    reason: WithdrawalReason = WithdrawalReason.NOT_SAID
    note: Note | None = None


class Basis(BaseModel):
    """A purpose with its lawful basis, UU 27/2022 article 20 (2)."""

    purpose: str
    label: dict[str, str]
    dpv: str
    basis: str
    basis_letter: str
    basis_dpv: str
    law: str

    @classmethod
    def of(cls, purpose: Purpose) -> Self:
        return cls(
            purpose=purpose.code,
            label=purpose.label._asdict(),
            dpv=purpose.dpv,
            basis=purpose.basis,
            basis_letter=purpose.basis.letter,
            basis_dpv=purpose.basis.dpv,
            law=purpose.law,
        )


class GoesOn(BaseModel):
    """A purpose that a withdrawal does not end, and why; in Indonesian and in English."""

    purpose: str
    label: dict[str, str]
    basis: str
    why: dict[str, str]


class WithdrawalReceipt(BaseModel):
    """What a withdrawal ends, who is told to erase until when, and what goes on."""

    consent_id: UUID
    withdrawn_at: datetime
    stopped: list[str] = Field(description="purposes for which nothing is shared any more")
    offices_told: list[str]
    receipt_ids: list[UUID] = Field(description="deliveries that are held and must be erased")
    erase_by: datetime | None
    goes_on: list[GoesOn]

    @classmethod
    def of(cls, consent: Consent, held: list[HeldClaim], erase_by: datetime, table: PurposeTable) -> Self:
        if consent.withdrawal is None:
            raise ValueError("the consent was not withdrawn")
        return cls(
            consent_id=consent.consent_id,
            withdrawn_at=consent.withdrawal.at,
            stopped=list(consent.purposes),
            offices_told=sorted({claim.office_code for claim in held}),
            receipt_ids=[claim.receipt_id for claim in held],
            erase_by=erase_by if held else None,
            goes_on=goes_on(table),
        )


def goes_on(table: PurposeTable) -> list[GoesOn]:
    """The purposes that no withdrawal ends."""
    return [
        GoesOn(
            purpose=purpose.code,
            label=purpose.label._asdict(),
            basis=purpose.basis,
            why=GOES_ON[purpose.basis]._asdict(),
        )
        for purpose in table.purposes.values()
        if not purpose.needs_consent
    ]


class Happened(BaseModel):
    """One event in the life of a consent."""

    state: ConsentState
    dpv: str
    at: datetime
    by: str | None = Field(
        description="account of the officer who recorded it; `resident`: in the own session; null for what time did"
    )
    given_by: GivenBy | None = None
    relation: ProxyRelation | None = None
    reason: WithdrawalReason | None = None
    note: str | None = None


class Processing(BaseModel):
    """What was agreed to: a purpose, the data and for how long whoever gets it may keep it."""

    purpose: Basis
    pii: list[str] = Field(description="categories of data, by their names in claim checks")
    keep_days: int | None


class ConsentRecord(BaseModel):
    """A consent in the form of ISO/IEC TS 27560, for the resident to take home: header, processing, parties, events."""

    schema_version: str = SCHEMA_VERSION
    record_id: UUID
    pii_principal_id: UUID
    case_id: UUID
    pii_controller: str = Field(description="the regency whose office the case is")
    jurisdiction: str = JURISDICTION
    processing: list[Processing]
    purposes_version: int
    recipients: list[str] = Field(description="offices by code")
    recipient_category: str | None = Field(description="where no office is named")
    notice_version: str
    notice_language: str
    collection_method: Method
    given_by: GivenBy
    relation: ProxyRelation | None
    witness_role: WitnessRole | None
    given_at: datetime
    recorded_at: datetime
    expires_at: datetime | None
    withdrawal_method: str
    note: str | None
    state: ConsentState
    events: list[Happened]

    @classmethod
    def of(cls, consent: Consent, *, controller: str, table: PurposeTable, at: datetime) -> Self:
        return cls(
            record_id=consent.consent_id,
            pii_principal_id=consent.person_id,
            case_id=consent.case_id,
            pii_controller=controller,
            processing=[_processing(table.purposes[code]) for code in consent.purposes if code in table.purposes],
            purposes_version=consent.purposes_version,
            recipients=list(consent.offices),
            recipient_category=None if consent.offices else "offices-of-the-referral",
            notice_version=consent.notice.version,
            notice_language=consent.notice.language,
            collection_method=consent.method,
            given_by=consent.speaker.given_by,
            relation=consent.speaker.relation,
            witness_role=consent.witness_role,
            given_at=consent.given_at,
            recorded_at=consent.recorded_at,
            expires_at=consent.expires_at,
            withdrawal_method=_withdrawal_method(consent),
            note=consent.note,
            state=consent.state(at),
            events=_history(consent, at),
        )


class ConsentsView(BaseModel):
    """The consents of a case, and the purposes that need none."""

    consents: list[ConsentRecord]
    without_consent: list[Basis]


class SharingView(BaseModel):
    """What an office got of a case; never the values."""

    receipt_id: UUID
    office_code: str
    subject: str
    purpose: str
    basis: str
    fields: list[str]
    person_ids: list[UUID]
    consent_ids: list[UUID]
    referral_ids: list[UUID]
    event_id: UUID | None
    shared_at: datetime
    withdrawn_at: datetime | None
    erase_by: datetime | None
    erased_at: datetime | None

    @classmethod
    def of(cls, sharing: Sharing) -> Self:
        return cls.model_validate(sharing, from_attributes=True)


class ErasureView(BaseModel):
    """An office has erased what it got under a receipt."""

    receipt_id: UUID
    erased_at: datetime


def _withdrawal_method(consent: Consent) -> str:
    path = f"consents/{consent.consent_id}/withdrawal"
    at_a_desk = f"at any desk of the regency, or POST /intake/v1/cases/{consent.case_id}/{path}"
    own = f"; in the own session of whoever has ticket and phone: POST /intake/v1/tracking/{path}"
    return f"{at_a_desk}{own}" if consent.shown_to_resident else at_a_desk


def _processing(purpose: Purpose) -> Processing:
    fields = sorted({field for shown in purpose.shows.values() for field in shown.fields})
    return Processing(purpose=Basis.of(purpose), pii=fields, keep_days=purpose.keep_days)


def _history(consent: Consent, at: datetime) -> list[Happened]:
    given = Happened(
        state=ConsentState.GIVEN,
        dpv=_STATES[ConsentState.GIVEN],
        at=consent.given_at,
        by=consent.recorded_by,
        given_by=consent.speaker.given_by,
        relation=consent.speaker.relation,
    )
    history = [given]
    end = consent.withdrawal
    if consent.expires_at is not None and consent.expires_at <= (at if end is None else end.at):
        dpv = _STATES[ConsentState.EXPIRED]
        history.append(Happened(state=ConsentState.EXPIRED, dpv=dpv, at=consent.expires_at, by=None))
    if end is not None:
        history.append(
            Happened(
                state=ConsentState.WITHDRAWN,
                dpv=_STATES[ConsentState.WITHDRAWN],
                at=end.at,
                by=end.by,
                given_by=end.speaker.given_by,
                relation=end.speaker.relation,
                reason=end.reason,
                note=end.note,
            )
        )
    return history
