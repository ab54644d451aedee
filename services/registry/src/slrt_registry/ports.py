"""What the use cases and the routes need from outside, as Protocols; `store/` and `adapters/` keep these promises."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from slrt_contracts.types import CaseId, DistrictCode, EventId, FamilyId, NeedId, PersonId
from slrt_kit.access import Scope
from slrt_kit.regions import RegionCode
from slrt_registry.domain.disposal import Disposal, DuePerson
from slrt_registry.domain.erasure import ErasureFacts
from slrt_registry.domain.family import Family, Participation, ProgrammeNeed
from slrt_registry.domain.matching import Rule, StatedCase
from slrt_registry.domain.person import Person


@dataclass(frozen=True, slots=True)
class Candidates:
    """What `match_case` chooses from."""

    persons: Sequence[Person]
    kk_of: Mapping[FamilyId, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRecord:
    """What the registry made of a case. ``region_code`` is the village; the district for a case about no person.

    ``refs`` are intake's ids of each person in it; they are written, and not read with the case.
    """

    case_id: CaseId
    region_code: RegionCode
    family_id: FamilyId | None
    persons: Sequence[tuple[PersonId, Rule]]
    handled_at: datetime
    restricted: bool = False
    refs: Mapping[PersonId, Sequence[UUID]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaseEntries:
    """The entries of a family that a case brought."""

    needs: Sequence[ProgrammeNeed]
    participations: Sequence[Participation]


@dataclass(frozen=True, slots=True)
class KeptUntil:
    """What is kept now: cases that were closed since then (UTC), participations that began after that day."""

    cases_since: datetime
    participations_after: date


class Registry(Protocol):
    """The registry in one unit of work."""

    async def hold(self, stated: StatedCase) -> None:
        """Wait until no other transaction is recording people who may be the same."""

    async def candidates(self, case_id: CaseId, stated: StatedCase) -> Candidates | None:
        """None when the case was handled before."""

    async def person(self, person_id: PersonId) -> Person | None: ...

    async def persons(self, person_ids: Sequence[PersonId]) -> Sequence[Person]: ...

    async def family(self, family_id: FamilyId) -> Family | None: ...

    async def family_of_need(self, need_id: NeedId) -> Family | None: ...

    async def save(
        self, *, families: Sequence[Family] = (), persons: Sequence[Person] = (), case: CaseRecord | None = None
    ) -> None:
        """Write what is new or changed, with the raised events.

        The next look into the registry, or the commit, raises StaleVersionError or UniqueViolation when somebody else
        saved one of them, or recorded the same NIK or KK, since it was loaded.
        """

    async def case(self, case_id: CaseId) -> CaseRecord | None: ...

    async def case_within(self, case_id: CaseId, scope: Scope) -> CaseRecord | None:
        """As `case`, when the scope reaches it."""

    async def kept_from_most(self, case_ids: Collection[CaseId]) -> frozenset[CaseId]:
        """Which of these cases are restricted or sealed."""

    def move_case(self, case_id: CaseId, district_code: DistrictCode) -> None:
        """The case belongs to another district now."""

    def seal_case(self, case_id: CaseId, *, sealed: bool) -> None:
        """Hide what became of a case from everybody, or show it again."""

    async def case_entries(self, case_id: CaseId) -> CaseEntries: ...

    async def note_closed(self, case_id: CaseId, at: datetime) -> bool:
        """Note the end of a case; False for one that was not recorded."""

    async def erasure_facts(self, person: Person) -> ErasureFacts:
        """What decides whether the person may be erased."""

    async def families_without(self, person: Person) -> Sequence[Family]:
        """The families that the person ever belonged to and in which nobody else is left who was not erased."""

    async def due_persons(
        self, regency_code: RegionCode, kept: KeptUntil, *, after: tuple[datetime, PersonId] | None, limit: int
    ) -> Sequence[DuePerson]:
        """Who lives there, may be erased and is on no list that waits; whose last case closed first, first."""

    async def disposal_within(self, disposal_id: UUID, scope: Scope) -> Disposal | None:
        """A disposal list of a regency that the scope covers as a whole."""

    async def disposals_waiting(
        self, scope: Scope, *, after: tuple[datetime, UUID] | None, limit: int
    ) -> Sequence[Disposal]:
        """Those that nobody has decided, oldest first."""

    def add_disposal(self, disposal: Disposal) -> None:
        """Insert a new one."""

    async def save_disposal(self, disposal: Disposal) -> None:
        """Write a decision. Raises StaleVersionError: somebody else decided it since it was loaded."""

    async def destroy_keys(self, person_id: PersonId, *, at: datetime) -> None:
        """Destroy the key of a person who was erased at that time, and those of families of which nobody is left."""

    async def find_by_nik(self, nik: str, scope: Scope) -> Person | None: ...

    async def find_by_birth_date(self, birth_date: date, name: str, scope: Scope) -> Sequence[Person]:
        """Persons born that day; where there are more than can be compared, those with a word of the name."""


@dataclass(frozen=True, slots=True)
class Parties:
    """Who a case is about, and which of its needs is whose."""

    stated: StatedCase
    need_persons: Mapping[NeedId, UUID]


class Claims(Protocol):
    """The owner of the cases' identities."""

    async def parties(self, case_id: CaseId, *, event_id: EventId) -> Parties:
        """Raises TransientError when the owner is away, RejectedError when it refuses or says what we cannot read."""
