"""The person: one human being of the registry, with or without a NIK."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from slrt_contracts.codes import ErasureReason, NikStatus
from slrt_contracts.events.registry import ErasedInCase, PersonErased, PersonRecorded, PersonTransferred
from slrt_contracts.types import CaseId, DistrictCode, FamilyId, PersonId
from slrt_kit.aggregate import Aggregate
from slrt_kit.problems import ErasedError
from slrt_kit.regions import RegionCode, district_of
from slrt_registry.domain.problems import TransferRefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFacts:
    """What a case says of a person. ``nik`` holds 16 usable digits; ``nik_stated`` also counts an unusable number."""

    name: str
    nik: str | None
    nik_stated: bool
    birth_date: date | None
    sex: str | None


@dataclass(kw_only=True)
class Person(Aggregate):
    """The aggregate. What is known is never overwritten by a case, only completed; where they live follows the case.

    ``regency_code`` is where the person was first recorded and never changes: the row is kept there.
    ``nik`` is None for somebody who has none, and for one whose written number cannot be a NIK. ``key_id`` names the
    key that it is sealed under, once it was saved. Of somebody who was ``erased`` nothing personal is known.
    """

    person_id: PersonId
    regency_code: RegionCode
    village_code: RegionCode
    name: str | None
    nik: str | None
    nik_status: NikStatus
    birth_date: date | None
    sex: str | None
    family_id: FamilyId | None
    key_id: int | None = None
    erased: bool = False
    erased_at: datetime | None = None
    legal_hold: str | None = None

    @property
    def compared_name(self) -> str:
        """The name, to compare it with another; that of an erased person is like nobody's."""
        return self.name or ""

    @classmethod
    def record(
        cls,
        facts: PersonFacts,
        *,
        person_id: PersonId,
        regency_code: RegionCode,
        village_code: RegionCode,
        family_id: FamilyId,
        case_id: CaseId,
        at: datetime,
    ) -> Self:
        """A person whom the registry did not know."""
        person = cls(
            person_id=person_id,
            regency_code=regency_code,
            village_code=village_code,
            name=facts.name,
            nik=facts.nik,
            nik_status=NikStatus.UNVERIFIED if facts.nik_stated else NikStatus.NONE,
            birth_date=facts.birth_date,
            sex=facts.sex,
            family_id=family_id,
        )
        person._tell(case_id, at=at)
        return person

    def find_again(
        self, facts: PersonFacts, *, village_code: RegionCode, family_id: FamilyId, case_id: CaseId, at: datetime
    ) -> None:
        """Complete what is known by what a further case says."""
        if self.nik is None:
            self.nik = facts.nik
        if self.nik_status is NikStatus.NONE and facts.nik_stated:
            self.nik_status = NikStatus.UNVERIFIED
        self.birth_date = self.birth_date or facts.birth_date
        self.sex = self.sex or facts.sex
        self.village_code = village_code
        self.family_id = family_id
        self._tell(case_id, at=at)

    def transfer(self, village_code: RegionCode, *, at: datetime) -> None:
        """Live in another village from now on.

        Raises:
            TransferRefusedError: it is the village that is known. ErasedError: nobody knows who it was.
        """
        if self.erased:
            raise ErasedError
        if village_code == self.village_code:
            raise TransferRefusedError
        self.village_code = village_code
        self._raise_event(
            PersonTransferred(
                person_id=self.person_id,
                family_id=self.family_id,
                nik_status=self.nik_status,
                district_code=DistrictCode(district_of(village_code)),
            ),
            at=at,
        )

    def erase(self, reason: ErasureReason, *, cases: tuple[ErasedInCase, ...], at: datetime) -> None:
        """Forget who it is. Id, place, family and the state of the NIK stay, for the counts.

        Raises:
            ErasedError: it was erased before.
        """
        if self.erased:
            raise ErasedError
        self.name = self.nik = self.birth_date = self.sex = None
        self.erased, self.erased_at = True, at
        self._raise_event(PersonErased(person_id=self.person_id, reason=reason, cases=cases), at=at)

    def _tell(self, case_id: CaseId, *, at: datetime) -> None:
        self._raise_event(
            PersonRecorded(
                person_id=self.person_id,
                family_id=self.family_id,
                nik_status=self.nik_status,
                district_code=DistrictCode(district_of(self.village_code)),
                case_id=case_id,
            ),
            at=at,
        )
