"""Ask intake who a case is about (claim check), and take of the answer only what the registry records."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slrt_contracts.types import CaseId, EventId, NeedId
from slrt_kit.http.claims import ClaimChecks
from slrt_kit.http.client import ServiceClient
from slrt_kit.logs import get_logger
from slrt_kit.messaging.errors import RejectedError
from slrt_kit.regions import RegionCode
from slrt_registry.domain.matching import StatedCase, StatedPerson
from slrt_registry.ports import Parties

log = get_logger(__name__)

PURPOSE = "registry-record"


class _Answer(BaseModel):
    # Address, phone and whatever intake adds later are not for the registry; values never reach an error message.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class PersonAnswer(_Answer):
    """The part of intake's ``PersonView`` that the registry reads."""

    person_id: UUID
    name: Annotated[str, Field(min_length=1, max_length=200)] | None
    nik: str | None
    birth_date: date | None
    sex: str | None


class PartiesAnswer(_Answer):
    """The part of intake's ``PartiesView`` that the registry reads."""

    case_id: UUID
    village_code: Annotated[str, Field(pattern=r"^[0-9]{2}\.[0-9]{2}\.[0-9]{2}\.[0-9]{4}$")]
    kk_number: str | None
    persons: list[PersonAnswer]
    need_persons: dict[UUID, UUID]

    def parties(self) -> Parties:
        """As the use case takes it."""
        persons = [
            StatedPerson(
                ref=person.person_id,
                name=person.name,
                nik=person.nik,
                birth_date=person.birth_date,
                sex=person.sex if person.sex in ("L", "P") else None,
            )
            for person in self.persons
            if person.name is not None  # erased
        ]
        return Parties(
            StatedCase(village_code=RegionCode(self.village_code), kk_number=self.kk_number, persons=persons),
            {NeedId(need_id): person_id for need_id, person_id in self.need_persons.items()},
        )


class IntakeClaims:
    """Keeps the promise of `ports.Claims`."""

    def __init__(self, client: ServiceClient) -> None:
        self._claims = ClaimChecks(client, "parties", purpose=PURPOSE)

    async def parties(self, case_id: CaseId, *, event_id: EventId) -> Parties:
        """Who the case is about.

        Raises:
            TransientError: intake is away. RejectedError: it refuses, or its answer is not what was agreed.
        """
        answer = await self._claims.about(case_id, event_id=event_id)
        try:
            return PartiesAnswer.model_validate(answer).parties()
        except ValidationError as error:
            fields = sorted({".".join(str(part) for part in problem["loc"]) for problem in error.errors()})
            log.warning("claim check does not fit", case_id=str(case_id), fields=fields)
            raise RejectedError("the claim check's answer does not fit") from error
