"""What a resident sees of consents and of what offices got, in plain words of the language that was asked for."""

from collections.abc import Collection
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from slrt_intake.api.looks_wording import (
    BASES,
    CONSENT_STATES,
    FIELDS,
    GOES_ON,
    HOLDINGS,
    PURPOSES,
    office_words,
    words,
)
from slrt_intake.domain.claim import Parties
from slrt_intake.domain.consent import Consent, ConsentState, GivenBy, HeldClaim, ProxyRelation, WithdrawalReason
from slrt_intake.domain.party import Relation
from slrt_intake.store.sharings import Sharing
from slrt_kit.http.bodies import Body
from slrt_kit.privacy.masking import mask_name
from slrt_kit.purposes import purpose_table
from slrt_kit.regions import Regions

_IN_PART = "-masked"


class SeenField(BaseModel):
    """One kind of data that an office got."""

    field: str
    field_words: str
    in_part: bool = Field(description="the middle of a number was hidden, of a birth date all but the year")

    @classmethod
    def of(cls, named: str, language: str) -> Self:
        field = named.removesuffix(_IN_PART)
        return cls(field=field, field_words=words(FIELDS, field, language), in_part=field != named)


class SeenSharing(BaseModel):
    """One delivery of data of the case to an office; never the values, and never who asked by name or account."""

    at: datetime = Field(description="UTC")
    office: str | None
    data: list[SeenField]
    purpose: str
    purpose_words: str
    basis: str = Field(description="of UU 27/2022, article 20 (2)")
    basis_words: str
    state: str = Field(description="held, to-erase or erased")
    state_words: str
    withdrawn_at: datetime | None = Field(description="when the consent that it rested on ended; UTC")
    erase_by: datetime | None
    erased_at: datetime | None = Field(description="when the office has said that it erased it; UTC")

    @classmethod
    def of(cls, sharing: Sharing, regions: Regions, language: str) -> Self:
        state = "held" if sharing.withdrawn_at is None else "to-erase"
        if sharing.erased_at is not None:
            state = "erased"
        return cls(
            at=sharing.shared_at,
            office=office_words(sharing.office_code, regions, language),
            data=[SeenField.of(field, language) for field in sharing.fields],
            purpose=sharing.purpose,
            purpose_words=words(PURPOSES, sharing.purpose, language),
            basis=sharing.basis,
            basis_words=words(BASES, sharing.basis, language),
            state=state,
            state_words=words(HOLDINGS, state, language),
            withdrawn_at=sharing.withdrawn_at,
            erase_by=sharing.erase_by,
            erased_at=sharing.erased_at,
        )


class SeenPurpose(BaseModel):
    """What data is used for."""

    purpose: str
    purpose_words: str

    @classmethod
    def of(cls, code: str, language: str) -> Self:
        return cls(purpose=code, purpose_words=words(PURPOSES, code, language))


class SeenConsent(BaseModel):
    """A consent that is the resident's to see, and to withdraw."""

    consent_id: UUID
    person: str | None = Field(
        description="whose it is, masked; null where the person was erased", examples=["M••• K•••"]
    )
    relation: Relation | None
    purposes: list[SeenPurpose]
    offices: list[str | None] = Field(description="who may get data by it; empty: every office that the case goes to")
    given_at: datetime = Field(description="UTC")
    given_by: GivenBy
    given_by_relation: ProxyRelation | None
    expires_at: datetime | None
    state: ConsentState
    state_words: str
    ended_at: datetime | None = Field(description="UTC")
    can_withdraw: bool

    @classmethod
    def of(cls, consent: Consent, parties: Parties, regions: Regions, language: str, *, at: datetime) -> Self:
        person = next((each for each in parties.persons if each.person_id == consent.person_id), None)
        state = consent.state(at)
        over = consent.expires_at if state is ConsentState.EXPIRED else None
        return cls(
            consent_id=consent.consent_id,
            person=None if person is None else mask_name(person.name),
            relation=None if person is None else person.relation,
            purposes=[SeenPurpose.of(code, language) for code in consent.purposes],
            offices=[office_words(office, regions, language) for office in consent.offices],
            given_at=consent.given_at,
            given_by=consent.speaker.given_by,
            given_by_relation=consent.speaker.relation,
            expires_at=consent.expires_at,
            state=state,
            state_words=words(CONSENT_STATES, state, language),
            ended_at=over if consent.withdrawal is None else consent.withdrawal.at,
            can_withdraw=consent.is_open,
        )


class SeenBasis(SeenPurpose):
    """A use that does not rest on consent, so that there is nothing to withdraw; and why it goes on."""

    basis: str
    basis_words: str
    why: str


class OwnConsentsView(BaseModel):
    """What can be withdrawn, and what cannot because it rests on something else."""

    consents: list[SeenConsent]
    without_consent_says: str
    without_consent: list[SeenBasis]


class OwnWithdrawalBody(Body):
    """Why, if the resident says."""

    reason: WithdrawalReason = WithdrawalReason.NOT_SAID


class OwnWithdrawalView(BaseModel):
    """What the withdrawal ended, which offices are told to erase until when, and what goes on all the same."""

    consent_id: UUID
    withdrawn_at: datetime = Field(description="UTC")
    stopped: list[SeenPurpose]
    offices_told: list[str | None]
    erase_by: datetime | None
    goes_on: list[SeenBasis]

    @classmethod
    def of(
        cls, consent: Consent, held: Collection[HeldClaim], erase_by: datetime, regions: Regions, language: str
    ) -> Self:
        if consent.withdrawal is None:
            raise ValueError("the consent was not withdrawn")
        return cls(
            consent_id=consent.consent_id,
            withdrawn_at=consent.withdrawal.at,
            stopped=[SeenPurpose.of(code, language) for code in consent.purposes],
            offices_told=[
                office_words(office, regions, language) for office in sorted({claim.office_code for claim in held})
            ],
            erase_by=erase_by if held else None,
            goes_on=without_consent(language),
        )


def without_consent(language: str) -> list[SeenBasis]:
    """The purposes that no withdrawal ends."""
    return [
        SeenBasis(
            purpose=purpose.code,
            purpose_words=words(PURPOSES, purpose.code, language),
            basis=purpose.basis,
            basis_words=words(BASES, purpose.basis, language),
            why=words(GOES_ON, purpose.basis, language),
        )
        for purpose in purpose_table().purposes.values()
        if not purpose.needs_consent
    ]
