"""The refusals of the registry, each with its stable name and its sentence for people."""

from slrt_kit.problems import ProblemError, Text


class TransitionRefusedError(ProblemError):
    """The state does not allow the action (see `transitions`)."""

    slug, status = "transition-refused", 409
    title = Text("Langkah ini belum atau tidak lagi dapat dilakukan", "That step cannot be taken now")


class TransferRefusedError(ProblemError):
    slug, status = "transfer-refused", 409
    title = Text("Sudah tercatat di desa/kelurahan itu", "That is the village that is known already")


class UnknownRegionError(ProblemError):
    slug, status = "unknown-region", 422
    title = Text("Kode desa/kelurahan tidak dikenal", "The village code is not in the region table")


class NotOfThePurposeError(ProblemError):
    """The stated purpose shows no such field clear; ``fields`` are those that it does."""

    slug, status = "not-of-the-purpose", 403
    title = Text("Tujuan itu tidak memerlukan data ini", "That purpose does not show these data")


class RetentionError(ProblemError):
    """The data must be kept; ``retention_class`` says by which class, ``until`` to which day, where that is known."""

    slug, status = "retention", 409
    title = Text("Data ini masih wajib disimpan", "These data must still be kept")


class UnlinkedCaseError(ProblemError):
    """A case was recorded before the registry noted by which id intake knows the person."""

    slug, status = "unlinked-case", 409
    title = Text(
        "Satu kasus belum tertaut; penghapusan tidak akan lengkap",
        "A case is not linked: the erasure would not be complete",
    )


class DisposalDecidedError(ProblemError):
    slug, status = "disposal-decided", 409
    title = Text("Daftar usul musnah ini sudah diputuskan", "This disposal list was decided already")


class DisposalRegencyError(ProblemError):
    """A list is approved by the head of one office; ``person_id`` lives elsewhere than the first one listed."""

    slug, status = "disposal-regency", 422
    title = Text(
        "Satu daftar usul musnah hanya untuk satu kabupaten/kota", "A disposal list is of one regency or city alone"
    )


class DisposalOutdatedError(ProblemError):
    """For those who may not know what keeps somebody: whoever may erase is told by `RetentionError`."""

    slug, status = "disposal-outdated", 409
    title = Text(
        "Berkas seseorang dalam daftar ini kini harus disimpan; tolak, dan minta daftar baru",
        "The record of somebody on this list must now be kept; refuse it and have a new one made",
    )
