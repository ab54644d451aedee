"""What all tests share: a real PostgreSQL and Kafka, databases and topics of a test's own, a clock, an issuer.

The parts come from the launcher (`slrt_local.testing`), or are those of ``SLRT_POSTGRES_URL`` and
``SLRT_KAFKA_BOOTSTRAP``. ``SLRT_TEST_REQUIRE=kafka,postgres`` turns a missing part from a skip into a failure; so does
``promtool``, Prometheus' own tool, which no Python package brings.
"""

import itertools
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from hypothesis import settings
from psycopg import sql

from slrt_kit.messaging.topics import apply_topics
from slrt_kit.migrations import upgrade
from slrt_kit.privacy import key_table
from slrt_kit.testing import FixedClock, TestIssuer, keys_url_of
from slrt_local.net import free_port
from slrt_local.parts.postgres import KEYED
from slrt_local.process import PartError
from slrt_local.testing import KafkaHandle, PostgresHandle, start_kafka, start_postgres

# How long an example takes says something about the machine and nothing about the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_REQUIRED = {part.strip() for part in os.environ.get("SLRT_TEST_REQUIRE", "").split(",") if part.strip()}
_PARTS = {"postgres", "kafka", "promtool"}
Handle = TypeVar("Handle", PostgresHandle, KafkaHandle)
_MARK_BY_FIXTURE = {
    "postgres_server": "postgres",
    "kafka_server": "kafka",
    "secured_kafka": "kafka",
    "proxied_kafka": "kafka",
}


def pytest_configure() -> None:
    """Refuse a misspelt part: it would require nothing."""
    if unknown := _REQUIRED - _PARTS:
        raise pytest.UsageError(f"SLRT_TEST_REQUIRE names {sorted(unknown)}; the parts are {sorted(_PARTS)}")
    # What structlog does when nobody configures it renders every traceback with colours and locals: slowly.
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["level", "event"]),
        ]
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the parts that its fixtures need, so that ``-m 'not kafka'`` works without saying it twice."""
    for item in items:
        for fixture, mark in _MARK_BY_FIXTURE.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)


@pytest.fixture(autouse=True)
def commands_leave_the_logs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command configures the logs of its process, loggers remember that for good, and here the process is ours."""
    for module in ("slrt_kit.operate.console", "slrt_kit.topics.cli"):
        monkeypatch.setattr(f"{module}.configure_logging", lambda **_: None)


_gone: dict[str, str] = {}


def _start(part: str, start: Callable[[], Handle]) -> Handle:
    """Start a part once in a run; a part that could not be started is not tried again for each test."""
    if part not in _gone:
        try:
            return start()
        except PartError as error:
            _gone[part] = str(error)
    return _missing(part, _gone[part])


def _missing(part: str, why: str) -> NoReturn:
    if part in _REQUIRED:
        pytest.fail(f"SLRT_TEST_REQUIRE: {part} is missing: {why}", pytrace=False)
    pytest.skip(f"no {part}: {why}")


# -- PostgreSQL -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresHandle]:
    """A running PostgreSQL with the services' roles, for the whole run."""
    with _start("postgres", lambda: start_postgres(tmp_path_factory.mktemp("postgres"))) as handle:
        yield handle


@pytest.fixture
def stoppable_postgres(postgres_server: PostgresHandle) -> Iterator[PostgresHandle]:
    """The server, for tests that stop it: it runs again afterwards, whatever the test did."""
    if not postgres_server.is_ours:
        pytest.skip("a given server is not ours to stop")
    yield postgres_server
    postgres_server.start()


class Databases:
    """Makes databases that belong to one test or one module, each a copy of a migrated template."""

    def __init__(self, server: PostgresHandle) -> None:
        self._server = server
        self._run = uuid4().hex[:8]
        self._numbers = itertools.count(1)
        self._made: list[str] = []
        self._templates: dict[str, str] = {}

    def __call__(self, service: str) -> str:
        """The address of a fresh database of ``intake``, ``referral``, ``registry`` or ``notification``.

        It is at the head of that service's migrations, owned by that service's role, and empty.
        """
        template = self._templates.get(service)
        if template is None:
            template = self._create(service, template=None)
            upgrade(f"slrt_{service}", self._url(service, template))
            if service in KEYED:
                key_table.prepare(keys_url_of(service, self._server.service_url(service)))
            self._templates[service] = template
        return self._url(service, self._create(service, template=template))

    def empty(self, role: str = "intake") -> str:
        """The address of a database without any table, owned by that service's role."""
        return self._url(role, self._create(role, template=None))

    def copy_of(self, url: str, role: str = "intake") -> str:
        """The address of a copy of another database of ours that nobody is connected to."""
        return self._url(role, self._create(role, template=urlsplit(url).path.lstrip("/")))

    def drop_all(self) -> None:
        """Drop what was made, on a given server; a server of our own goes as a whole."""
        if self._server.is_ours:
            return
        with self._admin() as connection:
            for name in reversed(self._made):
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        self._made.clear()

    def _create(self, service: str, *, template: str | None) -> str:
        name = f"slrt_test_{self._run}_{service}_{next(self._numbers)}"
        with self._admin() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(f"slrt_{service}"), sql.Identifier(template or "template0")
                )
            )
        self._made.append(name)
        return name

    def _url(self, service: str, database: str) -> str:
        return urlsplit(self._server.service_url(service))._replace(path=f"/{database}").geturl()

    @contextmanager
    def _admin(self) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        with psycopg.connect(self._server.url, autocommit=True) as connection:
            yield connection


@pytest.fixture(scope="session")
def service_database(postgres_server: PostgresHandle) -> Iterator[Databases]:
    """``service_database("intake")`` gives the address of a fresh, migrated database; call it per test or module."""
    databases = Databases(postgres_server)
    yield databases
    databases.drop_all()


# -- Kafka ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaHandle]:
    """A running Kafka broker, for the whole run."""
    with _start("kafka", lambda: start_kafka(tmp_path_factory.mktemp("kafka"))) as handle:
        yield handle


@pytest.fixture(scope="module")
def secured_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaHandle]:
    """A broker of the module's own that asks who its clients are; at first it knows its administrator alone."""
    with _start("kafka", lambda: start_kafka(tmp_path_factory.mktemp("secured"), secured=True)) as handle:
        yield handle


@pytest.fixture(scope="module")
def proxied_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaHandle]:
    """A broker of the module's own that can be reached directly, and by a proxy that a test puts at its port."""
    port = free_port()
    with _start("kafka", lambda: start_kafka(tmp_path_factory.mktemp("proxied"), proxy_port=port)) as handle:
        yield handle


@pytest.fixture
def stoppable_kafka(kafka_server: KafkaHandle) -> Iterator[KafkaHandle]:
    """The broker, for tests that stop it: it runs again afterwards, whatever the test did."""
    if not kafka_server.is_ours:
        pytest.skip("a given broker is not ours to stop")
    yield kafka_server
    kafka_server.start()


@pytest.fixture(scope="session")
async def registry_topics(kafka_server: KafkaHandle) -> KafkaHandle:
    """The broker with every topic of the registry on it. They are shared by all tests: use keys of your own."""
    await apply_topics(kafka_server.bootstrap)
    return kafka_server


MakeTopic = Callable[..., Awaitable[str]]


@pytest.fixture(scope="session")
async def new_topic(kafka_server: KafkaHandle) -> AsyncIterator[MakeTopic]:
    """``await new_topic(partitions=3)`` makes a topic that no other test uses and gives its name."""
    made: list[str] = []

    async def make(*, partitions: int = 3, prefix: str = "test") -> str:
        name = f"{prefix}.{uuid4().hex[:12]}"
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server.bootstrap)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(name=name, num_partitions=partitions, replication_factor=1)])
        finally:
            await admin.close()
        made.append(name)
        return name

    yield make
    if not kafka_server.is_ours and made:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server.bootstrap)
        await admin.start()
        try:
            await admin.delete_topics(made)
        finally:
            await admin.close()


# -- Prometheus -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def promtool() -> str:
    """The path of Prometheus' own checker, where the machine has it (Debian: package ``prometheus``)."""
    return shutil.which("promtool") or _missing("promtool", "it is not on the PATH")


# -- time and identity ------------------------------------------------------------------------------------------


@pytest.fixture
def fixed_clock() -> FixedClock:
    """A clock that stands at 1 July 2026, 08.00 UTC until it is moved."""
    return FixedClock()


@pytest.fixture(scope="session")
def token_issuer() -> Iterator[TestIssuer]:
    """An issuer on loopback: ``mint(role, region=…, office=…, ttl=…, sub=…)``, ``headers(…)``, ``jwks_url``."""
    with TestIssuer().serving() as issuer:
        yield issuer


@pytest.fixture(scope="session")
def root() -> Path:
    """Root of the repository."""
    return Path(__file__).resolve().parents[1]
