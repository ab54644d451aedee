"""Every event of the system, by type."""

from types import MappingProxyType
from typing import Final

from slrt_contracts.events.audit import (
    AuditDaySealed,
    IntakeAuditDaySealed,
    NotificationAuditDaySealed,
    ReferralAuditDaySealed,
    RegistryAuditDaySealed,
)
from slrt_contracts.events.base import Event, Part, UndecodableEventError
from slrt_contracts.events.duty import DutyAssigned, DutyEnded
from slrt_contracts.events.intake import (
    AttachmentAdded,
    AttachmentRemoved,
    CaseAssigned,
    CaseClosed,
    CaseDecided,
    CaseRecommended,
    CaseRegistered,
    CaseResolved,
    CaseScreened,
    CaseSealed,
    CaseTransferred,
    CaseUnassigned,
    CaseUnsealed,
    ClaimWithdrawn,
    ConsentEnded,
    DecidedNeed,
    EmergencyAccessOpened,
    EmergencyAccessReviewed,
    NeedAttribute,
    NeedOutcome,
    NeedOutcomeRecorded,
    NeedSnapshot,
    RecommendedNeed,
    ResidentCodeRequested,
    SharingWithdrawn,
)
from slrt_contracts.events.looks import (
    IntakeLooksRecorded,
    LooksRecorded,
    LookTold,
    ReferralLooksRecorded,
    RegistryLooksRecorded,
)
from slrt_contracts.events.notification import NotificationDelivered, NotificationFailed, NotificationQueued
from slrt_contracts.events.referral import (
    ReferralAccepted,
    ReferralCompleted,
    ReferralConfirmed,
    ReferralCreated,
    ReferralDeclined,
    ReferralReceived,
    ReferralRerouted,
    ReferralSent,
    ReferralServiceStarted,
)
from slrt_contracts.events.registry import (
    ErasedInCase,
    FamilyRecorded,
    FamilyTransferred,
    ParticipationRecorded,
    PersonErased,
    PersonRecorded,
    PersonTransferred,
    ProgrammeNeedMet,
    ProgrammeNeedRecorded,
)

_ALL: Final[tuple[type[Event], ...]] = (
    CaseRegistered,
    CaseScreened,
    CaseRecommended,
    CaseDecided,
    NeedOutcomeRecorded,
    CaseResolved,
    CaseClosed,
    CaseTransferred,
    CaseAssigned,
    CaseUnassigned,
    CaseSealed,
    CaseUnsealed,
    EmergencyAccessOpened,
    EmergencyAccessReviewed,
    AttachmentAdded,
    AttachmentRemoved,
    ResidentCodeRequested,
    ConsentEnded,
    SharingWithdrawn,
    ClaimWithdrawn,
    DutyAssigned,
    DutyEnded,
    ReferralCreated,
    ReferralSent,
    ReferralReceived,
    ReferralAccepted,
    ReferralServiceStarted,
    ReferralDeclined,
    ReferralRerouted,
    ReferralCompleted,
    ReferralConfirmed,
    PersonRecorded,
    PersonTransferred,
    PersonErased,
    FamilyRecorded,
    FamilyTransferred,
    ProgrammeNeedRecorded,
    ProgrammeNeedMet,
    ParticipationRecorded,
    NotificationQueued,
    NotificationDelivered,
    NotificationFailed,
    IntakeAuditDaySealed,
    ReferralAuditDaySealed,
    RegistryAuditDaySealed,
    NotificationAuditDaySealed,
    IntakeLooksRecorded,
    ReferralLooksRecorded,
    RegistryLooksRecorded,
)
EVENT_TYPES: Final = MappingProxyType({event.TYPE: event for event in _ALL})
"""CloudEvents type → model."""


class UnknownEventTypeError(LookupError):
    """This build has no model for the type: a newer fact, which a consumer counts and passes over."""


def decode_event(event_type: str, payload: bytes | str) -> Event:
    """Read a payload by the type its `ce_type` header names.

    Raises UnknownEventTypeError for a type that this build does not know, UndecodableEventError for a payload
    that is not what its type says.
    """
    model = EVENT_TYPES.get(event_type)
    if model is None:
        raise UnknownEventTypeError(event_type)
    return model.decode(payload)


__all__ = [
    "EVENT_TYPES",
    "AttachmentAdded",
    "AttachmentRemoved",
    "AuditDaySealed",
    "CaseAssigned",
    "CaseClosed",
    "CaseDecided",
    "CaseRecommended",
    "CaseRegistered",
    "CaseResolved",
    "CaseScreened",
    "CaseSealed",
    "CaseTransferred",
    "CaseUnassigned",
    "CaseUnsealed",
    "ClaimWithdrawn",
    "ConsentEnded",
    "DecidedNeed",
    "DutyAssigned",
    "DutyEnded",
    "EmergencyAccessOpened",
    "EmergencyAccessReviewed",
    "ErasedInCase",
    "Event",
    "FamilyRecorded",
    "FamilyTransferred",
    "IntakeAuditDaySealed",
    "IntakeLooksRecorded",
    "LookTold",
    "LooksRecorded",
    "NeedAttribute",
    "NeedOutcome",
    "NeedOutcomeRecorded",
    "NeedSnapshot",
    "NotificationAuditDaySealed",
    "NotificationDelivered",
    "NotificationFailed",
    "NotificationQueued",
    "Part",
    "ParticipationRecorded",
    "PersonErased",
    "PersonRecorded",
    "PersonTransferred",
    "ProgrammeNeedMet",
    "ProgrammeNeedRecorded",
    "RecommendedNeed",
    "ReferralAccepted",
    "ReferralAuditDaySealed",
    "ReferralCompleted",
    "ReferralConfirmed",
    "ReferralCreated",
    "ReferralDeclined",
    "ReferralLooksRecorded",
    "ReferralReceived",
    "ReferralRerouted",
    "ReferralSent",
    "ReferralServiceStarted",
    "RegistryAuditDaySealed",
    "RegistryLooksRecorded",
    "ResidentCodeRequested",
    "SharingWithdrawn",
    "UndecodableEventError",
    "UnknownEventTypeError",
    "decode_event",
]
