"""Real PostgreSQL and Kafka for tests: start, stop, kill -9 and start again, from plain synchronous code.

Where they come from:

* ``SLRT_POSTGRES_URL`` and ``SLRT_KAFKA_BOOTSTRAP``: a given server, which cannot be stopped (``is_ours`` is False);
* else with ``SLRT_TEST_CONTAINERS=1``: containers of the official images, by testcontainers;
* else the launcher's own parts, each in its own folder below the given one.

Call `start_postgres` and `start_kafka` from the main thread: the processes end with the thread that started them, so
a test run that is killed leaves nothing behind.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from slrt_kit.messaging.connection import BrokerAccess
from slrt_local import engines, process
from slrt_local.engines import CONTAINERS_VARIABLE, Engine
from slrt_local.parts.kafka import BOOTSTRAP_VARIABLE, Kafka
from slrt_local.parts.postgres import URL_VARIABLE, Postgres
from slrt_local.parts.postgres_home import remove_outside_folder
from slrt_local.process import PartError, Progress
from slrt_local.state import State

REQUIRE_VARIABLE = "SLRT_TEST_REQUIRE"  # kafka,postgres: a missing part is a failure, not a skip
_READY_SECONDS = 120.0  # a busy machine starts a broker in 20 s
Handle = TypeVar("Handle")


def silent(_line: str) -> None:
    """The progress of tests: none."""


class _Handle:
    """One running part; a context manager that stops it."""

    def __init__(self, state: State, part: Postgres | Kafka, engine: Engine, *, progress: Progress) -> None:
        self.state = state
        self._part, self._engine, self._progress = part, engine, progress

    @property
    def is_ours(self) -> bool:
        """False for a given server, which is not ours to stop."""
        return self._engine.is_ours

    @property
    def is_running(self) -> bool:
        """True while it lives (always for a given server)."""
        return self._engine.is_running()

    @property
    def pid(self) -> int | None:
        """The process id; None while it does not run, and for a given server or a container."""
        return self._engine.pid

    def start(self) -> None:
        """Start it (again) at the same address and wait until it is ready; raises `PartError` with the log's end."""
        if self.is_ours and self.is_running:
            return
        self._part.prepare(self._progress)
        self._engine.start()
        if not process.wait_until(self._answers_or_ended, seconds=_READY_SECONDS) or not self.is_running:
            raise PartError(f"{self._part.name} did not start. {self._engine.complaint()}")

    def _answers_or_ended(self) -> bool:
        return not self.is_running or self._part.is_ready()

    def stop(self) -> None:
        """Stop it gracefully and wait for its end; raises `PartError` for a given server."""
        self._engine.stop()

    def kill(self) -> None:
        """kill -9, and wait for its end; raises `PartError` for a given server."""
        self._engine.kill()

    def close(self) -> None:
        """Stop it if it is ours and runs, and give its folder free."""
        self._engine.close()
        self.state.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class PostgresHandle(_Handle):
    """A running PostgreSQL with the services' roles and databases."""

    def __init__(self, state: State, postgres: Postgres, engine: Engine, *, progress: Progress) -> None:
        super().__init__(state, postgres, engine, progress=progress)
        self._postgres = postgres

    @property
    def url(self) -> str:
        """The superuser's address."""
        return self._postgres.url

    def service_url(self, service: str) -> str:
        """The address of ``intake``, ``referral``, ``registry`` or ``notification`` with its own role."""
        return self._postgres.service_url(service)

    def start(self) -> None:
        """As `_Handle.start`; then make what is missing of roles and databases."""
        super().start()
        self._postgres.after_ready()

    def close(self) -> None:
        """Stop it; remove the folder outside the state, if there had to be one."""
        super().close()
        remove_outside_folder(self.state)


class KafkaHandle(_Handle):
    """A running Kafka broker without topics."""

    def __init__(self, state: State, kafka: Kafka, engine: Engine, *, progress: Progress) -> None:
        super().__init__(state, kafka, engine, progress=progress)
        self._kafka = kafka

    @property
    def bootstrap(self) -> str:
        """host:port."""
        return self._kafka.bootstrap

    @property
    def behind_proxy(self) -> str:
        """host:port that whoever stands at `proxy_port` forwards to."""
        return self._kafka.behind_proxy

    @property
    def proxy_port(self) -> int:
        """The port of loopback that clients of that listener are told; raises ValueError for a broker without one."""
        if self._kafka.proxy_port is None:
            raise ValueError("this broker has no proxy before it")
        return self._kafka.proxy_port

    @property
    def admin(self) -> BrokerAccess:
        """The broker, for whoever may do everything there."""
        return self._kafka.admin

    def partner(self, user: str, password: str) -> BrokerAccess:
        """A secured broker as a partner reaches it from outside: over TLS."""
        return self._kafka.partner(user, password)


def or_skip(part: str, start: Callable[[], Handle]) -> Handle:
    """``start()``; where ``part`` cannot be had the test is skipped, or fails when ``SLRT_TEST_REQUIRE`` names it."""
    try:
        return start()
    except PartError as error:
        if part in os.environ.get(REQUIRE_VARIABLE, "").replace(" ", "").split(","):
            raise
        import pytest  # noqa: PLC0415 — only where there is a test to skip

        pytest.skip(f"no {part}: {error}")


def start_postgres(state_dir: Path, *, progress: Progress = silent) -> PostgresHandle:
    """Start PostgreSQL with its data below ``state_dir`` and wait until it answers.

    Raises `PartError` when it cannot be found or started, `StateBusyError` when the folder is in use.
    """
    with _claimed(state_dir / "postgres-part") as state:
        engine: Engine
        if given := os.environ.get(URL_VARIABLE):
            postgres, engine = Postgres(state), engines.Given(given.rpartition("@")[2])
        elif _in_containers():
            engine, url = engines.postgres_container(state, password=state.secret("postgres-superuser"))
            postgres = Postgres(state, given=url)
        else:
            postgres = Postgres(state)
            engine = engines.OwnProcess(state, postgres)
        return _started(PostgresHandle(state, postgres, engine, progress=progress))


def start_kafka(
    state_dir: Path, *, secured: bool = False, proxy_port: int | None = None, progress: Progress = silent
) -> KafkaHandle:
    """Start one Kafka node with its log below ``state_dir`` and wait until it answers.

    A ``secured`` node asks who its clients are. One with a ``proxy_port`` has a second listener, ``behind_proxy``,
    whose clients are told to come by that port of loopback. Both are always processes of our own.

    Raises `PartError` when it cannot be found or started, `StateBusyError` when the folder is in use.
    """
    with _claimed(state_dir / "kafka-part") as state:
        engine: Engine
        if secured or proxy_port:
            kafka = Kafka(state, secured=secured, proxy_port=proxy_port)
            engine = engines.OwnProcess(state, kafka)
        elif given := os.environ.get(BOOTSTRAP_VARIABLE):
            kafka, engine = Kafka(state), engines.Given(given)
        elif _in_containers():
            engine, bootstrap = engines.kafka_container(state)
            kafka = Kafka(state, given=bootstrap)
        else:
            kafka = Kafka(state)
            engine = engines.OwnProcess(state, kafka)
        return _started(KafkaHandle(state, kafka, engine, progress=progress))


def _in_containers() -> bool:
    return os.environ.get(CONTAINERS_VARIABLE, "") not in ("", "0")


@contextlib.contextmanager
def _claimed(folder: Path) -> Iterator[State]:
    state = State(folder).create()
    state.claim()
    with contextlib.ExitStack() as undo:
        undo.callback(state.release)
        yield state
        undo.pop_all()  # the handle holds it from now on


AnyHandle = TypeVar("AnyHandle", bound=_Handle)


def _started(handle: AnyHandle) -> AnyHandle:
    with contextlib.ExitStack() as undo:
        undo.callback(handle.close)
        handle.start()
        undo.pop_all()
    return handle
