"""What claim checks take and give over HTTP: answers of intake with personal data in them."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from slrt_intake.domain.claim import Parties
from slrt_intake.domain.party import ProxyRelation, Relation, ReporterRole
from slrt_kit.http.bodies import Body

MAX_CLAIMS = 100


class PersonView(BaseModel):
    """An identity, for a claim check."""

    person_id: UUID
    relation: Relation
    erased: bool = Field(description="true: the person was erased, and nothing else is known")
    name: str | None
    nik: str | None = Field(description="masked unless the purpose shows it")
    birth_date: date | None
    birth_year: int | None = Field(description="also where the purpose masks the birth date")
    sex: str | None


class ReporterView(BaseModel):
    """Who brought the report."""

    role: ReporterRole
    name: str


class ProxyView(BaseModel):
    """Who acts for the person."""

    name: str
    relation: ProxyRelation | None
    phone: str | None


class PartiesView(BaseModel):
    """The people of a case, with the fields of the stated purpose; what it does not show is null."""

    case_id: UUID
    receipt_id: UUID | None = Field(description="what an office got is on record by this; null for desks and machines")
    village_code: str
    erased: bool = Field(description="true: number, address and phone were erased")
    kk_number: str | None
    address: str | None
    phone: str | None
    persons: list[PersonView]
    need_persons: dict[UUID, UUID] = Field(description="need → the person it is for")
    reporter: ReporterView | None = Field(description="who brought the report, where that is not whom it is about")
    proxy: ProxyView | None = Field(description="who acts for the person (kuasa)")
    words: dict[UUID, str] = Field(description="need → what was said of it, where something was")

    @classmethod
    def of(cls, parties: Parties, receipt_id: UUID | None = None) -> Self:
        return cls(
            case_id=parties.case_id,
            receipt_id=receipt_id,
            village_code=parties.village_code,
            erased=parties.erased,
            kk_number=parties.kk_number,
            address=parties.address,
            phone=parties.phone,
            persons=[
                PersonView(
                    person_id=person.person_id,
                    relation=person.relation,
                    erased=person.erased,
                    name=person.name,
                    nik=person.nik,
                    birth_date=person.birth_date,
                    birth_year=person.birth_year,
                    sex=person.sex,
                )
                for person in parties.persons
            ],
            need_persons={need_id: found for need_id, found in parties.need_persons.items() if found is not None},
            reporter=parties.reporter and ReporterView(**asdict(parties.reporter)),
            proxy=parties.proxy and ProxyView(**asdict(parties.proxy)),
            words=dict(parties.words),
        )


class CaseClaim(Body):
    """A case that is asked about, and the event that makes the caller ask; that goes on record."""

    case_id: UUID
    event_id: UUID | None = None


class ClaimsBody(Body):
    """The cases that are asked about."""

    cases: list[CaseClaim] = Field(min_length=1, max_length=MAX_CLAIMS)


class PartiesList(BaseModel):
    """The people of those cases that are the caller's to see, in no order."""

    parties: list[PartiesView]


class ContactView(BaseModel):
    """What a message to the resident needs."""

    ticket_number: str
    language: str
    phone: str | None
    email: str | None


class ContactOfCase(ContactView):
    """The contact of one of several cases."""

    case_id: UUID


class ContactList(BaseModel):
    """The contacts of those cases that are the caller's to see, in no order."""

    contacts: list[ContactOfCase]


class CodeOfCase(BaseModel):
    """A one-time code that opens a case now."""

    case_id: UUID
    code: str
    expires_at: datetime = Field(description="UTC")


class CodeList(BaseModel):
    """The codes that there are among the cases asked about."""

    codes: list[CodeOfCase]
