"""Emergency access: somebody opens a case that is kept from them, for three hours, and must answer for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from slrt_contracts.events.intake import EmergencyAccessOpened, EmergencyAccessReviewed
from slrt_contracts.types import AccessId, CaseId, DistrictCode
from slrt_intake.domain.problems import ReviewedAlreadyError
from slrt_kit.aggregate import Aggregate
from slrt_kit.problems import SeparationOfDutiesError

EMERGENCY = timedelta(hours=3)


@dataclass(kw_only=True)
class EmergencyAccess(Aggregate):
    """Opened for a reason by somebody, reviewed by somebody else. The reason of an erased case is None."""

    access_id: AccessId
    case_id: CaseId
    opened_by: str
    reason: str | None
    opened_at: datetime
    ends_at: datetime
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None
    justified: bool | None = None

    @classmethod
    def open(
        cls, *, access_id: UUID, case_id: CaseId, district_code: DistrictCode, by: str, reason: str, at: datetime
    ) -> Self:
        """A new access, from ``at`` on for `EMERGENCY`."""
        access = cls(
            access_id=AccessId(access_id),
            case_id=case_id,
            opened_by=by,
            reason=reason,
            opened_at=at,
            ends_at=at + EMERGENCY,
        )
        access._raise_event(
            EmergencyAccessOpened(access_id=access.access_id, case_id=case_id, district_code=district_code), at=at
        )
        return access

    def review(self, *, justified: bool, by: str, at: datetime) -> None:
        """Say whether it was justified.

        Raises:
            SeparationOfDutiesError: nobody reviews an access of his own.
            ReviewedAlreadyError: it was reviewed.
        """
        if by == self.opened_by:
            raise SeparationOfDutiesError
        if self.reviewed_at is not None:
            raise ReviewedAlreadyError
        self.reviewed_by, self.reviewed_at, self.justified = by, at, justified
        self._raise_event(
            EmergencyAccessReviewed(access_id=self.access_id, case_id=self.case_id, justified=justified), at=at
        )
