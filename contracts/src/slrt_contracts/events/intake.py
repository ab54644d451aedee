"""Facts told by the intake service: the life of a case."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, ValidationInfo, model_validator

from slrt_contracts.catalogue import ATTRIBUTES
from slrt_contracts.codes import (
    READING,
    AttributeName,
    AttributeValue,
    CaseKind,
    Channel,
    ClosedBy,
    Concern,
    ConsentEnd,
    DecidedByLevel,
    FileClass,
    GrievanceType,
    LetterRevocation,
    MediaType,
    NeedCode,
    NeedDecision,
    NeedSubject,
    NotificationChannel,
    Open,
    OutcomeCode,
    ProgrammeCode,
    Recommendation,
    RegistryStatus,
    RemovalReason,
    Sector,
    WaitReason,
)
from slrt_contracts.events.base import Event, Part
from slrt_contracts.types import (
    AccessId,
    CaseId,
    ChallengeId,
    ConsentId,
    DistrictCode,
    EraseBy,
    FileId,
    JustifiedFlag,
    LastValidDay,
    LetterId,
    LetterType,
    Moment,
    NeedId,
    OfficeCode,
    OwnSessionFlag,
    PurposeCode,
    ReceiptId,
    ReferralId,
    RestrictedFlag,
    SatisfiedFlag,
    ShownToResidentFlag,
    SizeKib,
    SubjectFlag,
    UrgentFlag,
)

# One field report holds a handful of needs; the bound keeps an event far below the broker's message limit.
_PerNeed = Field(min_length=1, max_length=50)
_Attributes = Field(max_length=20)
_Channels = Field(max_length=10)
_Waits = Field(max_length=20)
_PerPurpose = Field(min_length=1, max_length=20)
_PerReceipt = Field(min_length=1, max_length=100)


class NeedAttribute(Part):
    """A fact about a need that routing rules may ask for."""

    name: Open[AttributeName]
    value: Open[AttributeValue]

    @model_validator(mode="after")
    def _value_belongs_to_name(self, info: ValidationInfo) -> Self:
        # Tomorrow's contract may allow a pair that this build does not know.
        if info.context != READING and self.value not in ATTRIBUTES[self.name]:
            raise ValueError(f"{self.name} cannot be {self.value}")
        return self


class Wait(Part):
    """Another need of the case that must be met before."""

    need_id: NeedId
    reason: Open[WaitReason]


class NeedSnapshot(Part):
    """A need as it was when the event was recorded. ``waits_on`` are needs of the same case, without a cycle."""

    need_id: NeedId
    need_code: Open[NeedCode]
    sector: Open[Sector]
    programme_code: Open[ProgrammeCode] | None = None
    urgent: UrgentFlag
    attributes: Annotated[tuple[NeedAttribute, ...], _Attributes] = ()
    subject: Open[NeedSubject] | None = None
    grievance_type: Open[GrievanceType] | None = None
    waits_on: Annotated[tuple[Wait, ...], _Waits] = ()


class RecommendedNeed(Part):
    """A need with what the back office proposes for it."""

    need_id: NeedId
    recommendation: Recommendation


class DecidedNeed(NeedSnapshot):
    """A need with what was decided for it."""

    decision: NeedDecision


class NeedOutcome(Part):
    """A need with how it ended."""

    need_id: NeedId
    outcome_code: Open[OutcomeCode]


class _CaseEvent(Event):
    TOPIC: ClassVar[str] = "slrt.intake.case.v1"
    KEY: ClassVar[str] = "case_id"

    case_id: CaseId


class CaseRegistered(_CaseEvent):
    """A case got its ticket number.

    Told when the reporter's draft is confirmed. The registry fetches the identities by claim check and
    records person, family and needs; the resident is sent the ticket number, through the channels of ``reachable_by``
    (that there is one, never the address). An event without it, without ``kind`` or without ``concerns`` was recorded
    before the field was.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.case-registered.v1"

    channel: Open[Channel]
    district_code: DistrictCode
    urgent: UrgentFlag
    restricted: RestrictedFlag = False
    has_subject: SubjectFlag
    reachable_by: Annotated[tuple[Open[NotificationChannel], ...], _Channels] | None = None
    kind: Open[CaseKind] | None = None
    concerns: Open[Concern] | None = None
    needs: Annotated[tuple[NeedSnapshot, ...], _PerNeed]


class CaseScreened(_CaseEvent):
    """The front office compared the case with the welfare registry.

    Told once the registry check is done, also when it could not answer. For timelines and reports.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.case-screened.v1"

    registry_status: RegistryStatus


class CaseRecommended(_CaseEvent):
    """The back office proposed what to do with each need.

    Told when the recommendation goes to the coordinator or the manager. For timelines and reports.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.case-recommended.v1"

    needs: Annotated[tuple[RecommendedNeed, ...], _PerNeed]


class CaseDecided(_CaseEvent):
    """The coordinator or the manager decided what happens with each need.

    The referral service makes a referral of every need decided `refer`; the resident is told.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.case-decided.v1"

    district_code: DistrictCode
    restricted: RestrictedFlag = False
    decided_by_level: Open[DecidedByLevel]
    needs: Annotated[tuple[DecidedNeed, ...], _PerNeed]


class NeedOutcomeRecorded(_CaseEvent):
    """A need has an outcome, by a referral or in the village.

    Told once per need, each time its outcome is set. For timelines and reports.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.need-outcome-recorded.v1"

    need_id: NeedId
    outcome_code: Open[OutcomeCode]
    referral_id: Annotated[
        ReferralId | None, Field(description="The referral that brought the outcome; null when solved locally.")
    ] = None


class CaseResolved(_CaseEvent):
    """Every need of the case has an outcome.

    The resident is asked whether it helped.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.case-resolved.v1"

    outcomes: Annotated[tuple[NeedOutcome, ...], _PerNeed]


class CaseClosed(_CaseEvent):
    """The case ended, by the resident's answer or by the rule for those who never answer.

    The referral service confirms its completed referrals; the resident gets the last message.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.case-closed.v1"

    closed_by: ClosedBy
    satisfied: SatisfiedFlag | None = None


class CaseTransferred(_CaseEvent):
    """The case belongs to another region from now on.

    Told when a family moved or the case was registered in the wrong place. Every service shows it to the new region
    and no longer to the old one.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.case-transferred.v1"

    district_code: Annotated[DistrictCode, Field(description="The district that it belongs to now.")]


class CaseAssigned(_CaseEvent):
    """An officer was put in charge of the case.

    Told on each assignment; who it is stays with the intake service. For timelines and reports.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.case-assigned.v1"


class CaseUnassigned(_CaseEvent):
    """An officer is no longer in charge of the case.

    Told when somebody ends an assignment. For timelines and reports.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.case-unassigned.v1"


class CaseSealed(_CaseEvent):
    """The case was closed to everybody, by order of the head of the office.

    Every service hides it, until it is unsealed.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.case-sealed.v1"


class CaseUnsealed(_CaseEvent):
    """The seal of the case was lifted.

    Every service shows it again to those who may see it.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.case-unsealed.v1"


class _AccessEvent(Event):
    TOPIC: ClassVar[str] = "slrt.intake.access.v1"
    KEY: ClassVar[str] = "access_id"

    access_id: AccessId
    case_id: CaseId


class EmergencyAccessOpened(_AccessEvent):
    """Somebody opened a case that is not theirs to see, in an emergency, for three hours.

    The supervisor is told at once; a review is due.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.emergency-access-opened.v1"

    district_code: DistrictCode


class EmergencyAccessReviewed(_AccessEvent):
    """The supervisor looked at an emergency access and said whether it was justified.

    For reports and for the data protection officer.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.emergency-access-reviewed.v1"

    justified: JustifiedFlag


class _FileEvent(Event):
    TOPIC: ClassVar[str] = "slrt.intake.attachment.v1"
    KEY: ClassVar[str] = "file_id"

    file_id: FileId
    case_id: CaseId


class AttachmentAdded(_FileEvent):
    """Somebody attached a file to a case; it is cleaned and sealed, and only those who may see the case can read it.

    For the case's timeline.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.attachment-added.v1"

    file_class: Open[FileClass]
    media_type: Open[MediaType]
    size_kib: SizeKib


class AttachmentRemoved(_FileEvent):
    """Somebody took a file away from a case: nobody can read it any more.

    For the case's timeline.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.attachment-removed.v1"

    reason_code: Open[RemovalReason]


class _LetterEvent(Event):
    TOPIC: ClassVar[str] = "slrt.intake.letter.v1"
    KEY: ClassVar[str] = "letter_id"

    letter_id: LetterId
    case_id: CaseId
    letter_type: LetterType


class LetterSigned(_LetterEvent):
    """A letter has its number and is signed: it holds, and waits to be fetched.

    For the case's timeline; the resident is told that a letter is ready, and not which.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.letter-signed.v1"

    valid_until: LastValidDay | None = None


class LetterIssued(_LetterEvent):
    """A signed letter was handed over.

    For the case's timeline and for figures.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.letter-issued.v1"


class LetterRevoked(_LetterEvent):
    """A signed letter holds no longer; its number stays used, and whoever checks it is told so.

    For the case's timeline and for figures.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.letter-revoked.v1"

    reason_code: Open[LetterRevocation]


class LetterExpired(_LetterEvent):
    """The last day of a letter has passed.

    Told some time after that day has ended; whoever checks the letter is told so from the day's end on.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.letter-expired.v1"


class ResidentCodeRequested(Event):
    """A resident asked for a one-time code, to see more of the case than where it stands.

    From `expires_at` on it opens nothing. Notification fetches the code by claim check, as long as it lives, and sends
    it. Whoever has the event has no code.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.resident-code-requested.v1"
    TOPIC: ClassVar[str] = "slrt.intake.resident.v1"
    KEY: ClassVar[str] = "challenge_id"

    challenge_id: ChallengeId
    case_id: CaseId
    expires_at: Moment
    reachable_by: Annotated[tuple[Open[NotificationChannel], ...], _Channels]


class ConsentEnded(Event):
    """A consent ended: it was withdrawn, or its time ran out. Nothing is shared by it any more.

    For the case's timeline, and for the message to the resident where it is theirs. One for each consent.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.consent-ended.v1"
    TOPIC: ClassVar[str] = "slrt.intake.sharing.v1"
    KEY: ClassVar[str] = "consent_id"

    consent_id: ConsentId
    case_id: CaseId
    reason_code: Open[ConsentEnd]
    by_resident: OwnSessionFlag
    shown_to_resident: ShownToResidentFlag


class SharingWithdrawn(Event):
    """A consent ended by which an office holds data: it may use them no more and must erase them.

    One event for each office that holds some, which its connector tells it; several where it holds much.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.sharing-withdrawn.v1"
    TOPIC: ClassVar[str] = "slrt.intake.sharing.v1"
    KEY: ClassVar[str] = "consent_id"

    consent_id: ConsentId
    case_id: CaseId
    office_code: OfficeCode
    purposes: Annotated[tuple[PurposeCode, ...], _PerPurpose]
    receipt_ids: Annotated[tuple[ReceiptId, ...], _PerReceipt]
    reason_code: Open[ConsentEnd]
    erase_by: EraseBy


class ClaimWithdrawn(Event):
    """What was delivered under this receipt may be used no more and must be erased.

    For partners that read topics: each knows the receipts that it was given, and to all others they say nothing.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.claim-withdrawn.v1"
    TOPIC: ClassVar[str] = "slrt.intake.tombstone.v1"
    KEY: ClassVar[str] = "receipt_id"

    receipt_id: ReceiptId
    erase_by: EraseBy
