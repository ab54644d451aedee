"""The attachment: a file that shows what a case is about, from its cleaning to the day somebody takes it away."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self
from uuid import UUID

from slrt_contracts.codes import FileClass, MediaType, RemovalReason
from slrt_contracts.events.intake import AttachmentAdded, AttachmentRemoved
from slrt_contracts.types import CaseId, FileId
from slrt_intake.domain.problems import NotYourAttachmentError, TransitionRefusedError
from slrt_intake.domain.transitions import CaseStatus
from slrt_kit.aggregate import Aggregate

_KIB: Final = 1024
_UNDECIDED: Final = frozenset((CaseStatus.REGISTERED, CaseStatus.SCREENING, CaseStatus.IN_HANDLING))


@dataclass(kw_only=True)
class Attachment(Aggregate):
    """A file of a case. ``size`` is of the clean file, in bytes; ``person_id`` is whom it shows.

    ``name`` and ``sha256`` (of the file as it was sent) are None once the person is erased or the file is removed.
    """

    attachment_id: FileId
    case_id: CaseId
    person_id: UUID | None
    file_class: FileClass
    media_type: MediaType
    size: int
    name: str | None
    sha256: str | None
    added_by: str
    added_at: datetime
    removed_by: str | None = None
    removed_at: datetime | None = None
    removal_reason: RemovalReason | None = None
    readable: bool = True

    @classmethod
    def add(
        cls,
        *,
        attachment_id: UUID,
        case_id: CaseId,
        person_id: UUID | None,
        file_class: FileClass,
        media_type: MediaType,
        size: int,
        name: str | None,
        sha256: str,
        by: str,
        at: datetime,
    ) -> Self:
        """A new one."""
        added = cls(
            attachment_id=FileId(attachment_id),
            case_id=case_id,
            person_id=person_id,
            file_class=file_class,
            media_type=media_type,
            size=size,
            name=name,
            sha256=sha256,
            added_by=by,
            added_at=at,
        )
        added._raise_event(
            AttachmentAdded(
                file_id=added.attachment_id,
                case_id=case_id,
                file_class=file_class,
                media_type=media_type,
                size_kib=max(1, -(-size // _KIB)),
            ),
            at=at,
        )
        return added

    def remove(
        self, reason: RemovalReason, *, case_status: CaseStatus, by: str, is_manager: bool, at: datetime
    ) -> None:
        """Take it away: by whom it was added until the case is decided, by a manager at any time.

        Raises:
            NotYourAttachmentError: somebody else added it. TransitionRefusedError: the case is decided.
        """
        if not is_manager:
            if by != self.added_by:
                raise NotYourAttachmentError
            if case_status not in _UNDECIDED:
                raise TransitionRefusedError(state=case_status, action="remove-attachment")
        self.removed_by, self.removed_at, self.removal_reason = by, at, reason
        self.readable, self.name, self.sha256 = False, None, None
        self._raise_event(
            AttachmentRemoved(file_id=self.attachment_id, case_id=self.case_id, reason_code=reason), at=at
        )
