"""Looks are told of the sealed log: each once, in batches, without who looked, whatever ends the teller."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import orjson
import psycopg
import pytest
from tests.drills.chains import Chain

from slrt_contracts.events import decode_event
from slrt_contracts.events.looks import MOST_LOOKS, LooksRecorded
from slrt_kit import metrics
from slrt_kit.audit import telling
from slrt_kit.audit.entries import Actor, Look
from slrt_kit.audit.record import record_access
from slrt_kit.audit.telling import LookTeller, TellerSettings
from slrt_kit.clock import new_uuid7
from slrt_kit.testing import FixedClock, eventually, running

CASE, PERSON = uuid4(), uuid4()
DESK = Actor(subject="depan.1274", roles=("front_office",), region="12.74.03", purpose="identity-check")


class Teller:
    """A teller on the audit log of one database, and what it told."""

    def __init__(self, chain: Chain, *, batch_size: int = 2000) -> None:
        self.chain = chain
        self.teller = LookTeller(
            database_url=chain.url,
            service="intake",
            clock=chain.clock,
            new_id=new_uuid7,
            settings=TellerSettings(batch_size=batch_size, every=0.05),
        )

    async def tell(self) -> int:
        async with await telling.connect(self.chain.url) as connection:
            return await self.teller.tell(connection)

    async def look(self, actor: Actor = DESK, look: Look | None = None, *, times: int = 1) -> None:
        seen = look or Look("read", "case-parties", CASE, ("name",))
        await record_access(self.chain.database, "intake", actor, [seen] * times)

    async def sealed(self) -> None:
        await self.chain.seal()

    async def events(self) -> list[tuple[int, LooksRecorded]]:
        """What is in the outbox: key sequence and event."""
        async with self.chain.database.read() as session:
            rows = await session.rows(
                "SELECT key_sequence, topic, convert_from(payload, 'UTF8') AS payload FROM outbox ORDER BY seq"
            )
        assert {row.topic for row in rows} <= {"slrt.intake.looks.v1"}
        told = [decode_event("id.slrt.intake.looks-recorded.v1", row.payload) for row in rows]
        return [
            (row.key_sequence, each) for row, each in zip(rows, told, strict=True) if isinstance(each, LooksRecorded)
        ]

    async def looks(self) -> list[Any]:
        return [look for _, event in await self.events() for look in event.looks]


@pytest.fixture
async def told(service_database: Callable[[str], str], fixed_clock: FixedClock) -> AsyncIterator[Teller]:
    chain = Chain(service_database("intake"), fixed_clock)
    yield Teller(chain)
    await chain.close()


async def test_what_is_not_sealed_is_not_told(told: Teller) -> None:
    await told.look()
    assert await told.tell() == 0
    assert await told.events() == []


async def test_a_look_is_told_by_role_office_purpose_and_time_and_not_by_whom(told: Teller) -> None:
    await told.look(look=Look("unmask", "person", PERSON, ("nik",), case_id=CASE))
    await told.sealed()
    await told.tell()
    [(sequence, event)] = await told.events()
    [look] = event.looks
    assert sequence == 1
    assert look.model_dump(mode="json") == {
        "position": 1,
        "looked_at": told.chain.clock.now().isoformat().replace("+00:00", "Z"),
        "action": "unmask",
        "object_type": "person",
        "object_id": str(PERSON),
        "case_id": str(CASE),
        "role": "front_office",
        "office_code": "12.74.SLRT",
        "purpose": "identity-check",
    }
    assert b"depan" not in event.encode()


@pytest.mark.parametrize(
    "look",
    [
        Look("read", "case-parties", CASE, (), result="refused"),
        Look("search", "person-search", CASE, ("nik",)),
        Look("read", "draft", CASE, ("text",)),
        Look("read", "audit", CASE, ("entries",)),
        Look("see", "case", CASE, ("looks",)),
        Look("draft-written", "draft", CASE, ("text",)),
    ],
    ids=lambda look: f"{look.result} {look.action} {look.object_type}",
)
async def test_what_showed_nobody_s_data_is_not_told(look: Look, told: Teller) -> None:
    await told.look(look=look)
    await told.sealed()
    assert await told.tell() == 1
    assert await told.events() == []


async def test_what_was_written_is_no_look(told: Teller) -> None:
    await told.chain.close_case(subject="depan.1274")
    await told.sealed()
    assert await told.tell() == 1
    async with told.chain.database.read() as session:
        assert await session.value("SELECT count(*) FROM outbox WHERE topic = 'slrt.intake.looks.v1'") == 0


@pytest.mark.parametrize(
    ("actor", "role", "office", "purpose"),
    [
        (Actor(subject="x", roles=("manager", "facilitator"), region="12.74"), "manager", "12.74.SLRT", "not-stated"),
        (Actor(subject="x", roles=("opd_officer",), office="12.74.PUPR"), "opd_officer", "12.74.PUPR", "not-stated"),
        (Actor(subject="x", roles=("opd_officer",), region="12.74"), "opd_officer", None, "not-stated"),
        (Actor(subject="x", roles=("partner",), office="Budi Santoso"), "partner", None, "not-stated"),
        (
            Actor(subject="slrt-registry", roles=("service",), region="12", purpose="registry-record"),
            *("service", None, "registry-record"),
        ),
        (Actor(subject="x", roles=("budi",), purpose="siti-aminah"), "other", None, "other"),
        (Actor(subject="x", roles=(), purpose="12.74.05.140590.9001"), "other", None, "other"),
        (Actor(subject="resident", roles=("resident",)), "resident", None, "not-stated"),
    ],
)
async def test_nothing_that_a_caller_may_write_freely_gets_into_an_event(
    actor: Actor, role: str, office: str | None, purpose: str, told: Teller
) -> None:
    await told.look(actor)
    await told.sealed()
    await told.tell()
    [look] = await told.looks()
    assert (look.role, look.office_code, look.purpose) == (role, office, purpose)


async def test_every_look_is_told_once_in_order_over_many_batches(told: Teller) -> None:
    told.teller._settings = TellerSettings(batch_size=7)
    await told.look(times=40)
    await told.sealed()
    while await told.tell():
        pass
    await told.look(times=3)
    await told.sealed()
    assert await told.tell() == 3
    assert [look.position for look in await told.looks()] == list(range(1, 44))
    assert [sequence for sequence, _ in await told.events()] == list(range(1, 8))


async def test_a_large_batch_is_several_events(told: Teller) -> None:
    await told.look(times=2 * MOST_LOOKS + 1)
    await told.sealed()
    assert await told.tell() == 2 * MOST_LOOKS + 1
    assert [len(event.looks) for _, event in await told.events()] == [MOST_LOOKS, MOST_LOOKS, 1]
    assert {event.chain_id for _, event in await told.events()} == {await _chain_id(told)}


async def test_an_export_is_a_look_at_each_of_its_cases_in_events_and_batches_that_are_bounded(told: Teller) -> None:
    cases = [uuid4() for _ in range(10_000)]
    for begin in range(0, len(cases), 200):
        await told.look(look=Look("export", "case-parties", PERSON, ("name:masked",), cases=cases[begin : begin + 200]))
    await told.look()
    await told.sealed()
    read = [await told.tell() for _ in range(5)]
    assert read == [15, 15, 15, 6, 0], "of 51 entries, 3,000 looks at once"
    looks = await told.looks()
    assert [look.object_id for look in looks] == [*cases, CASE], "each once, by its case and not by the export"
    assert {(look.action, look.object_type) for look in looks[:-1]} == {("export", "case-parties")}
    events = await told.events()
    assert max(len(event.looks) for _, event in events) == MOST_LOOKS
    assert max(len(event.encode()) for _, event in events) < 100_000
    assert [sequence for sequence, _ in events] == list(range(1, len(events) + 1))


async def test_killed_within_an_export_it_goes_on_where_it_was(told: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [uuid4() for _ in range(20)]
    for begin in range(0, len(cases), 4):
        await told.look(look=Look("export", "case", PERSON, ("status",), cases=cases[begin : begin + 4]))
    await told.sealed()
    monkeypatch.setattr(telling, "_MOST_AT_ONCE", 8)
    await told.tell()
    with monkeypatch.context() as dying:
        dying.setattr(telling, "_KEEP_PLACE", "SELECT pg_terminate_backend(pg_backend_pid()), %s, %s")
        with pytest.raises(psycopg.OperationalError):
            await told.tell()
    while await told.tell():
        pass
    assert [look.object_id for look in await told.looks()] == cases


async def test_running_it_waits_for_nothing_while_more_is_there(told: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    told.teller._settings = TellerSettings(every=3600)
    monkeypatch.setattr(telling, "_MOST_AT_ONCE", 2)
    for _ in range(5):
        await told.look(look=Look("export", "case", PERSON, ("status",), cases=[uuid4(), uuid4()]))
    await told.sealed()
    async with running(told.teller.run):
        await eventually(lambda: _told_all(told, 10))


async def test_tellers_side_by_side_tell_each_look_once(told: Teller) -> None:
    await told.look(times=50)
    await told.sealed()
    others = [Teller(told.chain, batch_size=9) for _ in range(4)]
    await asyncio.gather(*(each.tell() for _ in range(8) for each in others))
    while await told.tell():
        pass
    assert sorted(look.position for look in await told.looks()) == list(range(1, 51))


async def test_killed_before_its_commit_it_has_told_nothing_and_tells_it_again(
    told: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told.look(times=5)
    await told.sealed()
    monkeypatch.setattr(telling, "_KEEP_PLACE", "SELECT pg_terminate_backend(pg_backend_pid()), %s, %s")
    with pytest.raises(psycopg.OperationalError):
        await told.tell()
    assert await told.events() == []
    monkeypatch.undo()
    await told.tell()
    assert [look.position for look in await told.looks()] == [1, 2, 3, 4, 5]


async def test_an_entry_that_cannot_be_read_holds_up_nothing(told: Teller) -> None:
    async with told.chain.database.statement() as connection:
        for entry in ('{"action":"read","at":"yesterday"', '{"action":"read","object_type":"case","result":"ok"}'):
            await connection.run("INSERT INTO audit_unsealed (entry) VALUES (%(entry)s)", {"entry": entry})
    await told.look()
    async with told.chain.database.statement() as connection:
        # The sealer reads entries too, and is not what is tried here.
        await connection.run(
            "INSERT INTO audit (position, link, entry) "
            "SELECT row_number() OVER (ORDER BY id), decode(repeat('00', 32), 'hex'), entry FROM audit_unsealed"
        )
        await connection.run(
            "INSERT INTO audit_head (statement, signature) VALUES (%(statement)s, '')",
            {"statement": orjson.dumps({"chain": str(CASE)}).decode()},
        )
    assert await told.tell() == 3
    assert [look.position for look in await told.looks()] == [3]


async def test_running_it_tells_what_comes_and_ends_when_asked(told: Teller) -> None:
    async with running(told.teller.run):
        await told.look()
        await told.sealed()
        await eventually(told.events)
    assert len(await told.looks()) == 1


async def test_a_fault_of_its_own_ends_nothing_beside_it_and_is_told_by_a_metric(
    told: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told.look()
    await told.sealed()
    monkeypatch.setattr(telling, "_NEXT", "SELECT no_such_column FROM audit WHERE position > %s LIMIT %s")
    async with running(told.teller.run):
        told.chain.clock.move(seconds=1)
        await eventually(lambda: told.chain.clock.move(seconds=10) or metrics.LOOKS_UNTOLD_AGE._value.get() > 9)
        assert await told.events() == []
        monkeypatch.undo()
        await eventually(told.events)
        await eventually(lambda: metrics.LOOKS_UNTOLD_AGE._value.get() == 0)


async def _chain_id(told: Teller) -> UUID:
    async with told.chain.database.read() as session:
        return UUID(orjson.loads(await session.value("SELECT statement FROM audit_head"))["chain"])


async def _told_all(told: Teller, count: int) -> bool:
    return len(await told.looks()) == count
