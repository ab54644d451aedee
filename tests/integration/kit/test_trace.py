"""One trace: from the request's traceparent through the outbox row and the message to the consumer's span."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Response
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import ReadableSpan
from pydantic import BaseModel

from slrt_contracts.envelope import Envelope
from slrt_contracts.events.intake import CaseClosed
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.clock import new_uuid7
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.http.app import build_app
from slrt_kit.http.commands import Answer, Command, command
from slrt_kit.http.tokens import TokenVerifier
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.errors import RejectedError
from slrt_kit.messaging.handlers import Received
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.outbox import Outbox
from slrt_kit.relay import Relay
from slrt_kit.testing import TestIssuer, api_client, case_registered, eventually, raw_event, read_topic, running

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


class Done(BaseModel):
    case_id: str


@pytest.fixture
async def client(database: Database, token_issuer: TestIssuer) -> AsyncIterator[httpx.AsyncClient]:
    """A service whose one command records an event."""
    router = APIRouter()

    @router.post("/cases")
    async def register(request: Annotated[Command, command("intake.case.register")]) -> Response:
        async def work(unit: UnitOfWork) -> Answer:
            event = case_registered()
            Outbox("intake").add(unit, [RecordedEvent(event, 1, unit.clock.now())])
            return Answer(Done(case_id=str(event.case_id)))

        return await request.run(work)

    @router.get("/crash")
    async def crash() -> None:
        raise ValueError("Siti Uji")

    app = build_app(
        title="Test",
        description="",
        version="1",
        package="slrt_intake",
        routers=[router],
        database=database,
        verifier=TokenVerifier(
            issuer=token_issuer.issuer,
            audience="slrt",
            jwks_url=token_issuer.jwks_url,
            client=token_issuer.client(),
        ),
    )
    async with api_client(app, **token_issuer.headers("facilitator", region="12.74")) as opened:
        yield opened


def headers(rows: Any) -> list[dict[str, str]]:
    return [dict(found) for (found,) in rows.all("SELECT headers FROM outbox ORDER BY seq")]


async def test_the_requests_trace_is_that_of_the_message_and_of_the_consumers_span(
    client: httpx.AsyncClient,
    spans: Callable[[], list[ReadableSpan]],
    rows: Any,
    processor: Processor[Any],
    database_url: str,
    new_topic: Callable[..., Awaitable[str]],
    kafka_server: Any,
    make_relay: Callable[..., Relay],
) -> None:
    answer = await client.post("/v1/cases", headers={"traceparent": TRACEPARENT, "Idempotency-Key": "k"})
    assert answer.status_code == 200
    (written,) = headers(rows)
    assert written["traceparent"].split("-")[1] == TRACE
    topic = await new_topic()
    rows.run("UPDATE outbox SET topic = %s", topic)
    async with running(make_relay().run):
        await eventually(lambda: rows.one("SELECT count(*) FROM outbox") == 0)
    (message,) = await read_topic(kafka_server.bootstrap, topic, at_least=1)
    assert message.header("traceparent") == written["traceparent"], "one header, as the service wrote it"
    (request,) = [span for span in spans() if span.kind is trace.SpanKind.SERVER]
    (sending,) = [span for span in spans() if span.kind is trace.SpanKind.CLIENT]
    for below in (request, sending):
        assert f"{below.context.trace_id:032x}" == TRACE
    assert written["traceparent"].split("-")[2] == f"{request.context.span_id:016x}"
    assert sending.parent is not None
    assert sending.parent.span_id == request.context.span_id
    assert sending.attributes is not None
    assert sending.attributes["messaging.message.id"] == written["ce_id"]
    raw = RawEvent(message.topic, message.key or "", message.headers, message.value)
    assert await processor.process(raw) is Outcome.APPLIED
    (consuming,) = [span for span in spans() if span.kind is trace.SpanKind.CONSUMER]
    assert f"{consuming.context.trace_id:032x}" == TRACE
    assert consuming.parent is not None
    assert f"{consuming.parent.span_id:016x}" == written["traceparent"].split("-")[2]
    assert consuming.attributes is not None
    assert consuming.attributes["messaging.message.id"] == written["ce_id"]


async def test_what_a_handler_records_goes_on_in_the_same_trace(
    processor: Processor[Any], script: Any, rows: Any, database: Database, spans: Callable[[], list[ReadableSpan]]
) -> None:
    async def answer_with_an_event(received: Received[Any]) -> None:
        async with database.unit_of_work(causation_id=received.envelope.id) as work:
            Outbox("referral").add(work, [RecordedEvent(case_registered(), 1, work.clock.now())])
            await work.commit()

    script.before = answer_with_an_event
    raw = raw_event(case_registered(), traceparent=TRACEPARENT)
    assert await processor.process(raw) is Outcome.APPLIED
    (written,) = headers(rows)
    (consuming,) = [span for span in spans() if span.kind is trace.SpanKind.CONSUMER]
    assert consuming.context is not None
    assert written["traceparent"] == f"00-{TRACE}-{consuming.context.span_id:016x}-01"


async def test_a_parked_event_is_applied_in_the_trace_that_it_came_with(
    database_url: str,
    processor: Processor[Any],
    script: Any,
    spans: Callable[[], list[ReadableSpan]],
    rows: Any,
) -> None:
    async def reject(_: Received[Any]) -> None:
        raise RejectedError("not now")

    script.before = reject
    await processor.process(raw_event(case_registered(new_uuid7()), traceparent=TRACEPARENT))
    script.before = None
    rows.run("UPDATE parked SET next_attempt_at = now() - interval '1 minute'")
    assert await processor.retry_parked() == 1
    traces = {f"{span.context.trace_id:032x}" for span in spans() if span.kind is trace.SpanKind.CONSUMER}
    assert traces == {TRACE}
    assert len([span for span in spans() if span.kind is trace.SpanKind.CONSUMER]) == 2


async def test_a_message_without_a_trace_starts_one(
    processor: Processor[Any], spans: Callable[[], list[ReadableSpan]]
) -> None:
    raw = raw_event(case_registered())
    assert Envelope.from_headers(raw.headers).traceparent is None
    await processor.process(raw)
    (consuming,) = [span for span in spans() if span.kind is trace.SpanKind.CONSUMER]
    assert consuming.parent is None
    assert consuming.context is not None
    assert consuming.context.is_valid


@pytest.mark.parametrize("way", ["one", "batch", "parked"])
async def test_a_span_reveals_no_value_of_a_failed_statement(
    way: str, processor: Processor[Any], script: Any, spans: Callable[[], list[ReadableSpan]], database: Database
) -> None:
    async def reject(_: Received[Any]) -> None:
        raise RejectedError("not now")

    async def fail(_: Received[Any]) -> None:
        async with database.unit_of_work() as work:
            await work.connection.run("SELECT CAST(%(name)s AS uuid)", {"name": "Siti Uji"})

    raw = raw_event(case_registered())
    if way == "batch":
        processor._goes_alone = False  # as where no preparation acts outside
        script.before = fail
        assert not await processor.process_batch([raw])
    else:
        script.before = fail if way == "one" else reject
        assert await processor.process(raw) is Outcome.PARKED
    if way == "parked":
        script.before = fail
        async with database.unit_of_work() as work:
            await work.connection.run("UPDATE parked SET next_attempt_at = now() - interval '1 minute'")
            await work.commit()
        assert await processor.retry_parked() == 0
    told = "".join(span.to_json() for span in spans())
    assert "process slrt.intake.case.v1" in told
    assert "Siti" not in told


async def test_what_is_asked_of_others_for_a_batch_goes_on_in_the_trace_of_each_event(
    processor: Processor[Any], script: Any
) -> None:
    asked: dict[str, str] = {}

    async def ask(received: Received[Any]) -> str:
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        asked[received.envelope.subject] = carrier["traceparent"].split("-")[1]
        return "prepared"

    script.prepare = ask
    traces = {new_uuid7(): f"{number:032x}" for number in (1, 2)}
    raws = [
        raw_event(CaseClosed(case_id=key, closed_by="policy"), traceparent=f"00-{own}-00f067aa0ba902b7-01")
        for key, own in traces.items()
    ]
    processor._goes_alone = False  # the script's preparation only asks
    assert await processor.process_batch(raws)
    assert asked == {str(key): own for key, own in traces.items()}


async def test_a_span_of_a_crashed_request_reveals_no_value(
    client: httpx.AsyncClient, spans: Callable[[], list[ReadableSpan]]
) -> None:
    assert (await client.get("/v1/crash", headers={"traceparent": TRACEPARENT})).status_code == 500
    told = "".join(span.to_json() for span in spans())
    assert "ValueError" in told
    assert "Siti" not in told
