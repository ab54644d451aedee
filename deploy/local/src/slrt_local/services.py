"""The suite's own processes, as data: which command, which settings, after what, how to see that it is ready."""

import sys
from dataclasses import dataclass
from pathlib import Path

from slrt_local.identity import PREFIX
from slrt_local.net import LOOPBACK
from slrt_local.offices import OFFICES, connectors_file, endpoints, supervisors_file
from slrt_local.process import Command
from slrt_local.state import State
from slrt_local.units import Unit, answers

SERVICES = ("intake", "referral", "registry", "notification")
CHANNELS = ("email", "whatsapp")
_PATIENCE = 180.0  # seconds until ready; 15 of them start at once, and on a busy machine a restart would not help
_STANDS_BACK = 15


@dataclass(frozen=True)
class ServiceProcess:
    """One process of a service: ``slrt-<service> <arguments>``.

    Its environment is the service's settings (`settings`); ``serves`` says which of its settings carries the port
    it answers ``/readyz`` on: ``HTTP_PORT`` for the API, ``METRICS_PORT`` for roles without one.
    """

    service: str
    arguments: tuple[str, ...]
    after: tuple[str, ...]
    name: str = ""
    once: bool = False
    serves: str | None = None

    @property
    def niceness(self) -> int:
        """What takes reports in and sends them on comes first; telling people about it may wait for a moment."""
        return _STANDS_BACK if self.service == "notification" or self.arguments[0] == "connector" else 0


#: What runs, in the order a person would tell it. Add a process here and it is started, watched and shown.
PROCESSES: tuple[ServiceProcess, ...] = (
    *(
        ServiceProcess(service, ("migrate",), after=("postgres",), name=f"{service}-migrate", once=True)
        for service in SERVICES
    ),
    *(
        ServiceProcess(
            service, ("all",), after=(f"{service}-migrate", "topics", "outside"), name=service, serves="HTTP_PORT"
        )
        for service in SERVICES
    ),
    *(
        ServiceProcess(
            "referral",
            ("connector", "--office", office),
            after=("referral-migrate", "topics"),
            name=f"connector-{office}",
            serves="METRICS_PORT",
        )
        for office in OFFICES
    ),
    *(
        ServiceProcess(
            "notification",
            ("connector", "--channel", channel),
            after=("notification-migrate", "topics", "outside"),
            name=f"connector-{channel}",
            serves="METRICS_PORT",
        )
        for channel in CHANNELS
    ),
)


@dataclass(frozen=True)
class Surroundings:
    """The addresses the services are told; all of this machine."""

    kafka_bootstrap: str
    database_urls: dict[str, str]
    keys_urls: dict[str, str]
    issuer: str
    identity_url: str  # the issuer's endpoints without the gateway
    smtp_port: int
    provider_url: str
    otlp_endpoint: str | None = None


def service_url(state: State, service: str) -> str:
    """A service's own address, without the gateway."""
    return f"http://{LOOPBACK}:{state.port(f'http-{service}')}"


def settings(state: State, around: Surroundings, process: ServiceProcess) -> dict[str, str]:
    """The environment of ``process``: ``SLRT_<SERVICE>_<SETTING>``."""
    service = process.service
    values = {
        "DATABASE_URL": around.database_urls[service],
        "KAFKA_BOOTSTRAP": around.kafka_bootstrap,
        "HTTP_HOST": LOOPBACK,
        "OIDC_ISSUER": around.issuer,
        "OIDC_JWKS_URL": f"{around.identity_url}/jwks.json",
        "OIDC_REVOCATIONS_URL": f"{around.identity_url}/revocations.json",
        "OIDC_AUDIENCE": "slrt",
        "TOKEN_URL": f"{around.identity_url}/token",
        "CLIENT_ID": f"slrt-{service}",
        "CLIENT_SECRET": state.secret(f"client-slrt-{service}"),
        **_keys(state, around, service),
        "AUDIT_SIGNING_KEY": state.secret(f"audit-{service}"),
        **_own_settings(state, around, service),
    }
    if process.serves == "HTTP_PORT":
        values["HTTP_PORT"] = str(state.port(f"http-{service}"))
    elif process.serves:
        values[process.serves] = str(state.port(f"metrics-{process.name}"))
    if around.otlp_endpoint:
        values["OTLP_ENDPOINT"] = around.otlp_endpoint
    return {f"SLRT_{service.upper()}_{name}": value for name, value in values.items()}


def _keys(state: State, around: Surroundings, service: str) -> dict[str, str]:
    if service not in around.keys_urls:
        return {}
    return {
        "KEYS_URL": around.keys_urls[service],
        "KEY_ENCRYPTION_KEY": state.secret(f"key-encryption-{service}"),
        "INDEX_KEY": state.secret(f"index-{service}"),
    }


def _own_settings(state: State, around: Surroundings, service: str) -> dict[str, str]:
    return {
        "intake": {"OBJECTS_DIR": str(state.objects), "PUBLIC_URL": around.issuer.removesuffix(PREFIX)},
        "referral": {
            "CONNECTORS_FILE": str(connectors_file(state)),
            "OFFICE_ENDPOINT_ALLOW": ",".join(end.origin for end in endpoints(state)),
        },
        "registry": {"INTAKE_URL": service_url(state, "intake")},
        "notification": {
            "INTAKE_URL": service_url(state, "intake"),
            "SMTP_HOST": LOOPBACK,
            "SMTP_PORT": str(around.smtp_port),
            "MAIL_FROM": "slrt@contoh.go.id",
            "MESSAGE_PROVIDER_URL": around.provider_url,
            "SUPERVISORS_FILE": str(supervisors_file(state)),
        },
    }[service]


def operator_environment(state: State, around: Surroundings, service: str) -> dict[str, str]:
    """The environment of an operator's command of a service: that of its main process."""
    return settings(state, around, next(each for each in PROCESSES if each.service == service and not each.once))


def units(state: State, around: Surroundings) -> list[Unit]:
    """The processes above as units for the supervisor."""
    return [_unit(state, around, process) for process in PROCESSES]


def _unit(state: State, around: Surroundings, process: ServiceProcess) -> Unit:
    env = settings(state, around, process)
    port = next((env[name] for name in env if process.serves and name.endswith(f"_{process.serves}")), None)
    url = f"http://{LOOPBACK}:{port}" if port else ""
    argv = (str(Path(sys.executable).with_name(f"slrt-{process.service}")), *process.arguments)
    return Unit(
        name=process.name,
        # The services drain for up to 25 s after SIGTERM; a little more, and they are killed.
        command=lambda: Command(argv=argv, env=env, cwd=state.root, stop_timeout=28, niceness=process.niceness),
        is_ready=answers(f"{url}/readyz") if url else None,
        after=process.after,
        once=process.once,
        ready_timeout=_PATIENCE,
        addresses={"url": url} if url else {},
    )


def topics_unit(state: State, around: Surroundings) -> Unit:
    """Bring the broker to what the topic registry says, before anything produces or consumes."""
    return Unit(
        name="topics",
        command=lambda: Command(argv=topics_command("apply"), env=topics_environment(around), cwd=state.root),
        after=("kafka",),
        once=True,
        ready_timeout=_PATIENCE,
    )


def topics_command(*arguments: str) -> tuple[str, ...]:
    """``slrt_kit.topics`` with these arguments."""
    return (sys.executable, "-m", "slrt_kit.topics", *arguments)


def topics_environment(around: Surroundings) -> dict[str, str]:
    """Its settings on this stack."""
    return {"SLRT_TOPICS_KAFKA_BOOTSTRAP": around.kafka_bootstrap}
