"""The commands ``plan`` and ``apply``: what the broker lacks of the topic registry, and bringing it there."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
import typer
from pydantic import ValidationError

from slrt_contracts.topics import TOPICS, Topic, read_registry
from slrt_kit.logs import configure_logging
from slrt_kit.settings import TopicsSettings
from slrt_kit.topics.actions import Action, as_data
from slrt_kit.topics.admin import BrokerAdmin, reach
from slrt_kit.topics.apply import BrokerFault, Outcome, bring, look, settled
from slrt_kit.topics.desired import RegistryRefusedError, desired_state
from slrt_kit.topics.plan import Plan
from slrt_kit.topics.state import BrokerState

_DIFFERS = 2
Result = TypeVar("Result")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Topics, users and rights of the registry on a broker; settings: SLRT_TOPICS_….",
)

Bootstrap = Annotated[str | None, typer.Option(help="host:port (SLRT_TOPICS_KAFKA_BOOTSTRAP)")]
Replication = Annotated[int | None, typer.Option(help="copies of each topic (SLRT_TOPICS_KAFKA_REPLICATION, 1)")]
Registry = Annotated[Path | None, typer.Option(help="a registry.json; without it the one of slrt-contracts")]
AllowDelete = Annotated[bool, typer.Option("--allow-delete", help="also take back, delete, and keep less")]
Wait = Annotated[float, typer.Option(help="seconds to wait for the broker")]
Json = Annotated[bool, typer.Option("--json", help="for programs")]


@dataclass(frozen=True)
class _Task:
    """What is to be done on which broker."""

    admin: BrokerAdmin
    desired: BrokerState
    passwords: dict[str, str]
    allow_delete: bool

    async def look(self) -> Plan:
        return await look(self.admin, self.desired, self.passwords, allow_delete=self.allow_delete)

    async def apply(self, plan: Plan, *, quiet: bool) -> tuple[Outcome, Plan]:
        def tell(action: Action) -> None:
            if not quiet:
                typer.echo(f"  done  {action}")

        outcome = await bring(self.admin, plan, self.passwords, tell=tell)
        if outcome.failed is not None or not outcome.done:
            return outcome, plan
        return outcome, await settled(self.admin, self.desired, self.passwords, allow_delete=self.allow_delete)


@app.command("plan")
def show_plan(
    *,
    bootstrap: Bootstrap = None,
    replication: Replication = None,
    registry: Registry = None,
    allow_delete: AllowDelete = False,
    wait: Wait = 0,
    as_json: Json = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="end with 2 when there is a difference")] = False,
) -> None:
    """Say what the broker lacks of the registry; change nothing."""
    settings, topics = _settings(bootstrap, replication), _topics(registry)

    async def work() -> Plan:
        task = await _task(settings, topics, wait=wait, allow_delete=allow_delete)
        return await task.look()

    plan = _run(work())
    if as_json:
        typer.echo(_json(_plan_data(plan)))
    else:
        _show(plan)
    raise typer.Exit(_DIFFERS if exit_code and plan.differs else 0)


@app.command("apply")
def apply_plan(
    *,
    bootstrap: Bootstrap = None,
    replication: Replication = None,
    registry: Registry = None,
    allow_delete: AllowDelete = False,
    wait: Wait = 60,
    as_json: Json = False,
) -> None:
    """Bring the broker to what the registry says. Ends with 1 unless all that may be done is done."""
    settings, topics = _settings(bootstrap, replication), _topics(registry)

    async def work() -> tuple[Plan, Outcome, Plan]:
        task = await _task(settings, topics, wait=wait, allow_delete=allow_delete)
        plan = await task.look()
        return (plan, *await task.apply(plan, quiet=as_json))

    plan, outcome, after = _run(work())
    unseen = outcome.failed is None and not after.is_empty and bool(outcome.done)
    if as_json:
        typer.echo(_json(_plan_data(plan) | _outcome_data(outcome)))
    else:
        _show_outcome(plan, outcome)
    if unseen:
        typer.echo(f"the broker does not show what it was told: {after.actions[0]}", err=True)
    raise typer.Exit(1 if outcome.failed is not None or plan.refused or unseen else 0)


def _settings(bootstrap: str | None, replication: int | None) -> TopicsSettings:
    given = {"kafka_bootstrap": bootstrap, "kafka_replication": replication}
    try:
        return TopicsSettings.load(**{name: value for name, value in given.items() if value is not None})
    except (ValidationError, FileNotFoundError) as error:
        raise _failed(str(error)) from error


def _topics(registry: Path | None) -> Mapping[str, Topic]:
    try:
        return TOPICS if registry is None else read_registry(registry.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _failed(f"{registry} cannot be read as a registry: {error!r}") from error


async def _task(settings: TopicsSettings, topics: Mapping[str, Topic], *, wait: float, allow_delete: bool) -> _Task:
    desired = desired_state(topics, replication=settings.kafka_replication)
    given = {user: settings.password_of(user) for user in sorted(desired.users)}
    passwords = {user: password for user, password in given.items() if password is not None}
    await reach(settings.broker, seconds=wait)
    return _Task(BrokerAdmin(settings.broker), desired, passwords, allow_delete)


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    configure_logging(service="topics", role="operate", level="ERROR")
    try:
        return asyncio.run(work)
    except (BrokerFault, RegistryRefusedError, OSError) as error:
        raise _failed(str(error)) from error


def _failed(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(1)


def _show(plan: Plan) -> None:
    for action in plan.actions:
        typer.echo(f"  {action}")
    _show_rest(plan)
    if not plan.differs:
        typer.echo("the broker is as the registry says")
        return
    counts = [f"{len(plan.actions)} to do"]
    counts += [f"{len(plan.withheld)} would need --allow-delete"] if plan.withheld else []
    counts += [f"{len(plan.refused)} cannot be done"] if plan.refused else []
    typer.echo(", ".join(counts))


def _show_rest(plan: Plan) -> None:
    for action in plan.withheld:
        typer.echo(f"  {action}   (would need --allow-delete)")
    for refused in plan.refused:
        typer.echo(f"  ! {refused}")
    for note in plan.notes:
        typer.echo(f"  . {note}")


def _show_outcome(plan: Plan, outcome: Outcome) -> None:
    if outcome.failed is not None:
        typer.echo(f"  FAILED {outcome.failed}: {outcome.reason}")
    for action in outcome.left:
        typer.echo(f"  not done {action}")
    _show_rest(plan)
    if not plan.differs:
        typer.echo("the broker is as the registry says")
        return
    typer.echo(f"{len(outcome.done)} of {len(plan.actions)} done")


def _plan_data(plan: Plan) -> dict[str, Any]:
    return {
        "differs": plan.differs,
        "actions": _data(plan.actions),
        "withheld": _data(plan.withheld),
        "refused": list(plan.refused),
        "notes": list(plan.notes),
    }


def _outcome_data(outcome: Outcome) -> dict[str, Any]:
    failed = None if outcome.failed is None else as_data(outcome.failed) | {"reason": outcome.reason}
    return {"done": _data(outcome.done), "failed": failed, "left": _data(outcome.left)}


def _data(actions: Sequence[Action]) -> list[dict[str, Any]]:
    return [as_data(action) for action in actions]


def _json(found: Any) -> str:
    return orjson.dumps(found, option=orjson.OPT_INDENT_2).decode()
