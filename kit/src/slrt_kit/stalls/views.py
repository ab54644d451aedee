"""What services show of what is held up, in the words of the desk."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field

from slrt_contracts.codes import StallKind
from slrt_kit.stalls.model import Held, Stall
from slrt_kit.stalls.wording import WORDINGS

DistrictText = Annotated[
    str, Query(pattern=r"^[0-9]{2}\.[0-9]{2}\.[0-9]{2}$", description="a kecamatan, such as 12.74.05")
]


class StallView(BaseModel):
    """Something that is held up: what it is, what it lacks, what to do."""

    stall_id: UUID
    kind: StallKind
    subject_kind: Held
    subject_id: UUID = Field(description="of the case, need or referral; of a region an id made from its code")
    case_id: UUID | None = Field(description="null of a region")
    region: str = Field(description="the kecamatan, or the regency where nobody is on duty at all")
    step: str | None
    owner: str | None = Field(description="whose turn it is: a role, the code of an office, or `resident`")
    lacks: list[str] = Field(description="the roles, offices or reasons that are missing")
    found_at: datetime
    says: dict[str, str]
    remedy: dict[str, str]

    @classmethod
    def of(cls, stall: Stall) -> Self:
        words = WORDINGS[stall.kind]
        return cls(
            stall_id=stall.stall_id,
            kind=stall.kind,
            subject_kind=stall.held,
            subject_id=stall.subject_id,
            case_id=stall.case_id,
            region=stall.region,
            step=stall.step,
            owner=None if stall.owner is None else stall.owner.code,
            lacks=list(stall.lacks),
            found_at=stall.found_at,
            says=words.says._asdict(),
            remedy=words.remedy._asdict(),
        )
