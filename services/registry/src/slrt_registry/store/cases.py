"""Read what became of each case."""

from slrt_contracts.types import CaseId, FamilyId, PersonId
from slrt_kit.db import Connection
from slrt_kit.regions import RegionCode
from slrt_registry.domain.matching import Rule
from slrt_registry.ports import CaseRecord


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
