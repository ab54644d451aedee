"""Find persons and families, and move them."""

from datetime import date, datetime

from slrt_contracts.types import FamilyId, PersonId
from slrt_kit.access import Scope
from slrt_kit.problems import NotFoundError, OutsideScopeError
from slrt_kit.regions import RegionCode
from slrt_registry.domain.family import Family
from slrt_registry.domain.names import SAME_ENOUGH, similarity
from slrt_registry.domain.numbers import identifying_number
from slrt_registry.domain.person import Person
from slrt_registry.ports import Registry

MOST_FOUND = 20
"""How many persons a search by name and birth date gives at most, best first."""


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
