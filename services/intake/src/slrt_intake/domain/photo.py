"""A picture on its way from a device, piece by piece over a line that breaks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from slrt_contracts.codes import FileClass
from slrt_intake.domain.problems import PhotoOffsetError
from slrt_kit.problems import ProblemError

MOST_ARRIVING: Final = 100
"""Pictures of one device that are on their way at a time."""


class PhotoState(StrEnum):
    """Where a picture stands."""

    ARRIVING = "arriving"
    DONE = "done"
    REJECTED = "rejected"


@dataclass(kw_only=True)
class Photo:
    """A picture. ``received`` bytes of ``size`` are durable here. What it belongs to is by one of three ids.

    ``sha256`` is of the whole; None, like ``person_id``, once it is over.
    """

    photo_id: UUID
    device_id: UUID
    officer: str
    file_class: FileClass
    size: int
    received: int
    state: PhotoState
    fingerprint: bytes
    created_at: datetime
    sha256: str | None = None
    in_case: UUID | None = None
    in_item: UUID | None = None
    in_visit: UUID | None = None
    person_id: UUID | None = None
    reason: str | None = None
    says: Mapping[str, str] | None = None
    case_id: UUID | None = None
    attachment_id: UUID | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every byte has arrived."""
        return self.received == self.size

    def take(self, offset: int, piece: bytes) -> bytes:
        """What of a piece is new; it is counted as received. A piece that comes again brings nothing.

        Raises:
            PhotoOffsetError: it would leave a hole, or reach beyond the end.
        """
        if offset > self.received or offset + len(piece) > self.size:
            raise PhotoOffsetError(offset=self.received)
        new = piece[self.received - offset :]
        self.received += len(new)
        return new

    def end(self, *, case_id: UUID, attachment_id: UUID) -> None:
        """It is a file of the case."""
        self.state, self.case_id, self.attachment_id = PhotoState.DONE, case_id, attachment_id

    def reject(self, problem: ProblemError) -> None:
        """It is none that can be kept."""
        says = problem.detail or problem.title
        self.state, self.reason, self.says = PhotoState.REJECTED, problem.slug, says._asdict()
