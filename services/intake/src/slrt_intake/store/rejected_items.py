"""List and open what devices handed in and was not taken, for those who see to it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from slrt_intake.domain.field_item import Receipt
from slrt_intake.store.field_uploads import RECEIPT_COLUMNS, receipt_of
from slrt_intake.store.sealed import FIELD_ITEMS
from slrt_intake.store.visibility import within
from slrt_kit.access import Scope
from slrt_kit.db import Connection
from slrt_kit.privacy import ERASED, SealedRow, Vault
from slrt_kit.scoped import in_region


def _reached(scope: Scope, *, sensitive_too: bool) -> tuple[str, dict[str, object]]:
    """Of the scope's region; not about a case that the asker may not know of, nor what would have become one.

    ``sensitive_too``: for those who put somebody in charge of such cases. Here nobody is yet.
    """
    inside, values = in_region(scope, "i.area_code")
    known, more = within(scope)
    conditions = [
        "i.status = 'rejected_with_reason'",
        inside,
        f"(i.case_id IS NULL OR EXISTS (SELECT FROM cases WHERE cases.case_id = i.case_id AND {known}))",
    ]
    if not sensitive_too:
        conditions.append("NOT i.is_sensitive")
    return " AND ".join(conditions), values | more


async def rejected_items(
    connection: Connection, scope: Scope, *, sensitive_too: bool, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Receipt]:
    """What was rejected in the scope's region, oldest first, after the given position."""
    condition, values = _reached(scope, sensitive_too=sensitive_too)
    if after is not None:
        condition += " AND (i.received_at, i.receipt_id) > (%(after_at)s, %(after_id)s)"
        values |= {"after_at": after[0], "after_id": after[1]}
    rows = await connection.rows(
        f"SELECT {RECEIPT_COLUMNS} FROM field_items i WHERE {condition} "  # noqa: S608 — fixed texts
        "ORDER BY received_at, receipt_id LIMIT %(limit)s",
        values | {"limit": limit},
    )
    return [receipt_of(row) for row in rows]


async def rejected_content(
    connection: Connection, vault: Vault, receipt_id: UUID, scope: Scope, *, sensitive_too: bool
) -> tuple[Receipt, Any] | None:
    """A rejected item with what it says, None once that is gone; as `rejected_items` reaches it."""
    condition, values = _reached(scope, sensitive_too=sensitive_too)
    row = await connection.row(
        f"SELECT {RECEIPT_COLUMNS}, key_id, sealed FROM field_items i "  # noqa: S608 — fixed texts
        f"WHERE i.receipt_id = %(receipt_id)s AND {condition}",
        values | {"receipt_id": receipt_id},
    )
    if row is None:
        return None
    opened = await vault.unseal_one(SealedRow(row.key_id, row.sealed, row.receipt_id), table=FIELD_ITEMS)
    return receipt_of(row), None if opened is ERASED else opened["content"]
