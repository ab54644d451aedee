"""One office's connector: signed notices to its own endpoint, nobody else's, once, whatever happens to either side."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
import psycopg
import pytest
from pydantic import SecretStr
from tests.office_system import SECRET, OfficeSystem

from slrt_contracts.codes import ConsentEnd
from slrt_contracts.envelope import Envelope
from slrt_contracts.events import SharingWithdrawn, decode_event
from slrt_contracts.events.referral import ReferralReceived, ReferralSent
from slrt_contracts.structured import read_structured
from slrt_contracts.types import OfficeCode
from slrt_kit.clock import SystemClock
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.broker import KafkaBroker
from slrt_kit.messaging.consumer import ConsumerSettings, EventConsumer
from slrt_kit.messaging.errors import TransientError
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.testing import eventually, raw_event, running
from slrt_referral.adapters.connectors_file import Endpoint
from slrt_referral.adapters.webhook import WebhookNotices
from slrt_referral.consumers.connector import ConnectorParts, connector

if TYPE_CHECKING:
    from tests.integration.referral.conftest import Service

    from slrt_local.testing import KafkaHandle

OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrsc"
OFFICE = "12.74.DUKCAPIL"


@pytest.fixture
def office() -> Iterator[OfficeSystem]:
    """Disdukcapil's system, open."""
    system = OfficeSystem()
    with system.listening():
        yield system


def processor_of(service: Service, system: OfficeSystem, *, office: str = OFFICE) -> Processor[ConnectorParts]:
    """The connector of an office, without Kafka."""
    # The machine's clock: receivers refuse timestamps that are not of these minutes.
    notices = WebhookNotices(
        Endpoint(system.url, SecretStr(SECRET)), client=service.http, clock=SystemClock(), timeout=5
    )
    return Processor(
        consumer=f"slrt.referral.connector.{office}",
        database=service.database,
        handlers=connector,
        deps=ConnectorParts(OfficeCode(office), notices, service.database, service.stores),
    )


def sent_events(service: Service) -> list[RawEvent]:
    """The ReferralSent of the outbox as Kafka would give them."""
    with psycopg.connect(service.database.url) as connection:
        rows = connection.execute("SELECT topic, partition_key, headers, payload FROM outbox ORDER BY seq").fetchall()
    raws = [
        RawEvent(topic, key, tuple((name, value.encode()) for name, value in headers), payload)
        for topic, key, headers, payload in rows
    ]
    return [raw for raw in raws if Envelope.from_headers(raw.headers).type == ReferralSent.TYPE]


async def one_sent(service: Service) -> tuple[Any, RawEvent]:
    """A referral to Disdukcapil and its event."""
    case_id = await service.decide("ADMINDUK")
    return case_id, sent_events(service)[0]


async def status_of(service: Service, case_id: Any) -> str:
    """Where the referral stands."""
    return str((await service.referrals(case_id))["ADMINDUK"]["status"])


async def test_the_office_gets_a_signed_notice_and_the_referral_is_received(
    service: Service, office: OfficeSystem
) -> None:
    case_id, event = await one_sent(service)
    assert await processor_of(service, office).process(event) is Outcome.APPLIED
    assert await status_of(service, case_id) == "received"
    assert isinstance((await service.told(case_id))[-1], ReferralReceived)
    envelope = Envelope.from_headers(event.headers)
    assert office.ids == [str(envelope.id)]
    assert event.payload is not None
    told = decode_event(envelope.type, event.payload)
    notice = office.taken[0]
    assert read_structured(orjson.dumps(notice)) == (envelope, told.model_dump(mode="json"))
    assert notice["keysequence"] == envelope.keysequence == 2
    assert notice["claimpath"] == f"/intake/v1/cases/{case_id}/parties"
    assert notice["referralpath"] == f"/referral/v1/referrals/{notice['data']['referral_id']}"


async def test_the_same_event_again_reaches_nobody(service: Service, office: OfficeSystem) -> None:
    _, event = await one_sent(service)
    connector_of = processor_of(service, office)
    await connector_of.process(event)
    assert await connector_of.process(event) is Outcome.DUPLICATE
    assert len(office.taken) == 1


async def test_a_referral_of_another_office_is_passed_over(service: Service, office: OfficeSystem) -> None:
    _, event = await one_sent(service)
    assert await processor_of(service, office, office="12.74.PUPR").process(event) is Outcome.IGNORED
    assert office.taken == []


async def test_an_endpoint_that_is_down_gets_its_notice_once_when_it_is_up(service: Service) -> None:
    office = OfficeSystem()
    with office.listening():
        pass  # it has a port now, at which nobody listens
    case_id, event = await one_sent(service)
    connector_of = processor_of(service, office)
    for _ in range(2):
        with pytest.raises(TransientError):
            await connector_of.process(event)
    assert await status_of(service, case_id) == "sent"
    with office.listening():
        assert await connector_of.process(event) is Outcome.APPLIED
    assert len(office.taken) == 1
    assert await status_of(service, case_id) == "received"


@pytest.mark.parametrize("answer", [500, 503, 429, 408])
async def test_an_endpoint_in_trouble_is_tried_again(service: Service, office: OfficeSystem, answer: int) -> None:
    office.answer = answer
    _, event = await one_sent(service)
    with pytest.raises(TransientError):
        await processor_of(service, office).process(event)


@pytest.mark.parametrize("answer", [400, 404, 410, 302])
async def test_an_endpoint_that_refuses_parks_the_event(service: Service, office: OfficeSystem, answer: int) -> None:
    office.answer = answer
    case_id, event = await one_sent(service)
    assert await processor_of(service, office).process(event) is Outcome.PARKED
    assert await status_of(service, case_id) == "sent"


async def test_a_notice_under_the_wrong_secret_is_not_taken_and_goes_again_when_the_secret_is_right(
    service: Service, office: OfficeSystem, fixed_clock: Any
) -> None:
    office.secret = OTHER_SECRET
    case_id, event = await one_sent(service)
    connector_of = processor_of(service, office)
    assert await connector_of.process(event) is Outcome.PARKED
    assert (office.refused, office.taken) == (1, [])
    office.secret = SECRET
    fixed_clock.move(minutes=10)
    assert await connector_of.retry_parked() == 1
    assert len(office.taken) == 1
    assert await status_of(service, case_id) == "received"


async def test_an_officer_who_was_faster_than_the_endpoint_keeps_the_state(
    service: Service, office: OfficeSystem
) -> None:
    case_id, event = await one_sent(service)
    await service.act((await service.referrals(case_id))["ADMINDUK"], "accept")
    assert await processor_of(service, office).process(event) is Outcome.APPLIED
    assert len(office.taken) == 1
    assert await status_of(service, case_id) == "accepted"


async def test_an_acceptance_while_the_notice_is_on_its_way_is_kept_and_the_notice_goes_once(
    service: Service, office: OfficeSystem
) -> None:
    case_id, event = await one_sent(service)

    accepting: list[threading.Thread] = []

    def accept_meanwhile() -> None:
        if not accepting:
            connection = psycopg.connect(service.database.url)
            connection.execute("UPDATE referrals SET status = 'accepted', version = version + 1")
            accepting.append(threading.Thread(target=_commit_when_awaited, args=(connection,)))
            accepting[0].start()

    office.before_answer = accept_meanwhile
    assert await processor_of(service, office).process(event) is Outcome.APPLIED
    accepting[0].join()
    assert len(office.taken) == 1
    assert await status_of(service, case_id) == "accepted"


def _commit_when_awaited(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Commit once somebody waits for what the connection has locked; at the latest after 30 seconds."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    give_up = time.monotonic() + 30
    with connection:
        while connection.execute(waiting).fetchone() == (0,) and time.monotonic() < give_up:
            time.sleep(0.02)


async def test_an_office_that_declined_is_told_no_more(service: Service, office: OfficeSystem) -> None:
    case_id, event = await one_sent(service)
    referral = (await service.referrals(case_id))["ADMINDUK"]
    await service.act(referral, "decline", {"reason_code": "unclear"})
    assert await processor_of(service, office).process(event) is Outcome.IGNORED
    assert office.taken == []


async def test_a_refused_notice_is_let_go_when_the_office_declines(
    service: Service, office: OfficeSystem, fixed_clock: Any
) -> None:
    office.answer = 404
    case_id, event = await one_sent(service)
    connector_of = processor_of(service, office)
    assert await connector_of.process(event) is Outcome.PARKED
    referral = (await service.referrals(case_id))["ADMINDUK"]
    await service.act(referral, "decline", {"reason_code": "unclear"})
    fixed_clock.move(minutes=10)
    await connector_of.retry_parked()
    with psycopg.connect(service.database.url) as connection:
        assert connection.execute("SELECT count(*) FROM parked").fetchone() == (0,)
    assert office.taken == []


async def test_an_event_without_its_referral_is_parked(service: Service, office: OfficeSystem) -> None:
    _, event = await one_sent(service)
    with psycopg.connect(service.database.url) as connection:
        connection.execute("DELETE FROM referral_steps")
        connection.execute("DELETE FROM referrals")
    assert await processor_of(service, office).process(event) is Outcome.PARKED
    assert office.taken == []


def _withdrawn(office: str = OFFICE) -> RawEvent:
    """What intake tells when a consent was withdrawn by which the office holds something."""
    return raw_event(
        SharingWithdrawn(
            consent_id=uuid4(),
            case_id=uuid4(),
            office_code=office,
            purposes=("additional-assistance",),
            receipt_ids=(uuid4(), uuid4()),
            reason_code=ConsentEnd.EXPIRED,
            erase_by=date(2026, 7, 4),
        )
    )


async def test_an_office_is_told_of_a_withdrawal_by_when_it_must_erase_and_where_to_say_so(
    service: Service, office: OfficeSystem
) -> None:
    raw = _withdrawn()
    assert await processor_of(service, office).process(raw) is Outcome.APPLIED
    assert await processor_of(service, office).process(raw) is Outcome.DUPLICATE
    (notice,) = office.taken
    envelope = Envelope.from_headers(raw.headers)
    assert office.ids == [str(envelope.id)]
    assert notice["type"] == SharingWithdrawn.TYPE
    assert (len(notice["data"]["receipt_ids"]), notice["data"]["reason_code"]) == (2, "expired")
    assert datetime.fromisoformat(notice["eraseby"]) - envelope.time == timedelta(hours=72)
    assert notice["erasurepath"] == "/intake/v1/sharings/{receipt_id}/erasure"


async def test_of_another_office_s_withdrawal_nobody_is_told(service: Service, office: OfficeSystem) -> None:
    assert await processor_of(service, office).process(_withdrawn("12.74.PUPR")) is Outcome.IGNORED
    assert office.taken == []


async def test_a_withdrawal_waits_for_an_office_that_is_away(service: Service) -> None:
    office = OfficeSystem()
    with office.listening():
        pass
    raw, connector_of = _withdrawn(), processor_of(service, office)
    with pytest.raises(TransientError):
        await connector_of.process(raw)
    with office.listening():
        assert await connector_of.process(raw) is Outcome.APPLIED
    assert len(office.taken) == 1


async def test_a_withdrawal_that_an_office_refuses_is_kept_and_tried_again(
    service: Service, office: OfficeSystem, fixed_clock: Any
) -> None:
    office.answer = 400
    raw, connector_of = _withdrawn(), processor_of(service, office)
    assert await connector_of.process(raw) is Outcome.PARKED
    office.answer = 204
    fixed_clock.move(minutes=10)
    await connector_of.retry_parked()
    assert len(office.taken) == 1


async def test_an_office_that_is_away_holds_up_nobody_else(
    service: Service, office: OfficeSystem, kafka_server: KafkaHandle, new_topic: Any
) -> None:
    away = OfficeSystem()
    with away.listening():
        pass
    topic = await new_topic(partitions=1)
    case_id = await service.decide("ADMINDUK", "JALAN")

    def consumer(code: str, system: OfficeSystem) -> EventConsumer:
        return EventConsumer(
            ConsumerSettings(
                group=f"{topic}.connector.{code}",
                topics=[topic],
                dead_letter_topic=f"{topic}.dlq",
                pause_max=0.5,
            ),
            processor_of(service, system, office=code),
            KafkaBroker(kafka_server.bootstrap),
        )

    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(bootstrap_servers=kafka_server.bootstrap)
    await producer.start()
    for raw in sent_events(service):
        await producer.send_and_wait(topic, raw.payload, key=raw.key.encode(), headers=list(raw.headers))
    await producer.stop()

    async def state(need: str) -> str:
        return str((await service.referrals(case_id))[need]["status"])

    async def received(need: str) -> bool:
        return await state(need) == "received"

    async with running(consumer(OFFICE, office).run), running(consumer("12.74.PUPR", away).run):
        await eventually(lambda: received("ADMINDUK"), seconds=120, what="its notice")
        assert await state("JALAN") == "sent"
        with away.listening():
            await eventually(lambda: received("JALAN"), seconds=120, what="the notice of the one that is back")
    assert (len(office.taken), len(away.taken)) == (1, 1)
