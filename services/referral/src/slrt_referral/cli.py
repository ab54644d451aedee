"""``slrt-referral api | worker | relay | migrate | all | connector --office CODE``."""

from typing import Annotated

import typer

from slrt_kit.operate.clocks import clock_commands
from slrt_kit.roles import service_commands
from slrt_kit.runtime import health_part, start
from slrt_referral.adapters.connectors_file import ConnectorConfigError
from slrt_referral.app import (
    build_app,
    build_chores,
    build_connector,
    build_consumers,
    build_runtime,
    connector_endpoint,
)
from slrt_referral.store.stalls import CLOCKLESS

main = service_commands(
    name="referral", runtime=build_runtime, app=build_app, consumers=build_consumers, chores=build_chores
)
main.add_typer(clock_commands("referral", build_runtime, CLOCKLESS), name="clocks")


@main.command("connector")
def connector(office: Annotated[str, typer.Option(help="office code, such as 12.74.DUKCAPIL")]) -> None:
    """Deliver the notices of one office to its own endpoint."""
    runtime = build_runtime()
    try:
        endpoint = connector_endpoint(runtime, office)
    except ConnectorConfigError as error:
        typer.echo(f"slrt-referral connector: {error}", err=True)
        raise typer.Exit(2) from error
    start(
        runtime,
        role=f"connector-{office}",
        parts=lambda: [
            *runtime.policy_parts,
            build_connector(runtime, office, endpoint).run,
            *health_part(runtime, runtime.lacks),
        ],
    )


if __name__ == "__main__":
    main()
