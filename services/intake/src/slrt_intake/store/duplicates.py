"""Find cases that may be about the same trouble: the same person, family or place, with a need in common, and open.

Who is the same person the registry knows (NIK, or a like name with the same birth date, or family card and first name;
domain 13.8) and tells of every case within seconds; a registration does not wait for it.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from slrt_contracts.types import CaseId
from slrt_intake.store.visibility import within
from slrt_kit.access import Scope
from slrt_kit.db import Connection


class Likeness(StrEnum):
    """Why a case may be a duplicate."""

    SAME_PERSON = "same_person"
    SAME_FAMILY = "same_family"
    SAME_PLACE = "same_place"


_LIKE = """
    WITH alike AS (
        SELECT other.case_id,
               CASE WHEN other.person_id = mine.person_id THEN 'same_person' ELSE 'same_family' END AS why
        FROM case_people mine
        JOIN case_people other ON other.person_id = mine.person_id OR other.family_id = mine.family_id
        WHERE mine.case_id = %(case_id)s
        UNION ALL
        SELECT other.case_id, 'same_place'
        FROM cases mine JOIN cases other ON other.village_code = mine.village_code AND other.status <> 'closed'
        WHERE mine.case_id = %(case_id)s
    )
    SELECT cases.case_id, cases.ticket_number, cases.status, cases.channel, cases.registered_at,
           array_agg(DISTINCT alike.why) AS why, array_agg(DISTINCT theirs.need_code) AS need_codes
    FROM alike
    JOIN cases USING (case_id)
    JOIN needs theirs ON theirs.case_id = cases.case_id
    JOIN needs mine ON mine.case_id = %(case_id)s AND mine.need_code = theirs.need_code
         AND (alike.why <> 'same_place' OR mine.person_id IS NULL AND theirs.person_id IS NULL)
    WHERE cases.case_id <> %(case_id)s AND cases.status <> 'closed' AND {within}
    GROUP BY cases.case_id
    ORDER BY cases.registered_at DESC, cases.case_id LIMIT %(limit)s
    """


class LikelyDuplicate(NamedTuple):
    """A case that may be about the same trouble."""

    case_id: UUID
    ticket_number: str
    status: str
    channel: str
    registered_at: datetime
    why: Sequence[Likeness]
    need_codes: Sequence[str]


async def likely_duplicates(
    connection: Connection, case_id: CaseId, scope: Scope, *, at: datetime, limit: int = 20
) -> list[LikelyDuplicate]:
    """The open cases that may be about the same trouble, newest first, as far as the scope reaches them at ``at``."""
    condition, values = within(scope, at=at)
    rows = await connection.rows(_LIKE.format(within=condition), values | {"case_id": case_id, "limit": limit})
    return [LikelyDuplicate(*row)._replace(why=[Likeness(why) for why in row.why]) for row in rows]
