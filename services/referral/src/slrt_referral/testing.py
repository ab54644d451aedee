"""Referrals in memory, and the routing that comes with the service, for tests without a database."""

from collections.abc import Callable, Collection, Sequence
from copy import deepcopy

from slrt_contracts.events import Event
from slrt_contracts.types import CaseId, NeedId, ReferralId
from slrt_kit.clock import Clock, SystemClock
from slrt_kit.db import StaleVersionError
from slrt_kit.outbox import Outbox
from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.privacy import Vault
from slrt_kit.regions import packaged_regions
from slrt_kit.testing import packaged_deadlines
from slrt_referral.adapters.routing_book import RoutingBook
from slrt_referral.domain.referral import Referral, Step
from slrt_referral.domain.transitions import ReferralStatus
from slrt_referral.store.referral_clocks import ReferralClocks
from slrt_referral.store.referrals import ReferralStores


def packaged_routing(clock: Clock | None = None) -> RoutingBook:
    """The routing rules and offices that come with the service, in force since ever."""
    regions = packaged_regions()
    rules = PolicyRules.of("referral", regions)
    book = PolicyBook.of(rules, packaged_documents("slrt_referral", rules))
    return RoutingBook(book, clock or SystemClock(), regions)


def packaged_stores(vault: Vault) -> ReferralStores:
    """What opens the store of a unit of work, under the policy that comes with the service."""
    return ReferralStores(Outbox("referral"), vault, ReferralClocks(packaged_deadlines("referral")))


class MemoryReferrals:
    """Keeps the promises of `ports.Referrals` for one caller at a time.

    ``events`` and ``steps`` are what was written, in that order.
    """

    def __init__(self) -> None:
        self._rows: dict[ReferralId, Referral] = {}
        self.events: list[Event] = []
        self.steps: dict[ReferralId, list[Step]] = {}

    async def add(self, referral: Referral) -> None:
        """Keep a new referral."""
        self._write(referral)

    async def save(self, referral: Referral) -> None:
        """Keep a changed referral; raises StaleVersionError."""
        present = self._rows.get(referral.referral_id)
        if present is None or present.version != referral.version:
            raise StaleVersionError
        self._write(referral)

    async def get(self, referral_id: ReferralId) -> Referral | None:
        """A copy of the referral of that id."""
        return deepcopy(self._rows.get(referral_id))

    async def get_locked(self, referral_id: ReferralId) -> Referral | None:
        """The same: there is nobody else."""
        return await self.get(referral_id)

    async def waiting_for(self, referral: Referral) -> Sequence[Referral]:
        """Copies of the referrals that wait for it."""
        return self._where(lambda row: row.case_id == referral.case_id and referral.referral_id in row.waiting_on)

    async def of_case(self, case_id: CaseId, *, status: ReferralStatus) -> Sequence[Referral]:
        """Copies of the referrals of a case in that status."""
        return self._where(lambda row: row.case_id == case_id and row.status is status)

    async def needs_with_referral(self, needs: Collection[NeedId]) -> frozenset[NeedId]:
        """Which of the needs have a referral."""
        return frozenset(row.need_id for row in self._rows.values() if row.need_id in needs)

    def all(self) -> list[Referral]:
        """Copies of everything, by id."""
        return self._where(lambda _: True)

    def _where(self, condition: Callable[[Referral], bool]) -> list[Referral]:
        found = (row for row in self._rows.values() if condition(row))
        return [deepcopy(row) for row in sorted(found, key=lambda row: row.referral_id)]

    def _write(self, referral: Referral) -> None:
        self.events += [recorded.event for recorded in referral.raised]
        self.steps.setdefault(referral.referral_id, []).extend(referral.new_steps)
        referral.mark_saved()
        self._rows[referral.referral_id] = deepcopy(referral)
