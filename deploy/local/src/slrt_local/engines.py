"""Run one part for a test: as a process of ours, in a container, or not at all because it was given."""

import contextlib
import subprocess
from collections.abc import Mapping
from typing import Any, Protocol

from slrt_local import process
from slrt_local.net import LOOPBACK
from slrt_local.parts.kafka import Kafka, properties
from slrt_local.parts.postgres import Postgres
from slrt_local.process import PartError
from slrt_local.state import State

CONTAINERS_VARIABLE = "SLRT_TEST_CONTAINERS"  # 1: take the parts from containers (testcontainers)
POSTGRES_IMAGE = "postgres:17"
KAFKA_IMAGE = "apache/kafka:4.3.1"
_STOP_SECONDS = 30


class Engine(Protocol):
    """What a handle needs of whatever runs its part."""

    is_ours: bool

    @property
    def pid(self) -> int | None:
        """The process id, where there is one to speak of."""

    def is_running(self) -> bool:
        """True while it lives."""

    def start(self) -> None:
        """Start it, or start it again with its data; does not wait until it is ready."""

    def stop(self) -> None:
        """End it gracefully; data stays."""

    def kill(self) -> None:
        """kill -9; data stays."""

    def close(self) -> None:
        """Stop it if it runs and give back what it holds."""

    def complaint(self) -> str:
        """Where its log is and what the end of it says."""


class OwnProcess:
    """The launcher's own part as a child process."""

    is_ours = True

    def __init__(self, state: State, part: Postgres | Kafka) -> None:
        self._state, self._part = state, part
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self.is_running() else None

    def is_running(self) -> bool:
        """True while it lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it."""
        self._process = process.spawn(self._part.command(), self._state.log(self._part.name))
        process.record(self._state, self._part.name, self._process.pid)

    def stop(self) -> None:
        """End it by its own signal."""
        if self._process:
            process.stop(self._process, self._part.command())
            process.forget(self._state, self._part.name)

    def kill(self) -> None:
        """kill -9 to its group."""
        if self._process:
            process.kill(self._process)
            process.forget(self._state, self._part.name)

    def close(self) -> None:
        """Stop it if it runs."""
        if self.is_running():
            self.stop()

    def complaint(self) -> str:
        """The log file and its end."""
        log = self._state.log(self._part.name)
        return f"Its log is {log}, the end of it:\n{process.tail(log)}"


class Given:
    """A server that somebody gave us: never started, never stopped."""

    is_ours = False
    pid: int | None = None

    def __init__(self, address: str) -> None:
        self._address = address

    def is_running(self) -> bool:
        """We cannot know; whether it answers is another question."""
        return True

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Raises `PartError`."""
        raise PartError(f"{self._address} was given and is not ours to stop")

    kill = stop

    def close(self) -> None:
        """Nothing to give back."""

    def complaint(self) -> str:
        """Whom to ask."""
        return f"Look at the server at {self._address}"


class InContainer:
    """A part in a container, its port bound to one of loopback so that it keeps its address when it starts again."""

    is_ours = True
    pid: int | None = None

    def __init__(self, image: str, *, port: int, inner_port: int, env: Mapping[str, str], command: str = "") -> None:
        """Raises `PartError` when no container engine answers."""
        try:  # development only, and slow to import
            from docker.errors import DockerException  # type: ignore[import-untyped]  # noqa: PLC0415
            from testcontainers.core.container import DockerContainer  # noqa: PLC0415
        except ImportError as error:
            raise PartError(f"{CONTAINERS_VARIABLE}: testcontainers is not installed") from error

        self._failures = (DockerException, OSError)
        try:
            self._wrapper = DockerContainer(image).with_envs(**env)
            ports: Any = self._wrapper.ports  # with_bind_ports would bind every address of this machine
            ports[f"{inner_port}/tcp"] = (LOOPBACK, port)
            if command:
                self._wrapper.with_command(command)
        except self._failures as error:
            raise PartError(f"{CONTAINERS_VARIABLE}: no container engine answers: {error}") from error
        self._container: Any = None

    def is_running(self) -> bool:
        """True while it lives."""
        if self._container is None:
            return False
        self._container.reload()
        return bool(self._container.status == "running")

    def start(self) -> None:
        """Make the container, or start it again with its data."""
        try:
            if self._container is None:
                self._container = self._wrapper.start().get_wrapped_container()
            else:
                self._container.start()
        except self._failures as error:
            raise PartError(f"{self._wrapper.image} does not start: {error}") from error

    def stop(self) -> None:
        """SIGTERM, then SIGKILL after half a minute."""
        self._container.stop(timeout=_STOP_SECONDS)

    def kill(self) -> None:
        """kill -9."""
        self._container.kill()

    def close(self) -> None:
        """Remove the container and its data."""
        if self._container is not None:
            with contextlib.suppress(*self._failures):
                self._wrapper.stop()

    def complaint(self) -> str:
        """The end of the container's log."""
        text = self._container.logs(tail=12).decode(errors="replace") if self._container is not None else ""
        return f"The end of its log:\n{text}"


def postgres_container(state: State, *, password: str) -> tuple[InContainer, str]:
    """The official PostgreSQL image and the superuser's address."""
    port = state.port("postgres")
    env = {"POSTGRES_USER": "slrt_admin", "POSTGRES_PASSWORD": password}
    engine = InContainer(POSTGRES_IMAGE, port=port, inner_port=5432, env=env, command="-c max_connections=200")
    return engine, f"postgresql://slrt_admin:{password}@{LOOPBACK}:{port}/postgres"


def kafka_container(state: State) -> tuple[InContainer, str]:
    """The official Kafka image with the settings of our own node, and its address."""
    port, inner = state.port("kafka"), 9092
    values = properties(port=inner, controller_port=inner + 1, data="/tmp/kraft-combined-logs")  # noqa: S108 — the image's
    values["listeners"] = f"PLAINTEXT://0.0.0.0:{inner},CONTROLLER://{LOOPBACK}:{inner + 1}"
    values["advertised.listeners"] = f"PLAINTEXT://{LOOPBACK}:{port}"
    env = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in values.items()}
    env["KAFKA_HEAP_OPTS"] = "-Xms64m -Xmx256m"
    return InContainer(KAFKA_IMAGE, port=port, inner_port=inner, env=env), f"{LOOPBACK}:{port}"
