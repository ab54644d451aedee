"""Ask intake who a case is about (claim check), and take of the answer only what the registry records."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slrt_contracts.types import CaseId, EventId, NeedId
from slrt_kit.coalesce import Coalescer
from slrt_kit.http.client import ServiceClient
from slrt_kit.logs import get_logger
from slrt_kit.messaging.errors import RejectedError, TransientError
from slrt_kit.regions import RegionCode
from slrt_registry.domain.matching import StatedCase, StatedPerson
from slrt_registry.ports import Parties

log = get_logger(__name__)

PURPOSE = "registry-record"


class _Answer(BaseModel):
    # Address, phone and whatever intake adds later are not for the registry; values never reach an error message.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


Agreed = TypeVar("Agreed", bound=_Answer)


class PersonAnswer(_Answer):
    """The part of intake's ``PersonView`` that the registry reads."""

    person_id: UUID
    name: Annotated[str, Field(min_length=1, max_length=200)]
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
        ]
        return Parties(
            StatedCase(village_code=RegionCode(self.village_code), kk_number=self.kk_number, persons=persons),
            {NeedId(need_id): person_id for need_id, person_id in self.need_persons.items()},
        )


class PartiesListAnswer(_Answer):
    """Intake's ``PartiesList``; each is looked at by itself, so that one that does not fit harms no other."""

    parties: list[dict[str, Any]]


class IntakeClaims:
    """Keeps the promise of `ports.Claims`; asks once for all cases that are asked for side by side."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._asking = Coalescer(self._ask, common=(TransientError,))

    async def parties(self, case_id: CaseId, *, event_id: EventId) -> Parties:
        """Who the case is about.

        Raises:
            TransientError: intake is away. RejectedError: it refuses, or its answer is not what was agreed.
        """
        answer = await self._asking.add((case_id, event_id))
        if answer is None:
            raise RejectedError("intake shows no such case")
        return _fitting(PartiesAnswer, answer, case_id).parties()

    async def _ask(self, wanted: Sequence[tuple[CaseId, EventId]]) -> list[dict[str, Any] | None]:
        body = {"cases": [{"case_id": case_id, "event_id": event_id} for case_id, event_id in wanted]}
        case_id, event_id = wanted[0]
        answer = await self._client.query("/v1/parties/search", body, purpose=PURPOSE, event_id=event_id)
        found = {each.get("case_id"): each for each in _fitting(PartiesListAnswer, answer, case_id).parties}
        return [found.get(str(case_id)) for case_id, _ in wanted]


def _fitting(model: type[Agreed], answer: object, case_id: CaseId) -> Agreed:
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        fields = sorted({".".join(str(part) for part in problem["loc"]) for problem in error.errors()})
        log.warning("claim check does not fit", case_id=str(case_id), fields=fields)
        raise RejectedError("the claim check's answer does not fit") from error
