"""``make bench``: start a stack, measure each row beside its anchor, print the table, write build/bench.json."""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from aiokafka import AIOKafkaConsumer
from tests.perf import anchors
from tests.perf.load import percentile, register_closed_loop, register_open_loop
from tests.perf.machine import LOUD, ForeignCpu

from slrt_contracts.envelope import Envelope
from slrt_local import control, status
from slrt_local.parts.postgres import Postgres
from slrt_local.state import State

ROOT = Path(__file__).resolve().parents[2]
SLRT = str(Path(sys.executable).with_name("slrt"))
CASE_TOPIC = "slrt.intake.case.v1"
SERVICES = ("intake", "referral", "registry", "notification")
LOAD_SECONDS = 8
LATENCY_PER_SECOND, LATENCY_SECONDS = 50, 10
WARM_SECONDS = 4  # before it, at the same rate: what a part does for the first time it does slowly
DRAIN_ROWS = 40_000


@dataclass(frozen=True)
class Row:
    """One line of the table. ``ratio`` is value beside anchor; ``met`` is None where there is no goal."""

    row: str
    value: float
    unit: str
    anchor: str
    anchor_value: float
    ratio: float
    goal: str
    met: bool | None
    foreign_cpu: float


class Bench:
    """The stack under test and the rows measured so far."""

    def __init__(self, folder: Path, wanted: set[str]) -> None:
        self.folder = folder
        self.state = State(folder / "state")
        self.wanted = wanted
        self.rows: list[Row] = []
        self.first_201 = 0.0
        self.cpu: list[float] = [0.0]

    # -- the stack ---------------------------------------------------------------------------------------------

    def slrt(self, *arguments: str) -> str:
        """Run ``slrt`` on the bench's own state."""
        command = [SLRT, *arguments, "--state", str(self.state.root)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and arguments[0] != "status":
            raise RuntimeError(f"slrt {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout.strip()

    def token(self) -> str:
        return self.slrt("token", "--role", "facilitator", "--region", "12.74")

    @property
    def database(self) -> str:
        return Postgres(self.state).service_url("intake")

    def report(self) -> dict[str, Any]:
        return status.report(self.state)

    def roots(self) -> list[int]:
        supervisor = self.report()["supervisor"]["pid"]
        return [os.getpid(), *([supervisor] if supervisor else [])]

    def add(
        self,
        row: str,
        value: float,
        unit: str,
        *,
        anchor: tuple[str, float],
        goal: str = "",
        met: bool | None = None,
    ) -> None:
        """Note a measured row."""
        name, beside = anchor
        self.rows.append(Row(row, value, unit, name, beside, value / beside, goal, met, self.cpu[-1]))

    def measured(self, measure: Callable[[], Any]) -> Any:
        """Measure; once more when others used the machine meanwhile."""
        for _ in range(2):
            with ForeignCpu(self.roots()) as foreign:
                result = measure()
            self.cpu.append(foreign.share)
            if foreign.share <= LOUD:
                break
        return result

    # -- the rows ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """From nothing to the first durable 201."""
        began = time.perf_counter()
        self.slrt("up", "--port", "0")
        result = asyncio.run(self._one_registration())
        self.first_201 = time.perf_counter() - began
        result.demand_all_accepted()
        if self.wants("first-201"):
            self.add("first-201", self.first_201, "s", anchor=("limit", 60), goal="< 60 s", met=self.first_201 < 60)

    async def _one_registration(self) -> Any:
        return await register_open_loop(self.state.port("http-intake"), self.token(), per_second=1, seconds=1)

    def wants(self, row: str) -> bool:
        return not self.wanted or row in self.wanted

    def memory(self) -> None:
        """Proportional resident memory of every process of the stack."""
        megabytes = self.report()["memory_bytes"] / 2**20
        met = megabytes < 2048
        self.add("stack-memory", megabytes, "MiB", anchor=("limit", 2048), goal="< 2048 MiB", met=met)

    def latency(self) -> None:
        """At 50 registrations a second: commit → seen on the topic, commit → applied and committed in the registry.

        Of a stack that has taken some before: a cold one is what the row of the first 201 is about.
        """
        asyncio.run(self._latency(WARM_SECONDS))
        seen, applied = self.measured(lambda: asyncio.run(self._latency(LATENCY_SECONDS)))
        floor = asyncio.run(anchors.kafka_floor(self._bootstrap(), "slrt.intake.dlq.v1", per_second=200, messages=400))
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            anchor = (f"produce-seen {name}, idle broker", percentile(floor, share) * 1000)
            self.add(f"commit-seen-{name}", percentile(seen, share) * 1000, "ms", anchor=anchor)
            value = percentile(applied, share) * 1000
            if name == "p99":
                self.add(f"commit-applied-{name}", value, "ms", anchor=anchor, goal="< 250 ms", met=value < 250)
            else:
                self.add(f"commit-applied-{name}", value, "ms", anchor=anchor)

    def _bootstrap(self) -> str:
        return str(self.report()["addresses"]["kafka"])

    async def _latency(self, seconds: float) -> tuple[list[float], list[float]]:
        consumer = AIOKafkaConsumer(CASE_TOPIC, bootstrap_servers=self._bootstrap(), auto_offset_reset="latest")
        await consumer.start()
        await consumer.seek_to_end()
        recorded: dict[str, float] = {}
        seen: list[float] = []
        applied: list[float] = []
        load = asyncio.create_task(
            register_open_loop(
                self.state.port("http-intake"), self.token(), per_second=LATENCY_PER_SECOND, seconds=seconds
            )
        )

        def all_of(found: list[float]) -> bool:
            return load.done() and len(found) >= len(load.result().seconds)

        async def watch_topic() -> None:
            while not all_of(seen):
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    now = time.time()
                    for record in records:
                        envelope = Envelope.from_headers(record.headers)
                        recorded[str(envelope.id)] = envelope.recordedtime.timestamp()
                        seen.append(now - envelope.recordedtime.timestamp())

        async def watch_registry() -> None:
            # PostgreSQL keeps when each transaction was committed: asking all the time would be a load of its own.
            while not applied:
                await asyncio.sleep(0.25)
                if all_of(seen):
                    applied.extend(await self._applied(recorded))

        try:
            async with asyncio.timeout(seconds + 60):
                await asyncio.gather(load, watch_topic(), watch_registry())
        except TimeoutError as error:
            accepted = len(load.result().seconds) if load.done() and not load.cancelled() else "?"
            raise RuntimeError(f"accepted {accepted}, seen {len(seen)}, applied {len(applied)}") from error
        finally:
            await consumer.stop()
        load.result().demand_all_accepted()
        return seen, applied

    async def _applied(self, recorded: dict[str, float]) -> list[float]:
        """Seconds from each event's recording to the registry's commit; none before all are committed."""
        url = Postgres(self.state).service_url("registry")
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            cursor = await connection.execute(
                "SELECT event_id::text, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM inbox "
                "WHERE consumer = 'slrt.registry.cases' AND event_id = ANY(%s::text[]::uuid[])",
                (list(recorded),),
            )
            committed = await cursor.fetchall()
        if len(committed) < len(recorded):
            return []
        return [at - recorded[event_id] for event_id, at in committed]

    def accept(self) -> None:
        """Durable 201 at one API process alone, beside pgbench committing the same rows."""
        for service in (*SERVICES, *(part["name"] for part in self.report()["parts"] if "connector" in part["name"])):
            control.ask(self.state, "stop", service)
        with self.own_process("api") as port:
            token = self.token()
            asyncio.run(register_closed_loop(port, token, connections=8, seconds=1))
            many = self.measured(
                lambda: asyncio.run(register_closed_loop(port, token, connections=32, seconds=LOAD_SECONDS))
            )
            few = asyncio.run(register_closed_loop(port, token, connections=8, seconds=LOAD_SECONDS / 2))
        same = anchors.pgbench(self.database, anchors.SAME_ROWS, self.folder, seconds=LOAD_SECONDS // 2)
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute("DELETE FROM outbox WHERE topic = 'slrt.bench.none.v1'")
            connection.execute("CREATE TABLE IF NOT EXISTS contacts_bare (id uuid PRIMARY KEY, body text)")
        two = anchors.pgbench(self.database, anchors.TWO_INSERTS, self.folder, seconds=LOAD_SECONDS // 2)
        many.demand_all_accepted()
        few.demand_all_accepted()
        self.same_rows = same
        self.add("durable-201", many.rate, "1/s", anchor=("pgbench, same rows, 32 clients", same))
        self.add("durable-201-beside-two-inserts", many.rate, "1/s", anchor=("pgbench, two bare inserts", two))
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            anchor = (f"{name} at 8 connections", percentile(few.seconds, share) * 1000)
            self.add(f"durable-201-{name}", percentile(many.seconds, share) * 1000, "ms, 32 connections", anchor=anchor)

    def drain(self) -> None:
        """A backlog in the outbox, published by one relay process, archive kept."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute(
                """
                INSERT INTO outbox (event_id, topic, partition_key, key_sequence, headers, payload, created_at)
                SELECT gen_random_uuid(), topic, gen_random_uuid()::text, 1, headers,
                       convert_to(repeat('x', 1024), 'UTF8'), now()
                FROM (SELECT topic, headers FROM outbox_archive LIMIT 1) AS pattern, generate_series(1, %s)
                """,
                (DRAIN_ROWS,),
            )
            pending = _pending(connection)

            def drain() -> float:
                with self.own_process("relay"):
                    while _pending(connection) == pending:
                        time.sleep(0.005)
                    began, left = time.perf_counter(), _pending(connection)
                    while _pending(connection):
                        time.sleep(0.02)
                    return left / (time.perf_counter() - began)

            with ForeignCpu(self.roots()) as foreign:
                rate = drain()
            self.cpu.append(foreign.share)
        self.add("relay-drain", rate, "events/s, 1 KB", anchor=("pgbench, same rows, 32 clients", self.same_rows))

    def own_process(self, role: str) -> "OwnProcess":
        """A role of intake in a process of its own, with the settings that the stack gives it."""
        return OwnProcess(self, role)


class OwnProcess:
    """``slrt-intake <role>`` beside the stack."""

    def __init__(self, bench: Bench, role: str) -> None:
        self._bench, self._role = bench, role

    def __enter__(self) -> int:
        state = self._bench.state
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        address = self._bench.report()["addresses"]
        outside = address["outside"]
        identity = state.read("identity", {})["issuer"]
        environment = os.environ | {
            "SLRT_INTAKE_DATABASE_URL": self._bench.database,
            "SLRT_INTAKE_DATABASE_POOL_SIZE": "16",
            "SLRT_INTAKE_KAFKA_BOOTSTRAP": address["kafka"],
            "SLRT_INTAKE_HTTP_PORT": str(port),
            "SLRT_INTAKE_METRICS_PORT": str(port),
            "SLRT_INTAKE_OIDC_ISSUER": identity,
            "SLRT_INTAKE_OIDC_JWKS_URL": f"{outside}/identity/jwks.json",
            "SLRT_INTAKE_TOKEN_URL": f"{outside}/identity/token",
            "SLRT_INTAKE_CLIENT_SECRET": "unused",
        }
        log = (self._bench.folder / f"{self._role}.log").open("wb")
        binary = str(Path(sys.executable).with_name("slrt-intake"))
        self._process = subprocess.Popen([binary, self._role], env=environment, stdout=log, stderr=log)
        if self._role == "api":
            asyncio.run(_listening(port))
        return port

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)


async def _listening(port: int) -> None:
    for _ in range(600):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise RuntimeError("the API did not come up")


def _pending(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM outbox").fetchone()
    return int(row[0]) if row else 0


def show(rows: list[Row]) -> None:
    """Print the table."""
    print()
    print(f"{'row':<32}{'value':>10} {'unit':<20}{'anchor':<36}{'value':>10}{'ratio':>8}  {'goal':<20}{'foreign':>7}")
    for row in rows:
        goal = f"{row.goal} {'met' if row.met else 'MISSED'}" if row.goal else ""
        print(
            f"{row.row:<32}{row.value:>10.1f} {row.unit:<20}{row.anchor:<36}{row.anchor_value:>10.1f}"
            f"{row.ratio:>8.2f}  {goal:<20}{row.foreign_cpu:>5.0%}"
        )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", default="", help="comma separated names, or their beginnings' groups: accept, latency, drain"
    )
    wanted = {row for row in parser.parse_args().rows.split(",") if row}
    with tempfile.TemporaryDirectory(prefix="slrt-bench-") as folder:
        bench = Bench(Path(folder), wanted)
        print("starting a stack of its own …", flush=True)
        try:
            bench.start()
            steps: list[tuple[set[str], Callable[[], None]]] = [
                ({"commit-seen", "commit-applied"}, bench.latency),
                ({"stack-memory"}, bench.memory),
                ({"durable-201", "relay-drain"}, bench.accept),
                ({"relay-drain"}, bench.drain),
            ]
            for names, step in steps:
                if not wanted or wanted & names:
                    print(f"measuring {', '.join(sorted(names))} …", flush=True)
                    step()
        finally:
            bench.slrt("down")
            show(bench.rows)
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "bench.json").write_text(
        json.dumps([asdict(row) for row in bench.rows], indent=1) + "\n", encoding="utf-8"
    )
    missed = [row.row for row in bench.rows if row.met is False]
    if missed:
        sys.exit(f"goals missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
