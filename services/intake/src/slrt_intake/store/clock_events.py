"""Tell of clocks on their case's own key: the next numbers of its events are taken with the case in hand."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from slrt_contracts.events import Event
from slrt_contracts.types import DistrictCode
from slrt_intake.store.timeline import publish
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.clocks.problems import LostSubjectError
from slrt_kit.clocks.telling import Told, event_of
from slrt_kit.db import UnitOfWork
from slrt_kit.outbox import Outbox
from slrt_kit.regions import RegionCode, district_of

# Whoever has loaded a case saves it by its version and its last number, so nobody gives these to other events. Its
# version stays: who reads a case now and acts on it after a reminder has not missed anything. Numbers are taken in the
# order of the ids, so that two who need the same cases do not wait for one another.
_TAKE_NUMBERS: Final = """
    WITH wanted AS (
        SELECT * FROM unnest(CAST(%(case_ids)s AS uuid[]), CAST(%(counts)s AS integer[])) AS w(case_id, count)
    ), held AS (
        SELECT c.case_id FROM cases c JOIN wanted USING (case_id) ORDER BY c.case_id FOR UPDATE OF c
    )
    UPDATE cases c SET event_sequence = c.event_sequence + w.count
    FROM wanted w, held h WHERE c.case_id = w.case_id AND c.case_id = h.case_id
    RETURNING c.case_id, c.event_sequence - w.count AS last, c.village_code
    """


async def tell_of_clocks(outbox: Outbox, work: UnitOfWork, told: Sequence[Told], at: datetime) -> None:
    """Put what happened to clocks into the outbox and on their cases' timelines.

    Raises:
        LostSubjectError: a case is not there.
    """
    await tell_of_cases(outbox, work, [(each.clock.subject.case_id, partial(event_of, each)) for each in told], at)


async def tell_of_cases(
    outbox: Outbox, work: UnitOfWork, told: Sequence[tuple[UUID, Callable[..., Event]]], at: datetime
) -> None:
    """Put what happened to cases into the outbox and on their timelines: each with what makes its event, by district.

    Raises:
        LostSubjectError: a case is not there.
    """
    counts = Counter(case_id for case_id, _ in told)
    rows = await work.connection.rows(_TAKE_NUMBERS, {"case_ids": list(counts), "counts": list(counts.values())})
    if len(rows) != len(counts):
        raise LostSubjectError
    last = {row.case_id: row.last for row in rows}
    districts = {row.case_id: DistrictCode(district_of(RegionCode(row.village_code))) for row in rows}
    events = []
    for case_id, event in told:
        last[case_id] += 1
        events.append(RecordedEvent(event(district=districts[case_id]), last[case_id], at))
    publish(work, outbox, events)
