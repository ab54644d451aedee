"""Consent: what a person of a case agreed to, given once and never changed, until it is withdrawn or has run out.

Sources: UU 27/2022 (PDP) articles 9 (withdrawal), 20 (2) a and 22 (written or recorded), 25 (children: the parent or
guardian agrees); ISO/IEC TS 27560 for what a record holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

from slrt_contracts.codes import ConsentEnd
from slrt_contracts.events.intake import ClaimWithdrawn, ConsentEnded, SharingWithdrawn
from slrt_contracts.types import CaseId, ConsentId, OfficeCode, ReceiptId
from slrt_intake.domain.problems import (
    ConsentPeriodError,
    GuardianNeededError,
    NotByConsentError,
    TransitionRefusedError,
    WitnessNeededError,
)
from slrt_kit.aggregate import Aggregate, RecordedEvent
from slrt_kit.purposes import PurposeTable

ERASE_WITHIN = timedelta(hours=72)
"""What a receiver has, from a withdrawal on, to stop and to erase: 3 x 24 hours (UU 27/2022, article 40)."""
BY_RESIDENT = "resident"
"""By whom a consent was withdrawn that was withdrawn in the resident's own session; who that was nobody asked."""
OF_AGE = 18
MOST_PER_EVENT = 100


class Method(StrEnum):
    """How consent was given."""

    ORAL = "oral"
    SIGNED_FORM = "signed_form"
    THUMB_MARK = "thumb_mark"
    ELECTRONIC = "electronic"


class GivenBy(StrEnum):
    """Who spoke for the person."""

    SELF = "self"
    GUARDIAN = "guardian"
    PROXY = "proxy"


class ProxyRelation(StrEnum):
    """How whoever spoke stands to the person."""

    PARENT = "parent"
    SPOUSE = "spouse"
    CHILD = "child"
    SIBLING = "sibling"
    OTHER_FAMILY = "other_family"
    COURT_GUARDIAN = "court_guardian"
    AUTHORISED = "authorised"


class WitnessRole(StrEnum):
    """Who was there when it was said, or a thumb was pressed."""

    FACILITATOR = "facilitator"
    OFFICER = "officer"
    VILLAGE = "village"
    NEIGHBOURHOOD = "neighbourhood"
    FAMILY = "family"


class WithdrawalReason(StrEnum):
    """Why it was withdrawn; nobody has to say."""

    NOT_SAID = "not_said"
    NOT_NEEDED = "not_needed"
    NOT_UNDERSTOOD = "not_understood"
    TROUBLED = "troubled"
    OTHER = "other"


class ConsentState(StrEnum):
    """Where a consent stands; the names are those of DPV's consent status."""

    GIVEN = "given"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Who gives or withdraws consent."""

    given_by: GivenBy
    relation: ProxyRelation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What the person was told, by version and language (``id``, ``en``, ``jv`` …)."""

    version: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """The end of a consent by whoever speaks for the person. ``note`` may name people; of an erased person it is None.

    ``by`` is the officer's account, or `BY_RESIDENT`.
    """

    at: datetime
    by: str
    speaker: Speaker
    reason: WithdrawalReason
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldClaim:
    """What an office got and has not erased yet."""

    receipt_id: ReceiptId
    office_code: OfficeCode
    purpose: str


@dataclass(kw_only=True)
class Consent(Aggregate):
    """One person's consent. ``offices`` may receive; empty stands for every office that the case is referred to.

    Times in UTC. ``recorded_by`` is the officer's account; ``note`` is in the officer's words and sealed.
    ``shown_to_resident`` says whether whoever has the case's ticket and phone sees it as theirs; ``expired_at`` is when
    it was ended for having run out, which is some time after ``expires_at``.
    """

    consent_id: ConsentId
    case_id: CaseId
    person_id: UUID
    purposes: tuple[str, ...]
    purposes_version: int
    offices: tuple[OfficeCode, ...]
    notice: Notice
    method: Method
    speaker: Speaker
    witness_role: WitnessRole | None
    given_at: datetime
    expires_at: datetime | None
    recorded_by: str
    recorded_at: datetime
    note: str | None = None
    withdrawal: Withdrawal | None = None
    expired_at: datetime | None = None
    shown_to_resident: bool = False

    @classmethod
    def give(cls, *, table: PurposeTable, birth_date: date | None, at: datetime, **said: object) -> Self:
        """A new consent, recorded at ``at`` (UTC).

        Raises:
            NotByConsentError: a purpose is none that rests on consent. GuardianNeededError: a child spoke for itself.
            WitnessNeededError: it was said or pressed, and nobody was there. ConsentPeriodError.
        """
        consent = cls(purposes_version=table.version, recorded_at=at, **said)  # type: ignore[arg-type]
        possible = [code for code, purpose in table.purposes.items() if purpose.needs_consent]
        if not set(consent.purposes) <= set(possible):
            raise NotByConsentError(possible=possible)
        if consent.given_at > at or (consent.expires_at is not None and consent.expires_at <= at):
            raise ConsentPeriodError
        if consent.method in (Method.ORAL, Method.THUMB_MARK) and consent.witness_role is None:
            raise WitnessNeededError
        if consent.speaker.given_by is GivenBy.SELF and _is_child(birth_date, consent.given_at.date()):
            raise GuardianNeededError
        return consent

    def state(self, at: datetime) -> ConsentState:
        """Where it stands at ``at`` (UTC)."""
        if self.withdrawal is not None:
            return ConsentState.WITHDRAWN
        is_over = self.expired_at is not None or (self.expires_at is not None and self.expires_at <= at)
        return ConsentState.EXPIRED if is_over else ConsentState.GIVEN

    def covers(self, purpose: str, office: OfficeCode | None, *, at: datetime) -> bool:
        """Whether an office may get data for a purpose at ``at`` (UTC)."""
        reaches = not self.offices or office in self.offices
        return self.state(at) is ConsentState.GIVEN and purpose in self.purposes and reaches

    def overlaps(self, other: "Consent", *, at: datetime) -> bool:
        """Whether both say something about the same: then a withdrawal of one would leave the other in force."""
        same_person = self.person_id == other.person_id and self.state(at) is ConsentState.GIVEN
        same_offices = not self.offices or not other.offices or bool(set(self.offices) & set(other.offices))
        return same_person and same_offices and bool(set(self.purposes) & set(other.purposes))

    @property
    def is_open(self) -> bool:
        """Whether it can be withdrawn: also one whose time is over, until its end was told."""
        return self.withdrawal is None and self.expired_at is None

    def check_open(self) -> None:
        """Raises TransitionRefusedError: it has ended before."""
        if not self.is_open:
            raise TransitionRefusedError

    def withdraw(
        self,
        *,
        speaker: Speaker,
        reason: WithdrawalReason,
        note: str | None,
        held: Sequence[HeldClaim],
        by: str,
        at: datetime,
    ) -> None:
        """End it, and tell who holds what was given by it; also when its time is over and nobody was told yet.

        Raises:
            TransitionRefusedError: it has ended before.
        """
        self.check_open()
        self.withdrawal = Withdrawal(at=at, by=by, speaker=speaker, reason=reason, note=note)
        self._end(ConsentEnd.WITHDRAWN, held, at=at)

    def expire(self, *, held: Sequence[HeldClaim], at: datetime) -> None:
        """End it because its time is over, and tell who holds what was given by it.

        Raises:
            TransitionRefusedError: it has ended before. ConsentPeriodError: it has not run out at ``at`` (UTC).
        """
        self.check_open()
        if self.state(at) is not ConsentState.EXPIRED:
            raise ConsentPeriodError
        self.expired_at = at
        self._end(ConsentEnd.EXPIRED, held, at=at)

    def _end(self, end: ConsentEnd, held: Sequence[HeldClaim], *, at: datetime) -> None:
        self._raise_event(
            ConsentEnded(
                consent_id=self.consent_id,
                case_id=self.case_id,
                reason_code=end,
                by_resident=self.withdrawal is not None and self.withdrawal.by == BY_RESIDENT,
                shown_to_resident=self.shown_to_resident,
            ),
            at=at,
        )
        for office in sorted({claim.office_code for claim in held}):
            self._tell(end, office, [claim for claim in held if claim.office_code == office], at=at)

    def _tell(self, end: ConsentEnd, office: OfficeCode, held: Sequence[HeldClaim], *, at: datetime) -> None:
        erase_by = (at + ERASE_WITHIN).date()
        for first in range(0, len(held), MOST_PER_EVENT):
            some = held[first : first + MOST_PER_EVENT]
            self._raise_event(
                SharingWithdrawn(
                    consent_id=self.consent_id,
                    case_id=self.case_id,
                    office_code=office,
                    purposes=tuple(sorted({claim.purpose for claim in some})),
                    receipt_ids=tuple(claim.receipt_id for claim in some),
                    reason_code=end,
                    erase_by=erase_by,
                ),
                at=at,
            )
        for claim in held:
            gone = ClaimWithdrawn(receipt_id=claim.receipt_id, erase_by=erase_by)
            self._raised.append(RecordedEvent(gone, 1, at))


def _is_child(birth_date: date | None, on: date) -> bool:
    if birth_date is None:
        return False
    years = on.year - birth_date.year - ((on.month, on.day) < (birth_date.month, birth_date.day))
    return years < OF_AGE
