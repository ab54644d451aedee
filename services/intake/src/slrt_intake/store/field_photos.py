"""Keep pictures on their way: what is known of each, and its pieces, sealed under a key of its own."""

import base64
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final
from uuid import UUID

from slrt_contracts.codes import FileClass
from slrt_intake.domain.photo import Photo, PhotoState
from slrt_intake.store.sealed import FIELD_PHOTO_PARTS, FIELD_PHOTOS
from slrt_intake.store.sql import as_json
from slrt_kit.db import Connection, Database
from slrt_kit.privacy import ERASED, SealedRow, Vault
from slrt_kit.problems import ErasedError

_COLUMNS: Final = (
    "photo_id, device_id, officer, file_class, size, received, state, reason, says, fingerprint, in_case, "
    "in_item, in_visit, case_id, attachment_id, created_at, key_id, sealed"
)
_SEALED: Final = ("sha256", "person_id")
_INSERT = f"""
    INSERT INTO field_photos ({_COLUMNS})
    VALUES (%(photo_id)s, %(device_id)s, %(officer)s, %(file_class)s, %(size)s, 0, 'arriving', NULL, NULL,
            %(fingerprint)s, %(in_case)s, %(in_item)s, %(in_visit)s, NULL, NULL, %(created_at)s, %(key_id)s, %(sealed)s)
    """  # noqa: S608 — fixed texts
_ADD_PART = (
    "INSERT INTO field_photo_parts (photo_id, start, arrived_at, sealed) VALUES (%(id)s, %(at)s, %(now)s, %(sealed)s)"
)
_END = """
    UPDATE field_photos SET state = %(state)s, reason = %(reason)s, says = CAST(%(says)s AS jsonb),
        case_id = %(case_id)s, attachment_id = %(attachment_id)s, sealed = NULL
    WHERE photo_id = %(id)s AND state = 'arriving'
    """


async def get_photo(
    connection: Connection, vault: Vault, photo_id: UUID, *, locked: bool = False
) -> tuple[Photo, int] | None:
    """The picture of that id, and the id of its key; ``locked`` until the commit."""
    lock = " FOR UPDATE" if locked else ""
    row = await connection.row(
        f"SELECT {_COLUMNS} FROM field_photos WHERE photo_id = %(id)s{lock}",  # noqa: S608 — fixed texts
        {"id": photo_id},
    )
    if row is None:
        return None
    opened = await vault.unseal_one(SealedRow(row.key_id, row.sealed, row.photo_id), table=FIELD_PHOTOS)
    kept = {} if opened is ERASED else opened
    values = row._asdict()
    key_id = values.pop("key_id")
    del values["sealed"]
    values["file_class"], values["state"] = FileClass(row.file_class), PhotoState(row.state)
    person = kept.get("person_id")
    values["person_id"] = None if person is None else UUID(person)
    return Photo(**values, sha256=kept.get("sha256")), key_id


async def arriving(connection: Connection, device_id: UUID) -> int:
    """How many pictures of a device are on their way."""
    query = "SELECT count(*) FROM field_photos WHERE device_id = %(id)s AND state = 'arriving'"
    return int(await connection.value(query, {"id": device_id}))


async def add_photo(connection: Connection, vault: Vault, photo: Photo) -> None:
    """Insert a new one.

    Raises:
        psycopg.errors.UniqueViolation: the id is taken.
    """
    (key,) = await vault.keys.take(1)
    fields = {name: None if (value := getattr(photo, name)) is None else str(value) for name in _SEALED}
    await connection.run(
        _INSERT,
        {
            "photo_id": photo.photo_id,
            "device_id": photo.device_id,
            "officer": photo.officer,
            "file_class": photo.file_class,
            "size": photo.size,
            "fingerprint": photo.fingerprint,
            "in_case": photo.in_case,
            "in_item": photo.in_item,
            "in_visit": photo.in_visit,
            "created_at": photo.created_at,
            "key_id": key.key_id,
            "sealed": vault.seal(key, fields, table=FIELD_PHOTOS, row=photo.photo_id),
        },
    )


async def add_part(
    connection: Connection, vault: Vault, photo: Photo, key_id: int, piece: bytes, *, now: datetime
) -> None:
    """Keep the newest piece of a picture, which ends at ``photo.received``.

    Raises:
        ErasedError: its key is gone.
    """
    key = (await vault.keys.find([key_id]))[key_id]
    if key is None:
        raise ErasedError
    start = photo.received - len(piece)
    fields = {"piece": base64.b64encode(piece).decode()}
    sealed = vault.seal(key, fields, table=FIELD_PHOTO_PARTS, row=f"{photo.photo_id}/{start}")
    connection.defer(_ADD_PART, {"id": photo.photo_id, "at": start, "now": now, "sealed": sealed})
    connection.defer(
        "UPDATE field_photos SET received = %(received)s WHERE photo_id = %(id)s",
        {"received": photo.received, "id": photo.photo_id},
    )


async def pieces_of(database: Database, vault: Vault, photo: Photo, key_id: int) -> AsyncIterator[bytes]:
    """The picture, piece by piece.

    Raises:
        ErasedError: its key is gone, or its pieces are.
    """
    start = 0
    while start < photo.size:
        async with database.read() as session:
            sealed = await session.value(
                "SELECT sealed FROM field_photo_parts WHERE photo_id = %(id)s AND start = %(start)s",
                {"id": photo.photo_id, "start": start},
            )
        place = f"{photo.photo_id}/{start}"
        opened = await vault.unseal_one(SealedRow(key_id, sealed, place), table=FIELD_PHOTO_PARTS)
        if opened is ERASED:
            raise ErasedError
        piece = base64.b64decode(opened["piece"])
        start += len(piece)
        yield piece


def end_photo(connection: Connection, photo: Photo) -> None:
    """It is a file of a case, or rejected: its pieces go."""
    connection.defer(
        _END,
        {
            "id": photo.photo_id,
            "state": photo.state,
            "reason": photo.reason,
            "says": None if photo.says is None else as_json(photo.says),
            "case_id": photo.case_id,
            "attachment_id": photo.attachment_id,
        },
    )
    connection.defer("DELETE FROM field_photo_parts WHERE photo_id = %(id)s", {"id": photo.photo_id})


async def case_of(connection: Connection, photo: Photo) -> UUID | None:
    """The case that the picture belongs to; None while it is not registered."""
    if photo.in_case is not None:
        return photo.in_case
    query = (
        "SELECT case_id FROM field_items WHERE item_id = %(id)s AND is_first AND kind = 'case'"
        if photo.in_item is not None
        else "SELECT case_id FROM visits WHERE visit_id = %(id)s"
    )
    found: UUID | None = await connection.value(query, {"id": photo.in_item or photo.in_visit})
    return found
