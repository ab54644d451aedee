"""``slrt-intake api | worker | relay | migrate | all``, and what its operator can do."""

from pathlib import Path
from typing import Annotated

import typer

from slrt_intake.app import build_app, build_chores, build_consumers, build_runtime
from slrt_intake.reports.batch import parse_file
from slrt_intake.store.stalls import CLOCKLESS
from slrt_kit.operate.clocks import clock_commands
from slrt_kit.roles import service_commands

main = service_commands(
    name="intake", runtime=build_runtime, app=build_app, consumers=build_consumers, chores=build_chores
)
main.add_typer(clock_commands("intake", build_runtime, CLOCKLESS), name="clocks")


@main.command("parse-reports")
def parse_reports(
    file: Annotated[Path, typer.Argument(help='lines of {"id": …, "text": …}', exists=True, dir_okay=False)],
) -> None:
    """Write what each message of a file holds, one JSON line each, to standard output; no database is asked.

    A line that cannot be read is told on standard error, and the exit code is 1 when there was one.
    """
    raise typer.Exit(0 if parse_file(file) else 1)


if __name__ == "__main__":
    main()
