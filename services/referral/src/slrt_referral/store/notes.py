"""Seal what officers write about a referral in their own words: each note under a key of its own."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from slrt_contracts.types import CaseId, ReferralId
from slrt_kit.db import Connection, Row
from slrt_kit.privacy import ERASED, Erased, SealedRow, Vault
from slrt_kit.privacy.vault import text_of
from slrt_referral.domain.referral import Step

TABLE = "referral_steps"


async def seal_note(vault: Vault, referral_id: ReferralId, step: Step) -> dict[str, object]:
    """The columns of a step that have its note; empty without one."""
    if step.note is None:
        return {"key_id": None, "sealed": None}
    (key,) = await vault.keys.take(1)
    sealed = vault.seal(key, {"note": step.note}, table=TABLE, row=note_row(referral_id, step.action, step.at))
    return {"key_id": key.key_id, "sealed": text_of(sealed)}


async def open_notes(
    vault: Vault, referral_id: ReferralId, rows: Sequence[Row]
) -> list[str | Literal[Erased.ERASED] | None]:
    """The notes of a referral's steps; None for a step without one."""
    noted = [row for row in rows if row.key_id is not None]
    opened = await vault.unseal(
        [SealedRow(row.key_id, row.sealed, note_row(referral_id, row.action, row.at)) for row in noted], table=TABLE
    )
    found = iter(opened)
    notes: list[str | Literal[Erased.ERASED] | None] = []
    for row in rows:
        fields = None if row.key_id is None else next(found)
        notes.append(fields if fields is None or fields is ERASED else fields["note"])
    return notes


def note_row(referral_id: ReferralId, action: str, at: datetime) -> str:
    """What the row of a step is known by before it is written."""
    return f"{referral_id}/{action}/{at.astimezone(UTC).isoformat()}"


async def erase_notes(connection: Connection, vault: Vault, case_ids: Sequence[CaseId]) -> None:
    """Destroy the keys of all notes about these cases, and remove the notes.

    Raises:
        psycopg.Error: a database is away; it may be repeated.
    """
    values = {"case_ids": list(case_ids)}
    noted = "FROM referrals r WHERE r.referral_id = s.referral_id AND r.case_id = ANY(%(case_ids)s)"
    query = f"SELECT s.key_id FROM referral_steps s WHERE s.key_id IS NOT NULL AND EXISTS (SELECT {noted})"  # noqa: S608
    await vault.destroy(await connection.values(query, values))
    connection.defer(f"UPDATE referral_steps s SET sealed = NULL {noted} AND s.sealed IS NOT NULL", values)  # noqa: S608
