"""A service's audit log under test: it is written by the real code, sealed by a clock that is moved, and taken away."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import uuid4

import orjson
import psycopg

from slrt_contracts.codes import ClosedBy
from slrt_contracts.events import AuditDaySealed, CaseClosed, decode_event
from slrt_contracts.types import CaseId
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.audit.entries import Actor, Look
from slrt_kit.audit.export import Range, export_lines
from slrt_kit.audit.record import record_access
from slrt_kit.audit.sealer import Sealer, SealerSettings, connect
from slrt_kit.audit.statements import Keys, Signer
from slrt_kit.audit.verify import Report, verify
from slrt_kit.db import Database
from slrt_kit.outbox import Outbox
from slrt_kit.testing import FixedClock

SECRET = "5e" * 32
ACTOR = Actor(subject="coordinator-1", roles=("coordinator",), office="12.74.DINSOS", region="12.74")


class Chain:
    """The audit log in one database. ``sealer`` may be replaced, as when its process starts anew."""

    def __init__(self, url: str, clock: FixedClock, *, batch_size: int = 1000) -> None:
        self.url = url
        self.clock = clock
        self.database = Database(url, clock=clock)
        self.signer = Signer(SECRET)
        self.keys = Keys(self.signer.public_key)
        self.settings = SealerSettings(batch_size=batch_size, every=0.05, broken_pause=0.05)
        self.sealer = self.new_sealer()

    def new_sealer(self) -> Sealer:
        """A sealer that knows nothing but what is in the database."""
        return Sealer(
            database_url=self.url, service="intake", signer=self.signer, clock=self.clock, settings=self.settings
        )

    async def write(self, count: int, *, actor: Actor = ACTOR, look: Look | None = None) -> None:
        """So many looks, one a second."""
        for _ in range(count):
            seen = look or Look("read", "case-parties", uuid4(), ("name", "nik"), case_id=uuid4())
            await record_access(self.database, "intake", actor, [seen])

    async def close_case(self, *, subject: str, commit: bool = True) -> tuple[CaseClosed, str]:
        """A case is closed by a caller; returns the event and the request's id."""
        event = CaseClosed(case_id=CaseId(uuid4()), closed_by=ClosedBy.RESIDENT, satisfied=True)
        request_id = str(uuid4())
        async with self.database.unit_of_work() as work:
            work.actor = Actor(
                subject=subject,
                roles=("coordinator",),
                office="12.74.DINSOS",
                region="12.74",
                request_id=request_id,
            )
            Outbox("intake").add(work, [RecordedEvent(event, 1, work.clock.now())])
            if commit:
                await work.commit()
        return event, request_id

    async def seal(self) -> int:
        """Seal until nothing waits; returns how many."""
        total = 0
        async with await connect(self.url) as connection:
            while sealed := await self.sealer.seal(connection):
                total += sealed
        return total

    async def seal_next_day(self) -> int:
        """Seal, and once more when the day is over."""
        sealed = await self.seal()
        self.clock.move(days=1)
        return sealed + await self.seal()

    async def export(self, chosen: Range | None = None) -> list[bytes]:
        """The lines of an export."""
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            return [line async for line in export_lines(connection, chosen or Range())]

    def check(self, lines: Iterable[bytes], published: Sequence[AuditDaySealed] = ()) -> Report:
        """What a check with the public key finds."""
        return verify(lines, self.keys, [orjson.loads(each.encode()) for each in published])

    async def entries(self) -> list[dict[str, Any]]:
        """What is sealed, in order."""
        async with self.database.read() as session:
            return [orjson.loads(entry) for entry in await session.values("SELECT entry FROM audit ORDER BY position")]

    async def told(self) -> list[AuditDaySealed]:
        """The days that were told, in order."""
        async with self.database.read() as session:
            found = await session.rows(
                "SELECT headers, payload FROM outbox WHERE topic LIKE '%%.audit.v1' ORDER BY seq"
            )
        events = [decode_event(dict(row.headers)["ce_type"], row.payload) for row in found]
        return [event for event in events if isinstance(event, AuditDaySealed)]

    async def close(self) -> None:
        """Close the connections."""
        await self.database.close()
