"""Reckon open clocks anew when their calendar, class or policy has changed, and tell of each that is due elsewhere."""

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from slrt_contracts.codes import ClockMoveCause
from slrt_kit.clocks.calendar import UnknownYearError
from slrt_kit.clocks.policy import UnknownTermError
from slrt_kit.clocks.store import ClockStore
from slrt_kit.clocks.telling import Tell, Told
from slrt_kit.clocks.timers import IN_THE_WAY, PATIENCE, Policies
from slrt_kit.db import Database

_AT_ONCE: Final = 50
_AGAIN_S: Final = 0.3


async def move_clocks(
    database: Database, policies: Policies, tell: Tell, *, old: str, new: str, cause: ClockMoveCause
) -> tuple[int, Sequence[UUID]]:
    """Have all open clocks of one policy version run by another.

    Each page is one transaction, with the events in it: whoever is stopped in the middle begins again, and finds those
    that are left. Gives how many are due at another instant now, and the clocks that stayed under the old version,
    because the new one lacks what they need.
    """
    moved, stayed, after = 0, list[UUID](), None
    while True:
        try:
            count, left, last = await _page(database, policies, tell, old=old, new=new, cause=cause, after=after)
        except IN_THE_WAY:
            # Somebody works on one of these cases; a caller is never made to wait for us.
            await asyncio.sleep(_AGAIN_S)
            continue
        moved += count
        stayed += left
        if last is None:
            return moved, stayed
        after = last


async def _page(
    database: Database,
    policies: Policies,
    tell: Tell,
    *,
    old: str,
    new: str,
    cause: ClockMoveCause,
    after: UUID | None,
) -> tuple[int, list[UUID], UUID | None]:
    async with database.unit_of_work() as unit:
        unit.connection.defer(PATIENCE)
        store = ClockStore(unit.connection)
        clocks = await store.open_under(policy_version=old, after=after, limit=_AT_ONCE)
        if not clocks:
            return 0, [], None
        at, told, changed, stayed = unit.clock.now(), list[Told](), [], []
        for clock in clocks:
            policy = await policies(new, clock.region)
            try:
                moved = clock.reschedule(cause, policy.terms(clock.sla_class), at=at)
            except (UnknownTermError, UnknownYearError):
                stayed.append(clock.clock_id)
                continue
            changed.append(clock)
            if moved.due_at != moved.old_due_at:
                told.append(Told(clock, moved))
        if told:
            await tell(unit, told, at)
        store.save(*changed)
        await unit.commit()
    return len(told), stayed, clocks[-1].clock_id
