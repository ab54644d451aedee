"""What the machine can do in this very run: pgbench with the same rows, Kafka with nothing else."""

import asyncio
import os
import re
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from slrt_local.parts.postgres_home import find_binaries

# The rows that one registration of tests/perf/load.py writes, in one transaction: what services/intake stores for a
# case with two needs and one person (slrt_intake.store.cases, slrt_kit.outbox, slrt_kit.http.commands).
SAME_ROWS = r"""
SELECT gen_random_uuid() AS c, gen_random_uuid() AS a, gen_random_uuid() AS b, gen_random_uuid() AS p,
       gen_random_uuid() AS e,
       md5(random()::text) AS t \gset
BEGIN;
INSERT INTO idempotency (subject, key, fingerprint, status, headers, body, created_at)
VALUES ('pgbench', :c, decode(repeat('ab', 32), 'hex'), 201, '{"ETag": "1"}',
        convert_to(repeat('x', 700), 'UTF8'), now());
INSERT INTO cases (case_id, version, event_sequence, ticket_number, status, channel, village_code, urgent,
                   has_subject, registered_by, registered_at, key_id)
VALUES (:c, 1, 1, :t, 'registered', 'facilitator', '12.74.03.1001', false, true, 'pgbench', now(), 1);
INSERT INTO needs (need_id, case_id, position, need_code, person_id, urgent, sealed, attributes, status)
VALUES (:a, :c, 0, 'PIP', :p, false, decode(repeat('ab', 79), 'hex'), '{}', 'identified'),
       (:b, :c, 1, 'BPBL', null, false, decode(repeat('ab', 71), 'hex'), '{"grid_nearby": "yes"}', 'identified');
INSERT INTO persons (person_id, case_id, position, relation, key_id, sealed)
VALUES (:p, :c, 0, 'client', 2, decode(repeat('ab', 121), 'hex'));
INSERT INTO contacts (case_id, language, sealed, phone_check)
VALUES (:c, 'id', decode(repeat('ab', 151), 'hex'), decode(repeat('ab', 16), 'hex'));
INSERT INTO outbox (event_id, topic, partition_key, key_sequence, headers, payload, created_at)
VALUES (:e, 'slrt.bench.none.v1', :c, 1, jsonb_build_object('h', repeat('h', 600)),
        convert_to(repeat('x', 560), 'UTF8'), now());
INSERT INTO timeline (event_id, case_id, event_type, service, happened_at, recorded_at, facts, key_sequence)
VALUES (:e, :c, 'id.slrt.intake.case-registered.v1', 'intake', now(), now(),
        jsonb_build_object('needs', repeat('n', 480)), 1);
INSERT INTO audit_unsealed (entry) VALUES (repeat('a', 420));
COMMIT;
"""

TWO_INSERTS = r"""
SELECT gen_random_uuid() AS c, gen_random_uuid() AS e \gset
BEGIN;
INSERT INTO contacts_bare (id, body) VALUES (:c, repeat('x', 400));
INSERT INTO contacts_bare (id, body) VALUES (:e, repeat('y', 1000));
COMMIT;
"""


def pgbench(url: str, script: str, folder: Path, *, seconds: int, clients: int = 32) -> float:
    """Transactions per second of a script, prepared."""
    file = folder / "anchor.sql"
    file.write_text(script, encoding="utf-8")
    binary = find_binaries().folder / "pgbench"
    if not binary.exists():
        binary = Path("pgbench")
    options = ["-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds), "-f", str(file)]
    parts = urlsplit(url)
    environment = os.environ | {"PGPASSWORD": parts.password or ""}
    address = f"postgresql://{parts.username}@{parts.hostname}:{parts.port}{parts.path}"
    done = subprocess.run(
        [str(binary), *options, address], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        raise RuntimeError(f"pgbench failed: {done.stderr[-2000:]}")
    match = re.search(r"tps = ([\d.]+)", done.stdout)
    if match is None:
        raise RuntimeError(f"pgbench said no rate: {done.stdout}")
    return float(match[1])


async def kafka_floor(bootstrap: str, topic: str, *, per_second: float, messages: int) -> list[float]:
    """Seconds from produce to seen on an otherwise idle broker: the floor under every event's way."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="latest")
    await producer.start()
    await consumer.start()
    await consumer.seek_to_end()
    seen: list[float] = []

    async def read() -> None:
        while len(seen) < messages:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                seen.extend(time.perf_counter() - float(record.value) for record in records)

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.5)
    for number in range(messages):
        await producer.send(topic, repr(time.perf_counter()).encode(), key=str(number).encode())
        await asyncio.sleep(1 / per_second)
    await asyncio.wait_for(reading, 20)
    await producer.stop()
    await consumer.stop()
    return seen
