"""Ask who is on duty around something; in intake, which keeps the roster, and where a copy of it is kept."""

from datetime import date

from slrt_contracts.codes import DutyRole
from slrt_kit.db import Connection
from slrt_kit.duty.model import Duty, levels_of

_AROUND = """
    SELECT duty_id, officer_id, role, area_code, office_code, first_day, last_day FROM duties
    WHERE ended_at IS NULL AND area_code = ANY(%(levels)s) AND first_day <= %(day)s
      AND (last_day IS NULL OR last_day >= %(day)s) AND (office_code IS NULL OR office_code = %(office)s)
    ORDER BY first_day, duty_id
    """


async def duties_around(connection: Connection, area: str, *, on: date, office: str | None = None) -> list[Duty]:
    """The duties of a day in an area and above it, and at the office where one is named: what `chain` needs.

    Raises:
        InvalidRegionCodeError: the area is no dotted code.
    """
    values = {"levels": list(levels_of(area)), "day": on, "office": office}
    return [Duty(**row._asdict() | {"role": DutyRole(row.role)}) for row in await connection.rows(_AROUND, values)]
