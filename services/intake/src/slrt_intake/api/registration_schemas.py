"""What registers a case over HTTP: who brought what, for whom. Unknown fields are refused; sizes are bounded."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from slrt_contracts.catalogue import ATTRIBUTES
from slrt_contracts.codes import (
    AttributeName,
    AttributeValue,
    CaseKind,
    Channel,
    Concern,
    GrievanceType,
    NeedCode,
    NeedSubject,
    WaitReason,
)
from slrt_intake.domain.party import (
    Contact,
    ContactOf,
    Person,
    Proxy,
    ProxyRelation,
    Relation,
    Reporter,
    ReporterRole,
    normalise_phone,
)
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
    """How the resident is reached, and whose that phone and e-mail are; ``language`` of the messages."""

    phone: Phone | None = None
    email: Email | None = None
    belongs_to: ContactOf = ContactOf.SUBJECT
    language: Annotated[str, Field(pattern="^(id|en)$")] = "id"
    kk_number: LooseNumber | None = None
    address: Annotated[ShortText, UnmaskedText] | None = None


class ReporterBody(Body):
    """Who brought the report, when that is not whom it is about."""

    role: ReporterRole
    name: Annotated[ShortText, UnmaskedText]


class ProxyBody(Body):
    """Who acts for the person (kuasa)."""

    name: Annotated[ShortText, UnmaskedText]
    relation: ProxyRelation | None = None
    phone: Phone | None = None


class WaitBody(Body):
    """Another need that must be met before. ``need_ref`` counts into ``needs`` from 0."""

    need_ref: Count = Field(ge=0, lt=MAX_NEEDS)
    reason: WaitReason


class NeedBody(Body):
    """One problem. ``person_ref`` counts into ``persons`` from 0; null when it concerns the place."""

    need_code: NeedCode
    person_ref: Count | None = Field(default=None, ge=0, lt=MAX_PERSONS)
    urgent: Flag = False
    description: LongText | None = None
    attributes: Attributes = Field(default_factory=dict)
    subject: NeedSubject | None = Field(
        default=None, description="without it a need of a programme is `need`, all else `complaint`"
    )
    grievance_type: GrievanceType | None = Field(
        default=None,
        description="`inclusion_error` and `misconduct` keep the reporter secret; `misconduct` restricts the case",
    )
    waits_on: list[WaitBody] = Field(default_factory=list, max_length=MAX_NEEDS)

    def stated(self) -> NeedInput:
        """As the use case takes it."""
        return NeedInput(**vars(self) | {"waits_on": {wait.need_ref: wait.reason for wait in self.waits_on}})


class RegisterCaseBody(Body):
    """One contact at the door. Who brought it may be the person, a proxy, somebody else, or nobody who gave a name."""

    channel: Channel = Channel.FACILITATOR
    kind: CaseKind = CaseKind.COMPLAINT
    village_code: VillageCode
    visit_date: Day | None = None
    concerns: Concern | None = Field(
        default=None, description="without it `individual` where a person is named, else `place`"
    )
    concerned_people: Count | None = Field(
        default=None, ge=1, le=1_000_000, description="how many of a group it concerns, as far as somebody knows"
    )
    persons: list[PersonBody] = Field(default_factory=list, max_length=MAX_PERSONS)
    reporter: ReporterBody | None = None
    proxy: ProxyBody | None = None
    contact: ContactBody = ContactBody()
    needs: list[NeedBody] = Field(min_length=1, max_length=MAX_NEEDS)
    anonymous: Flag = Field(
        default=False, description="nothing may be given that leads to the reporter; the slip's code opens the ticket"
    )
    restricted: Flag = Field(
        default=False, description="known to assigned officers only; a sensitive need makes it so in any case"
    )
    reporter_secret: Flag = Field(
        default=False, description="hide who brought it and how they are reached, also from offices"
    )

    @model_validator(mode="after")
    def _says_who(self) -> Self:
        contact, kinds = self.contact, (ContactOf.REPORTER, ContactOf.PROXY)
        if self.anonymous and (self.reporter or self.proxy or contact.phone or contact.email):
            raise PydanticCustomError(
                "anonymous",
                "laporan anonim tidak memuat pelapor, kuasa, telepon atau surel; untuk yang hanya ingin dirahasiakan "
                "pakai reporter_secret / an anonymous report has no reporter, proxy, phone or e-mail; for one that is "
                "only to be kept secret there is reporter_secret",
            )
        for whose, stated in zip(kinds, (self.reporter, self.proxy), strict=True):
            if contact.belongs_to is whose and stated is None:
                raise PydanticCustomError(
                    "contact_of_nobody",
                    "kontak milik {whose}, tetapi {whose} tidak disebut / the contact is of a {whose} who is not named",
                    {"whose": whose.value},
                )
        return self

    def command(self, new_id: NewId) -> RegisterCase:
        """As the use case takes it."""
        concerns = self.concerns or (Concern.INDIVIDUAL if self.persons else Concern.PLACE)
        contact = Contact(
            **vars(self.contact),
            reporter=None if self.reporter is None else Reporter(**vars(self.reporter)),
            proxy=None if self.proxy is None else Proxy(**vars(self.proxy)),
        )
        return RegisterCase(
            channel=self.channel,
            kind=self.kind,
            village_code=self.village_code,
            persons=[Person(person_id=new_id(), **vars(person)) for person in self.persons],
            contact=contact,
            needs=[need.stated() for need in self.needs],
            concerns=concerns,
            concerned_people=self.concerned_people,
            visit_date=self.visit_date,
            restricted=self.restricted,
            reporter_secret=self.reporter_secret,
        )


class ReportBody(Body):
    """A message as the facilitator sends it."""

    text: Annotated[str, Field(min_length=1, max_length=20_000)]
