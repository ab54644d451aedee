"""The refusals of referral, each with its stable name and its sentence for people."""

from slrt_kit.problems import ProblemError, Text


class TransitionRefusedError(ProblemError):
    """The state does not allow the action (see `transitions`)."""

    slug, status = "transition-refused", 409
    title = Text("Langkah ini belum atau tidak lagi dapat dilakukan", "That step cannot be taken now")


class UnknownOfficeError(ProblemError):
    """The office named as the better owner is not in the office table, or not on this day."""

    slug, status = "unknown-office", 422
    title = Text("Dinas yang disebut tidak ada dalam daftar", "The office named is not in the table of offices")


class SameOfficeError(ProblemError):
    slug, status = "same-office", 422
    title = Text(
        "Dinas yang lebih tepat harus dinas lain", "The better office must be another office than the declining one"
    )


class QueueNeedsOfficeError(ProblemError):
    """The manager's queue is the last desk: it names an office or records an outcome (domain 13.4)."""

    slug, status = "queue-needs-office", 422
    title = Text(
        "Sekretariat menyebut dinas tujuan, atau mencatat hasilnya",
        "The secretariat names the office that takes it, or records the outcome",
    )


class UnknownDistrictError(ProblemError):
    """Where a need is decides who does it: a place that does not exist would go to the nation's queue unseen."""

    slug, status = "unknown-district", 422
    title = Text("Tidak ada kecamatan dengan kode itu", "There is no district of that code")

    def __init__(self) -> None:
        super().__init__(
            errors=[{"pointer": "/body/district_code", "code": self.slug, "detail": "no district of the region table"}]
        )
