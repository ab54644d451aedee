"""Choose the offices of past referrals again: by the policy in force, and with drafts (`slrt_kit.policy.what_if`)."""

from typing import Final

from slrt_contracts.codes import NeedCode, ProgrammeCode
from slrt_kit.db import Row, Values
from slrt_kit.policy.entries import RegionPolicy
from slrt_kit.policy.expressions import Context
from slrt_kit.policy.what_if.comparing import Comparison, Pair
from slrt_kit.policy.what_if.tally import Change, NotJudged, Tally, Way
from slrt_kit.regions import Regions
from slrt_referral.adapters.office_book import KIND, office_of
from slrt_referral.adapters.routing_book import routing_policy
from slrt_referral.domain.offices import Offices
from slrt_referral.domain.policy import AskedNeed, RoutingPolicy

_MOST_KEPT: Final = 50_000

_Key = tuple[str, str, str, str, str | None, bool, frozenset[tuple[str, str]]]


class RouteReplay:
    """Judges referrals by the codes that they keep; the offices are those of the comparison's day."""

    def __init__(
        self, comparison: Comparison, tally: Tally, *, query: str, column: str, regions: Regions, context: Context
    ) -> None:
        self.column = column
        self.query: tuple[str, Values] = query, {"since": comparison.since, "until": comparison.until}
        self._comparison, self._tally, self._regions, self._context = comparison, tally, regions, context
        self._policies: dict[tuple[int, str], RoutingPolicy] = {}
        self._ways: dict[_Key, tuple[Way, Way]] = {}

    def judge(self, row: Row) -> None:
        """Add up one referral."""
        district = row.routed_in or row.district_code
        pair = self._comparison.of(district)
        if pair is None:
            self._tally.outside += 1
            return
        found = self._tally.region(district)
        reason = self._why_not(row, district)
        if reason is not None:
            self._tally.not_judged[reason] += 1
            found.load(row.office_code, row.office_code, row.minutes)
            return
        before, after = self._both(pair, row)
        self._tally.judged += 1
        found.routed += 1
        found.load(before.office, after.office, row.minutes)
        if before != after:
            found.reroute(Change(row.need_code, before, after), None if row.hidden else row.referral_id)

    def _why_not(self, row: Row, district: str) -> NotJudged | None:
        if row.by_person:
            return NotJudged.BY_PERSON
        if row.attributes is None or row.routed_in is None:
            return NotJudged.FACTS_NOT_KEPT
        if self._regions.get(district) is None:
            return NotJudged.UNKNOWN_REGION
        known = row.need_code in _NEEDS and row.programme_code in _PROGRAMMES
        return None if known else NotJudged.UNKNOWN_CODE

    def _both(self, pair: Pair, row: Row) -> tuple[Way, Way]:
        key = (
            pair.before.version,
            pair.after.version,
            row.routed_in,
            row.need_code,
            row.programme_code,
            row.urgent,
            frozenset(row.attributes.items()),
        )
        found = self._ways.get(key)
        if found is None:
            if len(self._ways) >= _MOST_KEPT:
                self._ways.clear()
            before, after = (self._way(place, policy, row) for place, policy in enumerate(pair))
            found = self._ways[key] = before, after
        return found

    def _way(self, place: int, policy: RegionPolicy, row: Row) -> Way:
        made = self._policies.get((place, policy.version))
        if made is None:
            offices = Offices(map(office_of, policy.entries(KIND).values()))
            made = self._policies[place, policy.version] = routing_policy(policy, offices, self._context)
        need = AskedNeed(
            need_code=NeedCode(row.need_code),
            programme_code=None if row.programme_code is None else ProgrammeCode(row.programme_code),
            urgent=row.urgent,
            attributes=row.attributes,
        )
        route = made.route(need, district_code=row.routed_in, on=self._comparison.day)
        return Way(route.office.code, route.rule_id, tuple(route.after))


_NEEDS: Final = frozenset(member.value for member in NeedCode)
_PROGRAMMES: Final = frozenset(member.value for member in ProgrammeCode) | {None}
