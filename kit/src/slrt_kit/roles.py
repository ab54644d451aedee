"""The command line that every service has: one image, the role is an argument."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import typer

from slrt_kit.db import Database
from slrt_kit.messaging.consumer import EventConsumer
from slrt_kit.operate.cli import add_operator_commands
from slrt_kit.runtime import Part, Runtime, health_part, migrate, serve, start

if TYPE_CHECKING:
    from fastapi import FastAPI


def service_commands(
    *,
    name: str,
    runtime: Callable[[], Runtime],
    app: "Callable[[Runtime], FastAPI]",
    consumers: Callable[[Runtime], Sequence[EventConsumer]],
    chores: Callable[[Runtime], Sequence[Part]] = lambda _: (),
) -> typer.Typer:
    """The roles ``api | worker | relay | migrate | all`` of a service, and what its operator can do.

    ``chores`` are what a worker does beside its consumers and the retention sweep, from time to time.

    ``all`` runs the API, every consumer, the relay and the sealer in one process: the profile of a small office.
    """
    cli = typer.Typer(name=f"slrt-{name}", no_args_is_help=True, add_completion=False)

    def api_part(composed: Runtime) -> Part:
        settings = composed.settings
        return lambda stop: serve(app(composed), host=settings.http_host, port=settings.http_port, stop=stop)

    def worker_parts(composed: Runtime) -> list[Part]:
        swept = [composed.retention_sweep.run, *chores(composed)]
        return [*composed.policy_parts, *(consumer.run for consumer in consumers(composed)), *swept]

    def relay_parts(composed: Runtime) -> list[Part]:
        return [composed.relay.run, composed.sealer.run, *(teller.run for teller in composed.tellers_of_looks)]

    def tell_relay(composed: Runtime, database: Database) -> Part:
        database.when_events_committed.append(composed.doorbell.ring)
        return composed.doorbell.send

    def hear_others(composed: Runtime) -> Part:
        return lambda stop: composed.doorbell.hear(stop, nudge=composed.relay.nudge)

    @cli.command("api")
    def api() -> None:
        """Serve the HTTP API."""
        composed = runtime()
        start(
            composed,
            role="api",
            parts=lambda: [
                *composed.policy_parts,
                api_part(composed),
                composed.verifier.watch,
                tell_relay(composed, composed.database),
            ],
        )

    @cli.command("worker")
    def worker() -> None:
        """Consume the events that this service acts on."""
        composed = runtime()

        def parts() -> list[Part]:
            ringing = tell_relay(composed, composed.worker_database)
            return [*worker_parts(composed), ringing, *health_part(composed, composed.lacks)]

        start(composed, role="worker", parts=parts)

    @cli.command("relay")
    def relay() -> None:
        """Publish the outbox, seal the audit log and tell who looked; standby copies wait for the locks."""
        composed = runtime()
        start(
            composed,
            role="relay",
            parts=lambda: [*relay_parts(composed), hear_others(composed), *health_part(composed)],
        )

    @cli.command("migrate")
    def migrate_database() -> None:
        """Bring the database to the newest schema, then end."""
        migrate(runtime())

    @cli.command("all")
    def everything() -> None:
        """API, worker and relay in one process."""
        composed = runtime()

        def parts() -> list[Part]:
            for database in (composed.database, composed.worker_database):
                database.when_events_committed.append(composed.relay.nudge)
            return [
                api_part(composed),
                composed.verifier.watch,
                *relay_parts(composed),
                *worker_parts(composed),
            ]

        start(composed, role="all", parts=parts)

    add_operator_commands(cli, name=name, runtime=runtime, consumers=consumers)
    return cli
