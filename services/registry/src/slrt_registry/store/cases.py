"""Keep what became of each case."""

from slrt_contracts.types import CaseId, FamilyId, PersonId
from slrt_kit.db import Connection
from slrt_kit.regions import RegionCode
from slrt_registry.domain.matching import Rule
from slrt_registry.ports import CaseRecord
from slrt_registry.store.sql import as_json

_INSERT = """
    INSERT INTO cases (case_id, region_code, family_id, handled_at)
    VALUES (%(case_id)s, %(region_code)s, %(family_id)s, %(handled_at)s)
    ON CONFLICT DO NOTHING
    """
_INSERT_PERSONS = """
    INSERT INTO case_persons (case_id, position, person_id, found_by)
    SELECT %(case_id)s, position, person_id, found_by
    FROM jsonb_to_recordset(CAST(%(rows)s AS jsonb)) AS p(position integer, person_id uuid, found_by text)
    ON CONFLICT DO NOTHING
    """


def note(connection: Connection, case: CaseRecord) -> None:
    """Write what became of a case; what was written first stays."""
    connection.defer(
        _INSERT,
        {
            "case_id": case.case_id,
            "region_code": case.region_code,
            "family_id": case.family_id,
            "handled_at": case.handled_at,
        },
    )
    rows = [
        {"position": position, "person_id": person_id, "found_by": rule}
        for position, (person_id, rule) in enumerate(case.persons)
    ]
    if rows:
        connection.defer(_INSERT_PERSONS, {"case_id": case.case_id, "rows": as_json(rows)})


async def case(connection: Connection, case_id: CaseId) -> CaseRecord | None:
    """What became of a case; None when it has not been handled."""
    key = {"case_id": case_id}
    row = await connection.row(
        "SELECT case_id, region_code, family_id, handled_at FROM cases WHERE case_id = %(case_id)s", key
    )
    if row is None:
        return None
    persons = await connection.rows(
        "SELECT person_id, found_by FROM case_persons WHERE case_id = %(case_id)s ORDER BY position", key
    )
    return CaseRecord(
        case_id=CaseId(row.case_id),
        region_code=RegionCode(row.region_code),
        family_id=None if row.family_id is None else FamilyId(row.family_id),
        persons=[(PersonId(person.person_id), Rule(person.found_by)) for person in persons],
        handled_at=row.handled_at,
    )
