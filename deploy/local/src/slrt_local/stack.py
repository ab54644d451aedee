"""Put the whole stack together: the real parts, the outside world, the services, the gateway."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from slrt_local import offices, services
from slrt_local.identity import PREFIX, directory
from slrt_local.net import LOOPBACK
from slrt_local.parts.gateway import DEFAULT_PORT, PORT_VARIABLE, Gateway, certificates
from slrt_local.parts.kafka import Kafka
from slrt_local.parts.postgres import KEYED, SERVICES, Postgres
from slrt_local.process import Command, PartError
from slrt_local.signing import Signer
from slrt_local.state import State
from slrt_local.units import Unit, answers

OTLP_VARIABLE = "SLRT_OTLP_ENDPOINT"


@dataclass(frozen=True)
class Wish:
    """What ``slrt up`` was asked for."""

    gateway_port: int = DEFAULT_PORT
    tls: bool = False
    parts_only: bool = False
    without_services: bool = False  # parts, outside world and gateway: for tests of those alone


def gateway_port(given: int | None) -> int:
    """The port given, else ``SLRT_GATEWAY_PORT``, else 8080; raises `PartError` when it is no number."""
    if given is not None:
        return given
    value = os.environ.get(PORT_VARIABLE, str(DEFAULT_PORT))
    try:
        return int(value)
    except ValueError as error:
        raise PartError(f"{PORT_VARIABLE}={value!r} is no port number") from error


def surroundings(state: State, *, issuer: str) -> services.Surroundings:
    """The addresses of a stack on this state."""
    postgres = Postgres(state)
    return services.Surroundings(
        kafka_bootstrap=Kafka(state).bootstrap,
        database_urls={service: postgres.service_url(service) for service in SERVICES},
        keys_urls={service: postgres.keys_url(service) for service in KEYED},
        issuer=issuer,
        identity_url=f"{outside_url(state)}{PREFIX}",
        smtp_port=state.port("smtp"),
        provider_url=f"{outside_url(state)}/provider",
        otlp_endpoint=os.environ.get(OTLP_VARIABLE) or None,
    )


def build(state: State, wish: Wish) -> list[Unit]:
    """The units of the stack; writes the files that its processes read.

    Raises `PartError` for a wrong setting, `PortBusyError` when the gateway's port is taken.
    """
    postgres, kafka = Postgres(state), Kafka(state)
    parts = [postgres_unit(postgres), kafka_unit(kafka)]
    if wish.parts_only:
        return parts
    gateway = Gateway(state, port=wish.gateway_port, tls=wish.tls)
    gateway.require_port()  # said before anything is started
    around = surroundings(state, issuer=f"{gateway.url}{PREFIX}")
    gateway.route(
        {
            **{service: services.service_url(state, service) for service in SERVICES},
            "docs": f"http://{LOOPBACK}:{state.port('docs')}",
            "identity": outside_url(state),
        }
    )
    prepare_identity(state, around.issuer)
    offices.write_connectors(state)
    offices.write_supervisors(state)
    own = [] if wish.without_services else [services.topics_unit(state, around), *services.units(state, around)]
    authority = certificates(state) / "ca.pem" if wish.tls else None
    return [*parts, outside_unit(state, around), *own, gateway_unit(gateway, authority)]


def outside_url(state: State) -> str:
    """The common port of the outside world."""
    return f"http://{LOOPBACK}:{state.port('outside')}"


def prepare_identity(state: State, issuer: str) -> None:
    """Make the signing key and the clients' secrets, and note the issuer's name for ``slrt token``."""
    Signer.of(state, issuer)
    for client in directory().clients:
        state.secret(f"client-{client}")
    state.write("identity", {"issuer": issuer})


def postgres_unit(postgres: Postgres) -> Unit:
    """PostgreSQL; databases and roles are made when it answers."""
    return Unit(
        name="postgres",
        command=None if postgres.is_external else postgres.command,
        prepare=postgres.prepare,
        is_ready=postgres.is_ready,
        after_ready=postgres.after_ready,
        addresses={"address": postgres.address},
    )


def kafka_unit(kafka: Kafka) -> Unit:
    """Kafka."""
    return Unit(
        name="kafka",
        command=None if kafka.is_external else kafka.command,
        prepare=kafka.prepare,
        is_ready=kafka.is_ready,
        ready_timeout=120,
        addresses={"bootstrap": kafka.bootstrap},
    )


def outside_unit(state: State, around: services.Surroundings) -> Unit:
    """The outside world; its common port opens last."""
    url = outside_url(state)
    ports = {"--port": state.port("outside"), "--docs-port": state.port("docs"), "--smtp-port": around.smtp_port}
    argv = [sys.executable, "-m", "slrt_local.outside", "--state", str(state.root), "--issuer", around.issuer]
    argv += [part for name, port in ports.items() for part in (name, str(port))]
    return Unit(
        name="outside",
        command=lambda: Command(argv=tuple(argv), cwd=state.root),
        is_ready=answers(f"{url}/readyz"),
        addresses={
            "url": url,
            "identity": f"{url}{PREFIX}",
            "mails": f"{url}/mails",
            "messages": f"{url}/messages",
            "notices": f"{url}/notices",
            "smtp": f"{LOOPBACK}:{around.smtp_port}",
            "docs": f"http://{LOOPBACK}:{state.port('docs')}",
            **{f"office {end.code}": end.url for end in offices.endpoints(state)},
        },
    )


def gateway_unit(gateway: Gateway, authority: Path | None) -> Unit:
    """Traefik; it does not wait for the services and answers 502 until they are there."""
    return Unit(
        name="gateway",
        command=gateway.command,
        prepare=gateway.prepare,
        is_ready=gateway.is_ready,
        after=("outside",),
        addresses={
            "url": gateway.url,
            "docs": f"{gateway.url}/docs",
            "openapi": f"{gateway.url}/openapi.json",
            "identity": f"{gateway.url}{PREFIX}",
            "internal": gateway.internal_url,
            **({"authority": str(authority)} if authority else {}),
        },
    )
