"""What a file of paper forms is answered with."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from slrt_intake.store.batches import Batch


class WrongView(BaseModel):
    """Why a row is not registered: the column, and a code."""

    column: str
    code: str


class RowView(BaseModel):
    """What became of a row, or would."""

    row: int = Field(description="as a spreadsheet numbers it; the header is 1")
    form_number: str | None
    case_id: UUID | None
    ticket_number: str | None
    slip_code: str | None = Field(description="of a case without a phone: four digits for the ticket slip")
    wrong: list[WrongView]
    warnings: list[str]


class BatchReceipt(BaseModel):
    """A file and how many of its rows became cases. Sent again, it goes on where it stopped."""

    batch_id: UUID
    made_at: datetime
    finished_at: datetime | None
    rows: int
    registered: int
    refused: int

    @classmethod
    def of(cls, batch: Batch) -> Self:
        return cls(**batch._asdict())


class TrialView(BaseModel):
    """What would become of a file: nothing was registered."""

    rows: int
    good: int
    refused: int
    items: list[RowView] = Field(description="rows that would be refused or are doubtful")
