"""What the registry takes and gives over HTTP. Numbers are masked, of a birth date only the year is told."""

from collections.abc import Collection
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from slrt_contracts.codes import ErasureReason, NikStatus, OutcomeCode, ParticipationStatus, ProgrammeCode
from slrt_contracts.types import CaseId
from slrt_kit.http.bodies import Body
from slrt_kit.privacy.masking import Unmasked, mask_number
from slrt_registry.domain.family import Family, Participation, ProgrammeNeed
from slrt_registry.domain.matching import Rule
from slrt_registry.domain.person import Person
from slrt_registry.domain.transitions import NeedStatus
from slrt_registry.ports import CaseEntries, CaseRecord

SHOWN_FIELDS = ("name", "nik-masked", "birth-year", "sex")
"""What a `PersonView` tells of somebody, for the access log."""


class PersonView(BaseModel):
    """A person. With the whole birth date beside it, a masked NIK could be filled in again: so only the year."""

    person_id: UUID
    erased: bool = Field(description="true: the person was erased, and nothing personal is known any more")
    name: str | None
    nik: str | None = Field(examples=["3505••••••••9001"], description="masked; null for none or an unusable one")
    nik_status: NikStatus
    birth_year: int | None
    sex: str | None = Field(description="L or P")
    village_code: str
    family_id: UUID | None

    @classmethod
    def of(cls, person: Person) -> Self:
        return cls(
            person_id=person.person_id,
            erased=person.erased,
            name=person.name,
            nik=mask_number(person.nik),
            nik_status=person.nik_status,
            birth_year=person.birth_date.year if person.birth_date else None,
            sex=person.sex,
            village_code=person.village_code,
            family_id=person.family_id,
        )


class TransferBody(Body):
    """Where they live now."""

    village_code: Annotated[str, Field(pattern=r"^[0-9]{2}\.[0-9]{2}\.[0-9]{2}\.[0-9]{4}$", examples=["12.71.01.1001"])]


class TransferView(BaseModel):
    """They are seen there from now on."""

    village_code: str


class SearchBody(BaseModel):
    """Either ``nik``, or ``name`` with ``birth_date``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    nik: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=32), Unmasked] | None = None
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None
    birth_date: date | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        by_nik = self.nik is not None and self.name is None and self.birth_date is None
        by_name = self.nik is None and self.name is not None and self.birth_date is not None
        if not (by_nik or by_name):
            raise ValueError("nik saja, atau name dengan birth_date / nik alone, or name with birth_date")
        return self


class SearchResult(BaseModel):
    """The persons who fit, best first; inside the caller's area."""

    persons: list[PersonView]


class NeedView(BaseModel):
    """A need for a programme; ``person_id`` is null when it is the whole family's."""

    need_id: UUID
    case_id: UUID
    person_id: UUID | None
    programme_code: ProgrammeCode
    status: NeedStatus
    recorded_at: datetime
    outcome_code: OutcomeCode | None
    referral_id: UUID | None
    settled_at: datetime | None

    @classmethod
    def of(cls, need: ProgrammeNeed) -> Self:
        return cls(
            need_id=need.need_id,
            case_id=need.case_id,
            person_id=need.person_id,
            programme_code=need.programme_code,
            status=need.status,
            recorded_at=need.recorded_at,
            outcome_code=need.outcome_code,
            referral_id=need.referral_id,
            settled_at=need.settled_at,
        )


class ParticipationView(BaseModel):
    """A programme that a person, or with ``person_id`` null the family, takes part in."""

    participation_id: UUID
    person_id: UUID | None
    programme_code: ProgrammeCode
    status: ParticipationStatus
    starts_on: date
    case_id: UUID
    referral_id: UUID

    @classmethod
    def of(cls, participation: Participation) -> Self:
        return cls(
            participation_id=participation.participation_id,
            person_id=participation.person_id,
            programme_code=participation.programme_code,
            status=participation.status,
            starts_on=participation.starts_on,
            case_id=participation.case_id,
            referral_id=participation.referral_id,
        )


class FamilyView(BaseModel):
    """A family with who belongs to it now, what it still needs and what it takes part in."""

    family_id: UUID
    kk_number: str | None = Field(description="masked")
    village_code: str
    members: list[PersonView]
    open_needs: list[NeedView]
    participations: list[ParticipationView]

    @classmethod
    def of(cls, family: Family, members: list[Person], *, hidden: Collection[CaseId] = ()) -> Self:
        """What came of the ``hidden`` cases is left out."""
        return cls(
            family_id=family.family_id,
            kk_number=mask_number(family.kk_number),
            village_code=family.village_code,
            members=[PersonView.of(member) for member in members],
            open_needs=[
                NeedView.of(need)
                for need in family.needs
                if need.status is NeedStatus.UNMET and need.case_id not in hidden
            ],
            participations=[
                ParticipationView.of(participation)
                for participation in family.participations
                if participation.case_id not in hidden
            ],
        )


class FoundPerson(BaseModel):
    """A person of a case and by what the registry found them; ``new`` for one whom it did not know."""

    person_id: UUID
    found_by: Rule


class CaseRecordsView(BaseModel):
    """What the registry made of a case: ids and codes, nothing personal. All empty for a case about no person."""

    case_id: UUID
    family_id: UUID | None
    persons: list[FoundPerson]
    needs: list[NeedView]
    participations: list[ParticipationView]
    handled_at: datetime

    @classmethod
    def of(cls, case: CaseRecord, entries: CaseEntries) -> Self:
        return cls(
            case_id=case.case_id,
            family_id=case.family_id,
            persons=[FoundPerson(person_id=person_id, found_by=rule) for person_id, rule in case.persons],
            needs=[NeedView.of(need) for need in entries.needs],
            participations=[ParticipationView.of(participation) for participation in entries.participations],
            handled_at=case.handled_at,
        )


class UnmaskField(StrEnum):
    """What can be shown whole."""

    NIK = "nik"
    BIRTH_DATE = "birth_date"
    KK_NUMBER = "kk_number"


class UnmaskBody(Body):
    """Which fields are needed whole; each is on record."""

    fields: list[UnmaskField] = Field(min_length=1, max_length=len(UnmaskField))


class UnmaskedView(BaseModel):
    """The fields that were asked for, whole; null where none is known, and for those that were not asked for."""

    person_id: UUID
    nik: str | None = None
    birth_date: date | None = None
    kk_number: str | None = None


class ErasureBody(Body):
    """Why the person is erased."""

    reason_code: ErasureReason


class ErasureReceipt(BaseModel):
    """The person was erased; the services destroy their keys within seconds. It cannot be undone."""

    person_id: UUID
    erased_at: datetime
    case_count: int = Field(description="cases in which the person is erased with it")


class LegalHoldBody(Body):
    """Whether a person's data are held, and by which file number or code; null lets them go."""

    hold: Annotated[str, Field(pattern="^[A-Za-z0-9./-]{1,60}$", examples=["INSPEKTORAT-2026/14"])] | None


class LegalHoldView(BaseModel):
    """Whether a person's data are held."""

    person_id: UUID
    hold: str | None
