"""Read what became of each case, and who may know."""

from collections.abc import Collection
from datetime import datetime

from slrt_contracts.types import CaseId, DistrictCode, FamilyId, PersonId
from slrt_kit.access import Scope
from slrt_kit.db import Connection
from slrt_kit.regions import RegionCode
from slrt_kit.scoped import in_region
from slrt_registry.domain.matching import Rule
from slrt_registry.ports import CaseRecord


async def case(connection: Connection, case_id: CaseId, scope: Scope | None = None) -> CaseRecord | None:
    """What became of a case; None when it has not been handled, or a scope is given that does not reach it.

    Of a case that is kept from most nobody learns here what became of it: those in charge of it follow it in intake.
    """
    key: dict[str, object] = {"case_id": case_id}
    condition, values = "true", dict[str, object]()
    if scope is not None:
        condition, values = in_region(scope, "region_code")
        condition += " AND NOT restricted AND NOT sealed"
    row = await connection.row(
        "SELECT case_id, region_code, family_id, handled_at, restricted FROM cases "  # noqa: S608 — fixed texts
        f"WHERE case_id = %(case_id)s AND {condition}",
        key | values,
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
        restricted=row.restricted,
    )


async def note_closed(connection: Connection, case_id: CaseId, at: datetime) -> bool:
    """Note when a case ended; False when there is no such case."""
    values = {"case_id": case_id, "at": at}
    return await connection.run("UPDATE cases SET closed_at = %(at)s WHERE case_id = %(case_id)s", values) == 1


async def kept_from_most(connection: Connection, case_ids: Collection[CaseId]) -> frozenset[CaseId]:
    """Which of these cases are restricted or sealed."""
    found = await connection.values(
        "SELECT case_id FROM cases WHERE case_id = ANY(%(case_ids)s) AND (restricted OR sealed)",
        {"case_ids": list(case_ids)},
    )
    return frozenset(CaseId(case_id) for case_id in found)


def move_case(connection: Connection, case_id: CaseId, district_code: DistrictCode) -> None:
    """The case belongs to another district now."""
    connection.defer(
        "UPDATE cases SET region_code = %(district_code)s WHERE case_id = %(case_id)s",
        {"case_id": case_id, "district_code": district_code},
    )


def seal_case(connection: Connection, case_id: CaseId, *, sealed: bool) -> None:
    """Hide what became of a case from everybody, or show it again."""
    connection.defer(
        "UPDATE cases SET sealed = %(sealed)s WHERE case_id = %(case_id)s", {"case_id": case_id, "sealed": sealed}
    )
