"""The routing rules as the policy in force has them in a region, with its table of offices, for the domain."""

from slrt_contracts.codes import FunctionCode, NeedCode, ProgrammeCode
from slrt_contracts.types import PolicyLabel, RuleId
from slrt_kit.clock import Clock
from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.entries import RegionPolicy
from slrt_kit.policy.expressions import Context
from slrt_kit.policy.routing import RoutingRule, read_queues, read_rules, routing_context
from slrt_kit.regions import Regions
from slrt_referral.adapters.office_book import KIND, BookOffices, office_of
from slrt_referral.domain.explaining import Explainer
from slrt_referral.domain.offices import OfficeLevel, Offices, OfficeTable
from slrt_referral.domain.policy import ManagerQueue, RoutingPolicy, Rule

_MOST_KEPT = 2000
"""Policies that are kept compiled, one for each set of layers."""


class RoutingBook:
    """What the policy in force says about routing. Each method raises PolicyUnknownError: nothing has been read yet."""

    def __init__(self, book: PolicyBook, clock: Clock, regions: Regions) -> None:
        self.offices = BookOffices(book, clock)
        self._book = book
        self._clock = clock
        self._context = routing_context(regions)
        self._regions = regions
        self._made: dict[str, Explainer] = {}
        self._past: dict[str, Explainer] = {}

    def knows(self, district: str) -> bool:
        """Whether there is a district of that code: every region has a policy, also one that does not exist."""
        return self._regions.get(district) is not None

    def at(self, region: str) -> RoutingPolicy:
        """What holds in a region (``00`` or a dotted code) now."""
        return self.explainer(region).policy

    def explainer(self, region: str) -> Explainer:
        """What holds in a region now, and says why."""
        policy = self._book.at(region, self._clock.now())
        made = self._made.get(policy.version)
        if made is None:
            if len(self._made) >= _MOST_KEPT:
                self._made.clear()
            made = self._made[policy.version] = Explainer(routing_policy(policy, self.offices, self._context))
        return made

    async def under(self, version: str) -> Explainer:
        """What the version says that a decision names (``00:3,12.74:2``), with its own offices, and says why.

        Raises:
            NotFoundError: there is no such version. psycopg.Error: the database is away, and it is not known here.
        """
        made = self._past.get(version)
        if made is None:
            policy = await self._book.version(version)
            offices = Offices(map(office_of, policy.entries(KIND).values()))
            if len(self._past) >= _MOST_KEPT:
                self._past.clear()
            made = self._past[version] = Explainer(routing_policy(policy, offices, self._context))
        return made


def routing_policy(policy: RegionPolicy, offices: OfficeTable, context: Context) -> RoutingPolicy:
    """The routing policy of entries in which `slrt_kit.policy.routing.check` found nothing."""
    rules, _ = read_rules(policy, context)
    queue = read_queues(policy)[0]
    return RoutingPolicy(
        version=PolicyLabel(policy.version),
        rules=tuple(_rule(rule) for rule in rules),
        queue=ManagerQueue(
            rule_id=RuleId(queue.key),
            function=FunctionCode(queue.function),
            levels=tuple(OfficeLevel(level) for level in queue.levels),
        ),
        reroutes_before_queue=queue.reroutes_before_queue,
        offices=offices,
    )


def _rule(rule: RoutingRule) -> Rule:
    return Rule(
        rule_id=RuleId(rule.key),
        need=NeedCode(rule.need),
        when=rule.when,
        function=FunctionCode(rule.function),
        level=OfficeLevel(rule.level),
        programme=None if rule.programme is None else ProgrammeCode(rule.programme),
        priority=rule.priority,
        after=tuple(NeedCode(need) for need in rule.after),
    )
