"""Find whose record was kept for its period, and keep the lists of them."""

from datetime import datetime
from uuid import UUID

from slrt_contracts.types import PersonId
from slrt_kit.access import Scope
from slrt_kit.db import Connection, Row, StaleVersionError
from slrt_kit.regions import RegionCode
from slrt_kit.scoped import in_region
from slrt_registry.domain.disposal import Disposal, DisposalState, DuePerson
from slrt_registry.ports import KeptUntil

# By the case that was closed last: of all others of the person there is a later one. Whoever is in an open case, is
# held, took part in a programme of late, or is not linked to intake in some case (`check_may_be_erased`) is not due.
_DUE = """
    SELECT cp.person_id, c.closed_at,
           (SELECT count(*) FROM case_persons n WHERE n.person_id = cp.person_id) AS case_count,
           (SELECT max(starts_on) FROM participations t WHERE t.person_id = cp.person_id) AS last_participation
    FROM cases c JOIN case_persons cp USING (case_id) JOIN persons p USING (person_id)
    WHERE c.closed_at IS NOT NULL AND c.closed_at < %(cases_since)s AND {after}
      AND p.village_code COLLATE "C" >= %(regency)s || '.' AND p.village_code COLLATE "C" < %(regency)s || '/'
      AND p.erased_at IS NULL AND p.legal_hold IS NULL
      AND NOT EXISTS (
          SELECT FROM case_persons o JOIN cases oc USING (case_id)
          WHERE o.person_id = cp.person_id
            AND (oc.closed_at IS NULL OR (oc.closed_at, oc.case_id) > (c.closed_at, c.case_id)
                 OR coalesce(cardinality(o.party_ids), 0) = 0))
      AND NOT EXISTS (
          SELECT FROM participations t WHERE t.person_id = cp.person_id AND t.starts_on > %(participations_after)s)
      AND NOT EXISTS (
          SELECT FROM disposal_persons l JOIN disposals d USING (disposal_id)
          WHERE l.person_id = cp.person_id AND d.state = 'proposed')
    ORDER BY c.closed_at, cp.person_id LIMIT %(limit)s
    """
_AFTER = "(c.closed_at, cp.person_id) > (%(after_at)s, %(after_person)s)"
_COLUMNS = """
    d.disposal_id, d.version, d.regency_code, d.proposed_by, d.proposed_at, d.state, d.decided_by, d.decided_at,
    ARRAY(SELECT person_id FROM disposal_persons p WHERE p.disposal_id = d.disposal_id ORDER BY position) AS persons"""


async def due(
    connection: Connection,
    regency_code: RegionCode,
    kept: KeptUntil,
    *,
    after: tuple[datetime, PersonId] | None,
    limit: int,
) -> list[DuePerson]:
    """See `ports.Registry.due_persons`."""
    values: dict[str, object] = {
        "regency": regency_code,
        "cases_since": kept.cases_since,
        "participations_after": kept.participations_after,
        "limit": limit,
    }
    if after is not None:
        values |= {"after_at": after[0], "after_person": after[1]}
    rows = await connection.rows(_DUE.format(after="true" if after is None else _AFTER), values)
    return [DuePerson(**row._asdict()) for row in rows]


async def within(connection: Connection, disposal_id: UUID, scope: Scope) -> Disposal | None:
    """See `ports.Registry.disposal_within`."""
    condition, values = in_region(scope, "d.regency_code")
    found = await connection.rows(
        f"SELECT {_COLUMNS} FROM disposals d WHERE d.disposal_id = %(disposal_id)s AND {condition}",  # noqa: S608
        values | {"disposal_id": disposal_id},
    )
    return _disposal(found[0]) if found else None


async def waiting(
    connection: Connection, scope: Scope, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[Disposal]:
    """See `ports.Registry.disposals_waiting`."""
    condition, values = in_region(scope, "d.regency_code")
    values["limit"] = limit
    if after is not None:
        condition += " AND (d.proposed_at, d.disposal_id) > (%(after_at)s, %(after_id)s)"
        values |= {"after_at": after[0], "after_id": after[1]}
    rows = await connection.rows(
        f"SELECT {_COLUMNS} FROM disposals d WHERE d.state = 'proposed' AND {condition} "  # noqa: S608 — fixed texts
        "ORDER BY d.proposed_at, d.disposal_id LIMIT %(limit)s",
        values,
    )
    return [_disposal(row) for row in rows]


def add(connection: Connection, disposal: Disposal) -> None:
    """See `ports.Registry.add_disposal`."""
    connection.defer(
        "INSERT INTO disposals (disposal_id, version, regency_code, proposed_by, proposed_at, state) "
        "VALUES (%(disposal_id)s, 1, %(regency_code)s, %(by)s, %(at)s, %(state)s)",
        {
            "disposal_id": disposal.disposal_id,
            "regency_code": disposal.regency_code,
            "by": disposal.proposed_by,
            "at": disposal.proposed_at,
            "state": disposal.state,
        },
    )
    connection.defer(
        "INSERT INTO disposal_persons (disposal_id, position, person_id) SELECT %(disposal_id)s, l.position, l.person "
        "FROM unnest(CAST(%(persons)s AS uuid[])) WITH ORDINALITY AS l(person, position)",
        {"disposal_id": disposal.disposal_id, "persons": list(disposal.persons)},
    )
    disposal.version = 1


async def save(connection: Connection, disposal: Disposal) -> None:
    """See `ports.Registry.save_disposal`."""
    written = await connection.run(
        "UPDATE disposals SET version = version + 1, state = %(state)s, decided_by = %(by)s, decided_at = %(at)s "
        "WHERE disposal_id = %(disposal_id)s AND version = %(version)s",
        {
            "disposal_id": disposal.disposal_id,
            "version": disposal.version,
            "state": disposal.state,
            "by": disposal.decided_by,
            "at": disposal.decided_at,
        },
    )
    if written != 1:
        raise StaleVersionError
    disposal.version += 1


def _disposal(row: Row) -> Disposal:
    values = row._asdict()
    return Disposal(**values | {"state": DisposalState(row.state)})
