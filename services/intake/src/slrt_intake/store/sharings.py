"""Keep a receipt for each delivery of personal data to an office; written before it is shown, or it is not shown."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from slrt_contracts.types import CaseId, ConsentId, OfficeCode, ReceiptId, ReferralId
from slrt_intake.domain.consent import ERASE_WITHIN, HeldClaim
from slrt_intake.store.sql import as_json
from slrt_kit.audit.entries import Actor, Look, look_text
from slrt_kit.audit.record import insert_audit
from slrt_kit.db import Connection, Database

_COLUMNS = (
    "receipt_id, case_id, office_code, subject, purpose, purposes_version, basis, fields, person_ids, consent_ids, "
    "referral_ids, event_id, shared_at"
)
# The consents are locked until the commit: a withdrawal waits for what is under way, finds its receipts and has the
# offices told; whoever comes after it finds the consent withdrawn. So nothing is shared after a withdrawal's commit.
_DELIVER = f"""
    WITH asked AS (
        SELECT * FROM jsonb_to_recordset(CAST(%(sharings)s AS jsonb)) AS s(receipt_id uuid, case_id uuid,
            office_code text, subject text, purpose text, purposes_version integer, basis text, fields text[],
            person_ids uuid[], consent_ids uuid[], referral_ids uuid[], event_id uuid, shared_at timestamptz)
    ), in_force AS (
        SELECT consent_id FROM consents
        WHERE consent_id IN (SELECT unnest(consent_ids) FROM asked)
          AND withdrawn_at IS NULL AND expired_at IS NULL AND (expires_at IS NULL OR expires_at > %(at)s)
        FOR SHARE
    ), delivered AS (
        INSERT INTO sharings ({_COLUMNS})
        SELECT {_COLUMNS} FROM asked
        WHERE consent_ids <@ ARRAY(SELECT consent_id FROM in_force)
        RETURNING receipt_id
    ), audited AS (
        {insert_audit(only="a.key IN (SELECT CAST(receipt_id AS text) FROM delivered)")}
    )
    SELECT receipt_id FROM delivered
    """  # noqa: S608 — fixed texts
_HELD = """
    UPDATE sharings SET withdrawn_at = %(at)s, erase_by = %(erase_by)s
    WHERE case_id = %(case_id)s AND %(consent_id)s = ANY(consent_ids) AND withdrawn_at IS NULL AND erased_at IS NULL
    RETURNING receipt_id, office_code, purpose
    """
COUNT_OVERDUE = "SELECT count(*) FROM sharings WHERE erase_by < now() AND erased_at IS NULL"
"""How much offices hold that they should have erased, and say nothing; by the index ``sharings_owed``."""
_ERASED = """
    UPDATE sharings SET erased_at = %(at)s, erased_by = %(by)s
    WHERE receipt_id = %(receipt_id)s AND erased_at IS NULL
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """What an office got of a case, when, for what and on which basis; and whether it must be, and was, erased.

    ``fields`` are names, ``subject`` is the account that asked, ``referral_ids`` are what the office had the case for;
    times in UTC.
    """

    receipt_id: ReceiptId
    case_id: CaseId
    office_code: OfficeCode
    subject: str
    purpose: str
    purposes_version: int
    basis: str
    fields: Sequence[str]
    person_ids: Sequence[UUID]
    consent_ids: Sequence[ConsentId]
    referral_ids: Sequence[ReferralId]
    event_id: UUID | None
    shared_at: datetime
    withdrawn_at: datetime | None = None
    erase_by: datetime | None = None
    erased_at: datetime | None = None
    erased_by: str | None = None

    @property
    def place(self) -> tuple[datetime, UUID]:
        """Where it stands in the list."""
        return self.shared_at, self.receipt_id


async def deliver(database: Database, service: str, actor: Actor, sharings: Sequence[Sharing]) -> Collection[ReceiptId]:
    """Write the receipts and the audit log's entries in one transaction; returns those that may be shown.

    What is left out rests on a consent that was withdrawn or has run out in this moment.

    Raises:
        psycopg.Error: the database is away; nothing may be shown.
    """
    now = database.clock.now()
    values = {
        "sharings": as_json([_row(sharing) for sharing in sharings]),
        "audit": as_json(
            [
                {"key": str(sharing.receipt_id), "entry": look_text(service, actor, _look(sharing), at=now)}
                for sharing in sharings
            ]
        ),
        "at": now,
    }
    async with database.statement() as connection:
        return set(await connection.values(_DELIVER, values))


async def withdraw_held(
    connection: Connection, case_id: CaseId, consent_id: ConsentId, *, at: datetime
) -> list[HeldClaim]:
    """Mark what was delivered by a consent and not erased yet as withdrawn at ``at`` (UTC); returns it."""
    rows = await connection.rows(
        _HELD, {"case_id": case_id, "consent_id": consent_id, "at": at, "erase_by": at + ERASE_WITHIN}
    )
    return [HeldClaim(**row._asdict()) for row in sorted(rows)]


async def office_of(connection: Connection, receipt_id: UUID) -> OfficeCode | None:
    """The office that has the receipt."""
    found = await connection.value(
        "SELECT office_code FROM sharings WHERE receipt_id = %(receipt_id)s", {"receipt_id": receipt_id}
    )
    return None if found is None else OfficeCode(found)


async def note_erased(connection: Connection, receipt_id: UUID, *, by: str, at: datetime) -> bool:
    """Note that the office has erased it; False when it was said before."""
    return await connection.run(_ERASED, {"receipt_id": receipt_id, "by": by, "at": at}) == 1


async def sharings_of(
    connection: Connection,
    case_id: CaseId,
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
    newest_first: bool = False,
) -> list[Sharing]:
    """What offices got of a case, oldest or newest first, after the given position."""
    values: dict[str, Any] = {"case_id": case_id, "limit": limit}
    position, (beyond, order) = "", ("<", "DESC") if newest_first else (">", "ASC")
    if after is not None:
        position = f"AND (shared_at, receipt_id) {beyond} (%(after_at)s, %(after_id)s) "
        values |= {"after_at": after[0], "after_id": after[1]}
    rows = await connection.rows(
        f"SELECT {_COLUMNS}, withdrawn_at, erase_by, erased_at, erased_by FROM sharings "  # noqa: S608 — fixed texts
        f"WHERE case_id = %(case_id)s {position}ORDER BY shared_at {order}, receipt_id {order} LIMIT %(limit)s",
        values,
    )
    return [Sharing(**row._asdict()) for row in rows]


def _look(sharing: Sharing) -> Look:
    return Look("read", "case-parties", sharing.case_id, sharing.fields, sharing.event_id)


def _row(sharing: Sharing) -> dict[str, object]:
    return {name: getattr(sharing, name) for name in _COLUMNS.split(", ")}
