"""What intake takes and gives about letters over HTTP."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, Strict, StringConstraints

from slrt_contracts.codes import LetterRevocation
from slrt_contracts.types import NeedId
from slrt_intake.domain.letter import Letter, LetterStatus
from slrt_intake.domain.letter_template import LetterTemplate, StatedFact
from slrt_intake.usecases.letters import Doubts, DraftLetter
from slrt_kit.http.bodies import Body, Day
from slrt_kit.http.words import Words
from slrt_kit.privacy.masking import UnmaskedText

LetterCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$", examples=["dtsen-statement"])]
FactName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
FactText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000), UnmaskedText]
FactNumber = Annotated[int, Strict(), Field(ge=0, le=10**9)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), UnmaskedText]


class FactBody(Body):
    """A fact of the letter: a date as ``YYYY-MM-DD``. ``source`` and ``as_of`` of what comes from elsewhere."""

    value: FactNumber | FactText
    source: Line | None = None
    as_of: Day | None = None

    def fact(self) -> StatedFact:
        """As the use case takes it."""
        return StatedFact(value=self.value, source=self.source, as_of=self.as_of)


class DraftLetterBody(Body):
    """A letter about a case, or about one person of it. Which facts it asks for: ``GET /letter-types``."""

    letter_type: LetterCode
    person_id: UUID | None = None
    need_id: UUID | None = None
    facts: dict[FactName, FactBody] = Field(default_factory=dict, max_length=15)

    def stated(self, template: LetterTemplate) -> DraftLetter:
        """As the use case takes it."""
        return DraftLetter(
            template=template,
            person_id=self.person_id,
            need_id=None if self.need_id is None else NeedId(self.need_id),
            facts={name: fact.fact() for name, fact in self.facts.items()},
        )


class ReturnLetterBody(Body):
    """What its drafter is to correct; sealed with the letter."""

    note: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=1000)]


class SignLetterBody(Body):
    """Whose name stands under the letter, and their employee number (NIP)."""

    signer_name: Line
    signer_number: Annotated[str, Field(pattern=r"^[0-9]{18}$")] | None = None


class RevokeLetterBody(Body):
    """Why it holds no longer."""

    reason_code: LetterRevocation


class LetterReceipt(BaseModel):
    """A letter without its words. ``next_role`` is whose turn it is before it is signed."""

    letter_id: UUID
    case_id: UUID
    person_id: UUID | None
    need_id: UUID | None
    letter_type: str
    label: Words
    version: int
    status: LetterStatus
    next_role: str | None
    office_code: str
    number: str | None
    drafted_at: datetime
    signed_at: datetime | None
    valid_until: date | None
    issued_at: datetime | None
    revoked_at: datetime | None
    revocation_reason: LetterRevocation | None

    @classmethod
    def of(cls, letter: Letter) -> Self:
        """Of a letter."""
        return cls(**_said(letter))


def _said(letter: Letter) -> dict[str, Any]:
    names = set(LetterReceipt.model_fields) - {"label"}
    return {name: getattr(letter, name) for name in names} | {"label": Words(**letter.label)}


class DraftedLetter(LetterReceipt):
    """A draft, with what its drafter should know: documents that the case lacks, letters of the kind that hold."""

    missing_documents: list[str]
    valid_letters: list[UUID]

    @classmethod
    def with_doubts(cls, letter: Letter, doubts: Doubts) -> Self:
        """Of a letter that was drafted or corrected."""
        return cls(
            **_said(letter),
            missing_documents=list(doubts.missing_documents),
            valid_letters=list(doubts.valid_letters),
        )


class InitialsView(BaseModel):
    """Initials under a letter."""

    role: str
    by: str
    at: datetime


class FactView(BaseModel):
    """A fact as it was typed in."""

    name: str
    value: int | str
    source: str | None
    as_of: date | None


class LetterView(LetterReceipt):
    """A letter with what it says; ``rows`` are those of its table. Nothing of that once its subject is erased."""

    drafted_by: str
    initials: list[InitialsView]
    signed_by: str | None
    rows: list[list[str]]
    facts: list[FactView]
    returned: str | None
    erased: bool

    @classmethod
    def of(cls, letter: Letter) -> Self:
        """Of a letter whose words were opened."""
        content = letter.content or {}
        return cls(
            **(_said(letter) | {"initials": [InitialsView(**each._asdict()) for each in letter.initials]}),
            drafted_by=letter.drafted_by,
            signed_by=letter.signed_by,
            rows=content.get("rows", []),
            facts=[FactView(name=name, **fact) for name, fact in content.get("facts", {}).items()],
            returned=content.get("returned", {}).get("note"),
            erased=letter.content is None,
        )


class LettersView(BaseModel):
    """The letters of a case."""

    letters: list[LetterReceipt]


class FactSpecView(BaseModel):
    """A fact that a letter asks for."""

    name: str
    label: Words
    type: str
    required: bool
    sourced: bool
    options: list[str]


class LetterTypeView(BaseModel):
    """A kind of letter in a region."""

    letter_type: str
    label: Words
    issued_by: Literal["village", "regency"]
    subject: Literal["person", "case"]
    needs: list[str] | None
    facts: list[FactSpecView]
    drafted_by: list[str]
    initials: list[str]
    signer: str
    documents: list[str]

    @classmethod
    def of(cls, template: LetterTemplate) -> Self:
        """Of a kind as the policy has it."""
        return cls(
            letter_type=template.code,
            label=Words(**template.label._asdict()),
            issued_by=template.issued_by,
            subject=template.subject,
            needs=None if template.needs is None else sorted(template.needs),
            facts=[
                FactSpecView(
                    name=each.name,
                    label=Words(**each.label._asdict()),
                    type=each.kind,
                    required=not each.optional,
                    sourced=each.sourced,
                    options=list(each.options),
                )
                for each in template.facts.values()
            ],
            drafted_by=list(template.drafted_by),
            initials=list(template.initials),
            signer=template.signer,
            documents=list(template.documents),
        )
