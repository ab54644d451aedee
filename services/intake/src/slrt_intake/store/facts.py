"""Keep observations, each a row that is never changed, and what two of them say differently until somebody chooses."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from slrt_intake.domain.fact import NewFact
from slrt_intake.store.sealed import FACTS
from slrt_intake.store.sql import as_json
from slrt_intake.store.visibility import within, within_visits
from slrt_intake.usecases.observing import NewConflict, Subject
from slrt_kit.access import Scope
from slrt_kit.db import Connection, Row
from slrt_kit.privacy import ERASED, SealedRow, SubjectKey, Vault
from slrt_kit.privacy.vault import text_of

_DIGEST = "fact"
_INSERT = """
    INSERT INTO facts (fact_id, case_id, person_id, visit_id, checklist, code, key_id, sealed, digest, source, said_at,
                       observed_at, recorded_at, recorded_by, device_id, sequence, item_id, replaces, older)
    SELECT fact_id, case_id, person_id, visit_id, checklist, code, key_id, sealed, digest, source, said_at,
           observed_at, recorded_at, recorded_by, device_id, sequence, item_id, replaces, older
    FROM jsonb_populate_recordset(NULL::facts, CAST(%(facts)s AS jsonb))
    """
_RAISE = """
    INSERT INTO fact_conflicts (conflict_id, version, case_id, person_id, code, raised_at)
    SELECT conflict_id, 1, case_id, person_id, code, %(now)s
    FROM jsonb_populate_recordset(NULL::fact_conflicts, CAST(%(conflicts)s AS jsonb))
    """
IS_HEAD = """
    NOT f.older AND NOT EXISTS (SELECT FROM facts g WHERE g.case_id = f.case_id AND g.code = f.code
                                AND f.fact_id = ANY(g.replaces))
    """
"""That a fact ``f`` counts: no later one has replaced it."""
_COLUMNS = (
    "f.fact_id, f.case_id, f.person_id, f.visit_id, f.checklist, f.code, f.key_id, f.sealed, f.source, f.said_at, "
    "f.observed_at, f.recorded_at, f.recorded_by, f.device_id, f.item_id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """An observation as it is shown. ``value`` is None, and ``erased``, once the key is gone."""

    fact_id: UUID
    case_id: UUID
    person_id: UUID | None
    visit_id: UUID | None
    checklist: str | None
    code: str
    value: Any
    erased: bool
    source: str
    said_at: datetime
    observed_at: datetime
    recorded_at: datetime
    recorded_by: str
    device_id: UUID | None
    item_id: UUID | None
    counts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Something that observations say differently, and who has chosen, if anybody."""

    conflict_id: UUID
    version: int
    case_id: UUID
    person_id: UUID | None
    code: str
    raised_at: datetime
    settled_at: datetime | None
    settled_by: str | None


def fact_digest(vault: Vault, subject: Subject, value: object) -> bytes:
    """Tells values apart: keyed, and of each subject another, so that it says nothing of what the value is."""
    case_id, about, code = subject
    written = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return vault.blind.of(_DIGEST, str(case_id), str(about), code, written)


def insert_facts(connection: Connection, vault: Vault, facts: Sequence[tuple[NewFact, SubjectKey]]) -> None:
    """Add observations, each sealed under the key of its person or its case."""
    rows = [
        {
            "fact_id": fact.fact_id,
            "case_id": fact.case_id,
            "person_id": fact.person_id,
            "visit_id": fact.visit_id,
            "checklist": fact.checklist,
            "code": fact.code,
            "key_id": key.key_id,
            "sealed": text_of(vault.seal(key, {"value": fact.value}, table=FACTS, row=fact.fact_id)),
            "digest": text_of(fact.digest),
            "source": fact.source,
            "said_at": fact.said_at,
            "observed_at": fact.observed_at,
            "recorded_at": fact.recorded_at,
            "recorded_by": fact.recorded_by,
            "device_id": fact.device_id,
            "sequence": fact.sequence,
            "item_id": fact.item_id,
            "replaces": sorted(fact.replaces),
            "older": fact.older,
        }
        for fact, key in facts
    ]
    connection.defer(_INSERT, {"facts": as_json(rows)})


def raise_conflicts(connection: Connection, conflicts: Sequence[NewConflict], *, now: datetime) -> None:
    """Put what contradicts on the list of those who choose."""
    rows = [
        {"conflict_id": each.conflict_id, "case_id": each.case_id, "person_id": each.person_id, "code": each.code}
        for each in conflicts
    ]
    connection.defer(_RAISE, {"conflicts": as_json(rows), "now": now})


async def facts_of(
    connection: Connection, vault: Vault, case_ids: Collection[UUID], *, only_heads: bool = False
) -> list[Fact]:
    """The observations of cases, oldest first; whoever asks has looked whether they may."""
    rows = await connection.rows(
        f"SELECT {_COLUMNS}, ({IS_HEAD}) AS counts FROM facts f WHERE f.case_id = ANY(%(ids)s) "  # noqa: S608
        f"{'AND ' + IS_HEAD if only_heads else ''} ORDER BY f.recorded_at, f.fact_id",
        {"ids": list(case_ids)},
    )
    opened = await vault.unseal([SealedRow(row.key_id, row.sealed, row.fact_id) for row in rows], table=FACTS)
    return [_fact(row, None if each is ERASED else each) for row, each in zip(rows, opened, strict=True)]


async def list_conflicts(
    connection: Connection, scope: Scope, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[Conflict]:
    """What nobody has chosen yet, of cases that the scope reaches to work on: oldest first."""
    inside, values = within(scope)
    conditions = [inside, "k.settled_at IS NULL"]
    if after is not None:
        conditions.append("(k.raised_at, k.conflict_id) > (%(after_at)s, %(after_id)s)")
        values |= {"after_at": after[0], "after_id": after[1]}
    rows = await connection.rows(
        "SELECT k.conflict_id, k.version, k.case_id, k.person_id, k.code, k.raised_at, k.settled_at, "  # noqa: S608
        f"k.settled_by FROM fact_conflicts k JOIN cases USING (case_id) WHERE {' AND '.join(conditions)} "
        "ORDER BY k.raised_at, k.conflict_id LIMIT %(limit)s",
        values | {"limit": limit},
    )
    return [Conflict(**row._asdict()) for row in rows]


async def get_conflict(connection: Connection, conflict_id: UUID, scope: Scope) -> Conflict | None:
    """The conflict when the scope reaches its case; the case is locked until the commit, so that no head is added."""
    inside, values = within(scope)
    row = await connection.row(
        "SELECT k.conflict_id, k.version, k.case_id, k.person_id, k.code, k.raised_at, k.settled_at, "  # noqa: S608
        f"k.settled_by FROM fact_conflicts k JOIN cases USING (case_id) WHERE k.conflict_id = %(id)s AND {inside} "
        "FOR NO KEY UPDATE OF cases",
        values | {"id": conflict_id},
    )
    return None if row is None else Conflict(**row._asdict())


def settle(connection: Connection, conflict: Conflict, chosen: UUID, *, by: str, at: datetime) -> None:
    """Somebody has chosen."""
    connection.defer(
        "UPDATE fact_conflicts SET version = version + 1, settled_at = %(at)s, settled_by = %(by)s, "
        "settled_fact = %(fact)s WHERE conflict_id = %(id)s",
        {"at": at, "by": by, "fact": chosen, "id": conflict.conflict_id},
    )


async def may_see_facts(connection: Connection, case_id: UUID, scope: Scope) -> bool:
    """Whether one who has the scope may read what was observed about a case."""
    condition, values = within_visits(scope)
    query = f"SELECT EXISTS (SELECT FROM cases WHERE case_id = %(case_id)s AND {condition})"  # noqa: S608 — fixed texts
    return bool(await connection.value(query, values | {"case_id": case_id}))


def _fact(row: Row, opened: dict[str, Any] | None) -> Fact:
    values = row._asdict()
    del values["key_id"], values["sealed"]
    return Fact(**values, value=None if opened is None else opened["value"], erased=opened is None)
