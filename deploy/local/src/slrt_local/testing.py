"""Real PostgreSQL and Kafka for tests: start, stop, kill -9 and start again, from plain synchronous code.

``SLRT_POSTGRES_URL`` and ``SLRT_KAFKA_BOOTSTRAP`` are honoured: a given server is used and cannot be stopped or
killed (``is_ours`` is False). Otherwise the launcher's own parts are started, each in its own folder below the
given one. Call `start_postgres` and `start_kafka` from the main thread: the processes end with the thread that
started them, so a test run that is killed leaves nothing behind.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from slrt_local import process
from slrt_local.parts.kafka import Kafka
from slrt_local.parts.postgres import Postgres
from slrt_local.process import PartError, Progress
from slrt_local.state import State

REQUIRE_VARIABLE = "SLRT_TEST_REQUIRE"  # kafka,postgres: a missing part is a failure, not a skip
_READY_SECONDS = 120.0  # a busy machine starts a broker in 20 s
Handle = TypeVar("Handle")


def silent(_line: str) -> None:
    """The progress of tests: none."""


class _Handle:
    """One running part; a context manager that stops it."""

    def __init__(self, state: State, part: Postgres | Kafka, *, progress: Progress) -> None:
        self.state = state
        self._part, self._progress = part, progress
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_ours(self) -> bool:
        """False for a given server, which is not ours to stop."""
        return not self._part.is_external

    @property
    def is_running(self) -> bool:
        """True while the process lives (always for a given server)."""
        return not self.is_ours or (self._process is not None and self._process.poll() is None)

    @property
    def pid(self) -> int | None:
        """The process id, None when it does not run or is not ours."""
        return self._process.pid if self._process and self.is_running else None

    def start(self) -> None:
        """Start it (again) at the same address and wait until it is ready; raises `PartError` with the log's end."""
        if self._process is not None and self.is_running:
            return
        self._part.prepare(self._progress)
        if self.is_ours:
            self._process = process.spawn(self._part.command(), self.state.log(self._part.name))
            process.record(self.state, self._part.name, self._process.pid)
        if not process.wait_until(self._answers_or_ended, seconds=_READY_SECONDS) or not self.is_running:
            log = self.state.log(self._part.name)
            raise PartError(f"{self._part.name} did not start. Its log is {log}, the end of it:\n{process.tail(log)}")

    def _answers_or_ended(self) -> bool:
        return not self.is_running or self._part.is_ready()

    def stop(self) -> None:
        """Stop it gracefully and wait for its end."""
        process.stop(self._own(), self._part.command())
        self._ended()

    def kill(self) -> None:
        """kill -9, and wait for its end."""
        process.kill(self._own())
        self._ended()

    def _own(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise PartError(f"{self._part.name} at a given address is not ours to stop")
        return self._process

    def _ended(self) -> None:
        process.forget(self.state, self._part.name)

    def close(self) -> None:
        """Stop it if it is ours and runs, and give its folder free."""
        if self.is_ours and self.is_running:
            self.stop()
        self.state.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class PostgresHandle(_Handle):
    """A running PostgreSQL with the services' roles and databases."""

    def __init__(self, state: State, *, progress: Progress) -> None:
        self._postgres = Postgres(state)
        super().__init__(state, self._postgres, progress=progress)

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
        outside = self.state.read("postgres", {}).get("home")
        if outside and self.is_ours:
            shutil.rmtree(outside)
            Path(f"{outside}.state").unlink(missing_ok=True)


class KafkaHandle(_Handle):
    """A running Kafka broker without topics."""

    def __init__(self, state: State, *, progress: Progress) -> None:
        self._kafka = Kafka(state, quick=True)
        super().__init__(state, self._kafka, progress=progress)

    @property
    def bootstrap(self) -> str:
        """host:port."""
        return self._kafka.bootstrap


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
    state = State(state_dir / "postgres-part").create()
    state.claim()
    handle = PostgresHandle(state, progress=progress)
    _start(handle)
    return handle


def start_kafka(state_dir: Path, *, progress: Progress = silent) -> KafkaHandle:
    """Start one Kafka node with its log below ``state_dir`` and wait until it answers.

    Raises `PartError` when it cannot be found or started, `StateBusyError` when the folder is in use.
    """
    state = State(state_dir / "kafka-part").create()
    state.claim()
    handle = KafkaHandle(state, progress=progress)
    _start(handle)
    return handle


def _start(handle: _Handle) -> None:
    with contextlib.ExitStack() as undo:
        undo.callback(handle.close)
        handle.start()
        undo.pop_all()
