"""Tell of clocks on their referral's own key: the next numbers of its events are taken with the referral in hand."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from slrt_contracts.events import Event
from slrt_contracts.types import DistrictCode
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.clocks.problems import LostSubjectError
from slrt_kit.clocks.telling import Told, event_of
from slrt_kit.db import UnitOfWork
from slrt_kit.outbox import Outbox

# As in intake: whoever has loaded the referral saves it by its version, which stays, and by its last number.
_TAKE_NUMBERS: Final = """
    WITH wanted AS (
        SELECT * FROM unnest(CAST(%(referral_ids)s AS uuid[]), CAST(%(counts)s AS integer[]))
            AS w(referral_id, count)
    ), held AS (
        SELECT r.referral_id FROM referrals r JOIN wanted USING (referral_id) ORDER BY r.referral_id FOR UPDATE OF r
    )
    UPDATE referrals r SET event_sequence = r.event_sequence + w.count
    FROM wanted w, held h WHERE r.referral_id = w.referral_id AND r.referral_id = h.referral_id
    RETURNING r.referral_id, r.event_sequence - w.count AS last, r.need_id, r.office_code, r.district_code,
        r.restricted
    """


async def tell_of_clocks(outbox: Outbox, work: UnitOfWork, told: Sequence[Told], at: datetime) -> None:
    """Put what happened to clocks into the outbox; of a restricted referral it goes to the topic's twin.

    Raises:
        LostSubjectError: a referral is not there.
    """
    await tell_of_referrals(outbox, work, [(each.clock.subject.id, partial(event_of, each)) for each in told], at)


async def tell_of_referrals(
    outbox: Outbox, work: UnitOfWork, told: Sequence[tuple[UUID, Callable[..., Event]]], at: datetime
) -> None:
    """Put what happened to referrals into the outbox: each with what makes its event, by district, need and office.

    Raises:
        LostSubjectError: a referral is not there.
    """
    counts = Counter(referral_id for referral_id, _ in told)
    values = {"referral_ids": list(counts), "counts": list(counts.values())}
    rows = {row.referral_id: row for row in await work.connection.rows(_TAKE_NUMBERS, values)}
    if len(rows) != len(counts):
        raise LostSubjectError
    last = {referral_id: row.last for referral_id, row in rows.items()}
    events = []
    for referral_id, make in told:
        row = rows[referral_id]
        last[referral_id] += 1
        event = make(district=DistrictCode(row.district_code), need_id=row.need_id, office_code=row.office_code)
        events.append(RecordedEvent(event, last[referral_id], at, row.restricted))
    outbox.add(work, events)
