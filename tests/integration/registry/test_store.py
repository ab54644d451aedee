"""The registry's store: what it refuses to write, and that it finds people without walking through everybody."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from slrt_contracts.types import FamilyId, NeedId, PersonId
from slrt_kit.access import Scope
from slrt_kit.db import StaleVersionError
from slrt_kit.messaging.processor import STALE
from slrt_kit.regions import RegionCode
from slrt_registry.domain.family import Family
from slrt_registry.domain.person import Person
from slrt_registry.store import families, persons

NIK, KK = "1274035708859001", "1274031505159001"
INDEX = bytes(range(16))
CITY = Scope(everywhere=False, region="12.74", office=None)
MakePerson = Callable[..., dict[str, Any]]


@pytest.fixture
async def two(service: Any, person: MakePerson) -> tuple[Person, Person]:
    """Siti Aminah with a NIK, and Budi without, each of a family of their own."""
    found = []
    for facts in ({"name": "Siti Aminah", "nik": NIK}, {"name": "Budi"}):
        case = await service.record(person(**facts), kk=KK if "nik" in facts else None)
        record = await service.records(case)
        async with service.database.unit_of_work() as work:
            found.append(await service.parts.registry(work).person(PersonId(UUID(record["persons"][0]["person_id"]))))
    return found[0], found[1]


async def save(service: Any, aggregate: Person | Family) -> None:
    async with service.database.unit_of_work() as work:
        registry = service.parts.registry(work)
        await (
            registry.save(persons=[aggregate]) if isinstance(aggregate, Person) else registry.save(families=[aggregate])
        )
        await work.commit()


async def test_a_person_whom_somebody_else_changed_is_stale(service: Any, two: tuple[Person, Person]) -> None:
    siti, _ = two
    siti.name = "Aminah"
    siti.version = 5
    with pytest.raises(StaleVersionError):
        await save(service, siti)
    assert [fields["name"] for fields in await service.people()] == ["Budi", "Siti Aminah"]


async def test_a_family_whom_somebody_else_changed_is_stale(service: Any, two: tuple[Person, Person]) -> None:
    siti, _ = two
    assert siti.family_id is not None
    async with service.database.unit_of_work() as work:
        family = await service.parts.registry(work).family(siti.family_id)
    family.village_code = RegionCode("12.74.05.1001")
    family.version += 1
    with pytest.raises(StaleVersionError):
        await save(service, family)
    assert await service.rows("SELECT 1 FROM families WHERE village_code = '12.74.05.1001'") == []


async def test_a_nik_that_somebody_else_got_meanwhile_is_stale_and_not_a_crash(
    service: Any, two: tuple[Person, Person]
) -> None:
    _, budi = two
    budi.nik = NIK
    with pytest.raises(STALE):
        await save(service, budi)


async def test_a_card_that_another_family_got_meanwhile_is_stale_and_not_a_crash(
    service: Any, two: tuple[Person, Person]
) -> None:
    _, budi = two
    async with service.database.unit_of_work() as work:
        assert budi.family_id is not None
        family = await service.parts.registry(work).family(budi.family_id)
    family.kk_number = KK
    with pytest.raises(STALE):
        await save(service, family)


async def test_no_number_is_kept_that_cannot_be_one(service: Any, two: tuple[Person, Person]) -> None:
    _, budi = two
    budi.nik = "-"
    with pytest.raises(ValueError, match="16 digits"):
        await save(service, budi)


async def test_who_is_not_there_is_none(service: Any) -> None:
    async with service.database.unit_of_work() as work:
        registry = service.parts.registry(work)
        assert await registry.person(PersonId(uuid4())) is None
        assert await registry.family(FamilyId(uuid4())) is None
        assert await registry.family_of_need(NeedId(uuid4())) is None


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (
            persons._CANDIDATES,
            {
                "case_id": uuid4(),
                "niks": [INDEX],
                "births": [INDEX],
                "village_code": "12.74.03.1002",
                "kk": INDEX,
            },
        ),
        (persons._BY_IDS, {"person_ids": [uuid4()]}),
        persons._by_nik(INDEX, CITY),
        persons._by_birth_date(INDEX, [INDEX], CITY),
        ("SELECT family_id FROM programme_needs WHERE need_id = %(need_id)s", {"need_id": uuid4()}),
        (f"SELECT {families._NEED_COLUMNS} FROM programme_needs WHERE family_id = %(id)s", {"id": uuid4()}),  # noqa: S608
        (f"SELECT {families._NEED_COLUMNS} FROM programme_needs WHERE case_id = %(id)s", {"id": uuid4()}),  # noqa: S608
    ],
)
async def test_nobody_is_looked_for_by_walking_through_everybody(
    service: Any, statement: Any, values: dict[str, object]
) -> None:
    """With few rows a walk is cheapest; forbidding it shows whether there is another way at all."""
    async with service.database.snapshot() as session:
        await session.run("SET LOCAL enable_seqscan = off")
        plan = [row[0] for row in await session.rows(f"EXPLAIN {statement}", values)]
    assert not [line for line in plan if "Seq Scan" in line], "\n".join(plan)
