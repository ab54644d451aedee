"""Say as data which action may follow in which state of a referral.

Source: the proposed model of the domain, section 13.2, and the referral of SAPA SOSIAL (section 3.9). What is not
in the table is refused. Overdue is no state: it is computed from the times.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class ReferralStatus(StrEnum):
    """Where a referral stands."""

    DRAFT = "draft"
    SENT = "sent"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    IN_SERVICE = "in_service"
    COMPLETED = "completed"
    CONFIRMED_BY_CLIENT = "confirmed_by_client"
    DECLINED = "declined"
    REROUTED = "rerouted"
    # Known to the model; no row of the table leads there until somebody needs it.
    RETURNED_FOR_DOCUMENTS = "returned_for_documents"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class ReferralAction(StrEnum):
    """What happens to a referral."""

    SEND = "send"
    RECEIVE = "receive"
    ACCEPT = "accept"
    START = "start"
    COMPLETE = "complete"
    CONFIRM = "confirm"
    DECLINE = "decline"
    REROUTE = "reroute"


_S, _A = ReferralStatus, ReferralAction

TRANSITIONS: Mapping[tuple[ReferralStatus, ReferralAction], ReferralStatus] = MappingProxyType(
    {
        (_S.DRAFT, _A.SEND): _S.SENT,
        # The office's own system took the notice.
        (_S.SENT, _A.RECEIVE): _S.RECEIVED,
        # An officer at the screen may be faster than the office's endpoint.
        (_S.SENT, _A.ACCEPT): _S.ACCEPTED,
        (_S.RECEIVED, _A.ACCEPT): _S.ACCEPTED,
        (_S.ACCEPTED, _A.START): _S.IN_SERVICE,
        # What is done on the spot needs no start.
        (_S.ACCEPTED, _A.COMPLETE): _S.COMPLETED,
        (_S.IN_SERVICE, _A.COMPLETE): _S.COMPLETED,
        (_S.COMPLETED, _A.CONFIRM): _S.CONFIRMED_BY_CLIENT,
        # Whoever has begun the service ends it with an outcome; `other_owner` is one.
        (_S.SENT, _A.DECLINE): _S.DECLINED,
        (_S.RECEIVED, _A.DECLINE): _S.DECLINED,
        (_S.ACCEPTED, _A.DECLINE): _S.DECLINED,
        (_S.DECLINED, _A.REROUTE): _S.REROUTED,
    }
)

WITH_THE_OFFICE = frozenset({_S.SENT, _S.RECEIVED, _S.ACCEPTED, _S.IN_SERVICE, _S.COMPLETED, _S.CONFIRMED_BY_CLIENT})
"""The states in which the referral is its office's business: only then is the office told of it."""
