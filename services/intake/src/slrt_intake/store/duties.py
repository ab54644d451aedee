"""Keep the duty roster; saves by version compare-and-set and writes the events beside."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from slrt_contracts.codes import DutyRole
from slrt_contracts.types import DutyId
from slrt_intake.domain.duty import DutyTerms, RosterDuty
from slrt_kit.access import Scope
from slrt_kit.db import Connection, Row, StaleVersionError, UnitOfWork
from slrt_kit.duty.model import officer_id_of
from slrt_kit.outbox import Outbox
from slrt_kit.scoped import in_region

_COLUMNS = (
    "duty_id, version, event_sequence, officer, role, area_code, office_code, first_day, last_day, ended_at, made_by, "
    "made_at"
)
_INSERT = f"""
    INSERT INTO duties ({_COLUMNS}, officer_id)
    VALUES (%(duty_id)s, 1, %(event_sequence)s, %(officer)s, %(role)s, %(area_code)s, %(office_code)s, %(first_day)s,
            %(last_day)s, NULL, %(made_by)s, %(made_at)s, %(officer_id)s)
    """  # noqa: S608 — fixed texts
_UPDATE = """
    UPDATE duties SET version = version + 1, event_sequence = %(event_sequence)s, officer = %(officer)s,
        officer_id = %(officer_id)s, role = %(role)s, area_code = %(area_code)s, office_code = %(office_code)s,
        first_day = %(first_day)s, last_day = %(last_day)s, ended_at = %(ended_at)s
    WHERE duty_id = %(duty_id)s AND version = %(version)s
    """


class DutyStore:
    """The roster in one unit of work."""

    def __init__(self, work: UnitOfWork, outbox: Outbox) -> None:
        self._work = work
        self._outbox = outbox

    async def get(self, duty_id: DutyId) -> RosterDuty | None:
        """The duty of that id."""
        query = f"SELECT {_COLUMNS} FROM duties WHERE duty_id = %(duty_id)s"  # noqa: S608 — fixed texts
        row = await self._work.connection.row(query, {"duty_id": duty_id})
        return None if row is None else _duty(row)

    async def of_officers(self, officers: Collection[str]) -> Sequence[RosterDuty]:
        """All duties of these officers that were not ended."""
        query = f"SELECT {_COLUMNS} FROM duties WHERE officer = ANY(%(officers)s) AND ended_at IS NULL"  # noqa: S608
        return [_duty(row) for row in await self._work.connection.rows(query, {"officers": sorted(officers)})]

    async def add(self, duty: RosterDuty) -> None:
        """Insert a new one.

        Raises:
            psycopg.errors.UniqueViolation: the id is taken.
        """
        self._work.connection.defer(_INSERT, _values(duty))
        self._publish(duty)

    async def save(self, duty: RosterDuty) -> None:
        """Write a changed one.

        Raises:
            StaleVersionError: somebody else saved it since it was loaded.
        """
        if await self._work.connection.run(_UPDATE, _values(duty)) != 1:
            raise StaleVersionError
        self._publish(duty)

    def _publish(self, duty: RosterDuty) -> None:
        self._outbox.add(self._work, duty.raised)
        duty.mark_saved()


async def list_duties(
    connection: Connection, scope: Scope, *, role: DutyRole | None, after: tuple[str, UUID] | None, limit: int
) -> list[RosterDuty]:
    """The duties inside the scope's region that were not ended, by area, after the given position."""
    inside, values = in_region(scope, "area_code")
    conditions = ["ended_at IS NULL", inside]
    values["limit"] = limit
    if role is not None:
        conditions.append("role = %(role)s")
        values["role"] = role
    if after is not None:
        conditions.append("(area_code, duty_id) > (%(after_area)s, %(after_id)s)")
        values |= {"after_area": after[0], "after_id": after[1]}
    query = (
        f"SELECT {_COLUMNS} FROM duties WHERE {' AND '.join(conditions)} "  # noqa: S608 — fixed fragments above
        "ORDER BY area_code, duty_id LIMIT %(limit)s"
    )
    return [_duty(row) for row in await connection.rows(query, values)]


def _duty(row: Row) -> RosterDuty:
    return RosterDuty(
        version=row.version,
        event_sequence=row.event_sequence,
        duty_id=DutyId(row.duty_id),
        terms=DutyTerms(
            officer=row.officer,
            role=DutyRole(row.role),
            area_code=row.area_code,
            office_code=row.office_code,
            first_day=row.first_day,
            last_day=row.last_day,
        ),
        made_by=row.made_by,
        made_at=row.made_at,
        ended_at=row.ended_at,
    )


def _values(duty: RosterDuty) -> dict[str, Any]:
    terms = duty.terms
    return {
        "duty_id": duty.duty_id,
        "version": duty.version,
        "event_sequence": duty.event_sequence,
        "officer": terms.officer,
        "officer_id": officer_id_of(terms.officer),
        "role": terms.role,
        "area_code": terms.area_code,
        "office_code": terms.office_code,
        "first_day": terms.first_day,
        "last_day": terms.last_day,
        "ended_at": duty.ended_at,
        "made_by": duty.made_by,
        "made_at": duty.made_at,
    }
