"""The sealer skips nothing, reorders nothing, survives every kill, and notices when its work was altered."""

import asyncio
import os
import signal
import sys
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from tests.drills.chains import ACTOR, Chain

from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.audit.sealer import ChainBrokenError, connect
from slrt_kit.audit.store import SealedStore
from slrt_kit.testing import eventually


def look(what: str = "read") -> Look:
    return Look(what, "person", uuid4(), ("name",), case_id=uuid4())


async def actions(chain: Chain) -> list[str]:
    return [entry["action"] for entry in await chain.entries()]


async def alter(chain: Chain, *statements: str) -> None:
    """As somebody does who owns the tables."""
    async with await psycopg.AsyncConnection.connect(chain.url) as connection:
        for table in ("audit", "audit_days"):
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            await connection.execute(statement)
        for table in ("audit", "audit_days"):
            await connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


async def test_an_entry_that_becomes_visible_after_later_ones_were_sealed_is_sealed_all_the_same(
    audited: Chain,
) -> None:
    async with audited.database.unit_of_work() as slow:
        record_looks(slow, "intake", ACTOR, [look("slow")])
        await slow.connection.run("SELECT 1")
        await audited.write(1, look=look("quick"))
        assert await audited.seal() == 1
        await slow.commit()
    assert await audited.seal() == 1
    assert await actions(audited) == ["quick", "slow"]
    assert audited.check(await audited.export()).is_sound


async def test_entries_of_one_transaction_keep_their_order_also_over_several_batches(audited: Chain) -> None:
    names = [f"step-{number}" for number in range(2500)]
    async with audited.database.unit_of_work() as work:
        record_looks(work, "intake", ACTOR, [look(name) for name in names])
        await work.commit()
    assert await audited.seal() == 2500
    assert await actions(audited) == names


async def test_only_one_of_two_sealers_leads_and_the_other_takes_over(audited: Chain) -> None:
    async with await connect(audited.url) as other:
        async with await connect(audited.url) as first:
            assert await SealedStore(first).try_to_lead()
            assert not await SealedStore(other).try_to_lead()
        await eventually(SealedStore(other).try_to_lead)
        await audited.write(3)
        assert await audited.new_sealer().seal(other) == 3


async def test_a_running_sealer_seals_what_comes_and_waits_for_a_database_that_is_away(audited: Chain) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(audited.sealer.run(stop))
    try:
        await audited.write(5)
        await _sealed(audited, 5)
        async with await psycopg.AsyncConnection.connect(audited.url, autocommit=True) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'slrt-audit-sealer' "
                "AND datname = current_database()"
            )
        await audited.write(5)
        await _sealed(audited, 10)
    finally:
        stop.set()
        await running
    assert audited.check(await audited.export()).is_sound


async def _sealed(chain: Chain, count: int) -> None:
    async def enough() -> bool:
        return len(await chain.entries()) == count

    await eventually(enough)


KILLED = """
import asyncio, sys
from slrt_kit.audit.sealer import Sealer, SealerSettings
from slrt_kit.audit.statements import Signer
sealer = Sealer(database_url=sys.argv[1], service="intake", signer=Signer("5e" * 32),
                settings=SealerSettings(batch_size=7, every=0.001))
asyncio.run(sealer.run(asyncio.Event()))
"""


async def test_a_sealer_that_is_killed_again_and_again_has_sealed_each_entry_once(audited: Chain) -> None:
    written = 0
    for round_number in range(6):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, audited.url)
        try:
            for _ in range(60):
                await audited.write(1, look=look(f"n{written}"))
                written += 1
                # Whichever statement it is at: the moments are spread over its rounds.
                if len(await audited.entries()) > 40 * round_number + 20:
                    break
        finally:
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
    audited.clock.move(days=365)  # past the machine's own date, by which the killed ones counted
    await _free(audited)
    await audited.seal()
    found = await actions(audited)
    assert sorted(found, key=lambda name: int(name[1:])) == [f"n{number}" for number in range(written)]
    assert audited.check(await audited.export()).is_sound


async def _free(chain: Chain) -> None:
    """PostgreSQL notices that a killed client is gone."""

    async def free() -> bool:
        async with await connect(chain.url) as connection:
            return await SealedStore(connection).try_to_lead()

    await eventually(free)


# -- what was altered ---------------------------------------------------------------------------------------------

ALTERED = {
    "the last entry is gone": ("DELETE FROM audit WHERE position = 9", "position 9: "),
    "the last three are gone": ("DELETE FROM audit WHERE position > 6", "position 7: "),
    "all are gone": ("DELETE FROM audit", "position 1: "),
    "the last is another": (
        """UPDATE audit SET entry = replace(entry, 'coordinator-1', 'coordinator-2') WHERE position = 9""",
        "position 9: ",
    ),
    "the last has another link": ("UPDATE audit SET link = sha256('x') WHERE position = 9", "position 9: "),
    "one was added": (
        "INSERT INTO audit (position, link, entry) SELECT 10, link, entry FROM audit WHERE position = 9",
        "position 10: ",
    ),
    "the end is not signed": ("UPDATE audit_head SET statement = replace(statement, '9', '8')", "the chain's end"),
    "the end is gone": ("DELETE FROM audit_head", "position 1: "),
}


@pytest.mark.parametrize("how", ALTERED)
@pytest.mark.parametrize("anew", [False, True], ids=["the same process", "a process that starts anew"])
async def test_it_seals_nothing_more_when_the_end_of_the_chain_was_altered_and_says_where(
    audited: Chain, how: str, anew: bool
) -> None:
    statement, where = ALTERED[how]
    await audited.write(9)
    await audited.seal()
    await audited.write(2)
    await alter(audited, statement)
    if anew:
        audited.sealer = audited.new_sealer()
    with pytest.raises(ChainBrokenError, match=where):
        await audited.seal()
    async with audited.database.read() as session:
        assert await session.value("SELECT count(*) FROM audit_unsealed") == 2


async def test_an_entry_in_the_middle_of_the_open_day_is_found_when_the_day_is_closed(audited: Chain) -> None:
    await audited.write(9)
    await audited.seal()
    await alter(audited, "UPDATE audit SET entry = replace(entry, 'coordinator-1', 'nobody') WHERE position = 4")
    audited.clock.move(days=1)
    with pytest.raises(ChainBrokenError, match="position 4: "):
        await audited.seal()
    assert await audited.told() == []


async def test_an_end_that_was_set_back_to_an_earlier_one_is_noticed_by_the_process_that_knows_better(
    audited: Chain,
) -> None:
    await audited.write(3)
    await audited.seal()
    async with audited.database.read() as session:
        kept = await session.one("SELECT statement, signature FROM audit_head")
    await audited.write(3)
    await audited.seal()
    await alter(
        audited,
        "DELETE FROM audit WHERE position > 3",
        f"UPDATE audit_head SET statement = '{kept.statement}', "  # noqa: S608 — ours
        f"signature = '\\x{kept.signature.hex()}'",
    )
    with pytest.raises(ChainBrokenError, match="position 6: "):
        await audited.seal()


async def test_it_goes_on_when_what_was_altered_is_as_it_was_again(audited: Chain) -> None:
    await audited.write(3)
    await audited.seal()
    await alter(
        audited,
        "CREATE TABLE taken AS SELECT position, link, entry FROM audit WHERE position = 3",
        "DELETE FROM audit WHERE position = 3",
    )
    await audited.write(1)
    with pytest.raises(ChainBrokenError):
        await audited.seal()
    await alter(audited, "INSERT INTO audit (position, link, entry) SELECT position, link, entry FROM taken")
    assert await audited.seal() == 1


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM audit", "UPDATE audit SET entry = '{}'", "TRUNCATE audit", "DELETE FROM audit_days"],
)
async def test_a_statement_by_mistake_is_refused_by_the_table_itself(audited: Chain, statement: str) -> None:
    await audited.write(1)
    await audited.seal_next_day()
    async with await psycopg.AsyncConnection.connect(audited.url) as connection:
        with pytest.raises(psycopg.errors.RestrictViolation, match="only grows"):
            await connection.execute(statement)


@pytest.mark.parametrize("column", ["at", "subject", "object_id"])
async def test_the_columns_that_look_ups_use_cannot_be_set_to_anything(audited: Chain, column: str) -> None:
    await audited.write(1)
    await audited.seal()
    with pytest.raises(psycopg.errors.GeneratedAlways):
        await alter(audited, f"UPDATE audit SET {column} = 'x'")  # noqa: S608 — ours


async def test_a_clock_that_is_set_back_puts_entries_to_the_day_that_is_open(audited: Chain) -> None:
    await audited.write(1)
    await audited.seal_next_day()
    audited.clock.move(days=-1)
    await audited.write(1)
    await audited.seal()
    audited.clock.move(days=2)
    await audited.seal()
    told: list[Any] = await audited.told()
    assert [(str(day.day), day.first, day.last) for day in told] == [("2026-07-01", 1, 1), ("2026-07-02", 2, 2)]
    assert audited.check(await audited.export()).is_sound
