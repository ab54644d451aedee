"""Record observations of whoever is online, by the same rules as those that devices hand in."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID

from slrt_intake.domain.fact import NOTE, FactSource
from slrt_intake.domain.problems import UnknownPersonError
from slrt_intake.store.facts import fact_digest, insert_facts, raise_conflicts
from slrt_intake.store.field_uploads import TELL_HOLDERS, key_for, load_references
from slrt_intake.usecases.observing import FactsContent, Observer, Origin, Place, Subject, Writes, person_of
from slrt_kit.access import Scope
from slrt_kit.db import UnitOfWork
from slrt_kit.policy.checklists import Checklists
from slrt_kit.privacy import SubjectKey, Vault
from slrt_kit.problems import ErasedError, NotFoundError


class Known(Protocol):
    """The checklists of all regions."""

    def at(self, region: str, at: datetime) -> Checklists: ...


class DeskFacts:
    """The observations of one unit of work."""

    def __init__(self, work: UnitOfWork, vault: Vault, checklists: Known) -> None:
        self._work = work
        self._vault = vault
        self._checklists = checklists

    async def record(self, content: FactsContent, *, scope: Scope, by: str) -> Mapping[str, list[UUID] | list[str]]:
        """Record observations about a case; gives ``facts``, ``conflicts`` and ``warnings``.

        Raises:
            NotFoundError: no case of the caller's. UnknownPersonError: the person is not in it.
            FactsDoNotFitError: an answer is none that its question takes. ErasedError.
        """
        work, now, place = self._work, self._work.clock.now(), content.place
        codes = set(content.answers) - {NOTE}
        references, keys = await load_references(work, self._vault, [place], codes, scope)
        case = None if place.case_id is None else references.cases.get(place.case_id)
        if case is None or not case.is_reached:
            raise NotFoundError
        if case.is_erased:
            raise ErasedError
        person = person_of(case, place)
        if person is None and place.person_id is not None:
            raise UnknownPersonError
        writes = Writes()
        origin = Origin(officer=by, source=FactSource.DESK, said_at=now, at=now, recorded_at=now)
        observed = Observer(references, writes, self.digest, work.new_id).observe(
            origin, content, self._checklists.at(case.village_code, now), case=case, visit=None, person=person
        )
        insert_facts(
            work.connection,
            self._vault,
            [(each, key_for(references, keys, each.case_id, each.person_id)) for each in writes.facts],
        )
        if writes.conflicts:
            raise_conflicts(work.connection, writes.conflicts, now=now)
        work.connection.defer(TELL_HOLDERS, {"cases": [case.case_id]})
        return {"facts": observed.facts, "conflicts": observed.conflicts, "warnings": observed.warnings}

    def digest(self, subject: Subject, value: object) -> bytes:
        """See `fact_digest`."""
        return fact_digest(self._vault, subject, value)

    async def key_of(self, case_id: UUID, person_id: UUID | None) -> SubjectKey:
        """The key of a case or of a person of it. Raises ErasedError."""
        place = Place(case_id=case_id)
        references, keys = await load_references(self._work, self._vault, [place], (), Scope(everywhere=True))
        return key_for(references, keys, case_id, person_id)
