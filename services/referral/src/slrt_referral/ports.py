"""What the use cases need from outside, as Protocols; `store/` and `adapters/` keep these promises."""

from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

from slrt_contracts.types import CaseId, NeedId, ReferralId
from slrt_kit.access import Scope
from slrt_referral.domain.referral import Referral
from slrt_referral.domain.transitions import ReferralStatus


class Referrals(Protocol):
    """The referrals of one unit of work. Saving writes the raised events to the outbox and the steps beside."""

    async def add(self, referral: Referral) -> None: ...

    async def get(self, referral_id: ReferralId) -> Referral | None: ...

    async def get_within(self, referral_id: ReferralId, scope: Scope) -> Referral | None:
        """As `get`, when the scope reaches it."""

    async def get_locked(self, referral_id: ReferralId) -> Referral | None:
        """As `get`; nobody else changes it before this unit of work ends."""

    async def waiting_for(self, referral: Referral) -> Sequence[Referral]:
        """The drafts that wait for it, locked, in the order of their ids."""

    async def of_case(self, case_id: CaseId, *, status: ReferralStatus) -> Sequence[Referral]:
        """The referrals of a case in that status, locked, in the order of their ids."""

    async def needs_with_referral(self, needs: Collection[NeedId]) -> frozenset[NeedId]:
        """Which of the needs have a referral already."""

    async def save(self, referral: Referral) -> None:
        """Raises StaleVersionError when somebody else saved it since."""


class Notices(Protocol):
    """The way to one office's own endpoint."""

    async def deliver(self, *, notice_id: UUID, body: bytes) -> None:
        """Hand over a signed notice; it may be handed over again under the same id.

        Raises:
            TransientError: the endpoint is away. RejectedError: it refuses the notice.
        """
