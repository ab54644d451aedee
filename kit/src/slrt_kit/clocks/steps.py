"""Say which clock runs while something is in a state of its workflow: whose it is, and by what it is reckoned."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from slrt_contracts.codes import ClockMoveCause
from slrt_kit.clock import NewId
from slrt_kit.clocks.clock import Clock, Owner, OwnerKind, Subject
from slrt_kit.clocks.policy import BESIDE, ClockPolicy, Terms, clock_policy
from slrt_kit.clocks.reporting import RegionRoles
from slrt_kit.clocks.store import ClockStore
from slrt_kit.policy.checks.workflow import GOES_ON, NO_CLOCK
from slrt_kit.policy.entries import Entry, RegionPolicy

if TYPE_CHECKING:
    from slrt_kit.policy.book import PolicyBook

_MOST_KEPT: Final = 4096


class StepTerms(NamedTuple):
    """Whose time passes in a state (a role's name, ``office`` or ``resident``), and by which terms."""

    owner: str
    terms: Terms


@dataclass(frozen=True, slots=True)
class Started:
    """What a clock of a step is started for. ``office`` is its code where the step belongs to one.

    ``need`` is the code of the need where it is about one alone, as a referral is.
    """

    subject: Subject
    region: str
    state: str
    urgent: bool
    at: datetime
    office: str | None = None
    need: str | None = None


class StepClocks:
    """The clocks of one version of a policy, as they run in one region."""

    def __init__(self, policy: RegionPolicy, clocks: ClockPolicy | None = None) -> None:
        self.policy: ClockPolicy = clocks or clock_policy(policy)
        self.version = self.policy.version
        self._policy = policy
        self._workflow = policy.entries("workflow")
        self._made: dict[tuple[str, bool, str | None], StepTerms | None] = {}

    def beside(self, now: "StepClocks") -> "StepClocks":
        """These steps, with what holds for open things of the version that is in force."""
        clocks = self.policy.under(now.policy)
        return self if clocks is self.policy else StepClocks(self._policy, clocks)

    def of(self, state: str, *, urgent: bool, need: str | None = None) -> StepTerms | None:
        """The clock of a state, that of the need where it has one there; None where none runs.

        Raises:
            UnknownTermError: the workflow names a class that is not there, and was not checked.
        """
        key = (state, urgent, need)
        if key not in self._made:
            self._made[key] = self._make(state, urgent=urgent, need=need)
        return self._made[key]

    def has(self, state: str) -> bool:
        """Whether the workflow knows the state."""
        return state in self._workflow

    def goes_on(self, state: str) -> bool:
        """Whether the clock of the state before runs on in this one."""
        entry = self._workflow.get(state)
        return entry is not None and entry.fields.get("clock") == GOES_ON

    def clocked(self, state: str) -> str:
        """The state whose clock runs in this one: itself, or that before where it goes on."""
        seen = [state]
        while self.goes_on(seen[-1]):
            before = (key for key, entry in self._workflow.items() if seen[-1] in _targets(entry) and key not in seen)
            seen.append(next(before, state))
            if seen[-1] == state:
                break
        return seen[-1]

    def state(self, state: str) -> Entry | None:
        """A state of the workflow; None where it has none of that name."""
        return self._workflow.get(state)

    def owner(self, state: str, office: str | None) -> Owner | None:
        """Whose time passes in a state, of the office that is named; None where it is nobody's."""
        entry = self._workflow.get(state)
        owner = None if entry is None else entry.fields.get("owner")
        return None if owner is None or (owner == OwnerKind.OFFICE and office is None) else _owner(owner, office)

    def start(self, clock_id: UUID, started: Started) -> Clock | None:
        """The clock that begins with a state, if it has one.

        Raises:
            UnknownYearError: the calendar does not reach so far.
        """
        step = self.of(started.state, urgent=started.urgent, need=started.need)
        if step is None:
            return None
        return Clock.start(
            clock_id,
            started.subject,
            region=started.region,
            step=started.state,
            owner=_owner(step.owner, started.office),
            terms=step.terms,
            at=started.at,
        )

    def _make(self, state: str, *, urgent: bool, need: str | None) -> StepTerms | None:
        entry = self._workflow.get(state)
        if entry is None:
            return None
        sla = entry.fields.get("clock", NO_CLOCK)
        if urgent:
            sla = entry.fields.get("urgent_clock", sla)
        sla = entry.fields.get("need_clocks", {}).get(need, sla)
        return None if sla in (NO_CLOCK, GOES_ON) else StepTerms(entry.fields["owner"], self.policy.terms(sla))


def _owner(owner: str, office: str | None) -> Owner:
    if owner == OwnerKind.RESIDENT:
        return Owner.resident()
    if owner == OwnerKind.OFFICE:
        if office is None:
            raise ValueError("the step belongs to an office, and none was named")
        return Owner.office(office)
    return Owner.role(owner)


class Deadlines:
    """The step clocks of all versions of a service's policy: of what is in force, and of what things began under."""

    def __init__(self, book: "PolicyBook") -> None:
        self._book = book
        self._made: dict[tuple[str, str], StepClocks] = {}
        self._causes: dict[tuple[str, str, str, str], ClockMoveCause | None] = {}
        self._roles: dict[str, RegionRoles] = {}

    def at(self, region: str, at: datetime) -> StepClocks:
        """Those in force in a region (dotted code) at a moment. No I/O.

        Raises:
            PolicyUnknownError: nothing has been read yet.
        """
        return self._of(self._book.at(region, at), region)

    def roles(self, region: str, at: datetime) -> RegionRoles:
        """How the roles of a region stand to each other at a moment, by the policy in force. No I/O.

        Raises what `at` raises.
        """
        policy = self._book.at(region, at)
        known = self._roles.get(policy.version)
        if known is None:
            if len(self._roles) >= _MOST_KEPT:
                self._roles.clear()
            known = self._roles[policy.version] = RegionRoles.of(policy)
        return known

    async def under(self, version: str, region: str) -> StepClocks:
        """Those of the version that something began under, or of two, as they run in a region.

        Raises:
            NotFoundError: there is no such version. psycopg.Error: the database is away, and it is not known here.
        """
        known = self._made.get((version, _province(region)))
        if known is not None:
            return known
        began, _, now = version.partition(BESIDE)
        found = self._of(await self._book.version(began), region)
        return self._beside(found, await self.under(now, region), region) if now else found

    async def of(self, version: str | None, region: str, at: datetime) -> StepClocks:
        """Those that something goes by: of the version it began under, with the calendars and the classes in force
        that hold for what is open; or what is in force for what is older than versions.

        Raises:
            what `at` and `under` raise.
        """
        now = self.at(region, at)
        # Before there were layers, a version was a date and a number.
        if version is None or ":" not in version or version == now.version:
            return now
        return self._beside(await self.under(version.partition(BESIDE)[0], region), now, region)

    async def changed(self, version: str, region: str, sla_class: str, at: datetime) -> ClockMoveCause | None:
        """Why a clock that goes by a version is to be reckoned anew, by what is in force at a moment; None: it is not.

        Raises what `of` raises.
        """
        now = self.at(region, at)
        key = (version, now.version, _province(region), sla_class)
        if key not in self._causes:
            if len(self._causes) >= _MOST_KEPT:
                self._causes.clear()
            has, wanted = await self.policy(version, region), (await self.of(version, region, at)).policy
            if has.agrees(wanted, sla_class):
                self._causes[key] = None
            elif has.same_class(wanted, sla_class):
                self._causes[key] = ClockMoveCause.CALENDAR_CHANGED
            else:
                self._causes[key] = ClockMoveCause.CLASS_CHANGED
        return self._causes[key]

    def layers(self, region: str, at: datetime) -> frozenset[str]:
        """The layers that hold in a region at a moment. Raises what `at` raises."""
        return frozenset(each.partition(":")[0] for each in self._book.at(region, at).version.split(","))

    async def refresh(self) -> None:
        """Know what is in force now. Raises psycopg.Error: the database is away."""
        await self._book.refresh()

    async def policy(self, version: str, region: str) -> ClockPolicy:
        """What clocks of a version run by in a region; raises what `under` raises."""
        return (await self.under(version, region)).policy

    def _of(self, policy: RegionPolicy, region: str) -> StepClocks:
        # What differs between regions of one version is the time zone, and that is a province's at most.
        key = (policy.version, _province(region))
        known = self._made.get(key)
        if known is None:
            if len(self._made) >= _MOST_KEPT:
                self._made.clear()
            known = self._made[key] = StepClocks(replace(policy, region=region))
        return known

    def _beside(self, began: StepClocks, now: StepClocks, region: str) -> StepClocks:
        key = (f"{began.version}{BESIDE}{now.version}", _province(region))
        known = self._made.get(key)
        if known is None:
            known = self._made[key] = began.beside(now)
        return known


def follow_step(
    clocks: ClockStore, steps: StepClocks, started: Started, new_id: NewId, *, is_new: bool = False
) -> bool:
    """Have the clock of a state run, that something has come to: the one of the state before stops, or goes on.

    Says whether it stops.

    Raises:
        UnknownYearError: the calendar does not reach so far.
    """
    if steps.goes_on(started.state):
        return False
    if not is_new:
        clocks.stop(started.subject.id, at=started.at)
    clock = steps.start(new_id(), started)
    if clock is not None:
        clocks.add(clock)
    return not is_new


def _targets(state: Entry) -> set[str]:
    return {str(action["to"]) for action in state.fields.get("actions", {}).values()}


def _province(region: str) -> str:
    return region[:2]
