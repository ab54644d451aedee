"""Count wrong guesses at a ticket, and lock it."""

from datetime import datetime, timedelta

from slrt_kit.db import Connection

TICKET_FAILURES = 5
TICKET_WINDOW = timedelta(minutes=15)

_HOLD = "SELECT pg_advisory_xact_lock(hashtextextended('ticket ' || %(ticket)s, 0))"


class TicketFailures:
    """Failed attempts to open a ticket: after five within a quarter of an hour it stays shut until that has passed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def locked_until(self, ticket_number: str, now: datetime) -> datetime | None:
        """Until when the ticket is locked; None when it is open.

        Holds the ticket until the transaction ends: guesses that come side by side are counted one after the other.
        """
        self._connection.defer(_HOLD, {"ticket": ticket_number})
        first_at = await self._connection.value(
            (
                "SELECT first_at FROM ticket_failures WHERE ticket_number = %(ticket)s "
                "AND failures >= %(failures)s AND first_at > %(since)s"
            ),
            {"ticket": ticket_number, "failures": TICKET_FAILURES, "since": now - TICKET_WINDOW},
        )
        return None if first_at is None else first_at + TICKET_WINDOW

    async def note_failure(self, ticket_number: str, now: datetime) -> None:
        """Count one failure, of a ticket that exists; counting starts anew when the window has passed."""
        await self._connection.run(
            """
                INSERT INTO ticket_failures AS f (ticket_number, failures, first_at)
                SELECT ticket_number, 1, %(now)s FROM cases WHERE ticket_number = %(ticket)s
                ON CONFLICT (ticket_number) DO UPDATE SET
                    failures = CASE WHEN f.first_at > %(since)s THEN f.failures + 1 ELSE 1 END,
                    first_at = CASE WHEN f.first_at > %(since)s THEN f.first_at ELSE %(now)s END
                """,
            {"ticket": ticket_number, "now": now, "since": now - TICKET_WINDOW},
        )
