"""What comes in and goes out where a message is read: the form's fields, each with where it stood."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from slrt_intake.reports.parser import MAX_TEXT

MAX_MESSAGE = MAX_TEXT
"""Characters of a message that is taken: all of it is read."""


def _any_text(value: Any) -> str:
    # pydantic's own str refuses half of a surrogate pair; a phone that cuts an emoji in two sends one, and a NUL is no
    # reason to refuse what is kept nowhere.
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "tulis sebagai teks / write it as a string")
    if len(value) > MAX_MESSAGE:
        raise PydanticCustomError(
            "string_too_long",
            "paling banyak {most} karakter / at most {most} characters",
            {"most": MAX_MESSAGE},
        )
    return value


class MessageBody(BaseModel):
    """A message as it was sent, whatever is in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Annotated[str, PlainValidator(_any_text), WithJsonSchema({"type": "string", "maxLength": MAX_MESSAGE})]


class EvidenceView(BaseModel):
    """Where a field stood in the text as it was sent, and how sure its reading is."""

    confidence: Annotated[float, Field(ge=0, le=1)]
    start: Annotated[int, Field(ge=0, description="first character (code points, from 0)")]
    end: Annotated[int, Field(ge=0, description="the character behind the last one")]


class ReportView(BaseModel):
    """One report of a message, in normal form; null, or an empty list, where the message says nothing."""

    facilitator: str | None
    visit_date: date | None
    village_code: str | None
    district_code: str | None
    regency_code: str | None
    client_name: str | None
    nik: Annotated[str | None, Field(description="as sent, also when it is not 16 digits")]
    kk_number: str | None
    birth_place: str | None
    birth_date: date | None
    sex: Literal["L", "P"] | None
    head_occupation: str | None
    proxy_name: str | None
    proxy_relation: str | None
    address: str | None
    rt: str | None
    rw: str | None
    phone: Annotated[str | None, Field(description="E.164, the first when there are several")]
    documents: list[str]
    welfare_status: str | None
    programmes: list[str]
    house_status: str | None
    lighting: str | None
    sanitation: str | None
    monthly_income: Annotated[int | None, Field(description="rupiah, the lower end of a range")]
    complaint: str | None
    service_requested: str | None
    service_codes: list[str]
    need_sectors: list[str]
    urgent: bool | None
    warnings: list[str]
    needs: Annotated[list[str], Field(description="need codes that follow from what is asked for; a draft has them")]
    evidence: dict[str, EvidenceView]


class MessageView(BaseModel):
    """What a message holds: reports, or something else."""

    kind: Literal["report", "other"]
    truncated: Annotated[bool, Field(description="the text was longer than is read; its end was not looked at")]
    reports: list[ReportView]
