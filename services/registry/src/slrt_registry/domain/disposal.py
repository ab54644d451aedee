"""The disposal list: persons whose records were kept for their period, listed by one and erased when another says yes.

UU 43/2009 on archives (articles 49 and 51, and PP 28/2012 article 66): what an archive schedule lets go is listed,
judged, agreed to by the head of whoever made it, and its disposal is on record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from slrt_contracts.types import PersonId
from slrt_kit.problems import SeparationOfDutiesError
from slrt_kit.regions import RegionCode
from slrt_registry.domain.problems import DisposalDecidedError

MOST_LISTED: Final = 100
"""Persons of one list: they are erased in one transaction, or none of them."""


class DisposalState(StrEnum):
    """Where a list stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePerson:
    """Somebody whose record was kept for its period: when the last case was closed (UTC), and how many there were."""

    person_id: PersonId
    closed_at: datetime
    case_count: int
    last_participation: date | None


@dataclass(kw_only=True)
class Disposal:
    """One list, of persons who live in one regency or city."""

    version: int = 0
    disposal_id: UUID
    regency_code: RegionCode
    persons: Sequence[PersonId]
    proposed_by: str
    proposed_at: datetime
    state: DisposalState = DisposalState.PROPOSED
    decided_by: str | None = None
    decided_at: datetime | None = None

    @classmethod
    def propose(
        cls, *, disposal_id: UUID, regency_code: RegionCode, persons: Sequence[PersonId], by: str, at: datetime
    ) -> Self:
        """A new one, which somebody else has to approve."""
        return cls(disposal_id=disposal_id, regency_code=regency_code, persons=persons, proposed_by=by, proposed_at=at)

    def decide(self, state: DisposalState, *, by: str, at: datetime) -> None:
        """Approve or refuse it.

        Raises:
            SeparationOfDutiesError: nobody decides what they proposed. DisposalDecidedError: it was decided.
        """
        if by == self.proposed_by:
            raise SeparationOfDutiesError
        if self.state is not DisposalState.PROPOSED:
            raise DisposalDecidedError
        self.state, self.decided_by, self.decided_at = state, by, at
