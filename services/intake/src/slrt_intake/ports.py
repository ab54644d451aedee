"""What the use cases need from outside, as Protocols; `store.py` and `adapters/` keep these promises."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from slrt_contracts.types import CaseId
from slrt_intake.domain.case import Case
from slrt_intake.domain.draft import Draft
from slrt_intake.domain.party import Contact, Person
from slrt_kit.regions import Region


class TicketTakenError(Exception):
    """Another case has the ticket number that was drawn: draw again."""


class Cases(Protocol):
    """The cases of one unit of work. ``save`` compares the version and writes the raised events to the outbox."""

    async def add(self, case: Case, *, persons: Sequence[Person], contact: Contact) -> None:
        """Raises TicketTakenError, and has written nothing then."""

    async def get(self, case_id: CaseId) -> Case | None: ...

    async def get_by_ticket(self, ticket_number: str, phone_last4: str) -> tuple[Case, bool] | None:
        """The case, and whether these are the last four digits of its contact's phone."""

    async def save(self, case: Case) -> None:
        """Raises StaleVersionError when somebody else saved it since."""


class Drafts(Protocol):
    """The drafts of one unit of work."""

    async def add(self, draft: Draft) -> None: ...

    async def get(self, draft_id: UUID) -> Draft | None: ...

    async def save(self, draft: Draft) -> None:
        """Raises StaleVersionError when somebody else saved it since."""


class TicketGuard(Protocol):
    """Counts failed attempts to open a ticket."""

    async def locked_until(self, ticket_number: str, now: datetime) -> datetime | None:
        """Until when it is locked; guesses at the same ticket wait here for one another."""

    async def note_failure(self, ticket_number: str, now: datetime) -> None: ...


class RegionTable(Protocol):
    """Which regions exist."""

    def get(self, code: str) -> Region | None: ...
