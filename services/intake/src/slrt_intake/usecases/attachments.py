"""One function per command about the files of a case: add, look, remove."""

from datetime import datetime
from typing import Final
from uuid import UUID

from slrt_contracts.codes import FileClass, MediaType, RemovalReason
from slrt_contracts.types import CaseId, FileId
from slrt_intake.domain.attachment import Attachment
from slrt_intake.domain.problems import AttachmentsFullError, TransitionRefusedError, UnknownPersonError
from slrt_intake.domain.transitions import CaseStatus
from slrt_intake.ports import Attachments
from slrt_kit.access import Scope
from slrt_kit.problems import NotFoundError

MOST_FILES: Final = 50
"""Of one case; a household's papers and pictures are a dozen."""


async def find_place(
    case_id: CaseId, person_id: UUID | None, *, sha256: str, attachments: Attachments, scope: Scope
) -> tuple[int, Attachment | None]:
    """Whose key a new file of the case goes under; and the file itself, where the case has it already.

    Raises:
        NotFoundError: no case of the caller's. UnknownPersonError: the person is not in it.
        TransitionRefusedError: it is closed. AttachmentsFullError: it has `MOST_FILES`.
    """
    case = await attachments.lock_case(case_id, person_id, scope)
    if case is None:
        raise NotFoundError
    if not case.is_known_person:
        raise UnknownPersonError
    if case.status is CaseStatus.CLOSED:
        raise TransitionRefusedError(state=case.status, action="add-attachment")
    same = await attachments.same(case_id, sha256)
    if same is None and case.files >= MOST_FILES:
        raise AttachmentsFullError(most=MOST_FILES)
    return case.key_id, same


async def add(
    case_id: CaseId,
    person_id: UUID | None,
    *,
    attachment_id: UUID,
    file_class: FileClass,
    media_type: MediaType,
    size: int,
    file_key: bytes,
    name: str | None,
    sha256: str,
    attachments: Attachments,
    scope: Scope,
    by: str,
    at: datetime,
) -> Attachment:
    """Put a stored file on record; the one that the case has where it has it already.

    Raises:
        What `find_place` raises. ErasedError: the person or the case is erased.
    """
    key_id, same = await find_place(case_id, person_id, sha256=sha256, attachments=attachments, scope=scope)
    if same is not None:
        return same
    added = Attachment.add(
        attachment_id=attachment_id,
        case_id=case_id,
        person_id=person_id,
        file_class=file_class,
        media_type=media_type,
        size=size,
        name=name,
        sha256=sha256,
        by=by,
        at=at,
    )
    await attachments.add(added, key_id=key_id, file_key=file_key)
    return added


async def remove(
    case_id: CaseId,
    attachment_id: FileId,
    reason: RemovalReason,
    *,
    attachments: Attachments,
    scope: Scope,
    by: str,
    is_manager: bool,
    at: datetime,
) -> Attachment:
    """Take a file away; what is left of it opens no more.

    Raises:
        NotFoundError: no such file of the caller's. NotYourAttachmentError, TransitionRefusedError: see `Attachment`.
    """
    found = await attachments.get_within(case_id, attachment_id, scope)
    if found is None:
        raise NotFoundError
    attachment, status = found
    attachment.remove(reason, case_status=status, by=by, is_manager=is_manager, at=at)
    await attachments.save_removed(attachment)
    return attachment
