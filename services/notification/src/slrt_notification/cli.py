"""``slrt-notification api | worker | relay | migrate | all``, and ``connector --channel email | whatsapp``."""

from typing import Annotated

import typer

from slrt_contracts.codes import NotificationChannel
from slrt_kit.roles import service_commands
from slrt_kit.runtime import health_part, start
from slrt_notification.app import build_app, build_chores, build_connector, build_consumers, build_runtime

main = service_commands(
    name="notification", runtime=build_runtime, app=build_app, consumers=build_consumers, chores=build_chores
)


@main.command("connector")
def connector(channel: Annotated[NotificationChannel, typer.Option(help="the channel to send on")]) -> None:
    """Send what is queued for one channel."""
    composed = build_runtime()
    start(
        composed,
        role=f"connector-{channel}",
        parts=lambda: [
            *composed.policy_parts,
            build_connector(composed, channel).run,
            *health_part(composed, composed.lacks),
        ],
    )


if __name__ == "__main__":
    main()
