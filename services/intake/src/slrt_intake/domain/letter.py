"""The letter: drafted about a case, initialled (paraf), signed with a number, handed over, until it holds no longer.

Source: domain 13.2, letter: draft, paraf, signed, issued, revoked or expired; 13.3: who drafts it does not approve it.
"""

import calendar
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from slrt_contracts.codes import LetterRevocation
from slrt_contracts.events.intake import LetterExpired, LetterIssued, LetterRevoked, LetterSigned
from slrt_contracts.types import CaseId, LetterId, LetterType, NeedId
from slrt_intake.domain.letter_problems import InitialsMissingError, NotYourLetterStepError
from slrt_intake.domain.letter_template import LetterTemplate
from slrt_intake.domain.problems import TransitionRefusedError
from slrt_kit.aggregate import Aggregate
from slrt_kit.problems import ErasedError, SeparationOfDutiesError


class LetterStatus(StrEnum):
    """Where a letter stands."""

    DRAFT = "draft"
    INITIALLED = "initialled"
    SIGNED = "signed"
    ISSUED = "issued"
    REVOKED = "revoked"
    EXPIRED = "expired"
    DISCARDED = "discarded"


class LetterAction(StrEnum):
    """What somebody does to a letter."""

    CORRECT = "correct"
    INITIAL = "initial"
    RETURN = "return"
    SIGN = "sign"
    ISSUE = "issue"
    REVOKE = "revoke"
    EXPIRE = "expire"
    DISCARD = "discard"


LETTER_TRANSITIONS: Final[Mapping[tuple[LetterStatus, LetterAction], LetterStatus]] = MappingProxyType(
    {
        (LetterStatus.DRAFT, LetterAction.CORRECT): LetterStatus.DRAFT,
        (LetterStatus.DRAFT, LetterAction.INITIAL): LetterStatus.INITIALLED,
        (LetterStatus.DRAFT, LetterAction.RETURN): LetterStatus.DRAFT,
        (LetterStatus.DRAFT, LetterAction.SIGN): LetterStatus.SIGNED,
        (LetterStatus.DRAFT, LetterAction.DISCARD): LetterStatus.DISCARDED,
        (LetterStatus.INITIALLED, LetterAction.INITIAL): LetterStatus.INITIALLED,
        (LetterStatus.INITIALLED, LetterAction.RETURN): LetterStatus.DRAFT,
        (LetterStatus.INITIALLED, LetterAction.SIGN): LetterStatus.SIGNED,
        (LetterStatus.INITIALLED, LetterAction.DISCARD): LetterStatus.DISCARDED,
        (LetterStatus.SIGNED, LetterAction.ISSUE): LetterStatus.ISSUED,
        (LetterStatus.SIGNED, LetterAction.REVOKE): LetterStatus.REVOKED,
        (LetterStatus.SIGNED, LetterAction.EXPIRE): LetterStatus.EXPIRED,
        (LetterStatus.ISSUED, LetterAction.REVOKE): LetterStatus.REVOKED,
        (LetterStatus.ISSUED, LetterAction.EXPIRE): LetterStatus.EXPIRED,
    }
)
"""A draft whose chain asks for no initials is signed as it is; `Letter.sign` sees to the others."""
HOLDING: Final = frozenset({LetterStatus.SIGNED, LetterStatus.ISSUED})
UNSIGNED: Final = frozenset({LetterStatus.DRAFT, LetterStatus.INITIALLED})


class Initials(NamedTuple):
    """Who has initialled it in which role, and when (UTC)."""

    role: str
    by: str
    at: datetime


class LetterNumber(NamedTuple):
    """The number that a signature takes: as it is written, and as it is counted in its office, series and year."""

    text: str
    year: int
    counted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterTerms:
    """What the policy said of a letter when its words were made; it keeps to that."""

    issued_by: str
    number: str
    digits: int
    series: str
    office_mark: str
    initials: Sequence[str]
    signer: str
    valid_days: int | None
    valid_months: int | None

    @classmethod
    def of(cls, template: LetterTemplate) -> Self:
        """Those of a kind of letter."""
        return cls(**{name: getattr(template, name) for name in cls.__slots__})

    def last_day(self, first: date) -> date | None:
        """The last day on which a letter signed on the first holds; None where it has no end."""
        if self.valid_days is not None:
            return first + timedelta(days=self.valid_days - 1)
        if self.valid_months is not None:
            months = first.month - 1 + self.valid_months
            year, month = first.year + months // 12, months % 12 + 1
            return date(year, month, min(first.day, calendar.monthrange(year, month)[1]))
        return None


@dataclass(kw_only=True)
class Letter(Aggregate):
    """One letter. ``content`` is what names or describes somebody, JSON-ready and sealed; None once that is erased.

    ``office_code`` is the region whose letter it is: a village's or a regency's. ``label`` are the words for its kind.
    """

    letter_id: LetterId
    case_id: CaseId
    person_id: UUID | None
    need_id: NeedId | None
    letter_type: LetterType
    label: Mapping[str, str]
    policy_version: str
    office_code: str
    terms: LetterTerms
    content: dict[str, Any] | None
    drafted_by: str
    drafted_at: datetime
    status: LetterStatus = LetterStatus.DRAFT
    initials: list[Initials] = field(default_factory=list)
    number: str | None = None
    number_year: int | None = None
    number_count: int | None = None
    signed_by: str | None = None
    signed_at: datetime | None = None
    valid_until: date | None = None
    issued_by: str | None = None
    issued_at: datetime | None = None
    revoked_by: str | None = None
    revoked_at: datetime | None = None
    revocation_reason: LetterRevocation | None = None
    key_id: int | None = field(default=None, compare=False)

    @property
    def next_role(self) -> str | None:
        """Whose turn it is before it is signed: the next initials, then the signer; None afterwards."""
        if self.status not in UNSIGNED:
            return None
        chain = (*self.terms.initials, self.terms.signer)
        return chain[len(self.initials)]

    def correct(self, anew: "Letter", *, by: str) -> None:
        """Take over the words of another draft. Only whoever drafted it corrects it; the initials begin anew.

        Raises:
            TransitionRefusedError: it is under initials or signed. NotYourLetterStepError: somebody else drafted it.
        """
        target = self._target(LetterAction.CORRECT)
        if by != self.drafted_by:
            raise NotYourLetterStepError
        self.status = target
        self.initials.clear()
        for name in ("person_id", "need_id", "label", "policy_version", "office_code", "terms", "content"):
            setattr(self, name, getattr(anew, name))

    def initial(self, *, by: str, roles: Collection[str], at: datetime) -> None:
        """Put the next initials under it.

        Raises:
            TransitionRefusedError: it is signed, or all are there. NotYourLetterStepError: it is another role's turn.
            SeparationOfDutiesError: its drafter, or one who has initialled it. ErasedError: its words are gone.
        """
        target = self._target(LetterAction.INITIAL)
        if len(self.initials) >= len(self.terms.initials):
            raise TransitionRefusedError(state=self.status, action=LetterAction.INITIAL)
        role = self._my_turn(by, roles)
        self.status = target
        self.initials.append(Initials(role, by, at))

    def give_back(self, note: str, *, by: str, roles: Collection[str], at: datetime) -> None:
        """Back to its drafter, with words about what to correct; initials that were there are gone.

        Raises:
            TransitionRefusedError: it is signed. NotYourLetterStepError: it is another role's turn.
            ErasedError: its words are gone.
        """
        target = self._target(LetterAction.RETURN)
        if self.next_role not in roles:
            raise NotYourLetterStepError(role=self.next_role)
        if self.content is None:
            raise ErasedError
        self.status = target
        self.initials.clear()
        self.content["returned"] = {"note": note, "by": by, "at": at.isoformat()}

    def check_may_sign(self, *, by: str, roles: Collection[str]) -> None:
        """Before a number is taken.

        Raises:
            TransitionRefusedError: it is signed. InitialsMissingError: one is missing. NotYourLetterStepError: another
            role signs it. SeparationOfDutiesError: its drafter, or one who initialled it. ErasedError: see `initial`.
        """
        self._target(LetterAction.SIGN)
        if len(self.initials) < len(self.terms.initials):
            raise InitialsMissingError(role=self.next_role)
        self._my_turn(by, roles)

    def sign(
        self, number: LetterNumber, *, signer_name: str, signer_number: str | None, by: str, on: date, at: datetime
    ) -> None:
        """Sign it; `check_may_sign` was called. ``on`` is the day in its region; ``signer_name`` stands under it."""
        if self.content is None:
            raise ErasedError
        self.status = self._target(LetterAction.SIGN)
        self.number, self.number_year, self.number_count = number
        self.signed_by, self.signed_at = by, at
        self.valid_until = self.terms.last_day(on)
        self.content["signed"] = {"name": signer_name, "number": signer_number, "on": on.isoformat()}
        self._raise_event(LetterSigned(**self._told(), valid_until=self.valid_until), at=at)

    def issue(self, *, by: str, at: datetime) -> None:
        """It was handed over. Raises TransitionRefusedError."""
        self.status = self._target(LetterAction.ISSUE)
        self.issued_by, self.issued_at = by, at
        self._raise_event(LetterIssued(**self._told()), at=at)

    def revoke(self, reason: LetterRevocation, *, by: str, at: datetime) -> None:
        """It holds no longer; its number stays used. Raises TransitionRefusedError."""
        self.status = self._target(LetterAction.REVOKE)
        self.revoked_by, self.revoked_at, self.revocation_reason = by, at, reason
        self._raise_event(LetterRevoked(**self._told(), reason_code=reason), at=at)

    def expire(self, *, today: date, at: datetime) -> None:
        """Its last day has passed. ``today`` is the day in its region. Raises TransitionRefusedError: it has not."""
        target = self._target(LetterAction.EXPIRE)
        if not self.has_run_out(today):
            raise TransitionRefusedError(state=self.status, action=LetterAction.EXPIRE)
        self.status = target
        self._raise_event(LetterExpired(**self._told()), at=at)

    def discard(self, *, by: str) -> None:
        """Its drafter gives it up. Raises TransitionRefusedError: it is signed. NotYourLetterStepError."""
        target = self._target(LetterAction.DISCARD)
        if by != self.drafted_by:
            raise NotYourLetterStepError
        self.status = target

    def has_run_out(self, today: date) -> bool:
        """Whether its last day is before ``today``, the day in its region."""
        return self.valid_until is not None and self.valid_until < today

    def _my_turn(self, by: str, roles: Collection[str]) -> str:
        role = self.next_role
        if role is None or role not in roles:
            raise NotYourLetterStepError(role=role)
        if by == self.drafted_by or any(by == each.by for each in self.initials):
            raise SeparationOfDutiesError
        if self.content is None:
            raise ErasedError
        return role

    def _told(self) -> dict[str, Any]:
        return {"letter_id": self.letter_id, "case_id": self.case_id, "letter_type": self.letter_type}

    def _target(self, action: LetterAction) -> LetterStatus:
        target = LETTER_TRANSITIONS.get((self.status, action))
        if target is None:
            raise TransitionRefusedError(state=self.status, action=action)
        return target
