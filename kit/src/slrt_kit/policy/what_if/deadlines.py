"""Play deadlines again, by the policy in force and with the drafts: when each was due, and who would have heard."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from slrt_kit.clocks.calendar import UnknownYearError
from slrt_kit.clocks.clock import Extension, OwnerKind, Pause, reckon
from slrt_kit.clocks.policy import Terms, UnknownTermError
from slrt_kit.clocks.rows import extensions_of, pauses_of
from slrt_kit.clocks.steps import StepClocks, StepTerms
from slrt_kit.db import Row, Values
from slrt_kit.policy.entries import RegionPolicy
from slrt_kit.policy.what_if.comparing import Comparison, Pair
from slrt_kit.policy.what_if.tally import Deadlines, Heard, Notice, NotJudged, Tally

_CLOCKS: Final = """
    SELECT c.region, c.step, c.owner_kind, c.owner, c.sla_class, c.started_at, c.stopped_at, c.pauses, c.extensions,
           coalesce(s.urgent, false) AS urgent
    FROM clocks c LEFT JOIN {subjects}
    WHERE c.started_at <= %(until)s AND (c.stopped_at IS NULL OR c.stopped_at >= %(since)s)
    """
CASES: Final = "cases s ON s.case_id = c.case_id"
REFERRALS: Final = "referrals s ON s.referral_id = c.subject_id"
_WITHOUT: Final = "-"
"""Stands where a class stands of what has no deadline by the draft."""

_Key = tuple[str, str, str, str, bool, str]


class _Both(NamedTuple):
    """What a step runs by in both policies; ``after`` None: it has no clock by the draft.

    ``same`` where nothing of its time differs, ``told_alike`` where nobody else hears of it either.
    """

    before: StepTerms
    after: StepTerms | None
    same: bool
    told_alike: bool


class DeadlineReplay:
    """Judges clocks of a service: those that ran at some time since the comparison begins, with pauses and extensions.

    ``subjects`` joins, as ``s``, what they are about and whether it is urgent.
    """

    def __init__(self, comparison: Comparison, tally: Tally, *, subjects: str) -> None:
        self._comparison, self._tally, self._subjects = comparison, tally, subjects
        self._steps: dict[tuple[int, str, str], StepClocks] = {}
        self._both: dict[_Key, _Both | NotJudged] = {}
        self._heard: dict[tuple[object, ...], list[Heard]] = {}

    @property
    def column(self) -> str:
        """The column of a row's region."""
        return "c.region"

    @property
    def query(self) -> tuple[str, Values]:
        """What is judged, row by row."""
        values = {"since": self._comparison.since, "until": self._comparison.until}
        return _CLOCKS.format(subjects=self._subjects), values

    def judge(self, row: Row) -> None:
        """Add up one clock."""
        pair = self._comparison.of(row.region)
        if pair is None:
            self._tally.outside += 1
            return
        both = self._terms(pair, row)
        if isinstance(both, NotJudged):
            self._tally.not_judged[both] += 1
            return
        try:
            self._add(row, both)
        except UnknownYearError:
            self._tally.not_judged[NotJudged.UNKNOWN_YEAR] += 1
        else:
            self._tally.judged += 1

    def _terms(self, pair: Pair, row: Row) -> _Both | NotJudged:
        key = (pair.before.version, pair.after.version, row.region[:2], row.step, row.urgent, row.sla_class)
        found = self._both.get(key)
        if found is None:
            found = self._both[key] = self._look_up(pair, row)
            self._tally.unseen |= self._unseen(pair)
        return found

    def _look_up(self, pair: Pair, row: Row) -> _Both | NotJudged:
        try:
            before, after = self._of(0, pair.before, row), self._of(1, pair.after, row)
        except UnknownTermError:
            return NotJudged.UNKNOWN_CLASS
        if not isinstance(before, StepTerms):
            return NotJudged.UNKNOWN_CLASS
        if isinstance(after, NotJudged):
            return after
        same = after is not None and _what_counts(before) == _what_counts(after)
        told_alike = (
            same and after is not None and (before.owner, before.terms.chain) == (after.owner, after.terms.chain)
        )
        return _Both(before, after, same, told_alike)

    def _of(self, place: int, policy: RegionPolicy, row: Row) -> StepTerms | NotJudged | None:
        steps = self._clocks(place, policy)
        if not steps.has(row.step):
            # A clock that no step of the workflow started: it keeps its class.
            return StepTerms(row.owner_kind, steps.policy.terms(row.sla_class))
        return NotJudged.GOES_ON if steps.goes_on(row.step) else steps.of(row.step, urgent=row.urgent)

    def _clocks(self, place: int, policy: RegionPolicy) -> StepClocks:
        key = (place, policy.version, policy.region[:2])
        steps = self._steps.get(key)
        if steps is None:
            steps = self._steps[key] = StepClocks(policy)
        return steps

    def _unseen(self, pair: Pair) -> set[str]:
        """The steps that only the drafts give a deadline to."""
        before, after = self._clocks(0, pair.before), self._clocks(1, pair.after)
        return {
            state
            for state in pair.after.entries("workflow")
            if after.of(state, urgent=False) is not None and before.of(state, urgent=False) is None
        }

    def _add(self, row: Row, both: _Both) -> None:
        pauses, extensions = pauses_of(row.pauses), extensions_of(row.extensions)
        before = both.before.terms
        due, takes = _due(before, row.started_at, pauses, extensions)
        due_then, takes_then = due, takes
        if both.after is not None and not both.same:
            due_then, takes_then = _due(both.after.terms, row.started_at, pauses, extensions)
        stands = pauses[-1].since if pauses and pauses[-1].until is None else None
        ended: datetime = row.stopped_at or stands or self._comparison.until
        becomes = _WITHOUT if both.after is None else both.after.terms.sla.key
        tally = self._tally.region(row.region)
        found = tally.deadlines.get((before.sla.key, becomes))
        if found is None:
            found = tally.deadlines[before.sla.key, becomes] = Deadlines()
        found.count += 1
        found.open += row.stopped_at is None
        found.late_before += _binds(both.before) and ended > due
        self._tell(row, both, _Ran(due, takes, ended), _Ran(due_then, takes_then, ended))
        if both.after is None:
            found.without += 1
            return
        found.late_after += _binds(both.after) and ended > due_then
        if due_then != due:
            length = before.sla.length
            found.shifts[round(before.calendar.passed(due, due_then, length).total_seconds() / 60)] += 1

    def _tell(self, row: Row, both: _Both, before: "_Ran", after: "_Ran") -> None:
        """Add up who heard of it, each step of a chain once: a chain that began anew told some twice."""
        for heard in self._audience(row, both, both.before, before):
            heard.before += 1
            heard.after += both.told_alike
        if both.after is not None and not both.told_alike:
            for heard in self._audience(row, both, both.after, after):
                heard.after += 1

    def _audience(self, row: Row, both: _Both, step: StepTerms, ran: "_Ran") -> Sequence[Heard]:
        """What counts those who hear of the steps that a clock came to."""
        first, last = _reached(step, row.started_at, ran, self._comparison.since)
        if first == last:
            return ()
        # Looked up once for all clocks that came as far: `_both` keeps each pair, so that its id stays its own.
        key = (id(both), step is both.after, row.region[:5], row.owner, first, last)
        found = self._heard.get(key)
        if found is None:
            tally, owner = self._tally.region(row.region), _owner(step, row)
            found = self._heard[key] = [
                tally.heard(Notice(each.effect, whom, owner))
                for each in step.terms.chain.steps[first:last]
                for whom in each.whom
            ]
        return found


class _Ran(NamedTuple):
    """When a clock was due, how much time it had in all (None: not reckoned yet), and when it really ended."""

    due: datetime
    takes: timedelta | None
    ended: datetime


def _reached(step: StepTerms, begun: datetime, ran: _Ran, since: datetime) -> tuple[int, int]:
    """From which to before which step of its chain a clock came, those of before the comparison left out."""
    calendar, length, due = step.terms.calendar, step.terms.sla.length, ran.due
    late = ran.ended >= due
    first = last = 0
    for place, each in enumerate(step.terms.chain.steps):
        if each.left is None and not late:
            break
        if each.left is None or not late or begun < since:
            takes = ran.takes
            if each.left is not None and takes is None:
                takes = calendar.passed(begun, due, length)
            try:
                at = each.instant(calendar, length=length, takes=takes or timedelta(), due=due)
            except UnknownYearError:
                break
            if at > ran.ended:
                break
            if at < since:
                first = place + 1
        last = place + 1
    return first, last


def _owner(step: StepTerms, row: Row) -> str:
    """Whose time it was: the office's that really had it, or the role or resident that the policy names."""
    return str(row.owner) if step.owner == row.owner_kind == OwnerKind.OFFICE else step.owner


def _due(
    terms: Terms, begun: datetime, pauses: Sequence[Pause], extensions: Sequence[Extension]
) -> tuple[datetime, timedelta | None]:
    if not pauses and not extensions:
        # Nearly all of them, and a third of the work.
        return terms.calendar.add(begun, terms.sla.length), None
    return reckon(terms, begun, pauses, extensions)


def _binds(step: StepTerms) -> bool:
    """Whether somebody of ours is late when its time is over: a resident owes nobody an answer."""
    return step.owner != OwnerKind.RESIDENT


def _what_counts(step: StepTerms) -> object:
    terms = step.terms
    return _binds(step), terms.sla.key, terms.sla.length, terms.calendar.spec
