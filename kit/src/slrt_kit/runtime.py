"""Compose and run the roles of a service: what `app.py` of each service is built with."""

import asyncio
import contextlib
import gc
import hmac
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import uvicorn
from starlette.applications import Starlette

from slrt_contracts.events import EVENT_TYPES
from slrt_contracts.topics import dead_letter_topic
from slrt_kit import schema
from slrt_kit.audit.sealer import Sealer
from slrt_kit.audit.statements import Signer
from slrt_kit.audit.telling import LookTeller, tells_looks
from slrt_kit.db import Database
from slrt_kit.doorbell import Doorbell
from slrt_kit.http.client import ServiceClient
from slrt_kit.http.destinations import Destinations
from slrt_kit.http.health import Lacks, health_routes
from slrt_kit.http.outgoing import HttpClient
from slrt_kit.logs import configure_logging, get_logger
from slrt_kit.messaging.broker import KafkaBroker
from slrt_kit.messaging.consumer import ConsumerSettings, EventConsumer
from slrt_kit.messaging.handlers import Handlers
from slrt_kit.messaging.processor import Processor
from slrt_kit.outbox import Outbox
from slrt_kit.outbox_queue import PostgresOutboxQueue
from slrt_kit.relay import Relay, RelaySettings
from slrt_kit.settings import ServiceSettings
from slrt_kit.telemetry import configure_telemetry

if TYPE_CHECKING:
    from fastapi import APIRouter, FastAPI

    from slrt_kit.clocks.steps import Deadlines
    from slrt_kit.http.tokens import TokenVerifier
    from slrt_kit.policy.book import PolicyBook
    from slrt_kit.policy.rules import PolicyRules
    from slrt_kit.privacy import Vault
    from slrt_kit.privacy.sweep import RetentionSweep

log = get_logger(__name__)

Deps = TypeVar("Deps")

LINGER_S = 0.2
"""How much a consumer that nobody waits for may be behind when all is well."""
DRAIN_SECONDS = 25
"""How long a role may take to end what it has in hand after SIGTERM."""
_STUCK_AFTER_S = 3.0


@dataclass
class Runtime:
    """The parts of one service process, made on first use, so that a role opens only what it needs."""

    name: str
    package: str
    settings: ServiceSettings
    _foreign: list[HttpClient] = field(default_factory=list, init=False)

    @cached_property
    def database(self) -> Database:
        return Database(self.settings.database_url.get_secret_value(), pool_size=self.settings.database_pool_size)

    @cached_property
    def worker_database(self) -> Database:
        """A pool of the consumers' own: however much they have to do, the API never waits for a connection."""
        url = self.settings.database_url.get_secret_value()
        return Database(url, pool_size=self.settings.worker_pool_size, pool="worker")

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.name)

    @cached_property
    def http(self) -> HttpClient:
        return HttpClient()

    @cached_property
    def verifier(self) -> "TokenVerifier":
        from slrt_kit.http.tokens import TokenVerifier  # noqa: PLC0415 — see `app`

        return TokenVerifier(
            issuer=self.settings.oidc_issuer,
            audience=self.settings.oidc_audience,
            jwks_url=self.settings.oidc_jwks_url,
            client=self.http,
            revocations_url=self.settings.oidc_revocations_url,
        )

    @cached_property
    def broker(self) -> KafkaBroker:
        return KafkaBroker(self.settings.broker)

    @cached_property
    def relay(self) -> Relay:
        return Relay(
            queue=PostgresOutboxQueue(self.settings.database_url.get_secret_value()),
            broker=self.broker,
            service=self.name,
            settings=RelaySettings(replication=self.settings.kafka_replication),
        )

    @cached_property
    def vault(self) -> "Vault":
        """The keys of the people whose data the service holds. Raises TypeError: its settings have none."""
        from slrt_kit.privacy.settings import PrivacySettings  # noqa: PLC0415 — not every service holds personal data
        from slrt_kit.privacy.vault import Vault  # noqa: PLC0415

        if not isinstance(self.settings, PrivacySettings):
            raise TypeError(f"{self.name} has no keys: it holds no personal data")
        return Vault.of(self.name, self.settings)

    @cached_property
    def signer(self) -> Signer:
        """Raises ValueError: no key is set, or none that can sign."""
        key = self.settings.audit_signing_key
        if key is None:
            raise ValueError(f"SLRT_{self.name.upper()}_AUDIT_SIGNING_KEY is missing: the audit log is sealed with it")
        return Signer(key.get_secret_value())

    @cached_property
    def sealer(self) -> Sealer:
        """Raises what `signer` raises."""
        url = self.settings.database_url.get_secret_value()
        return Sealer(database_url=url, service=self.name, signer=self.signer)

    @property
    def tellers_of_looks(self) -> Sequence[LookTeller]:
        """One, or none where the service shows nobody's data."""
        url = self.settings.database_url.get_secret_value()
        return [LookTeller(database_url=url, service=self.name)] if tells_looks(self.name) else []

    @property
    def retention_sweep(self) -> "RetentionSweep":
        """What removes, from time to time, what was kept for its period."""
        from slrt_kit.privacy.settings import PrivacySettings  # noqa: PLC0415 — see `vault`
        from slrt_kit.privacy.sweep import RetentionSweep, sweep_rules  # noqa: PLC0415 — the same

        destroy = self.vault.destroy if isinstance(self.settings, PrivacySettings) else None
        return RetentionSweep(self.worker_database, sweep_rules(self.package), destroy=destroy)

    @cached_property
    def has_policy(self) -> bool:
        """Whether the service goes by a policy in layers."""
        from slrt_kit.policy.packaged import has_policy  # noqa: PLC0415 — not every service has one

        return has_policy(self.package)

    @cached_property
    def policy_rules(self) -> "PolicyRules":
        """What reads and checks the service's policy."""
        from slrt_kit.policy.rules import PolicyRules  # noqa: PLC0415 — see `has_policy`

        return PolicyRules.of(self.name)

    @cached_property
    def policy_book(self) -> "PolicyBook":
        """What of the service's policy is in force; `policy_parts` keeps it so."""
        from slrt_kit.policy.book import PolicyBook  # noqa: PLC0415 — see `has_policy`

        return PolicyBook(self.policy_rules, self.database)

    def lacks(self) -> str | None:
        """What a process of this service still waits for before it can serve."""
        return "policy not read yet" if self.has_policy and not self.policy_book.is_known else None

    @cached_property
    def deadlines(self) -> "Deadlines":
        """The clocks that steps have by the service's policy."""
        from slrt_kit.clocks.steps import Deadlines  # noqa: PLC0415 — see `has_policy`

        return Deadlines(self.policy_book)

    @property
    def policy_parts(self) -> "Sequence[Part]":
        """What keeps the policy book of a role; nothing where the service has no policy."""
        return [self.policy_book.run] if self.has_policy else []

    @cached_property
    def doorbell(self) -> Doorbell:
        return Doorbell(self.settings.database_url.get_secret_value())

    def foreign_http(self, destinations: Destinations) -> HttpClient:
        """A client for URLs that others have set; it is closed with the runtime."""
        client = HttpClient(destinations)
        self._foreign.append(client)
        return client

    def client_of(self, base_url: str) -> ServiceClient:
        """A client of another service, with this service's identity."""
        return ServiceClient(
            base_url=base_url,
            token_url=self.settings.token_url,
            client_id=self.settings.client_id,
            client_secret=self.settings.client_secret,
            client=self.http,
        )

    def group(self, consumer: str) -> str:
        """The consumer group of a consumer of this service."""
        return f"slrt.{self.name}.{consumer}"

    def consumer(self, name: str, handlers: Handlers[Deps], deps: Deps, *, linger: float = 0.0) -> EventConsumer:
        """A member of the consumer group ``slrt.<service>.<name>``, on the topics of the types it handles."""
        group = self.group(name)
        return EventConsumer(
            ConsumerSettings(
                group=group,
                topics=topics_of(handlers),
                dead_letter_topic=dead_letter_topic(self.name),
                session_timeout_ms=self.settings.kafka_session_timeout_ms,
                linger=linger,
            ),
            Processor(consumer=group, database=self.worker_database, handlers=handlers, deps=deps),
            self.broker,
        )

    def app(
        self,
        *,
        title: str,
        description: str,
        routers: "Sequence[APIRouter]",
        consumers: Mapping[str, Handlers[Any]],
        fast: Mapping[Callable[..., object], int | None] = MappingProxyType({}),
    ) -> "FastAPI":
        """The service's HTTP application; see `slrt_kit.http.app.build_app`. ``consumers`` are those of `consumer`."""
        # FastAPI is half of what a process weighs: roles without an API do not load it.
        from slrt_kit.http.app import build_app  # noqa: PLC0415
        from slrt_kit.http.audit_log import router as audit_router  # noqa: PLC0415
        from slrt_kit.http.policy import router as policy_router  # noqa: PLC0415
        from slrt_kit.http.rates import PersonLimit  # noqa: PLC0415
        from slrt_kit.http.what_if import router as what_if_router  # noqa: PLC0415
        from slrt_kit.privacy.mac import Mac  # noqa: PLC0415 — see `vault`
        from slrt_kit.privacy.settings import PrivacySettings, key_bytes  # noqa: PLC0415

        app = build_app(
            title=title,
            description=description,
            version="1",
            package=self.package,
            service=self.name,
            lacks=self.lacks,
            routers=[*routers, audit_router, *([policy_router, what_if_router] if self.has_policy else [])],
            consumers={self.group(name): handlers for name, handlers in consumers.items()},
            fast=fast,
            database=self.database,
            verifier=self.verifier,
            person_limit=PersonLimit(per_second=self.settings.person_rate, burst=self.settings.person_burst),
        )
        if self.has_policy:
            app.state.policy_rules = self.policy_rules
            app.state.what_if_turn = asyncio.Lock()
        if isinstance(self.settings, PrivacySettings):
            own = hmac.digest(key_bytes(self.settings.index_key), b"slrt command fingerprint", "sha256")
            app.state.fingerprint = Mac(own)
        return app

    async def close(self) -> None:
        """Close what was opened."""
        for part in ("database", "worker_database", "vault", "http"):
            if part in self.__dict__:
                await self.__dict__[part].close()
        for client in self._foreign:
            await client.close()


def topics_of(handlers: Handlers[Any]) -> list[str]:
    """The topics of the event types that have a handler."""
    return sorted({topic for name in handlers.entries for topic in EVENT_TYPES[name].topics()})


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the role decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: "FastAPI | Starlette", *, host: str, port: int, stop: asyncio.Event) -> None:
    """Serve HTTP until ``stop``; then finish the requests in hand, and end the streams."""
    app.state.stop = stop
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing asks where a caller is: the gateway alone knows, and limits by it
        timeout_graceful_shutdown=DRAIN_SECONDS - 5,
        backlog=2048,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    letting_go = asyncio.create_task(_let_go_of_stuck(server))
    try:
        await serving
    finally:
        letting_go.cancel()
        refusals = getattr(app.state, "refusals", None)
        if refusals is not None:
            await refusals.flush()


async def _let_go_of_stuck(server: uvicorn.Server) -> None:
    """End the connections on which nothing moves: whoever does not read would hold up the end of everybody."""
    unread = _unread(server)
    await asyncio.sleep(_STUCK_AFTER_S)
    for connection, size in _unread(server).items():
        if unread.get(connection) == size:
            connection.abort()


def _unread(server: uvicorn.Server) -> dict[asyncio.Transport, int]:
    """The bytes that wait in this process for those who are connected, where there are any."""
    transports = [connection.transport for connection in server.server_state.connections]
    return {each: size for each in transports if (size := each.get_write_buffer_size())}


Part = Callable[[asyncio.Event], Any]
"""A part of a role: a coroutine function that works until the event is set."""


async def run_parts(runtime: Runtime, *, role: str, parts: Sequence[Part]) -> None:
    """Run the parts side by side until SIGTERM or SIGINT, or until one ends by itself; then drain all of them.

    Raises:
        ExceptionGroup: of what the parts failed with; a part that ended without being asked is such a failure.
    """
    stop = asyncio.Event()
    failures: list[Exception] = []

    async def guard(part: Part) -> None:
        try:
            await part(stop)
            if not stop.is_set():
                failures.append(RuntimeError("a part of the role ended by itself"))
        except Exception as error:  # noqa: BLE001 — raised below, after the others have ended what they have in hand
            failures.append(error)
        finally:
            stop.set()

    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    log.info("role started", role=role)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(guard(part)) for part in parts]
            await stop.wait()
            _done, late = await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
            for task in late:
                log.warning("part did not end in time", role=role)
                task.cancel()
    finally:
        await runtime.close()
    if failures:
        raise ExceptionGroup(f"role {role} failed", failures)
    log.info("role ended", role=role)


def health_part(runtime: Runtime, lacks: Lacks = lambda: None) -> list[Part]:
    """Health and metrics of a role that has no API, on ``metrics_port`` when one is set."""
    port = runtime.settings.metrics_port
    if port is None:
        return []
    app = Starlette(routes=health_routes(database=runtime.database, package=runtime.package, lacks=lacks))
    return [lambda stop: serve(app, host=runtime.settings.http_host, port=port, stop=stop)]


def settle_memory() -> None:
    """Have the collector leave alone what a process was composed of, and look more seldom.

    What is there by now stays to the end, and what a request makes goes by itself when it is answered: looking for
    circles after every 700 objects costs some 5 % of the processor and finds next to nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def start(runtime: Runtime, *, role: str, parts: Callable[[], Sequence[Part]]) -> None:
    """Configure the process for a role and run it to its end."""
    configure_logging(service=runtime.name, role=role, level=runtime.settings.log_level)
    configure_telemetry(service=runtime.name, role=role, otlp_endpoint=runtime.settings.otlp_endpoint)

    async def main() -> None:
        made = parts()
        settle_memory()
        await run_parts(runtime, role=role, parts=made)

    with asyncio.Runner(loop_factory=uvicorn_loop()) as runner:
        runner.run(main())


def uvicorn_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed (not on Windows), else the standard loop."""
    try:
        import uvloop  # noqa: PLC0415 — optional by platform
    except ImportError:
        return None
    return uvloop.new_event_loop


def migrate(runtime: Runtime) -> None:
    """The ``migrate`` role: a one-off job."""
    configure_logging(service=runtime.name, role="migrate", level=runtime.settings.log_level)
    from slrt_kit import migrations  # noqa: PLC0415 — no other role loads Alembic
    from slrt_kit.privacy.migrating import MigrationVault  # noqa: PLC0415 — the same
    from slrt_kit.privacy.settings import PrivacySettings  # noqa: PLC0415 — the same

    vault = None
    if isinstance(runtime.settings, PrivacySettings):
        vault = MigrationVault.of(runtime.name, runtime.settings)
        vault.prepare()
    migrations.upgrade(runtime.package, runtime.settings.database_url.get_secret_value(), vault=vault)
    log.info("database is at head", revision=schema.head(runtime.package))
    if runtime.has_policy:
        asyncio.run(_bring_in_policy(runtime))


async def _bring_in_policy(runtime: Runtime) -> None:
    from slrt_kit.policy.packaged import bring_in, packaged_documents  # noqa: PLC0415 — no other role brings it in

    try:
        await bring_in(
            runtime.database, runtime.policy_rules, packaged_documents(runtime.package, runtime.policy_rules)
        )
    finally:
        await runtime.close()
