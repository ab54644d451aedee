"""``make audit-drill``: write, seal, take away; then alter it in every way we know, and count what a check finds."""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from uuid import uuid4

import orjson
import psycopg
from tests.drills.chains import Chain
from tests.drills.tampering import OF_EXPORTS, Original, Tampered
from tests.drills.tampering_ends import OF_ENDS
from tests.drills.tampering_rows import OF_ROWS, Expected

from slrt_contracts.codes import ClosedBy
from slrt_contracts.events import CaseClosed
from slrt_contracts.types import CaseId
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.audit.closing import Loss, LossReason, close_chain
from slrt_kit.audit.entries import Actor, Look
from slrt_kit.audit.export import Range, lines_now
from slrt_kit.audit.record import record_access
from slrt_kit.audit.sealer import connect
from slrt_kit.audit.verify import Report, verify
from slrt_kit.clock import new_uuid7
from slrt_kit.logs import configure_logging
from slrt_kit.migrations import upgrade
from slrt_kit.outbox import Outbox
from slrt_kit.testing import FixedClock
from slrt_local.testing import start_postgres

DAYS = 5
WRITERS = 6


@dataclass
class Drilled:
    """What a drill came to."""

    rows: int = 0
    sealed: int = 0
    tampers: Counter[str] = field(default_factory=Counter)
    caught: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)

    def count(self, kind: str, *, found: bool, told: str) -> None:
        """One tamper."""
        self.tampers[kind] += 1
        self.caught[kind] += found
        if not found:
            self.missed.append(f"{kind}: {told}")


async def write_and_seal(chain: Chain, rows: int, rng: Random) -> int:
    """Several writers at once, some slow, some that fail, beside a sealer, over several days; how many were written."""
    written = 0

    async def writer(number: int, share: int) -> None:
        nonlocal written
        left = share
        while left > 0:
            kind = rng.random()
            request_id = str(uuid4())
            actor = Actor(subject=f"officer-{number}", roles=("front_office",), region="12.74", request_id=request_id)
            if kind < 0.6:
                looks = [Look("read", "person", uuid4(), ("name", "nik-masked"), case_id=uuid4())] * rng.randint(1, 4)
                await record_access(chain.database, "intake", actor, looks)
                done = len(looks)
            else:
                event = CaseClosed(case_id=CaseId(uuid4()), closed_by=ClosedBy.RESIDENT, satisfied=None)
                async with chain.database.unit_of_work() as work:
                    work.actor = actor
                    Outbox("intake").add(work, [RecordedEvent(event, 1, work.clock.now())])
                    if kind > 0.9:
                        # Its number is drawn, and others are sealed before it is there.
                        await work.connection.run("SELECT 1")
                        await asyncio.sleep(rng.random() * 0.05)
                    if kind > 0.97:
                        done = 0
                    else:
                        await work.commit()
                        done = 1
            written += done
            left -= max(done, 1)

    for day in range(DAYS):
        sealing = asyncio.Event()
        working = asyncio.create_task(_keep_sealing(chain, sealing))
        if day != 2:  # a day on which nothing happens
            async with asyncio.TaskGroup() as group:
                for number in range(WRITERS):
                    group.create_task(writer(number, rows // (DAYS - 1) // WRITERS + 1))
        sealing.set()
        await working
        await _keep_head(chain)
        if day < DAYS - 1:
            chain.clock.move(days=1)
            chain.sealer = chain.new_sealer()
    await chain.seal()
    return written


async def _keep_sealing(chain: Chain, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await chain.seal()
        await asyncio.sleep(0.02)
    await chain.seal()


async def _keep_head(chain: Chain) -> None:
    """What somebody who means harm may have kept: the signed end of each day."""
    async with await psycopg.AsyncConnection.connect(chain.url, autocommit=True) as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept_heads (statement text, signature bytea)")
        await connection.execute("INSERT INTO kept_heads SELECT statement, signature FROM audit_head")


def is_found(report: Report, *, positions: object, line: int | None = None) -> bool:
    """Whether a check says that something is wrong, and first of all names the right place."""
    if not report.problems:
        return False
    first = report.problems[0]
    return first.line == line or (first.position is not None and first.position in positions)  # type: ignore[operator]


async def drill(chain: Chain, *, rows: int, times: int, seed: int, say: Callable[[str], None] = print) -> Drilled:
    """Every kind of tampering so many times.

    Raises:
        AssertionError: what was not altered is not found sound; nothing can be said then.
    """
    rng = Random(seed)  # noqa: S311 — no secret
    result = Drilled()
    result.rows = await write_and_seal(chain, rows, rng)
    lines = await chain.export()
    told = [orjson.loads(each.encode()) for each in await chain.told()]
    sound = verify(lines, chain.keys, told)
    assert sound.is_sound, sound.problems
    result.sealed = sound.entries
    assert result.sealed == result.rows, f"{result.rows} entries were written, {result.sealed} are sealed"
    say(f"written {result.rows}, sealed {sound.entries} in {len(sound.days)} closed days and the open one; sound")
    original = Original(lines)
    for kind in OF_EXPORTS:
        for _ in range(times):
            tampered = kind(original, rng)
            if tampered.lines == original.lines:
                continue
            report = verify(tampered.lines, chain.keys, told if tampered.with_roots else ())
            found = is_found(report, positions=tampered.positions, line=tampered.line)
            result.count(f"export: {kind.__name__}", found=found, told=_told(report, tampered))
    for row_kind in OF_ROWS:
        for _ in range(max(times // 2, 1)):
            async with await psycopg.AsyncConnection.connect(chain.url) as connection:
                await connection.execute("ALTER TABLE audit DISABLE TRIGGER USER")
                await connection.execute("ALTER TABLE audit_days DISABLE TRIGGER USER")
                expected = await row_kind(connection, original, rng)
                altered = [line async for line in lines_now(connection, Range())]
                await connection.rollback()
            report = verify(altered, chain.keys, told)
            found = is_found(report, positions=expected.positions)
            result.count(f"rows: {row_kind.__name__}", found=found, told=_told(report, expected))
    await _drill_end(chain, result)
    return result


async def _drill_end(chain: Chain, result: Drilled) -> None:
    """Lose the newest entries, close the chain over that, go on, and alter what an export says of it."""
    async with await psycopg.AsyncConnection.connect(chain.url) as connection:
        await connection.execute("ALTER TABLE audit DISABLE TRIGGER USER")
        await connection.execute("DELETE FROM audit WHERE position > (SELECT max(position) - 5 FROM audit)")
        await connection.execute("ALTER TABLE audit ENABLE TRIGGER USER")
        await connection.commit()
    told = [orjson.loads(each.encode()) for each in await chain.told()]
    gap = verify(await chain.export(), chain.keys, told)
    result.count("end: none, and a gap", found=not gap.is_sound, told="the gap is not found")
    loss = Loss(reason=LossReason.DISK_LOST, by="operator:drill")
    async with await connect(chain.url) as connection:
        await close_chain(connection, "intake", chain.signer, loss, at=chain.clock.now(), new_id=new_uuid7)
    chain.sealer = chain.new_sealer()
    await chain.write(20)
    await chain.seal_next_day()
    lines = await chain.export()
    sound = verify(lines, chain.keys, [orjson.loads(each.encode()) for each in await chain.told()])
    assert sound.is_sound, sound.problems
    (index,) = [number for number, line in enumerate(lines) if line.startswith(b'{"closing"')]
    for kind in OF_ENDS:
        report = verify(kind(lines, index), chain.keys)
        result.count(f"end: {kind.__name__}", found=not report.is_sound, told=str(report.problems[:2]))


def _told(report: Report, wanted: Tampered | Expected) -> str:
    place = getattr(wanted, "line", None)
    positions = list(wanted.positions)[:3]
    return f"found {[str(each) for each in report.problems[:2]]}, is at line {place}, positions {positions}"


async def _main(rows: int, times: int, seed: int) -> Drilled:
    with tempfile.TemporaryDirectory(prefix="slrt-audit-drill-") as folder, start_postgres(Path(folder)) as server:
        url = server.service_url("intake")
        await asyncio.to_thread(upgrade, "slrt_intake", url)
        chain = Chain(url, FixedClock())
        try:
            return await drill(chain, rows=rows, times=times, seed=seed)
        finally:
            await chain.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--times", type=int, default=20, help="of each kind of tampering")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    configure_logging(service="intake", role="drill", level="ERROR")
    result = asyncio.run(_main(given.rows, given.times, given.seed))
    for kind, count in result.tampers.items():
        print(f"  {kind:<40}{result.caught[kind]:>5} of {count}")
    for line in result.missed[:20]:
        print("MISSED", line)
    tampers, caught = result.tampers.total(), result.caught.total()
    print(f"AUDIT {'ok' if tampers == caught else 'FAILED'} rows={result.rows} tampers={tampers} caught={caught}")
    if tampers != caught:
        sys.exit(1)


if __name__ == "__main__":
    main()
