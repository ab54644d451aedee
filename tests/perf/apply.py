"""Apply events to a projection as a consumer does, beside COPY of the very rows."""

import time

import psycopg

from slrt_contracts.codes import NeedCode
from slrt_contracts.events.referral import ReferralSent
from slrt_intake.consumers import ConsumerParts, timeline
from slrt_intake.testing import packaged_stores
from slrt_kit.clock import new_uuid7
from slrt_kit.db import Database
from slrt_kit.messaging.consumer import ConsumerSettings
from slrt_kit.messaging.processor import Processor
from slrt_kit.outbox import Outbox
from slrt_kit.testing import raw_event, vault_of

GROUP = "slrt.intake.timeline"
BATCH = ConsumerSettings(group=GROUP, topics=[], dead_letter_topic="").max_batch


def referral_sent() -> ReferralSent:
    """An event of a case of its own."""
    return ReferralSent(
        referral_id=new_uuid7(),
        case_id=new_uuid7(),
        need_id=new_uuid7(),
        need_code=NeedCode.BPBL,
        office_code="12.ESDM",
        district_code="12.74.05",
        urgent=False,
    )


async def apply(url: str, count: int) -> float:
    """Events per second that one process applies to intake's timeline, each batch committed with its inbox rows.

    New ones each time: those that were applied before would only be passed over.
    """
    events = [raw_event(referral_sent()) for _ in range(count)]
    database = Database(url)
    vault = vault_of("intake", url)
    parts = ConsumerParts(Outbox("intake"), vault, packaged_stores(vault))
    processor = Processor(consumer=GROUP, database=database, handlers=timeline, deps=parts)
    try:
        began = time.perf_counter()
        for first in range(0, len(events), BATCH):
            if not await processor.process_batch(events[first : first + BATCH]):
                raise RuntimeError("a batch was not applied as one")
        return len(events) / (time.perf_counter() - began)
    finally:
        await vault.close()
        await database.close()


def copy_rows(url: str) -> float:
    """Rows per second by COPY into a table like the timeline: the rows that `apply` has made."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE timeline_copied (LIKE timeline INCLUDING ALL)")
        chosen = "SELECT * FROM timeline WHERE event_id IN (SELECT event_id FROM inbox WHERE consumer = %s)"
        with connection.cursor() as cursor, cursor.copy(f"COPY ({chosen}) TO STDOUT", (GROUP,)) as copying:
            rows = b"".join(bytes(part) for part in copying)
        began = time.perf_counter()
        with connection.cursor() as cursor, cursor.copy("COPY timeline_copied FROM STDIN") as copying:
            copying.write(rows)
        rate = rows.count(b"\n") / (time.perf_counter() - began)
        connection.execute("DROP TABLE timeline_copied")
    return rate
