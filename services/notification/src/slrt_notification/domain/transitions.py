"""Say as data which end a notification may take from where it stands (domain section 13.6)."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class NotificationStatus(StrEnum):
    """Where a notification stands."""

    HELD = "held"
    QUEUED = "queued"
    DELIVERED = "delivered"
    FAILED = "failed"


class NotificationAction(StrEnum):
    """The end of the quiet hours, and what its channel reports."""

    RELEASE = "release"
    DELIVER = "deliver"
    FAIL = "fail"


# Both ends are final: what was taken is not sent again, what failed is the office's to tell in another way.
TRANSITIONS: Mapping[tuple[NotificationStatus, NotificationAction], NotificationStatus] = MappingProxyType(
    {
        (NotificationStatus.HELD, NotificationAction.RELEASE): NotificationStatus.QUEUED,
        (NotificationStatus.QUEUED, NotificationAction.DELIVER): NotificationStatus.DELIVERED,
        (NotificationStatus.QUEUED, NotificationAction.FAIL): NotificationStatus.FAILED,
    }
)
