"""Judge what is open, once for all that is alike: owner, clock, next action, escalation."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from slrt_contracts.codes import ClockAudience, ClockPauseReason, StallKind
from slrt_kit.clocks.chain import EffectKind, Step
from slrt_kit.clocks.clock import ClockState, Owner, OwnerKind
from slrt_kit.clocks.policy import UnknownTermError
from slrt_kit.clocks.reporting import RegionRoles
from slrt_kit.clocks.steps import Deadlines, StepClocks
from slrt_kit.duty.model import AT_AN_OFFICE
from slrt_kit.policy.entries import Entry
from slrt_kit.problems import NotFoundError
from slrt_kit.stalls.model import Held, OpenGroup, Verdict
from slrt_kit.stalls.roster import Roster

OfficeExists = Callable[[str], bool]
"""Whether an office of that code exists today, by the policy in force."""

_SERVICE: Final = "service"
_PAUSES: Final = frozenset(str(reason) for reason in ClockPauseReason)


class Judge:
    """What things lack at one moment, by the policies that they go by, the roster of the day and the offices."""

    def __init__(self, deadlines: Deadlines, roster: Roster, office_exists: OfficeExists, at: datetime) -> None:
        self._deadlines = deadlines
        self._roster = roster
        self._office_exists = office_exists
        self._at = at

    async def judge(self, found: OpenGroup) -> Verdict:
        """What the things of a group lack; nothing where all is well.

        Raises:
            PolicyUnknownError: no policy has been read yet. psycopg.Error: the database is away.
        """
        if found.held is Held.NEED:
            # Its case is watched, and so is its referral: of the need itself it is asked whether there is one.
            return Verdict(kinds={} if found.on_its_way else {StallKind.NOT_ON_ITS_WAY: ()})
        steps = await self._steps(found.policy_version, found.district)
        state = None if steps is None else steps.state(found.step)
        owner = _owner(found, steps)
        lacks: dict[StallKind, Sequence[str]] = {}
        if not found.on_its_way:
            lacks[StallKind.NOT_ON_ITS_WAY] = ()
        if owner is not None and not self._is_there(owner, found.district):
            lacks[StallKind.NO_OWNER] = (owner.code,)
        if not _has_its_clock(found, steps, state):
            lacks[StallKind.NO_CLOCK] = ()
        missing = self._next_action(found, owner, state)
        if missing is not None:
            lacks[StallKind.NO_NEXT_ACTION] = missing
        if found.clock is not None:
            if found.clock.state is ClockState.PAUSED and not self._ends(found, owner):
                lacks[StallKind.ENDLESS_PAUSE] = (found.clock.pause_reason or "",)
            silent = await self._silent(found, owner)
            if silent is not None:
                lacks[StallKind.NO_ESCALATION] = silent
            if found.clock.failing:
                lacks[StallKind.EFFECT_FAILING] = ()
        return Verdict(owner=owner, kinds=lacks, people=_for_want_of_people(lacks, owner))

    async def _steps(self, version: str | None, district: str) -> StepClocks | None:
        try:
            return await self._deadlines.of(version, district, self._at)
        except NotFoundError:
            return None

    def _roles(self, district: str) -> RegionRoles:
        """Those in force: who stands in for somebody is of today, whatever something began under."""
        return self._deadlines.roles(district, self._at)

    def _is_there(self, owner: Owner, district: str) -> bool:
        match owner.kind:
            case OwnerKind.RESIDENT:
                return True
            case OwnerKind.OFFICE:
                return self._office_exists(owner.code)
            case OwnerKind.ROLE:
                return any(self._roster.has(role, district) for role in self._roles(district).stand_ins(owner.code))

    def _next_action(self, found: OpenGroup, owner: Owner | None, state: Entry | None) -> Sequence[str] | None:
        """Who would have to be there for anything to happen; None where somebody is."""
        if state is None:
            return ()
        if state.fields.get("final"):
            return None
        by: list[str] = [role for action in _actions(state) for role in action["by"]]
        if any(self._may_act(role, owner, found.district) for role in by):
            return None
        return tuple(dict.fromkeys(by))

    def _may_act(self, role: str, owner: Owner | None, district: str) -> bool:
        if role == _SERVICE or (owner is not None and owner.kind is OwnerKind.RESIDENT):
            return True
        if owner is not None and owner.kind is OwnerKind.OFFICE and role in AT_AN_OFFICE:
            return self._office_exists(owner.code)
        return self._roster.has(role, district)

    def _ends(self, found: OpenGroup, owner: Owner | None) -> bool:
        """Whether anybody would hear that what a pause waits for has come."""
        reason = found.clock.pause_reason if found.clock is not None else None
        hear = self._roles(found.district).hears_end_of(reason)
        if hear is None:
            return False
        is_owned = owner is not None and owner.kind is not OwnerKind.RESIDENT and self._is_there(owner, found.district)
        return is_owned or any(self._roster.has(role, found.district) for role in hear)

    async def _silent(self, found: OpenGroup, owner: Owner | None) -> Sequence[str] | None:
        """Whom the steps that are still to come would have to reach, and do not; None where each reaches somebody."""
        clock = found.clock
        if clock is None:
            return None
        steps = await self._steps(clock.policy_version, found.district)
        try:
            chain = () if steps is None else steps.policy.terms(clock.sla_class).chain.steps
        except UnknownTermError:
            return (clock.sla_class,)
        if steps is None:
            return (clock.sla_class,)
        missing = [
            _name(whom, owner)
            for whoms in map(_ears, chain[clock.next_step :])
            if whoms and not any(self._hears(whom, owner, found.district) for whom in whoms)
            for whom in whoms
        ]
        return tuple(dict.fromkeys(missing)) if missing else None

    def _hears(self, whom: ClockAudience, owner: Owner | None, district: str) -> bool:
        if whom is ClockAudience.OWNER:
            return owner is not None and self._is_there(owner, district)
        office = owner.code if owner is not None and owner.kind is OwnerKind.OFFICE else None
        at_office = office if whom is ClockAudience.OFFICE_HEAD else None
        return any(self._roster.has(role, district, office=at_office) for role in self._roles(district).hears(whom))


def _owner(found: OpenGroup, steps: StepClocks | None) -> Owner | None:
    if found.clock is not None:
        return found.clock.owner
    owner = None if steps is None else steps.owner(found.step, found.office)
    return Owner.office(found.office) if owner is None and found.office is not None else owner


def _has_its_clock(found: OpenGroup, steps: StepClocks | None, state: Entry | None) -> bool:
    if steps is None or state is None:
        return found.clock is not None
    if steps.goes_on(found.step):
        return found.clock is not None
    try:
        wants = steps.of(found.step, urgent=found.urgent) is not None
    except UnknownTermError:
        wants = True
    return not wants or (found.clock is not None and found.clock.step == found.step)


def _actions(state: Entry) -> Iterable[Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = state.fields.get("actions", {})
    return found.values()


def _ears(step: Step) -> Sequence[ClockAudience]:
    """One of whom must be there. That who is late hears of it as well brings it up to nobody."""
    above = [whom for whom in step.whom if whom is not ClockAudience.OWNER]
    return above if step.effect is EffectKind.ESCALATE and above else step.whom


def _name(whom: ClockAudience, owner: Owner | None) -> str:
    if whom is ClockAudience.OWNER and owner is not None:
        return owner.code
    return str(whom)


def _for_want_of_people(lacks: Mapping[StallKind, Sequence[str]], owner: Owner | None) -> frozenset[StallKind]:
    """The kinds that somebody on duty would mend: not an office that has ended, nor a state without an action."""
    found = set()
    if StallKind.NO_OWNER in lacks and owner is not None and owner.kind is OwnerKind.ROLE:
        found.add(StallKind.NO_OWNER)
    if lacks.get(StallKind.NO_NEXT_ACTION):
        found.add(StallKind.NO_NEXT_ACTION)
    if lacks.get(StallKind.ENDLESS_PAUSE, ("",))[0] in _PAUSES:
        found.add(StallKind.ENDLESS_PAUSE)
    if StallKind.NO_ESCALATION in lacks and not set(lacks[StallKind.NO_ESCALATION]).isdisjoint(_AUDIENCES):
        found.add(StallKind.NO_ESCALATION)
    return frozenset(found & set(lacks))


_AUDIENCES: Final = frozenset(str(each) for each in ClockAudience)
