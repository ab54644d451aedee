"""The sealer's side of the audit log: what waits, where the chain ends, what a day holds. All SQL of the sealer."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from uuid import UUID

import orjson

from slrt_kit.audit.anomalies import Rule, Suspect, times
from slrt_kit.audit.statements import Signed
from slrt_kit.connecting import BoundedConnection
from slrt_kit.outbox import insert_events

LOCK_KEY = "slrt-audit-sealer"
"""Whoever holds this advisory lock in a service's database is its sealer."""

# What is deleted here is what gets linked: a row that is changed at this moment is either before or after.
# By no number that was reached: a row of a lower id may become visible after a later one was sealed.
_TAKE = """
    DELETE FROM audit_unsealed
    WHERE id = ANY(ARRAY(SELECT id FROM audit_unsealed ORDER BY id LIMIT %s)) RETURNING id, entry
    """
_HEAD = "SELECT statement, signature FROM audit_head FOR UPDATE"
_KEEP_HEAD = """
    INSERT INTO audit_head (statement, signature) VALUES (%s, %s)
    ON CONFLICT (single) DO UPDATE SET statement = EXCLUDED.statement, signature = EXCLUDED.signature
    """
_TAIL = "SELECT position, link, entry FROM audit ORDER BY position DESC LIMIT %s"
_BETWEEN = "SELECT position, link, entry FROM audit WHERE position BETWEEN %s AND %s ORDER BY position"
_PAGE = 5000
_LAST_DAY = "SELECT statement, signature FROM audit_days ORDER BY day DESC LIMIT 1"
_DAYS = "SELECT statement, signature FROM audit_days ORDER BY day"
_CLOSINGS = "SELECT statement, signature FROM audit_closings ORDER BY position"
_KEEP_CLOSING = "INSERT INTO audit_closings (position, statement, signature) VALUES (%s, %s, %s)"
_AFTER = "SELECT position, link, entry FROM audit WHERE position > %s ORDER BY position LIMIT %s"
_NEWEST = "SELECT coalesce(max(position), 0) FROM audit"
_ADD = "INSERT INTO audit_unsealed (entry) VALUES (%s)"
_HAS_TELLER = "SELECT to_regclass('audit_told') IS NOT NULL"
_TELL_ANEW = "UPDATE audit_told SET events = 0"
_KEEP_DAY = "INSERT INTO audit_days (day, statement, signature) VALUES (%s, %s, %s)"
_TOLD = f"{insert_events()} RETURNING 1"
# An entry begins with its action, so of a rule about few actions (exports) the many other entries need not be read.
_ENTRIES_SINCE = """
    SELECT entry FROM audit WHERE subject = %s AND at > %s AND at <= %s AND entry LIKE ANY(%s) ORDER BY at DESC LIMIT %s
    """
_MOST_LOOKED_AT = 2000
_IS_UNDER_REVIEW = "SELECT EXISTS (SELECT FROM audit_reviews WHERE rule = %s AND subject = %s AND since > %s)"
_OPEN_REVIEW = """
    INSERT INTO audit_reviews (review_id, rule, subject, region, since, times, position, opened_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    """


class SealedStore:
    """What a sealer does on its one connection, inside the transaction that it has begun there."""

    def __init__(self, connection: BoundedConnection) -> None:
        self.connection = connection

    async def try_to_lead(self) -> bool:
        """Whether this session is the one that seals; it stays so until the session ends, for whatever reason."""
        cursor = await self.connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (LOCK_KEY,))
        row = await cursor.fetchone()
        return bool(row and row[0])

    async def leads_until_commit(self) -> bool:
        """Whether nobody seals before this transaction ends; with it that ends, and not when the session is noticed to
        be gone."""
        cursor = await self.connection.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", (LOCK_KEY,))
        row = await cursor.fetchone()
        return bool(row and row[0])

    async def take(self, limit: int) -> list[str]:
        """Remove the first that wait and give their entries, in the order of their ids."""
        rows = await (await self.connection.execute(_TAKE, (limit,))).fetchall()
        return [entry for _, entry in sorted(rows)]

    async def head(self) -> Signed | None:
        """The statement of the chain's end; None where there never was one."""
        row = await (await self.connection.execute(_HEAD)).fetchone()
        return None if row is None else Signed(row[0].encode(), row[1])

    async def keep_head(self, head: Signed) -> None:
        """Replace it."""
        await self.connection.execute(_KEEP_HEAD, (head.statement.decode(), head.signature))

    async def tail(self, count: int) -> list[tuple[int, bytes, str]]:
        """The last sealed entries, the newest first: position, link, text."""
        return await (await self.connection.execute(_TAIL, (count,))).fetchall()

    async def between(self, first: int, last: int) -> AsyncIterator[Sequence[tuple[int, bytes, str]]]:
        """The sealed entries of a range in pages, in order."""
        for begin in range(first, last + 1, _PAGE):
            end = min(begin + _PAGE - 1, last)
            yield await (await self.connection.execute(_BETWEEN, (begin, end))).fetchall()

    async def append(self, first: int, links: Sequence[bytes], entries: Sequence[str]) -> None:
        """Write sealed entries from a position on."""
        async with (
            self.connection.cursor() as cursor,
            cursor.copy("COPY audit (position, link, entry) FROM STDIN (FORMAT BINARY)") as copy,
        ):
            copy.set_types(["int8", "bytea", "text"])
            for position, (linked, entry) in enumerate(zip(links, entries, strict=True), start=first):
                await copy.write_row((position, linked, entry))

    async def last_day(self, chain_id: UUID | None = None) -> Signed | None:
        """The statement of the day closed last; of that chain, where one is given."""
        row = await (await self.connection.execute(_LAST_DAY)).fetchone()
        if row is None or (chain_id is not None and orjson.loads(row[0])["chain"] != str(chain_id)):
            return None
        return Signed(row[0].encode(), row[1])

    async def days(self) -> list[Signed]:
        """The statements of all closed days, of all chains."""
        return [Signed(row[0].encode(), row[1]) for row in await (await self.connection.execute(_DAYS)).fetchall()]

    async def closings(self) -> list[Signed]:
        """The statements that closed chains, the oldest first."""
        return [Signed(row[0].encode(), row[1]) for row in await (await self.connection.execute(_CLOSINGS)).fetchall()]

    async def keep_closing(self, position: int, signed: Signed) -> None:
        """Keep the statement that closes a chain; the next one begins with its events counted from 1."""
        await self.connection.execute(_KEEP_CLOSING, (position, signed.statement.decode(), signed.signature))
        if await (await self.connection.execute(_HAS_TELLER)).fetchone() == (True,):
            await self.connection.execute(_TELL_ANEW)

    async def after(self, position: int) -> list[tuple[int, bytes, str]]:
        """The next sealed entries behind a position, whatever is missing between."""
        return await (await self.connection.execute(_AFTER, (position, _PAGE))).fetchall()

    async def newest(self) -> int:
        """The highest position that there is; 0 where there is none."""
        row = await (await self.connection.execute(_NEWEST)).fetchone()
        return int(row[0]) if row else 0

    async def put_on_record(self, entry: str) -> None:
        """Write an entry, to be sealed as the next."""
        await self.connection.execute(_ADD, (entry,))

    async def keep_day(self, day: date, signed: Signed) -> None:
        """Keep a closed day."""
        await self.connection.execute(_KEEP_DAY, (day, signed.statement.decode(), signed.signature))

    async def tell(self, rows: Sequence[dict[str, object]]) -> None:
        """Put events into the outbox."""
        await self.connection.execute(_TOLD, {"events": orjson.dumps(rows).decode()})

    async def review(self, suspect: Suspect, *, review_id: UUID, now: datetime) -> bool:
        """Open a review where the rule is broken and none was opened for the same time; whether it was."""
        rule = suspect.rule
        asked = await self.connection.execute(_IS_UNDER_REVIEW, (rule.id, suspect.subject, suspect.since))
        if await asked.fetchone() == (True,):
            return False
        found = await self.connection.execute(
            _ENTRIES_SINCE, (suspect.subject, suspect.since, suspect.at, _beginnings(rule), _MOST_LOOKED_AT)
        )
        count = times(rule, [entry for (entry,) in await found.fetchall()])
        if count <= rule.more_than:
            return False
        await self.connection.execute(
            _OPEN_REVIEW,
            (review_id, rule.id, suspect.subject, suspect.region, suspect.at, count, suspect.position, now),
        )
        return True


def _beginnings(rule: Rule) -> list[str]:
    """How the entries begin that a rule may match, as patterns of LIKE; actions are codes without its signs."""
    return [f'{{"action":"{action}"%' for action in sorted(map(str, rule.match.get("action", ())))] or ["%"]
