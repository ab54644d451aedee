"""Read the rows of an export: of the cases that its requester may see at that moment, and of no others."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from slrt_intake.domain.export import Export
from slrt_intake.domain.export_columns import PERSONAL, ExportColumn, masked
from slrt_intake.domain.party import Relation
from slrt_intake.store.sealed import CONTACTS, PERSONS, contact_fields
from slrt_intake.store.visibility import within
from slrt_kit.access import Scope
from slrt_kit.db import Database, Row
from slrt_kit.privacy import ERASED, SealedRow, Vault
from slrt_kit.scoped import in_region

BATCH: Final = 200
_OF_PERSONS: Final = frozenset((ExportColumn.NAME, ExportColumn.NIK, ExportColumn.BIRTH_DATE, ExportColumn.SEX))
# The reporter who asked for secrecy is reached by nobody but the services (`domain.claim`).
_OF_CONTACTS: Final = PERSONAL - _OF_PERSONS
_IDS = """
    SELECT cases.case_id FROM cases WHERE {condition}
    ORDER BY cases.registered_at, cases.case_id LIMIT %(limit)s
    """
_ROWS = """
    SELECT cases.case_id, cases.ticket_number, cases.status, cases.channel, cases.village_code, cases.urgent,
           cases.registered_at, cases.registry_status, cases.resolved_at, cases.closed_at, cases.satisfied,
           cases.reporter_secret, cases.key_id, k.sealed AS contact, p.person_id, p.key_id AS person_key,
           p.sealed AS person, n.needs, n.outcomes
    FROM cases LEFT JOIN contacts k USING (case_id)
    LEFT JOIN LATERAL (SELECT person_id, key_id, sealed FROM persons WHERE case_id = cases.case_id
                       ORDER BY relation <> %(client)s, position LIMIT 1) AS p ON true
    LEFT JOIN LATERAL (SELECT string_agg(need_code, ' ' ORDER BY position) AS needs,
                              string_agg(coalesce(outcome_code, '-'), ' ' ORDER BY position) AS outcomes
                       FROM needs WHERE case_id = cases.case_id) AS n ON true
    WHERE cases.case_id = ANY(%(case_ids)s) AND {condition}
    ORDER BY cases.registered_at, cases.case_id
    """


async def case_ids(database: Database, export: Export, scope: Scope, *, most: int) -> Sequence[UUID]:
    """The cases of the export that the requester may see now, oldest first; at most so many."""
    condition, values = _condition(export, scope)
    async with database.read() as session:
        return await session.values(_IDS.format(condition=condition), values | {"limit": most})


async def batches(
    database: Database, vault: Vault, export: Export, scope: Scope, ids: Sequence[UUID]
) -> AsyncIterator[Sequence[Sequence[str]]]:
    """The heading, then the rows of these cases, some at a time. What was taken from the requester meanwhile is not
    among them.

    Raises:
        KeyMissingError, SealBrokenError: see `Vault.unseal`. psycopg.Error: a database is away.
    """
    yield [list(export.columns)]
    condition, values = _condition(export, scope)
    query = _ROWS.format(condition=condition)
    for start in range(0, len(ids), BATCH):
        asked = values | {"case_ids": list(ids[start : start + BATCH]), "client": Relation.CLIENT}
        async with database.read() as session:
            rows = await session.rows(query, asked)
        yield await _texts(vault, export, rows)


def _condition(export: Export, scope: Scope) -> tuple[str, dict[str, object]]:
    """What may be seen, what was approved, what was asked for. Cases kept from most are in no export."""
    visible, values = within(scope)
    approved, of_region = in_region(Scope(region=export.region), "cases.village_code")
    approved = approved.replace("%(region)s", "%(approved_region)s")
    values |= {"approved_region": of_region["region"]}
    conditions = [visible, approved, "NOT cases.restricted", "cases.sealed_at IS NULL"]
    wanted = export.filters
    if wanted.statuses:
        conditions.append("cases.status = ANY(%(statuses)s)")
        values["statuses"] = list(wanted.statuses)
    if wanted.need_codes:
        conditions.append(
            "EXISTS (SELECT FROM needs w WHERE w.case_id = cases.case_id AND w.need_code = ANY(%(need_codes)s))"
        )
        values["need_codes"] = list(wanted.need_codes)
    if wanted.village_code is not None:
        conditions.append("cases.village_code = %(village_code)s")
        values["village_code"] = wanted.village_code
    if wanted.registered_from is not None:
        conditions.append("cases.registered_at >= %(registered_from)s")
        values["registered_from"] = wanted.registered_from
    if wanted.registered_before is not None:
        conditions.append("cases.registered_at < %(registered_before)s")
        values["registered_before"] = wanted.registered_before
    return " AND ".join(conditions), values


async def _texts(vault: Vault, export: Export, rows: Sequence[Row]) -> list[list[str]]:
    people: Sequence[Any] = [{}] * len(rows)
    contacts: Sequence[Any] = [{}] * len(rows)
    # What is not shown is not opened either.
    if not _OF_PERSONS.isdisjoint(export.columns):
        sealed = [SealedRow(row.person_key, row.person, row.person_id or row.case_id) for row in rows]
        people = [{} if opened is ERASED else opened for opened in await vault.unseal(sealed, table=PERSONS)]
    if not _OF_CONTACTS.isdisjoint(export.columns):
        sealed = [SealedRow(row.key_id, row.contact, row.case_id) for row in rows]
        contacts = [contact_fields(opened) for opened in await vault.unseal(sealed, table=CONTACTS)]
    return [
        [_text(export, column, row, person, contact) for column in export.columns]
        for row, person, contact in zip(rows, people, contacts, strict=True)
    ]


def _text(export: Export, column: ExportColumn, row: Row, person: dict[str, Any], contact: dict[str, Any]) -> str:
    if column in _OF_PERSONS:
        value = person.get(column)
    elif column in _OF_CONTACTS:
        value = None if row.reporter_secret else contact.get(column)
    else:
        value = getattr(row, column)
    text = _plain(value)
    return masked(column, text) if column in PERSONAL and column not in export.unmasked else text


def _plain(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)
