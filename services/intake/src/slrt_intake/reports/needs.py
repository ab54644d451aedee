"""Derive the needs of a report: programmes asked for, their sectors, local services, urgency."""

from slrt_intake.reports.model import Reading
from slrt_intake.reports.phrases import Hit, PhraseTable, tokenize
from slrt_intake.reports.vocabulary import ABSENT, OTHER, Programmes

_HAS = frozenset({"sudah", "sdh", "udah", "telah"})
_GOT = frozenset({"punya", "dapat", "menerima", "ada", "terdaftar", "memiliki", "dpt", "peserta"})
_REACH = 3  # words before a programme's name that may say that it is there already


def service_codes(service: str | None, complaint: str | None, programmes: Programmes) -> Reading[tuple[str, ...]]:
    """Programme codes asked for, sorted: by the line of the service, or by the complaint when that line is missing."""
    if service is not None:
        codes = _codes(service, programmes.asked)
        return Reading(codes, 1.0 if codes else 0.3)
    if complaint is not None:
        codes = _codes(complaint, programmes.troubles)
        return Reading(codes, 0.7 if codes else 0.3)
    return Reading((), 0.0)


def sectors_of(codes: tuple[str, ...], programmes: Programmes) -> tuple[str, ...]:
    """Sectors of the codes, sorted, each once."""
    return tuple(sorted({programmes.sectors[code] for code in codes}))


def local_need_codes(service: str | None, programmes: Programmes) -> tuple[str, ...]:
    """Needs without a programme that the service line asks for (`DOMISILI`, `SKTM`), sorted."""
    return tuple(sorted({hit.code for hit in programmes.local.find(tokenize(service or ""))}))


def is_urgent(complaint: str | None, urgent: PhraseTable) -> bool:
    """Whether the complaint holds one of the words of urgency, not negated right before."""
    hits = urgent.find(tokenize(complaint or ""))
    return any(
        hit.code != ABSENT and not (before.code == ABSENT and before.last == hit.first)
        for before, hit in zip([Hit(OTHER, 0, 0, 0), *hits], hits, strict=False)
    )


def _codes(text: str, table: PhraseTable) -> tuple[str, ...]:
    tokens = tokenize(text, breaks=True)
    words = [token.word for token in tokens]

    def is_there_already(hit: Hit) -> bool:
        before = words[max(0, hit.first - _REACH) : hit.first]
        return bool(_HAS.intersection(before) and _GOT.intersection(before))

    hits = [hit for hit in table.find(tokens) if hit.code != OTHER and not is_there_already(hit)]
    return tuple(sorted({hit.code for hit in hits}))
