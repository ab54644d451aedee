"""What the use cases need from outside, as Protocols; `store.py` and `adapters/` keep these promises."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from slrt_contracts.types import AccessId, CaseId, ConsentId, DutyId, FileId, LetterId, NeedId
from slrt_intake.domain.attachment import Attachment
from slrt_intake.domain.case import Case
from slrt_intake.domain.consent import Consent, HeldClaim
from slrt_intake.domain.draft import Draft
from slrt_intake.domain.duty import RosterDuty
from slrt_intake.domain.emergency import EmergencyAccess
from slrt_intake.domain.export import Export
from slrt_intake.domain.letter import Letter
from slrt_intake.domain.party import Contact, Person
from slrt_intake.domain.transitions import CaseStatus
from slrt_kit.access import Scope
from slrt_kit.privacy import SubjectKey
from slrt_kit.regions import Region


class TicketTakenError(Exception):
    """Another case has the ticket number that was drawn: draw again."""


class Cases(Protocol):
    """The cases of one unit of work. ``save`` compares the version and writes the raised events to the outbox."""

    async def add(self, case: Case, *, persons: Sequence[Person], contact: Contact) -> None:
        """Raises TicketTakenError, and has written nothing then."""

    async def add_all(self, new: Sequence[tuple[Case, Sequence[Person], Contact]]) -> None:
        """Raises TicketTakenError; some are written then, and the unit of work is not to be committed."""

    async def get(self, case_id: CaseId) -> Case | None: ...

    async def get_within(self, case_id: CaseId, scope: Scope) -> Case | None:
        """The case, when the scope reaches it."""

    async def get_to_look(self, case_id: CaseId, scope: Scope) -> Case | None:
        """The case, when the scope reaches it, or an emergency access that is open does."""

    async def get_by_ticket(self, ticket_number: str, phone_last4: str) -> tuple[Case, bool] | None:
        """The case, and whether these are the last four digits of its contact's phone."""

    async def save(self, case: Case) -> None:
        """Raises StaleVersionError when somebody else saved it since."""


class CasesToAssign(Protocol):
    """The cases of one unit of work, for those who say who may know of them."""

    async def get_to_assign(self, case_id: CaseId, scope: Scope) -> Case | None:
        """The case, when it is of the scope's region; also one that is kept from most."""

    async def get_to_look(self, case_id: CaseId, scope: Scope) -> Case | None:
        """The case, when the scope reaches it, or an emergency access that is open does."""

    async def id_of_ticket(self, ticket_number: str) -> CaseId | None: ...

    async def save(self, case: Case) -> None:
        """Raises StaleVersionError when somebody else saved it since."""


class Officers(Protocol):
    """Who is in charge of cases, in one unit of work."""

    async def of(self, case_id: CaseId) -> Sequence[str]: ...

    def add(self, case_id: CaseId, officer: str, *, by: str) -> None: ...

    def remove(self, case_id: CaseId, officer: str) -> None: ...

    def let_go_of(self, case_id: CaseId) -> None:
        """End all that was allowed about the case in its old region."""


class Emergencies(Protocol):
    """The emergency accesses of one unit of work."""

    async def add(self, access: EmergencyAccess) -> None: ...

    async def get_within(self, access_id: AccessId, scope: Scope) -> EmergencyAccess | None:
        """The one of that id, when its case is of the scope's region."""

    async def save(self, access: EmergencyAccess) -> None:
        """Raises StaleVersionError when somebody else saved it since."""


class CaseOfFile(NamedTuple):
    """What a case says of its files: how many it has, under whose key a new one goes."""

    status: CaseStatus
    files: int
    key_id: int
    is_known_person: bool


class Attachments(Protocol):
    """The files of cases, in one unit of work; what is in them lies elsewhere."""

    async def lock_case(self, case_id: CaseId, person_id: UUID | None, scope: Scope) -> CaseOfFile | None:
        """The case when the scope reaches it to work on; until the commit nobody else adds a file to it."""

    async def same(self, case_id: CaseId, sha256: str) -> Attachment | None:
        """The file of the case that was sent with these very bytes."""

    async def add(self, attachment: Attachment, *, key_id: int, file_key: bytes) -> None:
        """Raises ErasedError: that key was destroyed."""

    async def get_within(
        self, case_id: CaseId, attachment_id: FileId, scope: Scope
    ) -> tuple[Attachment, CaseStatus] | None:
        """The file with its case's status, when the scope reaches the case to work on; not one that was removed."""

    async def save_removed(self, attachment: Attachment) -> None:
        """Raises StaleVersionError when somebody else removed it since."""


class Exports(Protocol):
    """The requests for exports, in one unit of work."""

    async def add(self, export: Export) -> None: ...

    async def save(self, export: Export) -> None:
        """Raises StaleVersionError when somebody else saved it since."""

    async def get_own(self, export_id: UUID, subject: str) -> Export | None:
        """What somebody asked for."""

    async def get_within(self, export_id: UUID, scope: Scope) -> Export | None:
        """What was asked for in a region that the scope covers as a whole."""


class Principal(NamedTuple):
    """The person of a case who agrees. The birth date is None where nobody knows it."""

    person_id: UUID
    birth_date: date | None
    key: SubjectKey


class Consents(Protocol):
    """The consents of one unit of work."""

    async def principal(self, case_id: CaseId, person_id: UUID) -> Principal | None:
        """The person of the case, locked. Raises ErasedError."""

    async def of_case(self, case_id: CaseId) -> Sequence[Consent]: ...

    async def get_locked(self, case_id: CaseId, consent_id: UUID) -> Consent | None:
        """The consent; deliveries by it have ended, and none begins before this unit of work ends."""

    async def get_run_out(self, consent_id: ConsentId, *, at: datetime) -> Consent | None:
        """The consent, where it has run out, nobody has ended it and nobody else holds it; its words are not read."""

    async def held(self, consent: Consent, *, at: datetime) -> list[HeldClaim]:
        """Mark as withdrawn what offices hold by the consent, and return it."""

    def add(self, consent: Consent, key: SubjectKey) -> None: ...

    async def save_withdrawn(self, consent: Consent) -> None:
        """Raises StaleVersionError when somebody else has ended it."""

    async def save_expired(self, consent: Consent) -> None:
        """Raises StaleVersionError when somebody else has ended it."""


class Drafts(Protocol):
    """The drafts of one unit of work."""

    async def add(self, draft: Draft) -> None: ...

    async def get(self, draft_id: UUID) -> Draft | None: ...

    async def save(self, draft: Draft) -> None:
        """Raises StaleVersionError when somebody else saved it since."""


class Duties(Protocol):
    """The duty roster, in one unit of work."""

    async def get(self, duty_id: DutyId) -> RosterDuty | None: ...

    async def of_officers(self, officers: Collection[str]) -> Sequence[RosterDuty]:
        """What these officers have that was not ended."""

    async def add(self, duty: RosterDuty) -> None: ...

    async def save(self, duty: RosterDuty) -> None:
        """Raises StaleVersionError when somebody else saved it since."""


class TicketGuard(Protocol):
    """Counts failed attempts to open a ticket."""

    async def locked_until(self, ticket_number: str, now: datetime) -> datetime | None:
        """Until when it is locked; guesses at the same ticket wait here for one another."""

    async def note_failure(self, ticket_number: str, now: datetime) -> None: ...


class RegionTable(Protocol):
    """Which regions exist."""

    def get(self, code: str) -> Region | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterCase:
    """What a letter is made of: a case, and the person of it that the letter is about.

    ``key_id`` is that of the person, or of the case where it is about nobody; ``documents`` are codes of the policy's
    documents that files of the case show.
    """

    case_id: CaseId
    village_code: str
    ticket_number: str
    status: CaseStatus
    needs: Mapping[NeedId, str]
    person: Person | None
    is_known_person: bool
    is_erased: bool
    kk_number: str | None
    address: str | None
    documents: Collection[str]
    key_id: int


class Letters(Protocol):
    """The letters of one unit of work."""

    async def case(self, case_id: CaseId, person_id: UUID | None, scope: Scope) -> LetterCase | None:
        """The case when the scope reaches it to work on."""

    async def village_of(self, case_id: CaseId) -> str:
        """Where the case is now."""

    async def add(self, letter: Letter) -> None:
        """Raises ErasedError: its key was destroyed."""

    async def get_within(self, case_id: CaseId, letter_id: LetterId, scope: Scope) -> Letter | None:
        """The letter, when the scope reaches its case to work on."""

    async def get_to_expire(self, letter_id: LetterId) -> Letter | None:
        """The letter, where it holds and nobody else has it in hand; its words are not read."""

    async def others_in_force(self, letter: Letter, scope: Scope, *, today: date) -> Sequence[LetterId]:
        """Letters of the kind for the same person that hold, of cases that the scope reaches."""

    async def next_number(self, office_code: str, series: str, year: int) -> int:
        """The next number; nobody else takes one of that office, series and year until the unit of work ends."""

    async def save(self, letter: Letter, *, document: bytes | None = None) -> None:
        """Raises StaleVersionError when somebody else saved it since."""
