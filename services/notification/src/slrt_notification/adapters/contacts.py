"""Fetch a resident's contact, or one-time code, from intake by claim check."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slrt_contracts.types import CaseId, EventId
from slrt_kit.http.claims import ClaimChecks
from slrt_kit.http.client import ServiceClient
from slrt_kit.messaging.errors import RejectedError
from slrt_notification.domain.contact import Contact

PURPOSE = "resident-message"


class ContactAnswer(BaseModel):
    """What we read of intake's answer; more fields may come."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    # Shaped, because it goes into a mail's subject: nothing but a ticket number gets through.
    ticket_number: Annotated[str, Field(pattern=r"^[0-9A-Z]{2,8}(-[0-9A-Z]{2,8}){1,4}$")]
    language: str
    phone: str | None
    email: str | None


class IntakeContacts:
    """Asks intake (keeps the promise of `ports.Contacts`); nothing is kept."""

    def __init__(self, client: ServiceClient) -> None:
        self._claims = ClaimChecks(client, "contacts", purpose=PURPOSE)

    async def contact_of(self, case_id: CaseId, *, event_id: EventId) -> Contact:
        """The contact of a case.

        Raises:
            TransientError: intake is away. RejectedError: it refuses, or answers in another shape.
        """
        answer = await self._claims.about(case_id, event_id=event_id)
        try:
            found = ContactAnswer.model_validate(answer)
        except ValidationError:
            # Without the cause: whatever stood in the answer must not reach a log.
            raise RejectedError("contact answer has another shape") from None
        return Contact(**found.model_dump())


class CodeAnswer(BaseModel):
    """What we read of intake's answer about a code."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    code: Annotated[str, Field(pattern="^[0-9]{6}$")]


class IntakeCodes:
    """Asks intake for residents' one-time codes (keeps the promise of `ports.Codes`); nothing is kept."""

    def __init__(self, client: ServiceClient) -> None:
        self._claims = ClaimChecks(client, "codes", purpose="resident-code")

    async def code_of(self, case_id: CaseId, *, event_id: EventId) -> str | None:
        """The code that opens the case now.

        Raises:
            TransientError: intake is away. RejectedError: it refuses, or answers in another shape.
        """
        answer = await self._claims.find(case_id, event_id=event_id)
        if answer is None:
            return None
        try:
            return CodeAnswer.model_validate(answer).code
        except ValidationError:
            raise RejectedError("code answer has another shape") from None
