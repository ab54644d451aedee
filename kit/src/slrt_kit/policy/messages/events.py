"""The events that somebody is told of, by what they are about; a message names one of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from slrt_contracts.events.base import Event
from slrt_contracts.events.intake import (
    CaseClosed,
    CaseDecided,
    CaseRegistered,
    CaseResolved,
    ConsentEnded,
    EmergencyAccessOpened,
    LetterSigned,
    ResidentCodeRequested,
)
from slrt_contracts.events.referral import ReferralAccepted, ReferralCompleted, ReferralRerouted, ReferralSent

CASE_EVENTS: Final[tuple[type[Event], ...]] = (CaseRegistered, CaseDecided, CaseResolved, CaseClosed)
REFERRAL_EVENTS: Final[tuple[type[Event], ...]] = (ReferralSent, ReferralAccepted, ReferralRerouted, ReferralCompleted)

SUPERVISION_EVENTS: Final[tuple[type[Event], ...]] = (EmergencyAccessOpened,)
"""Those that a supervisor is told of, and no resident."""

RESIDENT_EVENTS: Final[tuple[type[Event], ...]] = (ResidentCodeRequested,)
"""Those whose message brings a one-time code."""

CONSENT_EVENTS: Final[tuple[type[Event], ...]] = (ConsentEnded,)

LETTER_EVENTS: Final[tuple[type[Event], ...]] = (LetterSigned,)

HEARD_EVENTS: Final[Mapping[str, type[Event]]] = MappingProxyType(
    {
        event.TYPE: event
        for event in (
            *(*CASE_EVENTS, *REFERRAL_EVENTS, *SUPERVISION_EVENTS),
            *(*RESIDENT_EVENTS, *CONSENT_EVENTS, *LETTER_EVENTS),
        )
    }
)
"""All of them, by type."""
