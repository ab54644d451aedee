"""What the routes of files take in headers and give."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from urllib.parse import quote, unquote_to_bytes
from uuid import UUID

from pydantic import BaseModel, Field

from slrt_contracts.codes import FileClass, MediaType
from slrt_intake.domain.attachment import Attachment
from slrt_intake.domain.problems import FileDetailsError
from slrt_intake.usecases.papers import AskedDocument

_LONGEST_NAME = 200
_EXTENSIONS = {MediaType.JPEG: "jpg", MediaType.PNG: "png", MediaType.WEBP: "webp", MediaType.PDF: "pdf"}


class AttachmentReceipt(BaseModel):
    """A file of a case, without what it is called: the answer is kept to be repeated."""

    attachment_id: UUID
    case_id: UUID
    person_id: UUID | None
    file_class: FileClass
    media_type: str = Field(description="by its content", examples=["image/jpeg"])
    size: int = Field(description="bytes, of the clean file")
    added_at: datetime

    @classmethod
    def of(cls, attachment: Attachment) -> Self:
        return cls(**_facts(attachment))


class AttachmentView(AttachmentReceipt):
    """A file of a case. Of an erased person only the row is left: it is not ``readable``."""

    name: str | None
    sha256: str | None = Field(description="of the file as it was sent")
    added_by: str
    readable: bool

    @classmethod
    def of(cls, attachment: Attachment) -> Self:
        return cls(
            **_facts(attachment),
            name=attachment.name,
            sha256=attachment.sha256,
            added_by=attachment.added_by,
            readable=attachment.readable,
        )


class AskedDocumentView(BaseModel):
    """A document that needs of the case ask for."""

    code: str = Field(examples=["family-card"])
    label_id: str
    label_en: str
    need_codes: Sequence[str] = Field(description="those of the case that ask for it")
    file_class: str
    mandatory: bool
    there: bool = Field(description="a file of that class is attached, or one that will do in its place")

    @classmethod
    def of(cls, asked: AskedDocument) -> Self:
        """Of a document of the checklist."""
        said = asked.fields
        return cls(
            code=asked.code,
            label_id=said["label"]["id"],
            label_en=said["label"]["en"],
            need_codes=asked.needs,
            file_class=said["file_class"],
            mandatory=said["mandatory"],
            there=asked.there,
        )


class AttachmentsView(BaseModel):
    """The files of a case, oldest first, and the documents that its needs ask for."""

    attachments: Sequence[AttachmentView]
    asked: Sequence[AskedDocumentView]


class RemovalView(BaseModel):
    """A file that was taken away."""

    attachment_id: UUID
    removed: bool


def media_type_text(media_type: MediaType) -> str:
    """As HTTP writes it: ``image/jpeg``."""
    return media_type.replace("-", "/", 1)


def media_type_code(text: str) -> MediaType:
    """As events write it: ``image-jpeg``."""
    return MediaType(text.replace("/", "-", 1))


def file_name(written: str | None) -> str | None:
    """What a File-Name header says: percent-encoded UTF-8, without the folders that some programs write before it.

    Raises:
        FileDetailsError: it is no text, too long, or of control characters.
    """
    if written is None:
        return None
    try:
        name = unquote_to_bytes(written).decode()
    except UnicodeDecodeError as error:
        raise FileDetailsError from error
    name = name.replace("\\", "/").rpartition("/")[2].strip()
    if not name.isprintable() or len(name) > _LONGEST_NAME:
        raise FileDetailsError
    return name or None


def disposition(attachment: Attachment) -> str:
    """The Content-Disposition: to be saved, never shown in place; its ending is that of its content (RFC 6266)."""
    ending = _EXTENSIONS[attachment.media_type]
    stem = (attachment.name or "").rpartition(".")[0] or attachment.name or str(attachment.attachment_id)
    plain = f"{attachment.attachment_id}.{ending}"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(f'{stem}.{ending}', safe='')}"


def _facts(attachment: Attachment) -> dict[str, object]:
    return {
        "attachment_id": attachment.attachment_id,
        "case_id": attachment.case_id,
        "person_id": attachment.person_id,
        "file_class": attachment.file_class,
        "media_type": media_type_text(attachment.media_type),
        "size": attachment.size,
        "added_at": attachment.added_at,
    }
