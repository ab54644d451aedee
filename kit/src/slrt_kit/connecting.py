"""Connect to PostgreSQL so that both ends notice when the network between them has fallen silent."""

import contextlib
from collections.abc import Iterator
from typing import Any, Self

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.errors import _WaitTimeout

STATEMENT_TIMEOUT_MS = 15_000
"""After so long PostgreSQL itself ends a statement of a unit of work or a read."""
ANSWER_WITHIN_S = STATEMENT_TIMEOUT_MS / 1000 + 5
"""After so long we take its silence for the network's: it would have ended the statement and said so."""

# A peer whose machine or network is gone answers nothing: 5 s idle, then 5 probes 2 s apart. Linux by itself waits for
# 2 h and 11 min, and as long would a session that nobody is at the other end of hold its advisory lock, or a row's.
# What was sent and is not acknowledged, or not let in, for 15 s ends a connection too: while data waits there are no
# keepalives, and its repetition alone would go on for 15 min.
_KEEPALIVES = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 5}
_UNACKNOWLEDGED_MS = 15_000
_OURS: dict[str, Any] = {
    "keepalives": 1,
    **_KEEPALIVES,
    "tcp_user_timeout": _UNACKNOWLEDGED_MS,
    # Per address; libpq's own default is none.
    "connect_timeout": 3,
}
_SERVERS: dict[str, object] = {
    **{f"tcp_{name}": value for name, value in _KEEPALIVES.items()},
    "tcp_user_timeout": _UNACKNOWLEDGED_MS,
    # A session that works looks every 5 s whether its client is still there. Else what a killed relay had begun runs to
    # its end, with the lock.
    "client_connection_check_interval": 5_000,
    "timezone": "UTC",
}


class ServerSilentError(psycopg.OperationalError):
    """PostgreSQL did not answer within `BoundedConnection.answer_within`; the connection is given up."""


class BoundedConnection(psycopg.AsyncConnection[Any]):
    """A connection on which nobody waits without end.

    TCP cannot do that alone: where something between us and the server hangs (a pooler, a sidecar, a server process
    that is stopped), its kernel goes on to acknowledge.
    """

    answer_within: float | None = None
    """Seconds; None is without end."""
    fell_silent = False
    """Whether the connection was given up for that."""
    may_miss_statements = False
    """Whether psycopg may count a statement as prepared that PostgreSQL does not have.

    It counts one when it sends it; in a pipeline that fails or is cancelled before it, PostgreSQL never looks at it,
    and each later use fails. A rollback makes psycopg forget them all; outside a transaction there is none to make.
    """

    async def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """See psycopg; all that waits for the server comes through here.

        Raises:
            ServerSilentError: no answer came within ``answer_within``.
        """
        try:
            return await super().wait(gen, interval, self.answer_within if timeout is None else timeout)
        except _WaitTimeout as silence:
            # What it would still answer belongs to this statement and to no later one.
            self.fell_silent = True
            self.pgconn.finish()
            raise ServerSilentError("PostgreSQL does not answer") from silence

    @contextlib.contextmanager
    def patient(self, seconds: float) -> Iterator[Self]:
        """For statements that may take longer."""
        before, self.answer_within = self.answer_within, seconds
        try:
            yield self
        finally:
            self.answer_within = before


async def open_connection(
    url: str, *, answer_within: float | None, settings: dict[str, object] | None = None, **arguments: Any
) -> BoundedConnection:
    """A connection on which every statement commits by itself, and a day is a day of UTC.

    ``settings`` are the session's, ``arguments`` psycopg's. Raises `psycopg.OperationalError`.
    """
    options = " ".join(f"-c {name}={value}" for name, value in {**_SERVERS, **(settings or {})}.items())
    connection = await BoundedConnection.connect(url, autocommit=True, options=options, **_OURS, **arguments)
    connection.answer_within = answer_within
    return connection
