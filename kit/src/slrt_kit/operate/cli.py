"""The operator's commands of a service. Each answers with a table, or with JSON for programs (``--json``)."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer

from slrt_kit.archive import Chosen, count_archived, put_back
from slrt_kit.db import Database
from slrt_kit.logs import get_logger
from slrt_kit.messaging.consumer import EventConsumer
from slrt_kit.operate import dead_letters, groups, outbox, parked
from slrt_kit.operate.audit import audit_commands
from slrt_kit.operate.console import DryRun, Json, Operator, fields_of, json_of, refused, show_list, show_one
from slrt_kit.operate.keys import key_commands
from slrt_kit.operate.projection_commands import projection_commands
from slrt_kit.outbox_queue import connect
from slrt_kit.runtime import Runtime

log = get_logger(__name__)

Result = TypeVar("Result")

ConsumerName = Annotated[str | None, typer.Option("--consumer", help="such as slrt.registry.cases; all without it")]
Key = Annotated[str | None, typer.Option(help="only of this key, the id of a case, referral, …")]
EventOption = Annotated[UUID | None, typer.Option("--event", help="only this event")]
Moment = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d"], help="UTC without zone")]
_NAME = "slrt-operate"


def add_operator_commands(
    cli: typer.Typer,
    *,
    name: str,
    runtime: Callable[[], Runtime],
    consumers: Callable[[Runtime], Sequence[EventConsumer]],
) -> None:
    """Add the groups of commands below to a service's own."""
    operator = Operator(name, runtime)
    for group, commands, text in (
        ("parked", _parked_commands, "Events that a consumer could not apply."),
        ("dlq", _dead_letter_commands, "Messages that a consumer could not read."),
        ("consumer", _consumer_commands, "How far the consumer groups are."),
        ("outbox", _outbox_commands, "What waits to be published."),
        ("events", _event_commands, "What was published."),
        ("audit", audit_commands, "The audit log."),
        ("keys", key_commands, "The keys of the people whose data the service holds."),
        ("projection", projection_commands(consumers), "Tables that are copies of what topics tell."),
    ):
        child = typer.Typer(no_args_is_help=True, help=text)
        commands(child, operator)
        cli.add_typer(child, name=group)


def _parked_commands(cli: typer.Typer, operator: Operator) -> None:
    @cli.command("list")
    def list_parked(*, consumer: ConsumerName = None, key: Key = None, limit: int = 100, as_json: Json = False) -> None:
        """The parked events, oldest first. Only one with nothing before it (behind 0) is tried again."""
        chosen = parked.Selection(consumer=consumer, key=key)
        found = operator.run(lambda runtime: _read(runtime.database, parked.parked, chosen, limit=limit))
        show_list(found, "nothing is parked", as_json=as_json)

    @cli.command("show")
    def show(event_id: UUID) -> None:
        """One parked event whole, with headers and payload, as JSON."""
        chosen = parked.Selection(event_id=event_id)
        found = operator.run(lambda runtime: _read(runtime.database, parked.whole, chosen))
        if not found:
            raise refused(f"{event_id} is not parked")
        typer.echo(json_of(found))

    @cli.command("retry")
    def retry(
        *,
        event_id: EventOption = None,
        consumer: ConsumerName = None,
        key: Key = None,
        everything: Annotated[bool, typer.Option("--all", help="all that is parked")] = False,
        dry_run: DryRun = False,
    ) -> None:
        """Have parked events tried now instead of when their rest is over."""
        chosen = parked.Selection(consumer=consumer, key=key, event_id=event_id)
        if chosen == parked.Selection() and not everything:
            raise refused("say which: --event, --key, --consumer, or --all")
        if dry_run:
            found = operator.run(lambda runtime: _read(runtime.database, parked.parked, chosen, limit=parked.MOST))
            typer.echo(f"would try {len(found)} events now")
            return
        count = operator.run(lambda runtime: parked.retry(runtime.database, chosen))
        typer.echo(f"{count} events are tried now")

    @cli.command("skip")
    def skip(
        event_id: UUID,
        *,
        consumer: Annotated[str, typer.Option(help="such as slrt.registry.cases")],
        reason: Annotated[str, typer.Option(help="why, for the log")],
        dry_run: DryRun = False,
    ) -> None:
        """Let go of one parked event for ever: it is not applied, and those behind it go on."""
        chosen = parked.Selection(consumer=consumer, event_id=event_id)
        if dry_run:
            found = operator.run(lambda runtime: _read(runtime.database, parked.parked, chosen, limit=1))
            typer.echo("would let go of it" if found else "it is not parked")
            return
        if not operator.run(lambda runtime: parked.skip(runtime.database, consumer=consumer, event_id=event_id)):
            raise refused(f"{consumer} has not parked {event_id}")
        log.warning("parked event skipped", consumer=consumer, event_id=str(event_id), reason=reason)
        typer.echo("let go of it")


def _dead_letter_commands(cli: typer.Typer, operator: Operator) -> None:
    def letters(place: str | None) -> list[dead_letters.DeadLetter]:
        found = operator.run(
            lambda runtime: dead_letters.dead_letters(runtime.settings.broker, operator.service, place=place)
        )
        if place is not None and not found:
            raise refused(f"there is no message at {place}")
        return found

    @cli.command("list")
    def list_letters(*, as_json: Json = False) -> None:
        """The dead letters of this service, oldest first; never the bytes themselves."""
        found = [_without_bytes(each) for each in letters(None)]
        show_list(found, "there are no dead letters", as_json=as_json)

    @cli.command("show")
    def show(place: Annotated[str, typer.Argument(help="partition:offset, as in the list")]) -> None:
        """One dead letter whole, as JSON. Its bytes are what somebody sent: they may hold anything."""
        (letter,) = letters(place)
        typer.echo(json_of({"letter": _without_bytes(letter)} | letter.raw.readable()))

    @cli.command("replay")
    def replay(
        place: Annotated[str, typer.Argument(help="partition:offset, as in the list")], *, dry_run: DryRun = False
    ) -> None:
        """Give one to the consumer that could not read it, once that has been mended; nobody else gets it again."""
        (letter,) = letters(place)
        became = operator.run(
            lambda runtime: dead_letters.replay(runtime.database, operator.service, letter, dry_run=dry_run)
        )
        typer.echo(
            {
                "handled": f"{letter.consumer} has handled it meanwhile",
                "parked": f"given to {letter.consumer}",
                "readable": f"would be given to {letter.consumer}",
            }[became]
        )


def _consumer_commands(cli: typer.Typer, operator: Operator) -> None:
    @cli.command("lag")
    def lag(*, group: Annotated[str | None, typer.Option(help="all without it")] = None, as_json: Json = False) -> None:
        """How far behind each group is on each partition, in events and seconds."""

        async def work(runtime: Runtime) -> list[groups.PartitionLag]:
            broker = runtime.settings.broker
            wanted = [group] if group else await groups.groups_of(broker, operator.service)
            return await groups.lag(broker, wanted, now=datetime.now(UTC))

        show_list(operator.run(work), "no group has a position", as_json=as_json)

    @cli.command("rewind")
    def rewind(
        group: str,
        *,
        since: Moment = None,
        earliest: Annotated[bool, typer.Option("--earliest", help="all that the topics hold")] = False,
        dry_run: DryRun = False,
        as_json: Json = False,
    ) -> None:
        """Have a group read again from a time on; its members must be stopped. What it handled it passes over."""
        if (since is None) != earliest:
            raise refused("say from when: --since or --earliest")
        if not group.startswith(f"slrt.{operator.service}."):
            raise refused(f"{group} is no group of {operator.service}")
        found = operator.run(
            lambda runtime: groups.rewind(runtime.settings.broker, group, since=_utc(since), dry_run=dry_run)
        )
        show_list(found, "there is nothing to read again", as_json=as_json)


def _outbox_commands(cli: typer.Typer, operator: Operator) -> None:
    @cli.command("status")
    def status(*, as_json: Json = False) -> None:
        """What waits, since when, behind which row; and how far the archive reaches back."""

        async def work(runtime: Runtime) -> outbox.OutboxStatus:
            async with await connect(runtime.settings.database_url.get_secret_value(), name=_NAME) as connection:
                return await outbox.outbox_status(connection)

        show_one(operator.run(work), as_json=as_json)


def _event_commands(cli: typer.Typer, operator: Operator) -> None:
    @cli.command("republish")
    def republish(
        *,
        since: Moment = None,
        until: Moment = None,
        key: Key = None,
        topic: Annotated[str | None, typer.Option(help="only of this topic")] = None,
        everything: Annotated[bool, typer.Option("--all", help="the whole archive")] = False,
        dry_run: DryRun = False,
        as_json: Json = False,
    ) -> None:
        """Send archived events again, under their own ids and in their order, before all that waits.

        Who has applied them passes over them. The times are those of recording.
        """
        topics = None if topic is None else [topic]
        chosen = Chosen(topics=topics, key=key, since=_utc(since), until=_utc(until))
        if chosen == Chosen() and not everything:
            raise refused("say which: --since, --until, --key, --topic, or --all")

        async def work(runtime: Runtime) -> int:
            async with await connect(runtime.settings.database_url.get_secret_value(), name=_NAME) as connection:
                if dry_run:
                    return await count_archived(connection, chosen)
                return await put_back(connection, chosen)

        count = operator.run(work)
        if as_json:
            typer.echo(json_of({"events": count, "dry_run": dry_run}))
        else:
            typer.echo(f"would send {count} events again" if dry_run else f"{count} events are sent again")


def _without_bytes(letter: dead_letters.DeadLetter) -> dict[str, Any]:
    return {name: value for name, value in fields_of(letter).items() if name != "raw"}


async def _read(
    database: Database, ask: Callable[..., Coroutine[Any, Any, Result]], *values: Any, **more: Any
) -> Result:
    async with database.read() as session:
        return await ask(session, *values, **more)


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
