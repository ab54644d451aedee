"""What the routes share: stores on a unit of work, the region table, the use cases' ports."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request

from slrt_intake.adapters.letter_codes import LetterCodes
from slrt_intake.domain.challenge import CodeLimits
from slrt_intake.paper.columns import PaperReader
from slrt_intake.reports.parser import ReportParser
from slrt_intake.store.attachments import AttachmentStore
from slrt_intake.store.cases import CaseStores
from slrt_intake.store.checklists import ChecklistBook
from slrt_intake.store.consents import ConsentStore
from slrt_intake.store.drafts import DraftStore
from slrt_intake.store.duties import DutyStore
from slrt_intake.store.emergencies import EmergencyStore
from slrt_intake.store.exports import ExportStore
from slrt_intake.store.following import Following
from slrt_intake.store.forms import FormBook
from slrt_intake.store.letter_book import LetterBook
from slrt_intake.store.letters import LetterStore
from slrt_intake.store.new_cases import Registrations
from slrt_intake.store.officers import Officers
from slrt_intake.store.residents import Residents
from slrt_kit.clocks.steps import Deadlines
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.files.problems import FilesOffError
from slrt_kit.files.uploads import Uploads
from slrt_kit.http.streams import Streams
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import Vault
from slrt_kit.regions import Regions


@dataclass(frozen=True, slots=True)
class IntakeParts:
    """Composed once in `app.py`, handed to every route."""

    database: Database
    outbox: Outbox
    registrations: Registrations
    regions: Regions
    reports: ReportParser
    following: Following
    streams: Streams
    vault: Vault
    code_limits: CodeLimits
    session_lives: timedelta
    cases: CaseStores
    deadlines: Deadlines
    forms: FormBook
    paper: PaperReader
    checklists: ChecklistBook
    letter_book: LetterBook
    letter_codes: LetterCodes
    public_url: str
    files: Uploads | None = None

    @property
    def uploads(self) -> Uploads:
        """Where files come in and lie. Raises FilesOffError: this installation keeps none (503)."""
        if self.files is None:
            raise FilesOffError
        return self.files

    def attachments(self, work: UnitOfWork) -> AttachmentStore:
        """The files of cases, in a unit of work."""
        return AttachmentStore(work, self.outbox, self.vault)

    def letters(self, work: UnitOfWork) -> LetterStore:
        """The letters of a unit of work."""
        return LetterStore(work, self.outbox, self.vault, self.forms)

    def residents(self, work: UnitOfWork) -> Residents:
        """The one-time codes and sessions of a unit of work."""
        return Residents(work, self.outbox, self.vault)

    def exports(self, work: UnitOfWork) -> ExportStore:
        """The requests for exports, in a unit of work."""
        return ExportStore(work, self.vault)

    def officers(self, work: UnitOfWork) -> Officers:
        """Who is in charge of cases, in a unit of work."""
        return Officers(work)

    def duties(self, work: UnitOfWork) -> DutyStore:
        """The duty roster, in a unit of work."""
        return DutyStore(work, self.outbox)

    def emergencies(self, work: UnitOfWork) -> EmergencyStore:
        """The emergency accesses of a unit of work."""
        return EmergencyStore(work, self.outbox, self.vault)

    def consents(self, work: UnitOfWork) -> ConsentStore:
        """The consents of a unit of work."""
        return ConsentStore(work, self.outbox, self.vault)

    def drafts(self, work: UnitOfWork) -> DraftStore:
        """The drafts of a unit of work."""
        return DraftStore(work, self.vault)


# A coroutine, because FastAPI sends a plain function to a thread, which costs more than the work.
async def _parts(request: Request) -> IntakeParts:
    parts: IntakeParts = request.app.state.parts
    return parts


Parts = Annotated[IntakeParts, Depends(_parts)]
