"""``slrt-referral api | worker | relay | migrate | all | connector --office CODE | check-policy``."""

from pathlib import Path
from typing import Annotated

import typer

from slrt_kit.regions import Regions
from slrt_kit.roles import service_commands
from slrt_kit.runtime import health_part, start
from slrt_referral.adapters.connectors_file import ConnectorConfigError
from slrt_referral.adapters.policy_files import load_policy
from slrt_referral.app import build_app, build_connector, build_consumers, build_runtime, connector_endpoint
from slrt_referral.domain.policy import PolicyError

main = service_commands(name="referral", runtime=build_runtime, app=build_app, consumers=build_consumers)


@main.command("connector")
def connector(office: Annotated[str, typer.Option(help="office code, such as 12.74.DUKCAPIL")]) -> None:
    """Deliver the notices of one office to its own endpoint."""
    runtime = build_runtime()
    try:
        endpoint = connector_endpoint(runtime, office)
    except (ConnectorConfigError, PolicyError) as error:
        typer.echo(f"slrt-referral connector: {error}", err=True)
        raise typer.Exit(2) from error
    start(
        runtime,
        role=f"connector-{office}",
        parts=lambda: [build_connector(runtime, office, endpoint).run, *health_part(runtime)],
    )


@main.command("check-policy")
def check_policy(
    folder: Annotated[Path | None, typer.Option(help="folder of 00/routing.yaml and offices.yaml")] = None,
) -> None:
    """Say whether a routing policy holds together, before it is deployed."""
    try:
        policy = load_policy(folder, Regions.load())
    except PolicyError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    offices = len(list(policy.offices))
    typer.echo(f"policy {policy.version}: {len(policy.rules)} rules, {offices} offices, nothing wrong")


if __name__ == "__main__":
    main()
