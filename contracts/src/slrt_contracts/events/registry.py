"""Facts told by the registry service: persons, families, needs and participation, without saying who."""

from typing import Annotated, ClassVar

from pydantic import Field

from slrt_contracts.codes import ErasureReason, NikStatus, Open, ParticipationStatus, ProgrammeCode
from slrt_contracts.events.base import Event, Part
from slrt_contracts.types import (
    CaseId,
    DistrictCode,
    FamilyId,
    MemberCount,
    NeedId,
    ParticipationId,
    PartyId,
    PersonId,
    ReferralId,
    StartDate,
)


class PersonRecorded(Event):
    """A person was found in, or added to, the registry for a case.

    The topic keeps the last event of each person, so that a reader can rebuild the list of persons.
    """

    TYPE: ClassVar[str] = "id.slrt.registry.person-recorded.v1"
    TOPIC: ClassVar[str] = "slrt.registry.person.v1"
    KEY: ClassVar[str] = "person_id"

    person_id: PersonId
    family_id: FamilyId | None = None
    nik_status: Open[NikStatus]
    district_code: DistrictCode
    case_id: CaseId


class PersonTransferred(Event):
    """A person lives in another region now, by what the officer of the old one says.

    The topic keeps it in the place of what was told before, so it says as much; only that it is about no case.
    """

    TYPE: ClassVar[str] = "id.slrt.registry.person-transferred.v1"
    TOPIC: ClassVar[str] = "slrt.registry.person.v1"
    KEY: ClassVar[str] = "person_id"

    person_id: PersonId
    family_id: FamilyId | None = None
    nik_status: Open[NikStatus]
    district_code: Annotated[DistrictCode, Field(description="The district that the person lives in now.")]


class ErasedInCase(Part):
    """A case that the person is in, and by which ids intake knows them there."""

    case_id: CaseId
    party_ids: tuple[PartyId, ...] = Field(min_length=1, max_length=30)


class PersonErased(Event):
    """A person was erased; every service destroys the keys of what it holds of them.

    It is the last event of the person: the topic keeps it in the place of all before.
    """

    TYPE: ClassVar[str] = "id.slrt.registry.person-erased.v1"
    TOPIC: ClassVar[str] = "slrt.registry.person.v1"
    KEY: ClassVar[str] = "person_id"

    person_id: PersonId
    reason: Open[ErasureReason]
    cases: tuple[ErasedInCase, ...] = Field(max_length=1000)


class FamilyTransferred(Event):
    """A family lives in another region now, with all who belong to it.

    Told beside the transfer of each of its members.
    """

    TYPE: ClassVar[str] = "id.slrt.registry.family-transferred.v1"
    TOPIC: ClassVar[str] = "slrt.registry.family.v1"
    KEY: ClassVar[str] = "family_id"

    family_id: FamilyId
    district_code: Annotated[DistrictCode, Field(description="The district that the family lives in now.")]


class _FamilyEvent(Event):
    TOPIC: ClassVar[str] = "slrt.registry.family.v1"
    KEY: ClassVar[str] = "family_id"

    family_id: FamilyId
    case_id: CaseId


class FamilyRecorded(_FamilyEvent):
    """A family was found in, or added to, the registry for a case.

    Told with the number of members known after it.
    """

    TYPE: ClassVar[str] = "id.slrt.registry.family-recorded.v1"

    district_code: DistrictCode
    member_count: MemberCount


class ProgrammeNeedRecorded(_FamilyEvent):
    """A family is known to need a programme that it does not have.

    Told for each need of a case that asks for a programme. For timelines and for quota planning.
    """

    TYPE: ClassVar[str] = "id.slrt.registry.programme-need-recorded.v1"

    person_id: PersonId | None = None
    need_id: NeedId
    programme_code: Open[ProgrammeCode]


class ProgrammeNeedMet(_FamilyEvent):
    """A recorded programme need was met by a completed referral.

    For timelines and reports.
    """

    TYPE: ClassVar[str] = "id.slrt.registry.programme-need-met.v1"

    need_id: NeedId
    programme_code: Open[ProgrammeCode]
    referral_id: ReferralId


class ParticipationRecorded(_FamilyEvent):
    """A family, or one of its persons, takes part in a programme.

    Told when a completed referral brought a programme with lasting participation. For timelines and reports.
    """

    TYPE: ClassVar[str] = "id.slrt.registry.participation-recorded.v1"

    participation_id: ParticipationId
    person_id: PersonId | None = None
    programme_code: Open[ProgrammeCode]
    status: Open[ParticipationStatus]
    starts_on: StartDate
    referral_id: ReferralId
