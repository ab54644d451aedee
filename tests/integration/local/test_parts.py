"""Real PostgreSQL and Kafka of the launcher: isolation, kill -9, stale files, changed ports."""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from slrt_local import process
from slrt_local.parts.postgres_home import servers_in
from slrt_local.process import PartError
from slrt_local.state import StateBusyError
from slrt_local.testing import KafkaHandle, PostgresHandle, or_skip, start_kafka, start_postgres

SERVICES = ("intake", "referral", "registry", "notification")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresHandle]:
    """A server of our own: these tests kill it."""
    folder = tmp_path_factory.mktemp("postgres")
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("SLRT_POSTGRES_URL", "SLRT_TEST_CONTAINERS"):
            patch.delenv(variable, raising=False)
        with or_skip("postgres", lambda: start_postgres(folder)) as handle:
            yield handle


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaHandle]:
    """A broker of our own: these tests kill it."""
    folder = tmp_path_factory.mktemp("kafka")
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("SLRT_KAFKA_BOOTSTRAP", "SLRT_TEST_CONTAINERS"):
            patch.delenv(variable, raising=False)
        with or_skip("kafka", lambda: start_kafka(folder)) as handle:
            yield handle


def show(url: str, setting: str) -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SHOW {setting}").fetchone()
        assert row is not None
        return row[0]


@pytest.mark.postgres
def test_a_service_cannot_connect_to_the_database_of_another(postgres: PostgresHandle) -> None:
    for service in SERVICES:
        for other in ("postgres", "template1", *(f"slrt_{name}" for name in SERVICES if name != service)):
            url = postgres.service_url(service).rsplit("/", 1)[0] + f"/{other}"
            with pytest.raises(psycopg.OperationalError, match="permission denied"):
                psycopg.connect(url)


@pytest.mark.postgres
def test_a_wrong_password_is_refused(postgres: PostgresHandle) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.service_url("intake"), password="wrong")


@pytest.mark.postgres
def test_a_service_owns_its_database_and_is_no_superuser(postgres: PostgresHandle) -> None:
    for service in SERVICES:
        with psycopg.connect(postgres.service_url(service)) as connection:
            connection.execute("CREATE SCHEMA own CREATE TABLE own.t (n int)")
            row = connection.execute(
                "SELECT current_database(), rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles "
                "WHERE rolname = current_user"
            ).fetchone()
            assert row == (f"slrt_{service}", False)
            connection.rollback()


@pytest.mark.postgres
def test_the_server_is_durable_and_listens_on_loopback_alone(postgres: PostgresHandle) -> None:
    assert show(postgres.url, "fsync") == "on"
    assert show(postgres.url, "synchronous_commit") == "on"
    assert show(postgres.url, "full_page_writes") == "on"
    assert show(postgres.url, "password_encryption") == "scram-sha-256"
    assert postgres.pid is not None
    server = psutil.Process(postgres.pid)
    listening = {c.laddr.ip for c in server.net_connections() if c.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}
    assert server.uids().effective == os.geteuid() or (os.geteuid() == 0 and server.uids().effective != 0)


def one_server_in(data: Path) -> bool:
    """Whether one server and its children run on a data folder; children come and go while one looks."""
    with contextlib.suppress(psutil.NoSuchProcess):
        found = servers_in(data)
        return len([one for one in found if one.ppid() not in {each.pid for each in found}]) == 1
    return False


@pytest.mark.postgres
def test_a_committed_row_survives_kill_9_with_backends_left_and_a_stale_pid_file(postgres: PostgresHandle) -> None:
    connection = psycopg.connect(postgres.service_url("intake"), autocommit=True)
    connection.execute("CREATE TABLE kept (n int)")
    connection.execute("INSERT INTO kept VALUES (7)")
    connection.execute("BEGIN")
    connection.execute("INSERT INTO kept VALUES (8)")
    data = Path(show(postgres.url, "data_directory"))
    postgres.kill()
    assert (data / "postmaster.pid").exists()
    postgres.start()
    with psycopg.connect(postgres.service_url("intake")) as again:
        assert again.execute("SELECT n FROM kept").fetchall() == [(7,)]
    assert process.wait_until(partial(one_server_in, data), seconds=10)
    connection.close()


@pytest.mark.postgres
def test_a_pid_file_that_names_a_living_stranger_does_not_stop_the_start(postgres: PostgresHandle) -> None:
    data = Path(show(postgres.url, "data_directory"))
    stale = (data / "postmaster.pid").read_text().splitlines()
    postgres.kill()
    (data / "postmaster.pid").write_text("\n".join([str(os.getppid()), *stale[1:]]) + "\n")
    postgres.start()
    assert postgres.is_running


@pytest.mark.postgres
def test_a_folder_in_use_is_refused(postgres: PostgresHandle) -> None:
    with pytest.raises(StateBusyError):
        start_postgres(postgres.state.root.parent)


@pytest.mark.postgres
def test_a_given_server_gets_roles_and_databases_and_is_left_running(postgres: PostgresHandle, tmp_path: Path) -> None:
    before = postgres.service_url("intake")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLRT_POSTGRES_URL", postgres.url)
        with start_postgres(tmp_path) as given:
            assert not given.is_ours
            assert show(given.service_url("intake"), "fsync") == "on"
            with pytest.raises(PartError, match="not ours to stop"):
                given.kill()
    assert postgres.is_running
    postgres.stop()
    postgres.start()  # sets the passwords of its own state again
    assert postgres.service_url("intake") == before
    assert show(before, "fsync") == "on"


# -- Kafka --------------------------------------------------------------------------------------------------------


async def make_topic(bootstrap: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    await admin.close()


async def read_all(bootstrap: str, topic: str) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    await consumer.seek_to_beginning(partition)
    end = (await consumer.end_offsets([partition]))[partition]
    found: list[bytes] = []
    async with asyncio.timeout(20):
        while len(found) < end:
            batch = await consumer.getmany(partition, timeout_ms=500)
            found += [record.value for records in batch.values() for record in records if record.value]
    await consumer.stop()
    return found


@pytest.mark.kafka
async def test_acknowledged_records_survive_kill_9_and_a_change_of_ports(kafka: KafkaHandle) -> None:
    await make_topic(kafka.bootstrap, "kept")
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, enable_idempotence=True)
    await producer.start()
    for number in range(20):
        await producer.send_and_wait("kept", str(number).encode())
    await producer.stop()

    old = kafka.bootstrap
    await asyncio.to_thread(kafka.kill)
    assert not kafka.is_running
    kafka.state.forget_ports()
    kafka.start()
    assert kafka.bootstrap != old
    assert await read_all(kafka.bootstrap, "kept") == [str(number).encode() for number in range(20)]


@pytest.mark.kafka
def test_the_broker_listens_on_loopback_alone_and_makes_no_topic_by_accident(kafka: KafkaHandle) -> None:
    assert kafka.pid is not None
    listening = [c.laddr.ip for c in psutil.Process(kafka.pid).net_connections() if c.status == psutil.CONN_LISTEN]
    assert set(listening) <= {"127.0.0.1", "::ffff:127.0.0.1"}
    properties = (kafka.state.root / "kafka" / "server.properties").read_text()
    assert "auto.create.topics.enable=false" in properties
