"""Find or record the people of a case and what they ask of programmes, and tell what was made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from slrt_contracts.codes import OutcomeCode, ProgrammeCode
from slrt_contracts.types import CaseId, FamilyId, NeedId, ParticipationId, PersonId, ReferralId
from slrt_kit.access import Scope
from slrt_kit.clock import NewId, day_of
from slrt_kit.problems import NotFoundError
from slrt_kit.regions import regency_of
from slrt_registry.domain.family import Family
from slrt_registry.domain.matching import PersonMatch, StatedCase, match_case
from slrt_registry.domain.person import Person, PersonFacts
from slrt_registry.ports import CaseRecord, Parties, Registry


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
        starts_on=day_of(at),
        at=at,
    )
    await registry.save(families=[family])


async def load_case(case_id: CaseId, *, registry: Registry, scope: Scope) -> CaseRecord:
    """What was made of a case.

    Raises:
        NotFoundError: not handled yet, or a case that is not the caller's to know of.
    """
    case = await registry.case_within(case_id, scope)
    if case is None:
        raise NotFoundError
    return case
