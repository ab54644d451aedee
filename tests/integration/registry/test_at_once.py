"""Cases of one family that come at once make one family, whichever of the guards has to hold."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from slrt_kit.db import UnitOfWork
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import Vault
from slrt_registry.consumers import ConsumerParts, cases
from slrt_registry.domain.matching import StatedCase
from slrt_registry.store import RegistryStore

MOTHER_NIK, CHILD_NIK = "1274035708859001", "1274031203149003"
KK = "1274031505159001"
MakePerson = Callable[..., dict[str, Any]]

FAMILIES: dict[str, tuple[list[dict[str, Any]], str | None]] = {
    "by card, nobody has a number": ([{"name": "Siti Aminah"}, {"name": "Budi Santoso"}], KK),
    "by the NIK of one": ([{"name": "Siti Aminah", "nik": MOTHER_NIK}, {"name": "Budi Santoso"}], None),
    "by birth date, without any number": ([{"name": "Siti Aminah", "born": "1985-08-17"}], None),
}


class Gate:
    """Holds the first transaction open with everything written, until it is let go."""

    def __init__(self) -> None:
        self.reached, self.go = asyncio.Event(), asyncio.Event()


class HeldStore(RegistryStore):
    """A store that waits at the gate after its last statement; without ``locks`` it takes no advisory locks."""

    def __init__(self, work: UnitOfWork, vault: Vault, gate: Gate | None, *, locks: bool) -> None:
        super().__init__(work, Outbox("registry"), vault)
        self._gate, self._locks = gate, locks

    async def hold(self, stated: StatedCase) -> None:
        if self._locks:
            await super().hold(stated)

    async def save(self, **what: Any) -> None:
        await super().save(**what)
        await self._work.connection.send_checked()
        if self._gate is not None:
            self._gate.reached.set()
            await self._gate.go.wait()


def worker(service: Any, gate: Gate | None = None, *, locks: bool = True) -> Processor[ConsumerParts]:
    """A worker of its own."""

    def store(work: UnitOfWork) -> HeldStore:
        return HeldStore(work, service.vault, gate, locks=locks)

    parts = ConsumerParts(service.database, service.parts.claims, store)
    return Processor(consumer="slrt.registry.cases", database=service.database, handlers=cases, deps=parts)


async def both(
    first: Callable[[Gate], Coroutine[Any, Any, Outcome]], second: Callable[[], Coroutine[Any, Any, Outcome]]
) -> None:
    """Start the second while the first has written everything and not committed; both must be applied in the end."""
    gate = Gate()
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        one = tasks.create_task(first(gate))
        await gate.reached.wait()
        other = tasks.create_task(second())
        done, _ = await asyncio.wait({other}, timeout=0.5)
        gate.go.set()
    assert not done, "the second must wait for what the first is about to commit"
    assert [one.result(), other.result()] == [Outcome.APPLIED, Outcome.APPLIED]


@pytest.mark.parametrize(
    ("family", "locks"),
    [
        *((family, True) for family in FAMILIES),
        # Without the advisory locks the unique indexes and the versions must do; they cannot for who has no number.
        *((family, False) for family in list(FAMILIES)[:2]),
    ],
)
async def test_two_cases_of_an_unknown_family_at_once_make_one_family(
    service: Any, person: MakePerson, family: str, locks: bool
) -> None:
    people, kk = FAMILIES[family]
    first = service.told(*(person(**facts) for facts in people), kk=kk)
    second = service.told(*(person(**facts) for facts in reversed(people)), kk=kk)
    await both(
        lambda gate: worker(service, gate, locks=locks).process(first.raw),
        lambda: worker(service, locks=locks).process(second.raw),
    )
    assert await service.count("families") == 1
    assert await service.count("persons") == len(people)
    assert await service.count("programme_needs") == 2
    records = [await service.records(case) for case in (first, second)]
    assert len({found["family_id"] for found in records}) == 1
    assert await service.parked() == []


async def test_two_cases_of_a_known_family_by_different_members_at_once_add_one_new_member(
    service: Any, person: MakePerson
) -> None:
    """No number and no birth date in common: the version of the family is what tells the second to look again."""
    await service.record(person("Siti Aminah", nik=MOTHER_NIK), person("Budi Santoso", nik=CHILD_NIK), kk=KK)
    first = service.told(person("Siti Aminah", nik=MOTHER_NIK), person("Rahmat Hidayat"))
    second = service.told(person("Budi Santoso", nik=CHILD_NIK), person("Rahmat Hidayat"))
    await both(
        lambda gate: worker(service, gate).process(first.raw),
        lambda: worker(service).process(second.raw),
    )
    assert await service.count("persons") == 3
    assert await service.count("families") == 1


async def test_a_crowd_of_cases_of_one_family_makes_one_family_and_its_events_have_no_gap(
    service: Any, person: MakePerson
) -> None:
    people = [
        {"name": "Siti Aminah", "nik": MOTHER_NIK, "born": "1985-08-17"},
        {"name": "Budi Santoso", "nik": CHILD_NIK, "born": "2014-03-12"},
        {"name": "Rahmat Hidayat", "born": "1982-11-03"},
        {"name": "Dewi Lestari"},
    ]
    told = [
        service.told(*(person(**facts) for facts in people[turn % 4 :] + people[: turn % 4]), kk=KK)
        for turn in range(8)
    ]
    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(*(worker(service).process(case.raw) for case in told))
    assert set(outcomes) == {Outcome.APPLIED}
    assert (await service.count("families"), await service.count("persons")) == (1, 4)
    sequences = await service.rows("SELECT key_sequence FROM outbox WHERE topic LIKE '%family%' ORDER BY seq")
    assert [row.key_sequence for row in sequences] == list(range(1, 17))


async def test_outcomes_of_one_family_at_once_are_all_kept(service: Any, person: MakePerson) -> None:
    case = await service.record(person("Budi Santoso"), needs={"PIP": 0, "BPBL": None, "PKH": None})
    async with asyncio.timeout(30):
        outcomes = await asyncio.gather(*(service.complete(case, need) for need in ("PIP", "BPBL", "PKH")))
    assert set(outcomes) == {Outcome.APPLIED}
    assert await service.count("participations") == 3
