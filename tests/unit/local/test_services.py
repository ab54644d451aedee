"""The table of the suite's processes: it is complete, consistent, and tells each service only what is its own."""

from pathlib import Path

import pytest

from slrt_local import services, stack
from slrt_local.offices import OFFICES, endpoints
from slrt_local.state import State
from slrt_local.units import Unit


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Unit]:
    monkeypatch.delenv("SLRT_POSTGRES_URL", raising=False)
    monkeypatch.delenv("SLRT_KAFKA_BOOTSTRAP", raising=False)
    state = State(tmp_path / "state")
    with state.lock():
        built = stack.build(state, stack.Wish(gateway_port=0))
        for unit in built:
            if unit.command and unit.prepare is None:
                unit.command()
    return {unit.name: unit for unit in built}


def test_names_are_unique_and_every_need_exists(units: dict[str, Unit]) -> None:
    names = [process.name for process in services.PROCESSES]
    assert len(names) == len(set(names))
    for unit in units.values():
        assert set(unit.after) <= set(units)


def test_the_order_has_no_circle(units: dict[str, Unit]) -> None:
    started: set[str] = set()
    while len(started) < len(units):
        can = {name for name, unit in units.items() if name not in started and set(unit.after) <= started}
        assert can, f"nothing can start after {sorted(started)}"
        started |= can


def test_every_service_office_and_channel_has_its_processes(units: dict[str, Unit]) -> None:
    expected = {f"{service}-migrate" for service in services.SERVICES} | set(services.SERVICES)
    expected |= {f"connector-{office}" for office in OFFICES} | {"connector-email", "connector-whatsapp"}
    assert expected | {"postgres", "kafka", "topics", "outside", "gateway"} == set(units)


def _env(units: dict[str, Unit], name: str) -> dict[str, str]:
    command = units[name].command
    assert command is not None
    return dict(command().env)


def test_the_topic_registry_is_applied_to_the_broker_of_the_stack_before_any_service_starts(
    units: dict[str, Unit],
) -> None:
    command = units["topics"].command
    assert command is not None
    assert command().argv[1:] == ("-m", "slrt_kit.topics", "apply")
    assert _env(units, "topics") == {"SLRT_TOPICS_KAFKA_BOOTSTRAP": units["kafka"].addresses["bootstrap"]}
    assert units["topics"].once
    assert all("topics" in units[service].after for service in services.SERVICES)


def test_a_service_is_told_its_own_database_and_secret_and_no_other(units: dict[str, Unit]) -> None:
    secrets = {service: _env(units, service)[f"SLRT_{service.upper()}_CLIENT_SECRET"] for service in services.SERVICES}
    assert len(set(secrets.values())) == len(services.SERVICES)
    for service in services.SERVICES:
        env = _env(units, service)
        assert {name.split("_")[1] for name in env} == {service.upper()}
        database = env[f"SLRT_{service.upper()}_DATABASE_URL"]
        assert database.startswith(f"postgresql://slrt_{service}:")
        assert database.endswith(f"/slrt_{service}")


def test_every_process_with_a_port_has_one_of_its_own(units: dict[str, Unit]) -> None:
    urls = [
        unit.addresses["url"]
        for name, unit in units.items()
        if name in {p.name for p in services.PROCESSES if p.serves}
    ]
    assert len(urls) == len(set(urls)) == 4 + len(OFFICES) + 2


def test_connectors_have_no_http_port_but_a_metrics_port(units: dict[str, Unit]) -> None:
    env = _env(units, "connector-12.74.DUKCAPIL")
    assert "SLRT_REFERRAL_HTTP_PORT" not in env
    assert units["connector-12.74.DUKCAPIL"].addresses["url"].endswith(env["SLRT_REFERRAL_METRICS_PORT"])
    command = units["connector-12.74.DUKCAPIL"].command
    assert command is not None
    assert command().argv[1:] == ("connector", "--office", "12.74.DUKCAPIL")


def test_connectors_may_deliver_to_the_offices_of_this_stack_and_nowhere_else_here(
    units: dict[str, Unit], tmp_path: Path
) -> None:
    allowed = _env(units, "connector-12.74.DUKCAPIL")["SLRT_REFERRAL_OFFICE_ENDPOINT_ALLOW"].split(",")
    ends = endpoints(State(tmp_path / "state"))
    assert sorted(allowed) == sorted(f"http://127.0.0.1:{end.port}" for end in ends)


def test_every_service_is_told_where_the_list_of_revocations_is(units: dict[str, Unit]) -> None:
    for service in services.SERVICES:
        url = _env(units, service)[f"SLRT_{service.upper()}_OIDC_REVOCATIONS_URL"]
        assert url == units["outside"].addresses["identity"] + "/revocations.json"


def test_parts_alone_are_only_the_two(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    with state.lock():
        assert [unit.name for unit in stack.build(state, stack.Wish(parts_only=True))] == ["postgres", "kafka"]
