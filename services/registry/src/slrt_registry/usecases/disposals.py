"""List persons whose records were kept for their period, and erase them when another says yes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from slrt_contracts.codes import ErasureReason
from slrt_contracts.types import PersonId
from slrt_kit.access import Scope
from slrt_kit.clock import NewId, day_of
from slrt_kit.privacy.retention import RetentionClass
from slrt_kit.problems import ErasedError, NotFoundError, OutsideScopeError
from slrt_kit.regions import RegionCode, regency_of
from slrt_registry.domain.disposal import Disposal, DisposalState, DuePerson
from slrt_registry.domain.erasure import CASE_RECORD, PARTICIPATION_RECORD
from slrt_registry.domain.person import Person
from slrt_registry.domain.problems import DisposalRegencyError, RetentionError, UnlinkedCaseError
from slrt_registry.ports import KeptUntil, Registry
from slrt_registry.usecases.erasure import check_erasable, erase_person


async def due_for_disposal(
    regency_code: RegionCode,
    *,
    registry: Registry,
    scope: Scope,
    classes: Mapping[str, RetentionClass],
    at: datetime,
    after: tuple[datetime, PersonId] | None,
    limit: int,
) -> Sequence[DuePerson]:
    """Who of a regency may be listed for disposal now.

    Raises:
        NotFoundError: the regency is not the caller's.
    """
    if not scope.covers(region=regency_code):
        raise OutsideScopeError
    kept = KeptUntil(
        cases_since=classes[CASE_RECORD].over_before(at),
        participations_after=classes[PARTICIPATION_RECORD].newest_over(day_of(at)),
    )
    return await registry.due_persons(regency_code, kept, after=after, limit=limit)


async def propose_disposal(
    person_ids: Sequence[PersonId],
    *,
    registry: Registry,
    scope: Scope,
    classes: Mapping[str, RetentionClass],
    by: str,
    at: datetime,
    new_id: NewId,
) -> Disposal:
    """List persons whose records were kept for their period; nobody is erased by it.

    Raises:
        NotFoundError: one is not known, or not in the caller's area. ErasedError: one was erased.
        RetentionError, UnlinkedCaseError: one must be kept; ``person_id`` says who.
        DisposalRegencyError: they live in several regencies.
    """
    persons = await registry.persons(person_ids)
    if len(persons) != len(person_ids):
        raise NotFoundError
    regency_code = regency_of(persons[0].village_code)
    for person in persons:
        if not scope.covers(region=person.village_code):
            raise OutsideScopeError
        if regency_of(person.village_code) != regency_code:
            raise DisposalRegencyError(person_id=str(person.person_id))
        with _naming(person):
            await check_erasable(person, registry=registry, classes=classes, at=at)
    disposal = Disposal.propose(disposal_id=new_id(), regency_code=regency_code, persons=list(person_ids), by=by, at=at)
    registry.add_disposal(disposal)
    return disposal


async def load_disposal(disposal_id: UUID, *, registry: Registry, scope: Scope) -> Disposal:
    """A disposal list of the caller's area.

    Raises:
        NotFoundError: there is none.
    """
    disposal = await registry.disposal_within(disposal_id, scope)
    if disposal is None:
        raise NotFoundError
    return disposal


async def approve_disposal(
    disposal: Disposal, *, registry: Registry, classes: Mapping[str, RetentionClass], by: str, at: datetime
) -> int:
    """Erase all who are listed, or nobody; gives how many. Who was erased meanwhile is passed over.

    Raises:
        SeparationOfDutiesError, DisposalDecidedError: see `Disposal.decide`. StaleVersionError: see `save_disposal`.
        RetentionError, UnlinkedCaseError: somebody must be kept by now; ``person_id`` says who.
    """
    disposal.decide(DisposalState.APPROVED, by=by, at=at)
    erased = 0
    for person in await registry.persons(disposal.persons):
        if not person.erased:
            with _naming(person):
                await erase_person(person, ErasureReason.NO_LONGER_NEEDED, registry=registry, classes=classes, at=at)
            erased += 1
    await registry.save_disposal(disposal)
    return erased


async def refuse_disposal(disposal: Disposal, *, registry: Registry, by: str, at: datetime) -> None:
    """Say no: nobody is erased, and all are due as before. Raises what `Disposal.decide` raises."""
    disposal.decide(DisposalState.REFUSED, by=by, at=at)
    await registry.save_disposal(disposal)


@contextmanager
def _naming(person: Person) -> Iterator[None]:
    """Say of whom of a list it is that the record must be kept."""
    try:
        yield
    except (ErasedError, RetentionError, UnlinkedCaseError) as error:
        error.extra["person_id"] = str(person.person_id)
        raise
