"""Finding Java and PostgreSQL: too old and broken ones are passed over, a missing one is named with the way out."""

import os
import stat
from pathlib import Path

import pytest

from slrt_local.parts import java, postgres_home
from slrt_local.parts.gateway import Gateway
from slrt_local.parts.kafka import Kafka
from slrt_local.parts.postgres import Postgres
from slrt_local.process import PartError
from slrt_local.stack import gateway_port
from slrt_local.state import State


def _script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def _java(folder: Path, version: str) -> None:
    _script(folder / "bin" / "java", f"echo 'openjdk version \"{version}\" 2025-01-01' >&2")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with an empty PATH and none of our wheels."""
    for name in ("JAVA_HOME", postgres_home.BIN_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr(postgres_home, "DEBIAN", Path("/nonexistent"))


@pytest.mark.usefixtures("bare")
def test_no_java_at_all_names_the_way_out() -> None:
    with pytest.raises(PartError, match=r"no Java 17 or later.*SLRT_KAFKA_BOOTSTRAP"):
        java.find_java()


@pytest.mark.usefixtures("bare")
def test_a_java_that_is_too_old_or_does_not_run_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _java(tmp_path / "old", "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    _script(tmp_path / "broken" / "java", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path / "broken"))
    with pytest.raises(PartError):
        java.find_java()
    _java(tmp_path / "new", "21.0.1")
    monkeypatch.setenv("PATH", str(tmp_path / "new" / "bin"))
    assert java.find_java().version == 21


@pytest.mark.usefixtures("bare")
def test_no_postgres_at_all_names_the_way_out() -> None:
    with pytest.raises(PartError, match=r"no server binaries of version 15 or later.*SLRT_POSTGRES_URL"):
        postgres_home.find_binaries()


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("says", ["postgres (PostgreSQL) 14.9", "nonsense", "postgres (PostgreSQL) 9.6.24"])
def test_a_server_that_is_too_old_is_passed_over(says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _script(tmp_path / "initdb", "true")
    _script(tmp_path / "postgres", f"echo '{says}'")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PartError):
        postgres_home.find_binaries()


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("says", "version"), [("15.18 (Debian 15.18-0)", "15.18"), ("17beta1", "17beta1"), ("18.6", "18.6")]
)
def test_a_server_on_the_path_is_found(
    says: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _script(tmp_path / "initdb", "true")
    _script(tmp_path / "postgres", f"echo 'postgres (PostgreSQL) {says}'")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = postgres_home.find_binaries()
    assert (found.folder, found.version) == (tmp_path, version)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes user")
def test_as_root_the_server_gets_a_user_of_its_own() -> None:
    user = postgres_home.unprivileged_user()
    assert user is not None
    assert user.uid != 0


@pytest.mark.parametrize("bad", ["localhost", "mysql://x@y/z", "postgresql://"])
def test_a_postgres_address_of_another_form_is_refused(bad: str, tmp_path: Path) -> None:
    with pytest.raises(PartError, match="postgresql://user:password"):
        Postgres(State(tmp_path), given=bad)


@pytest.mark.parametrize("bad", ["localhost", "kafka:", "PLAINTEXT"])
def test_a_kafka_address_of_another_form_is_refused(bad: str, tmp_path: Path) -> None:
    with pytest.raises(PartError, match="host:port"):
        Kafka(State(tmp_path), given=bad)


def test_a_given_server_is_not_ours(tmp_path: Path) -> None:
    postgres = Postgres(State(tmp_path), given="postgresql://boss:secret@db.example:5433/postgres?sslmode=require")
    assert postgres.is_external
    assert postgres.address == "db.example:5433"
    assert Kafka(State(tmp_path), given="k1:9092,k2:9092").bootstrap == "k1:9092,k2:9092"


def test_a_service_address_keeps_host_and_options_of_a_given_server(tmp_path: Path) -> None:
    state = State(tmp_path)
    with state.lock():
        url = Postgres(state, given="postgresql://boss:secret@db.example:5433/postgres?sslmode=require").service_url(
            "intake"
        )
    assert url.startswith("postgresql://slrt_intake:")
    assert url.endswith("@db.example:5433/slrt_intake?sslmode=require")
    assert "secret@" not in url


def test_an_unknown_service_has_no_database(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        Postgres(State(tmp_path), given="postgresql://a@b/c").service_url("billing")


@pytest.mark.parametrize("bad", [-1, 65_536, 1_000_000])
def test_a_gateway_port_out_of_range_is_refused(bad: int, tmp_path: Path) -> None:
    with pytest.raises(PartError, match="no port"):
        Gateway(State(tmp_path), port=bad)


def test_a_gateway_port_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLRT_GATEWAY_PORT", "eighty")
    with pytest.raises(PartError, match="SLRT_GATEWAY_PORT='eighty'"):
        gateway_port(None)
    assert gateway_port(8090) == 8090
    monkeypatch.delenv("SLRT_GATEWAY_PORT")
    assert gateway_port(None) == 8080
