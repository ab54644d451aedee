"""Seal and check the audit log, beside COPY of the very rows and beside hashing the very bytes."""

import asyncio
import time
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import psycopg
from tests.perf.stack import Bench

from slrt_kit.audit.entries import Actor, Look, look_text
from slrt_kit.audit.export import Range, export_lines
from slrt_kit.audit.sealer import Sealer, connect
from slrt_kit.audit.statements import Keys, Signer
from slrt_kit.audit.verify import verify
from slrt_kit.clock import SystemClock

ROWS = 60_000
SEAL_GOAL, VERIFY_GOAL = 20_000, 200_000


def fill(url: str, count: int) -> None:
    """So many entries of looks wait to be sealed."""
    at = SystemClock().now()
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        with cursor.copy("COPY audit_unsealed (entry) FROM STDIN") as copy:
            for number in range(count):
                actor = Actor(
                    subject=f"officer-{number % 500}",
                    roles=("front_office",),
                    office="12.74.DINSOS",
                    region="12.74.03",
                    purpose="case-handling",
                    request_id=str(uuid4()),
                )
                look = Look("read", "case", uuid4(), ("needs", "timeline"), case_id=uuid4())
                copy.write_row((look_text("intake", actor, look, at=at),))
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE audit_unsealed")


async def seal(url: str, signer: Signer) -> float:
    """Entries per second that one sealer links, each batch committed."""
    sealer = Sealer(database_url=url, service="intake", signer=signer)
    async with await connect(url) as connection:
        await sealer.seal(connection)  # it has looked at what is there; from now on it goes on
        await asyncio.to_thread(fill, url, ROWS)
        began, sealed = time.perf_counter(), 0
        while got := await sealer.seal(connection):
            sealed += got
        took = time.perf_counter() - began
    if sealed < ROWS:
        raise RuntimeError(f"{sealed} entries of {ROWS} were sealed")
    return sealed / took


def copy_rows(url: str) -> float:
    """Rows per second by COPY into a table like that of the sealed entries, the last of them."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE audit_copied (LIKE audit INCLUDING ALL)")
        chosen = "SELECT position, link, entry FROM audit ORDER BY position DESC LIMIT %s"
        with connection.cursor() as cursor, cursor.copy(f"COPY ({chosen}) TO STDOUT", (ROWS,)) as copying:
            rows = b"".join(bytes(part) for part in copying)
        began = time.perf_counter()
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY audit_copied (position, link, entry) FROM STDIN") as copying,
        ):
            copying.write(rows)
        rate = rows.count(b"\n") / (time.perf_counter() - began)
        connection.execute("DROP TABLE audit_copied")
    return rate


async def export(url: str, file: Path) -> None:
    """An export of all there is."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        with file.open("wb") as out:
            async for line in export_lines(connection, Range()):
                out.write(line)


def check(file: Path, keys: Keys) -> float:
    """Entries per second that a check reads, links and counts anew."""
    began = time.perf_counter()
    with file.open("rb") as lines:
        report = verify(lines, keys)
    if report.problems:
        raise RuntimeError(str(report.problems[0]))
    return report.entries / (time.perf_counter() - began)


def hash_lines(file: Path) -> float:
    """Lines per second that are read and hashed once, with nothing else."""
    began, count = time.perf_counter(), 0
    with file.open("rb") as lines:
        for line in lines:
            sha256(line).digest()
            count += 1
    return count / (time.perf_counter() - began)


def measure(bench: Bench) -> None:
    """Both rows, with the services stopped."""
    bench.stop_services()
    url, signer = bench.database, Signer(bench.state.secret("audit-intake"))
    rate = bench.measured(lambda: asyncio.run(seal(url, signer)))
    beside = copy_rows(url)
    bench.add(
        "audit-seal",
        rate,
        "entries/s",
        anchor=("COPY of the same rows", beside),
        goal=f">= {SEAL_GOAL} entries/s",
        met=rate >= SEAL_GOAL,
    )
    file = bench.folder / "audit.jsonl"
    asyncio.run(export(url, file))
    rate = bench.measured(lambda: check(file, Keys(signer.public_key)))
    bench.add(
        "audit-verify",
        rate,
        "entries/s",
        anchor=("SHA-256 of each line", hash_lines(file)),
        goal=f">= {VERIFY_GOAL} entries/s",
        met=rate >= VERIFY_GOAL,
    )
