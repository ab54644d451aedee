"""Keep which keys commands came with and what they were answered, in the transaction that carries them out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from slrt_kit.db import UnitOfWork

# Claiming first makes a second request with the same key wait here until the first has committed or failed.
_CLAIM = (
    "INSERT INTO idempotency (subject, key, fingerprint, created_at) "
    "VALUES (%(subject)s, %(key)s, %(fingerprint)s, %(now)s) ON CONFLICT DO NOTHING RETURNING 1"
)
CLAIM_ANSWERED = """
    INSERT INTO idempotency (subject, key, fingerprint, status, headers, body, created_at)
    SELECT subject, key, decode(fingerprint, 'hex'), status, headers, convert_to(body, 'UTF8'), created_at
    FROM jsonb_to_recordset(CAST(%(commands)s AS jsonb)) AS k(subject text, key text, fingerprint text, status integer,
         headers jsonb, body text, created_at timestamptz)
    ORDER BY subject, key
    ON CONFLICT DO NOTHING RETURNING subject, key
    """
"""Claims the keys of several commands together with their answers, as a part of a larger statement: the rows of
`AnsweredCommand.row` are JSON in ``%(commands)s``. It returns the keys that were free; what belongs to the others must
not be written."""
_FIND = (
    "SELECT subject, key, fingerprint, status, headers, body FROM idempotency "
    "WHERE subject = %(subject)s AND key = %(key)s"
)
_KEEP = (
    "UPDATE idempotency SET status = %(status)s, headers = CAST(%(headers)s AS jsonb), body = %(body)s "
    "WHERE subject = %(subject)s AND key = %(key)s"
)


@dataclass(frozen=True, slots=True)
class AnsweredCommand:
    """A command, by the key that its caller gave it and the hash of what it asked, and its answer."""

    subject: str
    key: str
    fingerprint: bytes
    status: int
    headers: Mapping[str, str]
    body: bytes

    def row(self, now: datetime) -> dict[str, object]:
        """For `CLAIM_ANSWERED`."""
        return {
            "subject": self.subject,
            "key": self.key,
            "fingerprint": self.fingerprint.hex(),
            "status": self.status,
            "headers": self.headers,
            "body": self.body.decode(),
            "created_at": now,
        }


async def claim(work: UnitOfWork, subject: str, key: str, fingerprint: bytes) -> bool:
    """Take the key for this transaction; False when an earlier command has it."""
    values = {"subject": subject, "key": key, "fingerprint": fingerprint, "now": work.clock.now()}
    return await work.connection.value(_CLAIM, values) is not None


def keep(work: UnitOfWork, answered: AnsweredCommand) -> None:
    """Keep the answer beside the claimed key."""
    values = {
        "subject": answered.subject,
        "key": answered.key,
        "status": answered.status,
        "headers": orjson.dumps(answered.headers).decode(),
        "body": answered.body,
    }
    work.connection.defer(_KEEP, values)


async def find(work: UnitOfWork, subject: str, key: str) -> AnsweredCommand:
    """The command that has the key."""
    return AnsweredCommand(*await work.connection.one(_FIND, {"subject": subject, "key": key}))
