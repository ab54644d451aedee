"""What the parser returns: reports in the form's fields, and for each field how sure it is and where it stood."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """A value in normal form and how sure the reader is of it, 0 to 1. ``None`` read surely means "stated: none"."""

    value: T | None
    confidence: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a field was read: confidence 0 to 1, and the span [start, end) in characters of the original text."""

    confidence: float
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedReport:
    """One report in normal form. None, or an empty tuple, where the message says nothing.

    Sets are sorted. ``urgent`` is True or None. ``warnings`` are `nik:length` and the like: doubts for the desk,
    never a reason to refuse. ``evidence`` holds every field whose row was found, also when the answer was "none".
    """

    facilitator: str | None = None
    visit_date: date | None = None
    village_code: str | None = None
    district_code: str | None = None
    regency_code: str | None = None
    client_name: str | None = None
    nik: str | None = None
    kk_number: str | None = None
    birth_place: str | None = None
    birth_date: date | None = None
    sex: str | None = None
    head_occupation: str | None = None
    proxy_name: str | None = None
    proxy_relation: str | None = None
    address: str | None = None
    rt: str | None = None
    rw: str | None = None
    phone: str | None = None
    documents: tuple[str, ...] = ()
    welfare_status: str | None = None
    programmes: tuple[str, ...] = ()
    house_status: str | None = None
    lighting: str | None = None
    sanitation: str | None = None
    monthly_income: int | None = None
    complaint: str | None = None
    service_requested: str | None = None
    service_codes: tuple[str, ...] = ()
    need_sectors: tuple[str, ...] = ()
    urgent: bool | None = None
    warnings: tuple[str, ...] = ()
    evidence: Mapping[str, Evidence] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-ready values, dates in ISO form, with ``warnings`` and ``evidence``."""
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """A message that holds reports, or none (a greeting, a question, an invitation, an empty form).

    ``truncated`` says that the text was longer than the parser reads; the rest was not looked at.
    """

    kind: Literal["report", "other"]
    reports: tuple[ParsedReport, ...] = ()
    truncated: bool = False


def _plain(value: Any) -> Any:
    match value:
        case date():
            return value.isoformat()
        case tuple():
            return list(value)
        case Mapping():
            return {
                name: {"confidence": round(proof.confidence, 2), "start": proof.start, "end": proof.end}
                for name, proof in value.items()
            }
        case _:
            return value
