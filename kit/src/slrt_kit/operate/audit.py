"""The operator's side of the audit log: take it away, its public key, the reviews that it asks for."""

import getpass
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from slrt_kit.audit.closing import Loss, LossReason, NotClosedError, close_chain
from slrt_kit.audit.entries import Actor, Look
from slrt_kit.audit.export import NothingSealedError, Range, export_lines
from slrt_kit.audit.record import record_access
from slrt_kit.audit.reviews import Finding, open_reviews
from slrt_kit.audit.sealer import connect as sealer_connection
from slrt_kit.audit.statements import Closing
from slrt_kit.db import Database
from slrt_kit.operate.console import Json, Operator, RefusedError, show_list, show_one
from slrt_kit.outbox_queue import connect
from slrt_kit.runtime import Runtime

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="a UTC day")]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was taken away."""

    file: str
    lines: int
    bytes: int


def audit_commands(cli: typer.Typer, operator: Operator) -> None:
    """Add ``export``, ``key``, ``close-chain`` and ``reviews``."""

    @cli.command("export")
    def export(file: Path, *, since: Day = None, until: Day = None, as_json: Json = False) -> None:
        """Write the sealed log into FILE, for `slrt-audit verify`. The export itself is on record.

        From the day --since to before the day --until; without --until up to where the chain ends.
        """
        chosen = Range(since=since.date() if since else None, until=until.date() if until else None)

        async def work(runtime: Runtime) -> Exported:
            await _note(runtime.database, operator.service, chosen)
            lines = written = 0
            url = runtime.settings.database_url.get_secret_value()
            try:
                async with await connect(url, name="slrt-operate") as connection:
                    with file.open("wb") as out:
                        async for line in export_lines(connection, chosen):
                            lines += 1
                            written += out.write(line)
            except NothingSealedError as error:
                raise RefusedError(str(error)) from error
            return Exported(str(file), lines, written)

        show_one(operator.run(work), as_json=as_json)

    @cli.command("key")
    def key() -> None:
        """The public key, PEM: give it to whoever checks, by another way than the export."""

        async def work(runtime: Runtime) -> str:
            try:
                return runtime.signer.public_pem
            except ValueError as error:
                raise RefusedError(str(error)) from error

        typer.echo(operator.run(work), nl=False)

    @cli.command("close-chain")
    def close_chain_(
        reason: Annotated[LossReason, typer.Option(help="what took the entries")],
        *,
        lost_to: Annotated[
            int | None, typer.Option(help="the last position known to have been sealed, as from a published root")
        ] = None,
        chain: Annotated[UUID | None, typer.Option(help="the chain, where the database has lost even that")] = None,
        as_json: Json = False,
    ) -> None:
        """Say under the service's key that entries are lost for good, and begin another chain. It cannot be undone.

        Not where an entry is there and was altered; and while no sealer runs.
        """
        loss = Loss(reason=reason, by=f"operator:{getpass.getuser()}", lost_to=lost_to, chain_id=chain)

        async def work(runtime: Runtime) -> Closing:
            try:
                async with await sealer_connection(runtime.settings.database_url.get_secret_value()) as connection:
                    return await close_chain(
                        connection,
                        operator.service,
                        runtime.signer,
                        loss,
                        at=runtime.database.clock.now(),
                        new_id=runtime.database.new_id,
                    )
            except (NotClosedError, ValueError) as error:
                raise RefusedError(str(error)) from error

        closing = operator.run(work)
        shown = {
            "chain": closing.chain_id,
            "ends_at": closing.position,
            "lost": f"{closing.position + 1} to {closing.lost_to}",
            "known_root": closing.known_root.hex() or None,
            "of_day": closing.known_day,
            "goes_on_as": closing.next_chain,
        }
        show_one(shown, as_json=as_json)

    @cli.command("reviews")
    def reviews(*, limit: int = 100, as_json: Json = False) -> None:
        """What somebody has to look at, the oldest first; it is closed over HTTP, by whoever answers for it."""

        async def work(runtime: Runtime) -> list[Finding]:
            async with runtime.database.read() as session:
                return await open_reviews(session, None, limit=limit)

        found = [each._asdict() for each in operator.run(work)]
        show_list(found, "no review is open", as_json=as_json)


async def _note(database: Database, service: str, chosen: Range) -> None:
    actor = Actor(subject=f"operator:{getpass.getuser()}", roles=("operator",))
    look = Look("export", "audit", _WHOLE, _days(chosen))
    await record_access(database, service, actor, [look])


_WHOLE = UUID(int=0)


def _days(chosen: Range) -> list[str]:
    def said(name: str, day: date | None) -> str:
        return f"{name}={day.isoformat() if day else '-'}"

    return [said("since", chosen.since), said("until", chosen.until)]
