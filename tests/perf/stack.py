"""The stack that is measured, and the rows measured so far."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from tests.perf.machine import LOUD, ForeignCpu

from slrt_local import control, status
from slrt_local.parts.postgres import Postgres
from slrt_local.state import State

SLRT = str(Path(sys.executable).with_name("slrt"))
SERVICES = ("intake", "referral", "registry", "notification")
LOAD_SECONDS = 8


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

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = State(folder / "state")
        self.rows: list[Row] = []
        self.same_rows = 0.0
        self.cpu: list[float] = [0.0]
        # One caller does the work of a whole office; what counting him costs is measured with the rest.
        os.environ.update({f"SLRT_{service.upper()}_PERSON_RATE": "1000000" for service in SERVICES})

    def slrt(self, *arguments: str) -> str:
        """Run ``slrt`` on the bench's own state."""
        command = [SLRT, *arguments, "--state", str(self.state.root)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and arguments[0] != "status":
            raise RuntimeError(f"slrt {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout.strip()

    def token(self) -> str:
        """A facilitator's."""
        return self.slrt("token", "--role", "facilitator", "--region", "12.74")

    def database_of(self, service: str) -> str:
        """The address of a service's database."""
        return Postgres(self.state).service_url(service)

    @property
    def database(self) -> str:
        """Intake's."""
        return self.database_of("intake")

    def checkpoint(self) -> None:
        """Have PostgreSQL write down what was filled in, so that nobody who is measured waits beside that."""
        with psycopg.connect(Postgres(self.state).url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")

    @property
    def bootstrap(self) -> str:
        """Kafka's address."""
        return str(self.report()["addresses"]["kafka"])

    def report(self) -> dict[str, Any]:
        """What ``slrt status`` knows."""
        return status.report(self.state)

    def roots(self) -> list[int]:
        """The processes that are ours, with their children."""
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

    def own_process(self, role: str, *, service: str = "intake") -> "OwnProcess":
        """A role of a service in a process of its own, with the settings that the stack gives it."""
        return OwnProcess(self, role, service)

    def stop_services(self) -> None:
        """Leave PostgreSQL, Kafka and what stands for the outside; what is measured now gets the machine."""
        parts = (part["name"] for part in self.report()["parts"])
        for name in parts:
            if name in SERVICES or "connector" in name:
                control.ask(self.state, "stop", name)


class OwnProcess:
    """``slrt-<service> <role>`` beside the stack."""

    def __init__(self, bench: Bench, role: str, service: str) -> None:
        self._bench, self._role, self._service = bench, role, service

    def __enter__(self) -> int:
        state = self._bench.state
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        address = self._bench.report()["addresses"]
        outside = address["outside"]
        identity = state.read("identity", {})["issuer"]
        settings = {
            "DATABASE_URL": self._bench.database_of(self._service),
            "DATABASE_POOL_SIZE": "16",
            "KAFKA_BOOTSTRAP": address["kafka"],
            "HTTP_PORT": str(port),
            "METRICS_PORT": str(port),
            "OIDC_ISSUER": identity,
            "OIDC_JWKS_URL": f"{outside}/identity/jwks.json",
            "TOKEN_URL": f"{outside}/identity/token",
            "CLIENT_SECRET": "unused",
            "KEYS_URL": Postgres(state).keys_url(self._service),
            "KEY_ENCRYPTION_KEY": state.secret(f"key-encryption-{self._service}"),
            "INDEX_KEY": state.secret(f"index-{self._service}"),
            "AUDIT_SIGNING_KEY": state.secret(f"audit-{self._service}"),
        }
        prefix = f"SLRT_{self._service.upper()}_"
        environment = os.environ | {prefix + name: value for name, value in settings.items()}
        log = (self._bench.folder / f"{self._service}-{self._role}.log").open("wb")
        binary = str(Path(sys.executable).with_name(f"slrt-{self._service}"))
        self._process = subprocess.Popen([binary, self._role], env=environment, stdout=log, stderr=log)
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
