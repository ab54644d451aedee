"""Have the clock of a case run that its step has, by the policy that the case began under."""

from collections.abc import Sequence
from typing import NamedTuple

from slrt_contracts.events.intake import CaseTransferred
from slrt_intake.domain.case import Case
from slrt_kit.clock import NewId
from slrt_kit.clocks.clock import Subject, SubjectKind
from slrt_kit.clocks.moving import move_along
from slrt_kit.clocks.rows import clock_row
from slrt_kit.clocks.steps import Deadlines, Started, follow_step
from slrt_kit.clocks.store import ClockStore
from slrt_kit.clocks.telling import Told
from slrt_kit.db import UnitOfWork


class Followed(NamedTuple):
    """What became of a case's clocks: whether one has ended, and a pause with it; and what is to be told of them."""

    ended: bool
    told: Sequence[Told]


class CaseClocks:
    """The clocks of cases."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines

    def first_rows(self, case: Case, new_id: NewId) -> list[dict[str, object]]:
        """The row of a new case's clock, for the statement that adds the case; it is given its policy's version.

        Raises:
            PolicyUnknownError: nothing has been read yet.
        """
        steps = self._deadlines.at(case.village_code, case.registered_at)
        case.policy_version = steps.version
        clock = steps.start(new_id(), _started(case))
        return [] if clock is None else [clock_row(clock)]

    async def follow(self, work: UnitOfWork, case: Case) -> Followed:
        """After a case was written: stop the clock of the step that it has left, and start that of its new one.

        Where it stays at its step its clock goes on as it was: no edit resets it. In another region it goes by the
        calendar there.

        Raises:
            NotFoundError, UnknownYearError: see `slrt_kit.clocks.steps`.
        """
        clocks, told = ClockStore(work.connection), list[Told]()
        if any(isinstance(each.event, CaseTransferred) for each in case.raised):
            for clock in await clocks.of_subject(case.case_id):
                moved = await move_along(self._deadlines, clock, case.village_code, at=work.clock.now())
                clocks.save(clock)
                if moved is not None:
                    told.append(Told(clock, moved))
        if not case.came_to_step:
            return Followed(ended=False, told=told)
        steps = await self._deadlines.of(case.policy_version, case.village_code, work.clock.now())
        return Followed(follow_step(clocks, steps, _started(case), work.new_id), told)


def _started(case: Case) -> Started:
    return Started(
        subject=Subject(SubjectKind.CASE, case.case_id, case.case_id),
        region=case.village_code,
        state=case.step,
        urgent=case.urgent,
        at=case.raised[-1].happened_at if case.raised else case.registered_at,
    )
