"""Intake removes by itself what was kept for its period, a batch at a time, and nothing that somebody still needs."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from slrt_kit.db import Database
from slrt_kit.privacy import ERASED, SealedRow, Vault
from slrt_kit.privacy.sweep import LOCK_KEY, RetentionSweep, sweep_rules
from slrt_kit.testing import FixedClock
from slrt_kit.testing.service import vault_of

RULES = sweep_rules("slrt_intake")
TABLES = ("looks", "case_people", "exports", "ticket_failures", "resident_sessions", "resident_challenges", "drafts",
          "idempotency", "cases")  # fmt: skip
PERIODS = {"draft": 30, "code": 2, "session": 0, "guess": 1, "answer": 7, "export": 366, "look": 366}
"""Days after which a row is over in any calendar; at one day less it is not."""

_CASE = """
    INSERT INTO cases (case_id, version, event_sequence, ticket_number, status, channel, village_code, urgent,
                       has_subject, registered_by, registered_at, closed_at, key_id)
    VALUES (%(id)s, 1, 1, %(ticket)s, 'registered', 'puskesos', '12.74.03.1002', false, true, 'kader', %(at)s,
            %(closed)s, 1)
    """
_INSERT = {
    "draft": "INSERT INTO drafts (draft_id, version, author, warnings, created_at, case_id, key_id, sealed) "
    "VALUES (%(id)s, 1, 'kader', '[]', %(at)s, %(case)s, %(key)s, %(sealed)s)",
    "code": "INSERT INTO resident_challenges (challenge_id, case_id, requested_at, expires_at, wrong) "
    "VALUES (%(id)s, %(case)s, %(at)s, %(at)s, 0)",
    "session": "INSERT INTO resident_sessions (token_hash, case_id, opened_at, expires_at) "
    "VALUES (decode(repeat(replace(CAST(%(id)s AS text), '-', ''), 2), 'hex'), %(case)s, %(at)s, %(at)s)",
    "guess": "INSERT INTO ticket_failures (ticket_number, failures, first_at) VALUES (CAST(%(id)s AS text), 1, %(at)s)",
    "answer": "INSERT INTO idempotency (subject, key, fingerprint, created_at) "
    "VALUES ('kader', CAST(%(id)s AS text), '', %(at)s)",
    "export": "INSERT INTO exports (export_id, version, requested_by, region_code, purpose, filters, columns, "
    "unmasked, key_id, sealed, requested_at, state, fetches) VALUES (%(id)s, 1, 'bo', '12.74', 'reporting', '{}', "
    "'{}', '{}', %(key)s, %(sealed)s, %(at)s, 'requested', 0)",
    "look": "INSERT INTO looks (chain_id, position, service, looked_at, action, object_type, object_id, case_id, role, "
    "purpose, in_emergency) VALUES (%(id)s, 1, 'intake', %(at)s, 'read', %(kind)s, %(object)s, %(case)s, 'manager', "
    "'case-handling', false)",
}
_LEFT = """
    SELECT draft_id FROM drafts UNION ALL SELECT challenge_id FROM resident_challenges
    UNION ALL SELECT CAST(left(encode(token_hash, 'hex'), 32) AS uuid) FROM resident_sessions
    UNION ALL SELECT CAST(ticket_number AS uuid) FROM ticket_failures
    UNION ALL SELECT CAST(key AS uuid) FROM idempotency UNION ALL SELECT export_id FROM exports
    UNION ALL SELECT chain_id FROM looks
    """


class Store:
    """A database of intake with a clock, and rows of any age."""

    def __init__(self, url: str, vault: Vault) -> None:
        self.clock = FixedClock()
        self.database = Database(url, clock=self.clock)
        self.vault = vault

    async def empty(self) -> None:
        async with self.database.unit_of_work() as work:
            for table in TABLES:
                await work.connection.run(f"DELETE FROM {table}")  # noqa: S608 — names above
            await work.commit()

    async def run(self, statement: str, **values: Any) -> None:
        async with self.database.statement() as connection:
            await connection.run(statement, values)

    async def case(self, *, days_closed: int | None) -> UUID:
        case_id, now = uuid4(), self.clock.now()
        closed = None if days_closed is None else now - timedelta(days=days_closed)
        await self.run(_CASE, id=case_id, ticket=str(case_id), at=now, closed=closed)
        return case_id

    async def add(self, what: str, *, days: float, case: UUID | None = None, **more: Any) -> UUID:
        """A row that is so many days old."""
        row = uuid4()
        values = {"id": row, "at": self.clock.now() - timedelta(days=days), "case": case, "kind": "case",
                  "object": uuid4(), "key": None, "sealed": None}  # fmt: skip
        if what in ("draft", "export"):
            (key,) = await self.vault.keys.take(1)
            sealed = self.vault.seal(key, {"text": "Mawar Karangan"}, table=what, row=row)
            values |= {"key": key.key_id, "sealed": sealed}
        await self.run(_INSERT[what], **values | more)
        return row

    async def left(self) -> set[UUID]:
        async with self.database.read() as session:
            return set(await session.values(_LEFT))

    def sweep(self, *, at_once: int = 3, destroy: Any = None) -> RetentionSweep:
        return RetentionSweep(self.database, RULES, destroy=destroy or self.vault.destroy, at_once=at_once, pause=0)

    async def close(self) -> None:
        await self.database.close()
        await self.vault.close()


@pytest.fixture(scope="module")
def intake_url(service_database: Callable[[str], str]) -> str:
    return service_database("intake")


@pytest.fixture
async def store(intake_url: str) -> Any:
    made = Store(intake_url, vault_of("intake", intake_url))
    await made.empty()
    yield made
    await made.close()


@pytest.mark.parametrize("what", PERIODS)
async def test_nothing_goes_before_its_period_is_over_and_everything_does_then(store: Store, what: str) -> None:
    case = await store.case(days_closed=5000) if what in ("code", "session") else None
    days = PERIODS[what]
    # Months end with a day.
    early = 1.5 if days == PERIODS["look"] else 0.02
    young = await store.add(what, days=days - early, case=case)
    assert await store.sweep().once() == 0
    assert await store.left() == {young}
    store.clock.move(days=early, minutes=1)
    assert await store.sweep().once() == 1
    assert await store.left() == set()


async def test_a_draft_that_became_a_case_stays_with_it(store: Store) -> None:
    kept = await store.add("draft", days=900, case=await store.case(days_closed=None))
    await store.add("draft", days=31)
    assert await store.sweep().once() == 1
    assert await store.left() == {kept}


async def test_what_is_removed_is_unreadable_in_a_copy_that_was_made_before(store: Store) -> None:
    row = await store.add("draft", days=31)
    async with store.database.read() as session:
        found = await session.one("SELECT key_id, sealed FROM drafts")
    copy = SealedRow(found.key_id, found.sealed, row)
    assert await store.vault.unseal_one(copy, table="draft") == {"text": "Mawar Karangan"}
    await store.sweep().once()
    assert await store.vault.unseal_one(copy, table="draft") is ERASED


async def test_a_look_stays_while_its_case_is_open_or_kept_or_somebody_leads_to_it(store: Store) -> None:
    person, family, gone = uuid4(), uuid4(), uuid4()
    old = await store.case(days_closed=4000)
    await store.run(
        "INSERT INTO case_people VALUES (%(c)s, %(p)s, %(f)s)", c=await store.case(days_closed=4000), p=person, f=family
    )
    kept = {
        await store.add("look", days=3000, case=await store.case(days_closed=None)),
        await store.add("look", days=3000, case=await store.case(days_closed=300)),
        await store.add("look", days=3000, kind="person", object=person),
        await store.add("look", days=3000, kind="family", object=family),
        await store.add("look", days=300, case=old),
    }
    for more in ({"case": old}, {"kind": "person", "object": gone}, {"case": uuid4()}):
        await store.add("look", days=3000, **more)
    assert await store.sweep(at_once=1).once() == 3
    assert await store.left() == kept
    # The person is erased.
    await store.run("DELETE FROM case_people WHERE person_id = %(p)s", p=person)
    assert await store.sweep().once() == 2


async def test_many_that_are_held_back_do_not_hide_one_that_is_over(store: Store) -> None:
    case = await store.case(days_closed=None)
    kept = {await store.add("look", days=3000 - day, case=case) for day in range(10)}
    await store.add("look", days=2000)
    assert await store.sweep(at_once=2).once() == 1
    assert await store.left() == kept


async def test_a_row_that_somebody_works_on_is_left_for_the_next_round(store: Store, intake_url: str) -> None:
    row = await store.add("draft", days=31)
    other = await store.add("draft", days=32)
    with psycopg.connect(intake_url) as busy:
        busy.execute("SELECT FROM drafts WHERE draft_id = %s FOR UPDATE", (row,))
        assert await store.sweep().once() == 1
        assert await store.left() == {row}
    assert other not in await store.left()
    assert await store.sweep().once() == 1


async def test_one_copy_at_a_time_sweeps(store: Store, intake_url: str) -> None:
    row = await store.add("draft", days=31)
    with psycopg.connect(intake_url) as elsewhere:
        elsewhere.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (LOCK_KEY,))
        assert await store.sweep().once() == 0
        assert await store.left() == {row}
    assert sum(await asyncio.gather(*(store.sweep().once() for _ in range(4)))) == 1


async def test_a_round_counts_when_it_ends_and_not_when_it_breaks_off(store: Store) -> None:
    async def ended() -> Any:
        async with store.database.read() as session:
            return await session.value("SELECT ended_at FROM retention_round")

    async def away(_: Any) -> int:
        raise psycopg.OperationalError("the keys database is away")

    before = await ended()
    await store.add("draft", days=31)
    with pytest.raises(psycopg.OperationalError):
        await store.sweep(destroy=away).once()
    assert await ended() == before
    assert len(await store.left()) == 1
    await store.sweep().once()
    assert await ended() == store.clock.now()


def _ages(what: str) -> st.SearchStrategy[int]:
    """In days: any, and just about the period."""
    return st.integers(0, 800) | st.integers(max(PERIODS[what] - 2, 0), PERIODS[what] + 2)


_ROWS = st.sampled_from(sorted(PERIODS)).flatmap(lambda what: st.tuples(st.just(what), _ages(what), st.booleans()))


class Sweeping(RuleBasedStateMachine):
    """Rows of any age, time, cases that close, sweeps that are killed: what is over goes, and nothing else."""

    loop: asyncio.AbstractEventLoop
    store: Store

    @initialize()
    def begin(self) -> None:
        self._do(self.store.empty())
        self.store.clock = self.store.database.clock = FixedClock()
        self.begun: dict[UUID, tuple[str, Any, UUID | None]] = {}
        self.cases: dict[UUID, Any] = {}
        self.removed: set[UUID] = set()

    def _do(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def _held(self, row: UUID) -> bool:
        """Whether it must be there at this time."""
        what, begun, case = self.begun[row]
        now = self.store.clock.now()
        if what == "draft" and case is not None:
            return True
        if what == "look" and case is not None:
            closed = self.cases[case]
            if closed is None or now - closed < timedelta(days=365):
                return True
        return now - begun < timedelta(days=365 if PERIODS[what] == 366 else PERIODS[what])

    def _over(self, row: UUID) -> bool:
        """Whether it must be gone after a sweep at this time."""
        what, begun, case = self.begun[row]
        now = self.store.clock.now()
        held = self._held(row) or now - begun <= timedelta(days=PERIODS[what])
        if what == "look" and case is not None and not held:
            return bool(now - self.cases[case] > timedelta(days=366))
        return not held

    @rule(rows=st.lists(_ROWS, min_size=2, max_size=8))
    def rows_come(self, rows: list[tuple[str, int, bool]]) -> None:
        for what, age, of_case in rows:
            case = None
            if what in ("code", "session") or (of_case and what in ("draft", "look")):
                case = self._do(self.store.case(days_closed=None))
                self.cases[case] = None
            made = self._do(self.store.add(what, days=age, case=case))
            self.begun[made] = (what, self.store.clock.now() - timedelta(days=age), case)

    @rule(days=st.integers(1, 30) | st.integers(1, 500))
    def time_passes(self, days: int) -> None:
        self.store.clock.move(days=days)

    @rule(choice=st.integers(0, 50))
    def case_closes(self, choice: int) -> None:
        still_open = [case for case, closed in self.cases.items() if closed is None]
        if still_open:
            case, now = still_open[choice % len(still_open)], self.store.clock.now()
            self._do(self.store.run("UPDATE cases SET closed_at = %(at)s WHERE case_id = %(id)s", at=now, id=case))
            self.cases[case] = now

    @rule(at_once=st.integers(1, 4), batches=st.integers(1, 6))
    def sweep_is_killed(self, at_once: int, batches: int) -> None:
        """After some batches it goes no further, or the keys go and the rows do not."""
        left = iter(range(batches))

        async def until_killed(keys: Any) -> int:
            gone = await self.store.vault.destroy(keys)
            if next(left, None) is None:
                raise psycopg.OperationalError("killed")
            return gone

        async def swept() -> None:
            stop = asyncio.Event()
            sweep = self.store.sweep(at_once=at_once, destroy=until_killed)
            asyncio.get_running_loop().call_later(0.002 * batches, stop.set)
            try:
                await sweep.once(stop)
            except psycopg.OperationalError:
                return

        self._do(swept())

    @rule(at_once=st.integers(1, 4))
    def sweep(self, at_once: int) -> None:
        self._do(self.store.sweep(at_once=at_once).once())
        left = self._do(self.store.left())
        assert not {row for row in left if self._over(row)}

    @invariant()
    def what_is_held_is_there(self) -> None:
        if not hasattr(self, "begun"):
            return
        left = self._do(self.store.left())
        missing = self.begun.keys() - left
        assert not {row for row in missing - self.removed if self._held(row)}
        self.removed |= missing


@pytest.fixture
def own_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def test_under_any_order_of_events_nothing_goes_early_and_everything_goes(
    intake_url: str, own_loop: asyncio.AbstractEventLoop
) -> None:
    made = Store(intake_url, vault_of("intake", intake_url))
    machine = type("Case", (Sweeping,), {"loop": own_loop, "store": made})
    limits = settings(
        max_examples=30,
        stateful_step_count=12,
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=(Phase.generate,),
    )
    run_state_machine_as_test(machine, settings=limits)
    own_loop.run_until_complete(made.close())
