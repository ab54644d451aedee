"""Name every expected failure, with its HTTP face as class data; pure, so that a domain may raise them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

RETRY_AFTER_S = 2
_FORBIDDEN = 403


class Text(NamedTuple):
    """A sentence for people, in Indonesian and in English."""

    id: str
    en: str


class ProblemError(Exception):
    """An expected failure that carries its HTTP face as class data.

    Subclasses set ``slug``, ``status`` and ``title``; ``detail`` says what is wrong this time and names no person.
    """

    slug: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[Text]
    headers: Mapping[str, str] = MappingProxyType({})
    reason: ClassVar[str | None] = None
    """What the audit log says instead of the slug, where the caller must not learn as much."""

    @property
    def refuses(self) -> bool:
        """Whether it keeps somebody from what is not theirs, or may be: that goes into the audit log."""
        return self.status == _FORBIDDEN

    def __init__(self, detail: Text | None = None, **extra: Any) -> None:
        super().__init__(detail.en if detail else self.title.en)
        self.detail = detail
        self.extra = extra


class NotFoundError(ProblemError):
    """Also the answer for what exists but is not the caller's to see (`OutsideScopeError`).

    The audit log gets both, so that one takes as long as the other.
    """

    slug, status = "not-found", 404
    title = Text("Tidak ditemukan", "Not found")
    refuses = True


class OutsideScopeError(NotFoundError):
    """It exists and is not the caller's to see, which the audit log alone is told."""

    reason = "outside-scope"


class ErasedError(ProblemError):
    """What was asked for has been erased for good."""

    slug, status = "erased", 410
    title = Text("Data pribadi ini sudah dihapus", "This personal data has been erased")


class SeparationOfDutiesError(ProblemError):
    """Creator and approver, opener and reviewer, whoever assigns and is assigned are different people (domain 13.3)."""

    slug, status = "separation-of-duties", 403
    title = Text(
        "Harus dilakukan orang lain: tidak seorang pun menetapkan, menugaskan, atau memeriksa pekerjaannya sendiri",
        "Somebody else must do it: nobody decides, assigns or reviews what is their own",
    )


class StaleError(ProblemError):
    slug, status = "stale-version", 412
    title = Text("Data sudah diubah orang lain; muat ulang", "Somebody else changed it; load it again")


class PreconditionRequiredError(ProblemError):
    slug, status = "precondition-required", 428
    title = Text("Sertakan If-Match dengan versi yang dibaca", "Send If-Match with the version you have read")


class MalformedJsonError(ProblemError):
    slug, status = "malformed-json", 400
    title = Text("Isi permintaan bukan JSON yang benar", "The body is not valid JSON")


class InvalidRequestError(ProblemError):
    slug, status = "invalid-request", 422
    title = Text("Isian tidak sesuai", "The request does not fit")


class ServiceUnavailableError(ProblemError):
    slug, status = "service-unavailable", 503
    title = Text(
        "Sedang tidak dapat menyimpan; ulangi dengan Idempotency-Key yang sama",
        "Nothing can be stored at the moment; repeat with the same Idempotency-Key",
    )
    headers = MappingProxyType({"Retry-After": str(RETRY_AFTER_S)})


class InternalError(ProblemError):
    slug, status = "internal-error", 500
    title = Text("Kesalahan di sistem; sudah dicatat", "A fault of ours; it has been recorded")
