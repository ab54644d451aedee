"""What is said about disposal lists over HTTP: ids and dates, nothing that names anybody."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from slrt_kit.clock import day_of
from slrt_kit.http.bodies import Body
from slrt_registry.domain.disposal import MOST_LISTED, Disposal, DisposalState, DuePerson


def _each_once(ids: list[UUID]) -> list[UUID]:
    if len(set(ids)) != len(ids):
        raise ValueError("somebody is listed twice")
    return ids


class DuePersonView(BaseModel):
    """Somebody whose record was kept for its period."""

    person_id: UUID
    last_case_closed_on: date = Field(description="in Western Indonesian Time")
    case_count: int
    last_participation_began_on: date | None

    @classmethod
    def of(cls, due: DuePerson) -> Self:
        return cls(
            person_id=due.person_id,
            last_case_closed_on=day_of(due.closed_at),
            case_count=due.case_count,
            last_participation_began_on=due.last_participation,
        )


class DisposalBody(Body):
    """Who is to be disposed of: persons of one regency or city, from the list of who is due."""

    person_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_LISTED), AfterValidator(_each_once)]


class DisposalListed(BaseModel):
    """A disposal list."""

    disposal_id: UUID
    regency_code: str
    person_count: int
    proposed_at: datetime
    state: DisposalState

    @classmethod
    def of(cls, disposal: Disposal) -> Self:
        return cls(
            disposal_id=disposal.disposal_id,
            regency_code=disposal.regency_code,
            person_count=len(disposal.persons),
            proposed_at=disposal.proposed_at,
            state=disposal.state,
        )


class DisposalView(DisposalListed):
    """A disposal list with who is on it, who proposed and who decided it."""

    person_ids: list[UUID]
    proposed_by: str
    decided_by: str | None
    decided_at: datetime | None

    @classmethod
    def of(cls, disposal: Disposal) -> Self:
        return cls(
            **DisposalListed.of(disposal).model_dump(),
            person_ids=list(disposal.persons),
            proposed_by=disposal.proposed_by,
            decided_by=disposal.decided_by,
            decided_at=disposal.decided_at,
        )


class DisposalReceipt(BaseModel):
    """What became of a list. The services destroy the keys of who was erased within seconds; it cannot be undone."""

    disposal_id: UUID
    state: DisposalState
    erased_count: int = Field(description="persons erased by it: less than listed where some were erased before")

    @classmethod
    def of(cls, disposal: Disposal, erased: int) -> Self:
        return cls(disposal_id=disposal.disposal_id, state=disposal.state, erased_count=erased)
