"""Facts told by every service of its audit log: what it sealed in a day, so that anybody can hold it to it."""

from typing import Annotated, ClassVar

from pydantic import Field

from slrt_contracts.events.base import Event
from slrt_contracts.types import ChainId, Digest, LogPosition, SealedDay


class AuditDaySealed(Event):
    """What the events of all services have in common.

    The fields are those of the statement that ``seal`` signs: see `docs/how-to/verify-the-audit-log.md`.
    """

    KEY: ClassVar[str] = "chain_id"

    chain_id: ChainId
    day: SealedDay
    number: Annotated[LogPosition, Field(description="Which day of the chain it is, from 1.")]
    first: Annotated[LogPosition, Field(description="Position of the day's first entry.")]
    last: Annotated[LogPosition, Field(description="Position of its last entry; `first` - 1 when it has none.")]
    head: Annotated[Digest, Field(description="Link of the entry at `last`.")]
    root: Annotated[Digest, Field(description="Merkle root (RFC 6962) over the links of the day.")]
    previous: Annotated[Digest, Field(description="SHA-256 of the statement of the day before; zeros for the first.")]
    public_key: Annotated[Digest, Field(description="SHA-256 of the public key.")]
    seal: Annotated[Digest, Field(description="Ed25519 signature of the statement.")]


class IntakeAuditDaySealed(AuditDaySealed):
    """The audit log of intake was closed for a day of UTC.

    For auditors and partners who keep the roots: with them, an export that was altered or cut cannot pass.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.audit-day-sealed.v1"
    TOPIC: ClassVar[str] = "slrt.intake.audit.v1"


class ReferralAuditDaySealed(AuditDaySealed):
    """The audit log of referral was closed for a day of UTC.

    For auditors and partners who keep the roots: with them, an export that was altered or cut cannot pass.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.audit-day-sealed.v1"
    TOPIC: ClassVar[str] = "slrt.referral.audit.v1"


class RegistryAuditDaySealed(AuditDaySealed):
    """The audit log of registry was closed for a day of UTC.

    For auditors and partners who keep the roots: with them, an export that was altered or cut cannot pass.
    """

    TYPE: ClassVar[str] = "id.slrt.registry.audit-day-sealed.v1"
    TOPIC: ClassVar[str] = "slrt.registry.audit.v1"


class NotificationAuditDaySealed(AuditDaySealed):
    """The audit log of notification was closed for a day of UTC.

    For auditors and partners who keep the roots: with them, an export that was altered or cut cannot pass.
    """

    TYPE: ClassVar[str] = "id.slrt.notification.audit-day-sealed.v1"
    TOPIC: ClassVar[str] = "slrt.notification.audit.v1"
