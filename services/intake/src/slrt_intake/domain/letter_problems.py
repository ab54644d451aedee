"""The refusals about letters, each with its stable name and its sentence for people."""

from slrt_kit.problems import ProblemError, Text


class UnknownLetterTypeError(ProblemError):
    """The region's policy has no such letter; ``possible`` lists those that it has."""

    slug, status = "unknown-letter-type", 422
    title = Text("Jenis surat ini tidak ada di wilayah ini", "There is no such letter in this region")


class LetterSubjectError(ProblemError):
    """A letter about a person names one of the case; one about the case names nobody."""

    slug, status = "letter-subject", 422
    title = Text(
        "Surat ini harus menyebut satu orang dalam kasus, atau tidak satu pun bila tentang kasus",
        "This letter names a person of the case, or nobody where it is about the case",
    )


class LetterNeedError(ProblemError):
    slug, status = "letter-need", 422
    title = Text("Surat ini bukan untuk kebutuhan itu", "The letter is not for that need")


class LetterFactsError(ProblemError):
    """``facts`` says of each that does not fit what is wrong."""

    slug, status = "letter-facts", 422
    title = Text("Isian surat tidak sesuai", "What was filled in does not fit the letter")


class NotYourLetterStepError(ProblemError):
    """Policy gives the step to another role; ``role`` says which."""

    slug, status = "not-your-letter-step", 403
    title = Text("Langkah surat ini bukan untuk peran Anda", "This step of the letter is another role's")


class InitialsMissingError(ProblemError):
    """``role`` says whose turn it is."""

    slug, status = "initials-missing", 409
    title = Text("Paraf belum lengkap", "Not all initials are there")


class LetterElsewhereError(ProblemError):
    """The case went to another office after the letter was drafted: its words are to be made anew."""

    slug, status = "letter-elsewhere", 409
    title = Text(
        "Kasus sudah pindah; perbaiki surat agar memakai kepala surat yang benar",
        "The case has moved; correct the letter, so that it has the right head",
    )


class LetterNotPrintedError(ProblemError):
    """It was revoked or discarded: no copy of it is made any more."""

    slug, status = "letter-not-printed", 409
    title = Text("Surat ini tidak dicetak lagi", "This letter is printed no more")


class LetterNotFoundError(ProblemError):
    """No signed letter has this code. A forged code, one of another installation and no code at all are one answer."""

    slug, status = "letter-not-found", 404
    title = Text("Tidak ada surat dengan kode ini", "There is no letter with this code")
