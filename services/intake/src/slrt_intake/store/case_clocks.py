"""Have the clock of a case run that its step has, by the policy that the case began under."""

from slrt_contracts.events.intake import CaseTransferred
from slrt_intake.domain.case import Case
from slrt_kit.clock import NewId
from slrt_kit.clocks.clock import Subject, SubjectKind
from slrt_kit.clocks.rows import clock_row
from slrt_kit.clocks.steps import Deadlines, Started, follow_step
from slrt_kit.clocks.store import ClockStore
from slrt_kit.db import UnitOfWork


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

    async def follow(self, work: UnitOfWork, case: Case) -> bool:
        """After a case was written: stop the clock of the step that it has left, and start that of its new one.

        Where it stays at its step its clock goes on as it was, in another region perhaps: no edit resets it. Says
        whether a clock has ended by that, and a pause with it.

        Raises:
            NotFoundError, UnknownYearError: see `slrt_kit.clocks.steps`.
        """
        clocks = ClockStore(work.connection)
        if any(isinstance(each.event, CaseTransferred) for each in case.raised):
            clocks.move(case.case_id, case.village_code)
        if not case.came_to_step:
            return False
        steps = await self._deadlines.of(case.policy_version, case.village_code, work.clock.now())
        return follow_step(clocks, steps, _started(case), work.new_id)


def _started(case: Case) -> Started:
    return Started(
        subject=Subject(SubjectKind.CASE, case.case_id, case.case_id),
        region=case.village_code,
        state=case.step,
        urgent=case.urgent,
        at=case.raised[-1].happened_at if case.raised else case.registered_at,
    )
