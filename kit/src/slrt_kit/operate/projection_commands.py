"""``projection list`` and ``projection rebuild`` of a service's command."""

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from slrt_kit.messaging.consumer import EventConsumer
from slrt_kit.messaging.handlers import Projection
from slrt_kit.operate import projections
from slrt_kit.operate.console import DryRun, Json, Operator, RefusedError, show_list, show_one
from slrt_kit.runtime import Runtime

Consumers = Callable[[Runtime], Sequence[EventConsumer]]


def projection_commands(consumers: Consumers) -> Callable[[typer.Typer, Operator], None]:
    """Adds the commands for the projections that the service's consumers keep."""

    def kept_by(runtime: Runtime) -> list[Projection]:
        return [each.projection for each in consumers(runtime) if each.projection is not None]

    def add(cli: typer.Typer, operator: Operator) -> None:
        @cli.command("list")
        def list_projections(*, as_json: Json = False) -> None:
            """The tables that are copies of what topics tell, and who keeps them."""
            found = operator.run(lambda runtime: projections.kept(runtime.database, kept_by(runtime)))
            show_list(found, f"{operator.service} keeps no projection", as_json=as_json)

        @cli.command("rebuild")
        def rebuild(
            name: Annotated[str, typer.Argument(help="the table, as in the list")],
            *,
            hold: Annotated[
                float, typer.Option(min=0.1, help="seconds that writers may be kept waiting at the end, at a time")
            ] = projections.HOLD_S,
            dry_run: DryRun = False,
            as_json: Json = False,
        ) -> None:
            """Make a projection anew from the topics beside the one in use, compare both, and put it in its place.

            Everything goes on meanwhile. With --dry-run it ends after comparing.
            """

            async def work(runtime: Runtime) -> projections.Rebuilt:
                for projection in kept_by(runtime):
                    if projection.table.name == name:
                        url = runtime.settings.database_url.get_secret_value()
                        return await projections.rebuild(
                            url, runtime.settings.broker, projection, dry_run=dry_run, hold=hold
                        )
                raise RefusedError(f"{operator.service} keeps no projection {name}")

            show_one(operator.run(work).flat(), as_json=as_json)

    return add
