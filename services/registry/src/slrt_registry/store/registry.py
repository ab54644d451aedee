"""The registry in one unit of work: saves by version compare-and-set and writes the events beside."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from slrt_contracts.types import CaseId, DistrictCode, FamilyId, NeedId, PersonId
from slrt_kit.access import Scope
from slrt_kit.db import UnitOfWork
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import Vault
from slrt_kit.regions import RegionCode
from slrt_registry.domain.disposal import Disposal, DuePerson
from slrt_registry.domain.erasure import ErasureFacts
from slrt_registry.domain.family import Family
from slrt_registry.domain.matching import StatedCase
from slrt_registry.domain.person import Person
from slrt_registry.ports import Candidates, CaseEntries, CaseRecord, KeptUntil
from slrt_registry.store import cases, disposals, erasure, families, persons
from slrt_registry.store.saving import save


class RegistryStore:
    """Keeps the promises of `ports.Registry`."""

    def __init__(self, work: UnitOfWork, outbox: Outbox, vault: Vault) -> None:
        self._work = work
        self._outbox = outbox
        self._vault = vault

    async def hold(self, stated: StatedCase) -> None:
        persons.hold(self._work.connection, self._vault, stated)

    async def candidates(self, case_id: CaseId, stated: StatedCase) -> Candidates | None:
        return await persons.candidates(self._work.connection, self._vault, case_id, stated)

    async def person(self, person_id: PersonId) -> Person | None:
        found = await persons.persons(self._work.connection, self._vault, [person_id])
        return found[0] if found else None

    async def persons(self, person_ids: Sequence[PersonId]) -> Sequence[Person]:
        return await persons.persons(self._work.connection, self._vault, person_ids)

    async def family(self, family_id: FamilyId) -> Family | None:
        return await families.family(self._work.connection, self._vault, family_id)

    async def family_of_need(self, need_id: NeedId) -> Family | None:
        return await families.family_of_need(self._work.connection, self._vault, need_id)

    async def save(
        self, *, families: Sequence[Family] = (), persons: Sequence[Person] = (), case: CaseRecord | None = None
    ) -> None:
        await save(self._work, self._outbox, self._vault, families=families, persons=persons, case=case)

    async def case(self, case_id: CaseId) -> CaseRecord | None:
        return await cases.case(self._work.connection, case_id)

    async def case_within(self, case_id: CaseId, scope: Scope) -> CaseRecord | None:
        return await cases.case(self._work.connection, case_id, scope)

    async def kept_from_most(self, case_ids: Collection[CaseId]) -> frozenset[CaseId]:
        return await cases.kept_from_most(self._work.connection, case_ids)

    def move_case(self, case_id: CaseId, district_code: DistrictCode) -> None:
        cases.move_case(self._work.connection, case_id, district_code)

    def seal_case(self, case_id: CaseId, *, sealed: bool) -> None:
        cases.seal_case(self._work.connection, case_id, sealed=sealed)

    async def case_entries(self, case_id: CaseId) -> CaseEntries:
        return await families.entries_of_case(self._work.connection, case_id)

    async def erasure_facts(self, person: Person) -> ErasureFacts:
        return await erasure.facts(self._work.connection, person)

    async def families_without(self, person: Person) -> Sequence[Family]:
        return await erasure.families_without(self._work.connection, self._vault, person)

    async def due_persons(
        self, regency_code: RegionCode, kept: KeptUntil, *, after: tuple[datetime, PersonId] | None, limit: int
    ) -> Sequence[DuePerson]:
        return await disposals.due(self._work.connection, regency_code, kept, after=after, limit=limit)

    async def disposal_within(self, disposal_id: UUID, scope: Scope) -> Disposal | None:
        return await disposals.within(self._work.connection, disposal_id, scope)

    async def disposals_waiting(
        self, scope: Scope, *, after: tuple[datetime, UUID] | None, limit: int
    ) -> Sequence[Disposal]:
        return await disposals.waiting(self._work.connection, scope, after=after, limit=limit)

    def add_disposal(self, disposal: Disposal) -> None:
        disposals.add(self._work.connection, disposal)

    async def save_disposal(self, disposal: Disposal) -> None:
        await disposals.save(self._work.connection, disposal)

    async def destroy_keys(self, person_id: PersonId, *, at: datetime) -> None:
        await self._vault.destroy(await erasure.keys_to_destroy(self._work.connection, person_id, at=at))

    async def note_closed(self, case_id: CaseId, at: datetime) -> bool:
        return await cases.note_closed(self._work.connection, case_id, at)

    async def find_by_nik(self, nik: str, scope: Scope) -> Person | None:
        return await persons.by_nik(self._work.connection, self._vault, nik, scope)

    async def find_by_birth_date(self, birth_date: date, name: str, scope: Scope) -> Sequence[Person]:
        return await persons.by_birth_date(self._work.connection, self._vault, birth_date, name, scope)
