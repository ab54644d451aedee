"""One function per command: load, decide, save."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from slrt_contracts.codes import ErasureReason, OutcomeCode, ProgrammeCode
from slrt_contracts.types import CaseId, FamilyId, NeedId, ParticipationId, PersonId, ReferralId
from slrt_kit.access import Scope
from slrt_kit.clock import NewId
from slrt_kit.privacy.retention import WIB, RetentionClass
from slrt_kit.problems import ErasedError, NotFoundError, OutsideScopeError
from slrt_kit.regions import RegionCode, regency_of
from slrt_registry.domain.disposal import Disposal, DisposalState, DuePerson
from slrt_registry.domain.erasure import CASE_RECORD, PARTICIPATION_RECORD, check_may_be_erased, erased_in
from slrt_registry.domain.family import Family
from slrt_registry.domain.matching import PersonMatch, StatedCase, match_case
from slrt_registry.domain.names import SAME_ENOUGH, similarity
from slrt_registry.domain.numbers import identifying_number
from slrt_registry.domain.person import Person, PersonFacts
from slrt_registry.domain.problems import DisposalRegencyError, RetentionError, UnlinkedCaseError
from slrt_registry.ports import CaseRecord, KeptUntil, Parties, Registry

MOST_FOUND = 20
"""How many persons a search by name and birth date gives at most, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedInput:
    """A need of a case that asks for a programme."""

    need_id: NeedId
    programme_code: ProgrammeCode


async def record_case(
    case_id: CaseId,
    parties: Parties,
    needs: Sequence[NeedInput],
    *,
    registry: Registry,
    at: datetime,
    new_id: NewId,
    restricted: bool = False,
) -> None:
    """Find or record the persons and the family of a case, and what it needs of programmes; once for each case.

    Raises:
        StaleVersionError: another case of the same people was recorded meanwhile; do it all again.
    """
    stated = parties.stated
    await registry.hold(stated)
    candidates = await registry.candidates(case_id, stated)
    if candidates is None:
        return
    match = match_case(stated, candidates.persons, candidates.kk_of)
    family = await registry.family(match.family_id) if match.family_id is not None else None
    if family is None:
        family = Family.new(
            family_id=FamilyId(new_id()),
            regency_code=regency_of(stated.village_code),
            village_code=stated.village_code,
            kk_number=stated.kk,
        )
    known = {person.person_id: person for person in candidates.persons}
    home_of = {person.person_id: person.family_id for person in candidates.persons}
    persons = []
    for matched in match.persons:
        person = known[matched.person_id] if matched.person_id is not None else None
        persons.append(_put_on_record(matched, person, family, stated, case_id=case_id, at=at, new_id=new_id))
    family.record(
        kk_number=stated.kk,
        village_code=stated.village_code,
        members=[person.person_id for person in persons if person.family_id == family.family_id],
        case_id=case_id,
        at=at,
    )
    person_of = {
        ref: person.person_id for matched, person in zip(match.persons, persons, strict=True) for ref in matched.refs
    }
    for need in needs:
        ref = parties.need_persons.get(need.need_id)
        family.record_need(
            need.need_id,
            programme_code=need.programme_code,
            person_id=None if ref is None else person_of.get(ref),
            case_id=case_id,
            at=at,
        )
    moved = [(home, p.person_id) for p in persons if (home := home_of.get(p.person_id)) not in (None, p.family_id)]
    families = [family, *await _families_left(moved, registry=registry, at=at)]
    record = CaseRecord(
        case_id=case_id,
        region_code=stated.village_code,
        family_id=family.family_id,
        persons=[(p.person_id, matched.rule) for p, matched in zip(persons, match.persons, strict=True)],
        handled_at=at,
        restricted=restricted,
        refs={p.person_id: sorted(matched.refs) for p, matched in zip(persons, match.persons, strict=True)},
    )
    await registry.save(families=families, persons=persons, case=record)


def _put_on_record(
    matched: PersonMatch,
    person: Person | None,
    family: Family,
    stated: StatedCase,
    *,
    case_id: CaseId,
    at: datetime,
    new_id: NewId,
) -> Person:
    facts = PersonFacts(
        name=matched.stated.name,
        nik=matched.nik,
        nik_stated=matched.stated.nik is not None,
        birth_date=matched.stated.birth_date,
        sex=matched.stated.sex,
    )
    if person is None:
        return Person.record(
            facts,
            person_id=PersonId(new_id()),
            regency_code=regency_of(stated.village_code),
            village_code=stated.village_code,
            family_id=family.family_id,
            case_id=case_id,
            at=at,
        )
    # Only a family card moves somebody to another family: a visit to relatives does not.
    stays = person.family_id is not None and stated.kk is None
    person.find_again(
        facts,
        village_code=stated.village_code,
        family_id=person.family_id if stays and person.family_id is not None else family.family_id,
        case_id=case_id,
        at=at,
    )
    return person


async def _families_left(
    moved: Sequence[tuple[FamilyId | None, PersonId]], *, registry: Registry, at: datetime
) -> list[Family]:
    families: dict[FamilyId, Family] = {}
    for family_id, person_id in moved:
        if family_id is None:
            continue
        family = families.get(family_id) or await registry.family(family_id)
        if family is not None:
            family.leave(person_id, at=at)
            families[family_id] = family
    return list(families.values())


async def settle_need(
    need_id: NeedId,
    outcome: OutcomeCode,
    *,
    programme_code: ProgrammeCode | None,
    referral_id: ReferralId,
    registry: Registry,
    at: datetime,
    new_id: NewId,
) -> None:
    """Take over what a referral came to; a fulfilled one may bring participation, from the local day of ``at``.

    Raises:
        NotFoundError: no such need is recorded. TransitionRefusedError: it has been settled.
        StaleVersionError: the family was changed meanwhile.
    """
    family = await registry.family_of_need(need_id)
    if family is None:
        raise NotFoundError
    family.settle_need(
        need_id,
        outcome,
        programme_code=programme_code,
        referral_id=referral_id,
        participation_id=ParticipationId(new_id()),
        starts_on=at.astimezone(WIB).date(),
        at=at,
    )
    await registry.save(families=[family])


async def load_person(person_id: PersonId, *, registry: Registry, scope: Scope) -> Person:
    """The person.

    Raises:
        NotFoundError: also for somebody of another region, so that nobody learns that they are known.
    """
    person = await registry.person(person_id)
    if person is None:
        raise NotFoundError
    if not scope.covers(region=person.village_code):
        raise OutsideScopeError
    return person


async def load_family(family_id: FamilyId, *, registry: Registry, scope: Scope) -> Family:
    """The family.

    Raises:
        NotFoundError: also for a family of another region.
    """
    family = await registry.family(family_id)
    if family is None:
        raise NotFoundError
    if not scope.covers(region=family.village_code):
        raise OutsideScopeError
    return family


async def transfer_person(person: Person, village_code: RegionCode, *, registry: Registry, at: datetime) -> None:
    """A person lives elsewhere: seen there from now on, and no longer here.

    Raises:
        TransferRefusedError, ErasedError: nothing is changed.
    """
    person.transfer(village_code, at=at)
    await registry.save(persons=[person])


async def transfer_family(family: Family, village_code: RegionCode, *, registry: Registry, at: datetime) -> None:
    """A family lives elsewhere, with all who belong to it; whoever lives there already stays as they are.

    Raises:
        TransferRefusedError, ErasedError: nothing is changed.
    """
    family.transfer(village_code, at=at)
    members = await registry.persons(family.present)
    moving = [member for member in members if not member.erased and member.village_code != village_code]
    for member in moving:
        member.transfer(village_code, at=at)
    await registry.save(families=[family], persons=moving)


async def load_case(case_id: CaseId, *, registry: Registry, scope: Scope) -> CaseRecord:
    """What was made of a case.

    Raises:
        NotFoundError: not handled yet, or a case that is not the caller's to know of.
    """
    case = await registry.case_within(case_id, scope)
    if case is None:
        raise NotFoundError
    return case


async def erase_person(
    person: Person, reason: ErasureReason, *, registry: Registry, classes: Mapping[str, RetentionClass], at: datetime
) -> int:
    """Erase a person, and a family of which nobody is left. Every service, ours too, destroys its keys by the event.

    Returns how many cases the person was in.

    Raises:
        ErasedError: it was done before. RetentionError, UnlinkedCaseError: nothing is changed.
    """
    if person.erased:
        raise ErasedError
    facts = await registry.erasure_facts(person)
    check_may_be_erased(facts, classes, today=at.astimezone(WIB).date())
    families = await registry.families_without(person)
    for family in families:
        family.kk_number, family.erased = None, True
    person.erase(reason, cases=erased_in(facts), at=at)
    await registry.save(persons=[person], families=families)
    return len(facts.cases)


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
        participations_after=classes[PARTICIPATION_RECORD].newest_over(at.astimezone(WIB).date()),
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
        await _check_of_list(person, registry=registry, classes=classes, at=at)
    disposal = Disposal.propose(disposal_id=new_id(), regency_code=regency_code, persons=list(person_ids), by=by, at=at)
    registry.add_disposal(disposal)
    return disposal


async def _check_of_list(
    person: Person, *, registry: Registry, classes: Mapping[str, RetentionClass], at: datetime
) -> None:
    if person.erased:
        raise ErasedError(person_id=str(person.person_id))
    try:
        facts = await registry.erasure_facts(person)
        check_may_be_erased(facts, classes, today=at.astimezone(WIB).date())
    except (RetentionError, UnlinkedCaseError) as error:
        error.extra["person_id"] = str(person.person_id)
        raise


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
            await _check_of_list(person, registry=registry, classes=classes, at=at)
            await erase_person(person, ErasureReason.NO_LONGER_NEEDED, registry=registry, classes=classes, at=at)
            erased += 1
    await registry.save_disposal(disposal)
    return erased


async def refuse_disposal(disposal: Disposal, *, registry: Registry, by: str, at: datetime) -> None:
    """Say no: nobody is erased, and all are due as before. Raises what `Disposal.decide` raises."""
    disposal.decide(DisposalState.REFUSED, by=by, at=at)
    await registry.save_disposal(disposal)


async def set_legal_hold(person: Person, reason: str | None, *, registry: Registry) -> None:
    """Hold a person's data for an inquiry or a dispute, or let them go.

    Raises:
        ErasedError: there is nothing left to hold.
    """
    if person.erased:
        raise ErasedError
    person.legal_hold = reason
    await registry.save(persons=[person])


async def find_by_nik(written: str, *, registry: Registry, scope: Scope) -> list[Person]:
    """The person with exactly this NIK, inside the scope; nobody for a number that cannot be one."""
    nik = identifying_number(written)
    person = await registry.find_by_nik(nik, scope) if nik is not None else None
    return [] if person is None else [person]


async def find_by_name(name: str, birth_date: date, *, registry: Registry, scope: Scope) -> list[Person]:
    """Persons inside the scope with this birth date and a similar name, best first, at most `MOST_FOUND`."""
    found = await registry.find_by_birth_date(birth_date, name, scope)
    alike = [(similarity(name, person.compared_name), person) for person in found]
    best = sorted((a for a in alike if a[0] >= SAME_ENOUGH), key=lambda a: (-a[0], a[1].person_id))
    return [person for _, person in best[:MOST_FOUND]]
