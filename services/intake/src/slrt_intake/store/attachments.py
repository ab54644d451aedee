"""Keep what is known of the files of cases; the files themselves are objects (`slrt_kit.files`)."""

from collections.abc import Callable, Collection, Sequence
from uuid import UUID

from slrt_contracts.codes import FileClass, MediaType, RemovalReason
from slrt_contracts.types import CaseId, FileId
from slrt_intake.domain.attachment import Attachment
from slrt_intake.domain.transitions import CaseStatus
from slrt_intake.ports import CaseOfFile
from slrt_intake.store.sealed import ATTACHMENTS
from slrt_intake.store.timeline import publish
from slrt_intake.store.visibility import within
from slrt_kit.access import Scope
from slrt_kit.db import Connection, Database, Row, StaleVersionError, UnitOfWork
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import ERASED, SealedRow, SubjectKey, Vault
from slrt_kit.privacy.sealing import Opened, place_of
from slrt_kit.problems import ErasedError

_DIGEST = "attachment"
Reach = Callable[[Scope], tuple[str, dict[str, object]]]
_COLUMNS = (
    "a.attachment_id, a.version, a.event_sequence, a.case_id, a.person_id, a.file_class, a.media_type, a.size, "
    "a.key_id, a.sealed, a.added_by, a.added_at, a.removed_by, a.removed_at, a.removal_reason"
)


class AttachmentStore:
    """The files of one unit of work."""

    def __init__(self, work: UnitOfWork, outbox: Outbox, vault: Vault, *, reach: Reach = within) -> None:
        """``reach``: which cases a scope reaches to add a file to."""
        self._work = work
        self._outbox = outbox
        self._vault = vault
        self._reach = reach

    async def lock_case(self, case_id: CaseId, person_id: UUID | None, scope: Scope) -> CaseOfFile | None:
        """The case when the scope reaches it to work on; until the commit nobody else adds a file to it."""
        condition, values = self._reach(scope)
        row = await self._work.connection.row(
            "SELECT status, p.person_id, coalesce(p.key_id, cases.key_id) AS key_id, "  # noqa: S608 — fixed texts
            "(SELECT count(*) FROM attachments a WHERE a.case_id = cases.case_id AND a.removed_at IS NULL) AS files "
            "FROM cases LEFT JOIN persons p ON p.case_id = cases.case_id AND p.person_id = %(person_id)s "
            f"WHERE cases.case_id = %(case_id)s AND {condition} FOR NO KEY UPDATE OF cases",
            values | {"case_id": case_id, "person_id": person_id},
        )
        if row is None:
            return None
        return CaseOfFile(CaseStatus(row.status), row.files, row.key_id, person_id is None or row.person_id is not None)

    async def same(self, case_id: CaseId, sha256: str) -> Attachment | None:
        """The file of the case that was sent with these very bytes."""
        row = await self._work.connection.row(
            f"SELECT {_COLUMNS} FROM attachments a WHERE a.case_id = %(case_id)s AND a.digest = %(digest)s",  # noqa: S608
            {"case_id": case_id, "digest": self._digest(case_id, sha256)},
        )
        return None if row is None else (await _opened(self._vault, [row]))[0]

    async def add(self, attachment: Attachment, *, key_id: int, file_key: bytes) -> None:
        """Insert a new one. Its name and its key are sealed under the key of its person or its case.

        Raises:
            ErasedError: that key was destroyed.
        """
        key: SubjectKey | None = (await self._vault.keys.find([key_id]))[key_id]
        if key is None or attachment.sha256 is None:
            raise ErasedError
        fields = {"name": attachment.name, "sha256": attachment.sha256, "key": file_key.hex()}
        await self._work.connection.run(
            "INSERT INTO attachments (attachment_id, version, event_sequence, case_id, person_id, file_class, "
            "media_type, size, key_id, sealed, digest, added_by, added_at) VALUES (%(attachment_id)s, 1, "
            "%(event_sequence)s, %(case_id)s, %(person_id)s, %(file_class)s, %(media_type)s, %(size)s, %(key_id)s, "
            "%(sealed)s, %(digest)s, %(added_by)s, %(added_at)s)",
            {
                "attachment_id": attachment.attachment_id,
                "event_sequence": attachment.event_sequence,
                "case_id": attachment.case_id,
                "person_id": attachment.person_id,
                "file_class": attachment.file_class,
                "media_type": attachment.media_type,
                "size": attachment.size,
                "key_id": key_id,
                "sealed": self._vault.seal(key, fields, table=ATTACHMENTS, row=attachment.attachment_id),
                "digest": self._digest(attachment.case_id, attachment.sha256),
                "added_by": attachment.added_by,
                "added_at": attachment.added_at,
            },
        )
        self._publish(attachment)

    async def get_within(
        self, case_id: CaseId, attachment_id: FileId, scope: Scope
    ) -> tuple[Attachment, CaseStatus] | None:
        """The file with its case's status, when the scope reaches the case to work on; not one that was removed."""
        condition, values = within(scope)
        row = await self._work.connection.row(
            f"SELECT {_COLUMNS}, cases.status FROM attachments a JOIN cases USING (case_id) "  # noqa: S608
            f"WHERE a.attachment_id = %(id)s AND cases.case_id = %(case_id)s AND a.removed_at IS NULL AND {condition}",
            values | {"id": attachment_id, "case_id": case_id},
        )
        return None if row is None else ((await _opened(self._vault, [row]))[0], CaseStatus(row.status))

    async def save_removed(self, attachment: Attachment) -> None:
        """Forget the key of a removed file; its object is noise from then on.

        Raises:
            StaleVersionError: somebody else removed it since it was loaded.
        """
        written = await self._work.connection.run(
            "UPDATE attachments SET version = version + 1, event_sequence = %(event_sequence)s, sealed = NULL, "
            "digest = NULL, removed_by = %(by)s, removed_at = %(at)s, removal_reason = %(reason)s "
            "WHERE attachment_id = %(id)s AND version = %(version)s",
            {
                "id": attachment.attachment_id,
                "version": attachment.version,
                "event_sequence": attachment.event_sequence,
                "by": attachment.removed_by,
                "at": attachment.removed_at,
                "reason": attachment.removal_reason,
            },
        )
        if written != 1:
            raise StaleVersionError
        self._publish(attachment)

    def _digest(self, case_id: CaseId, sha256: str) -> bytes:
        # Keyed, and of each case another: nobody who has a photograph can look up in whose case it is.
        return self._vault.blind.of(_DIGEST, str(case_id), sha256)

    def _publish(self, attachment: Attachment) -> None:
        publish(self._work, self._outbox, attachment.raised)
        attachment.mark_saved()


async def attachments_of(connection: Connection, vault: Vault, case_id: CaseId) -> list[Attachment]:
    """The files of a case that were not removed, oldest first; whoever asks has looked whether they may."""
    rows = await connection.rows(
        f"SELECT {_COLUMNS} FROM attachments a WHERE a.case_id = %(case_id)s AND a.removed_at IS NULL "  # noqa: S608
        "ORDER BY a.added_at, a.attachment_id",
        {"case_id": case_id},
    )
    return await _opened(vault, rows)


async def file_of(
    connection: Connection, vault: Vault, case_id: CaseId, attachment_id: FileId
) -> tuple[Attachment, bytes | None] | None:
    """A file of a case that was not removed, and the key that opens its object; None once its person is erased."""
    row = await connection.row(
        f"SELECT {_COLUMNS} FROM attachments a "  # noqa: S608 — fixed text
        "WHERE a.attachment_id = %(id)s AND a.case_id = %(case_id)s AND a.removed_at IS NULL",
        {"id": attachment_id, "case_id": case_id},
    )
    if row is None:
        return None
    (opened,) = await vault.unseal([SealedRow(row.key_id, row.sealed, row.attachment_id)], table=ATTACHMENTS)
    return _attachment(row, opened), None if opened is ERASED else bytes.fromhex(opened["key"])


async def named(database: Database, object_ids: Collection[UUID]) -> set[UUID]:
    """Those of the objects that a row can still open; all others are nobody's."""
    async with database.read() as session:
        return set(
            await session.values(
                "SELECT attachment_id FROM attachments WHERE attachment_id = ANY(%(ids)s) AND sealed IS NOT NULL",
                {"ids": list(object_ids)},
            )
        )


def place_of_file(attachment_id: UUID) -> bytes:
    """Where a file's object is sealed for."""
    return place_of("intake", "objects", attachment_id)


async def _opened(vault: Vault, rows: Sequence[Row]) -> list[Attachment]:
    fields = await vault.unseal(
        [SealedRow(row.key_id, row.sealed, row.attachment_id) for row in rows], table=ATTACHMENTS
    )
    return [_attachment(row, opened) for row, opened in zip(rows, fields, strict=True)]


def _attachment(row: Row, opened: Opened) -> Attachment:
    return Attachment(
        version=row.version,
        event_sequence=row.event_sequence,
        attachment_id=FileId(row.attachment_id),
        case_id=CaseId(row.case_id),
        person_id=row.person_id,
        file_class=FileClass(row.file_class),
        media_type=MediaType(row.media_type),
        size=row.size,
        name=None if opened is ERASED else opened["name"],
        sha256=None if opened is ERASED else opened["sha256"],
        added_by=row.added_by,
        added_at=row.added_at,
        removed_by=row.removed_by,
        removed_at=row.removed_at,
        removal_reason=RemovalReason(row.removal_reason) if row.removal_reason else None,
        readable=opened is not ERASED,
    )
