"""Keep who is in charge of a case."""

from collections.abc import Sequence

from slrt_contracts.types import CaseId
from slrt_kit.db import UnitOfWork


class Officers:
    """The officers of cases, in one unit of work."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def of(self, case_id: CaseId) -> Sequence[str]:
        """Those in charge of a case, first assigned first."""
        return await self._work.connection.values(
            "SELECT officer FROM case_officers WHERE case_id = %(case_id)s ORDER BY assigned_at, officer",
            {"case_id": case_id},
        )

    def add(self, case_id: CaseId, officer: str, *, by: str) -> None:
        """Put an officer in charge."""
        values = {"case_id": case_id, "officer": officer, "by": by, "at": self._work.clock.now()}
        self._work.connection.defer(
            "INSERT INTO case_officers (case_id, officer, assigned_by, assigned_at) "
            "VALUES (%(case_id)s, %(officer)s, %(by)s, %(at)s) ON CONFLICT DO NOTHING",
            values,
        )

    def remove(self, case_id: CaseId, officer: str) -> None:
        """End an officer's charge."""
        self._work.connection.defer(
            "DELETE FROM case_officers WHERE case_id = %(case_id)s AND officer = %(officer)s",
            {"case_id": case_id, "officer": officer},
        )

    def let_go_of(self, case_id: CaseId) -> None:
        """Nobody is in charge of the case any more, and no emergency access to it is open."""
        values = {"case_id": case_id, "at": self._work.clock.now()}
        self._work.connection.defer("DELETE FROM case_officers WHERE case_id = %(case_id)s", {"case_id": case_id})
        self._work.connection.defer(
            "UPDATE emergency_accesses SET ends_at = least(ends_at, %(at)s) WHERE case_id = %(case_id)s", values
        )
