"""The operator's commands about clocks."""

from collections.abc import Callable

import typer

from slrt_kit.clocks.starting import Clockless, StartedClocks, start_missing
from slrt_kit.operate.console import DryRun, Json, Operator, RefusedError, show_one
from slrt_kit.runtime import Runtime


def clock_commands(service: str, runtime: Callable[[], Runtime], clockless: Clockless) -> typer.Typer:
    """The group ``clocks`` of a service whose things have some."""
    cli, operator = typer.Typer(no_args_is_help=True, help="The clocks of what is open."), Operator(service, runtime)

    @cli.callback()
    def group() -> None:
        """One command by now; the group keeps its name when there are more."""

    @cli.command("start-missing")
    def missing(*, dry_run: DryRun = False, as_json: Json = False) -> None:
        """Start the clock of the step of all that is open and has none, from when it came to the step."""

        async def work(runtime: Runtime) -> StartedClocks:
            await runtime.policy_book.refresh()
            if not runtime.policy_book.is_known:
                raise RefusedError("no policy is in force here yet: run the migrate role first")
            return await start_missing(runtime.database, runtime.deadlines, clockless, dry_run=dry_run)

        show_one(operator.run(work), as_json=as_json)

    return cli
