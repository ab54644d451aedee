"""What clocks refuse, with its HTTP face."""

from slrt_kit.problems import ProblemError, Text


class ClockStateError(ProblemError):
    """A clock that is stopped, or not in the state that the step needs."""

    slug, status = "clock-state", 409
    title = Text("Batas waktu ini tidak dapat diubah begitu sekarang", "This clock cannot do that now")


class ExtensionRefusedError(ProblemError):
    """Its class allows no extension, no more of them, or none as long as that; or it is late already."""

    slug, status = "extension-refused", 409
    title = Text("Waktu ini tidak dapat diperpanjang lagi", "This time cannot be extended any further")


class ExtensionAskedError(ProblemError):
    """Somebody has asked for more time already, and nobody has decided."""

    slug, status = "extension-asked", 409
    title = Text(
        "Perpanjangan sudah diminta dan belum diputuskan", "More time was asked for already, and nobody has decided yet"
    )


class ExtensionDecidedError(ProblemError):
    """Somebody has granted or refused it."""

    slug, status = "extension-decided", 409
    title = Text("Permintaan ini sudah diputuskan", "This request was decided already")


class LostSubjectError(Exception):
    """A clock is of a case or a referral that is not there."""
