"""One trace from a request at intake to the event that referral records of it, over a real Kafka."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind
from tests.leaks.people import DEMO, registration
from tests.leaks.scan import Scanner

from slrt_intake import app as intake_app
from slrt_kit.runtime import Runtime
from slrt_kit.testing import TestIssuer, api_client, environment_of, eventually, packaged_book, read_topic, running
from slrt_referral import app as referral_app

TRACE = "7d1f0a5be5a14b6c9a3f3b1f6f2f9a01"
CALLER = "a3ce929d0e0e4736"
TOPIC = "slrt.intake.case.v1"
DECIDED = "id.slrt.intake.case-decided.v1"
CREATED = "id.slrt.referral.referral-created.v1"


@dataclass
class Two:
    """Intake and referral, with their relays and consumers at work."""

    intake: httpx.AsyncClient
    intake_url: str
    referral_url: str
    issuer: TestIssuer

    async def post(self, path: str, body: Any, role: str, **headers: str) -> dict[str, Any]:
        """A command of somebody with that role in Tanjungbalai."""
        own = self.issuer.headers(role, region="12.74", sub=role) | {"Idempotency-Key": uuid4().hex}
        answer = await self.intake.post(path, json=body, headers=own | headers)
        assert answer.status_code in (200, 201), answer.text
        found: dict[str, Any] = answer.json()
        return found


async def headers_of(url: str, event_type: str, case_id: str) -> list[dict[str, str]]:
    """The headers of a service's events about a case, published or not."""
    # Not blocking the loop: a relay in this process may hold the archive for a moment.
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute(
            "SELECT headers FROM outbox UNION ALL SELECT headers FROM outbox_archive"  # one statement: none is missed
        )
        rows = await cursor.fetchall()
    found = [dict(headers) for (headers,) in rows]
    return [each for each in found if each["ce_type"] == event_type and each["ce_correlationid"] == case_id]


@pytest.fixture
async def two(
    service_database: Callable[[str], str],
    token_issuer: TestIssuer,
    registry_topics: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Two]:
    urls = {service: service_database(service) for service in ("intake", "referral")}
    for service, url in urls.items():
        environment = environment_of(
            service, database_url=url, issuer=token_issuer, kafka_bootstrap=registry_topics.bootstrap
        )
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
    intake: Runtime = intake_app.build_runtime()
    referral: Runtime = referral_app.build_runtime()
    intake.policy_book, referral.policy_book = packaged_book(intake), packaged_book(referral)
    async with AsyncExitStack() as stack:
        for runtime in (intake, referral):
            stack.push_async_callback(runtime.close)
        client = await stack.enter_async_context(api_client(intake_app.build_app(intake)))
        parts = [intake.relay.run, referral.relay.run, *(each.run for each in referral_app.build_consumers(referral))]
        for part in parts:
            await stack.enter_async_context(running(part, drain_seconds=40))
        yield Two(client, urls["intake"], urls["referral"], token_issuer)


async def test_the_event_that_referral_records_is_in_the_trace_of_the_request_that_decided_the_case(
    two: Two, spans: Callable[[], list[ReadableSpan]], registry_topics: Any
) -> None:
    case = await two.post("/v1/cases", registration(), "facilitator")
    path, (need,) = f"/v1/cases/{case['case_id']}", case["needs"]
    await two.post(f"{path}/screen", {"registry_status": "listed"}, "front_office", **{"If-Match": '"1"'})
    recommended = {"needs": [{"need_id": need["need_id"], "recommendation": "refer"}]}
    await two.post(f"{path}/recommend", recommended, "back_office", **{"If-Match": '"2"'})
    decided = {"needs": [{"need_id": need["need_id"], "decision": "refer"}]}
    traceparent = f"00-{TRACE}-{CALLER}-01"
    await two.post(f"{path}/decide", decided, "coordinator", **{"If-Match": '"3"', "traceparent": traceparent})

    (told,) = await headers_of(two.intake_url, DECIDED, case["case_id"])
    created = await eventually(lambda: headers_of(two.referral_url, CREATED, case["case_id"]), seconds=60)

    def in_trace(kind: SpanKind, **wanted: str) -> ReadableSpan:
        (found,) = [
            span
            for span in spans()
            if f"{span.context.trace_id:032x}" == TRACE
            and span.kind is kind
            and wanted.items() <= dict(span.attributes or {}).items()
        ]
        return found

    def parent(span: ReadableSpan) -> str:
        assert span.parent is not None
        assert f"{span.parent.trace_id:032x}" == TRACE
        return f"{span.parent.span_id:016x}"

    def own(span: ReadableSpan) -> str:
        return f"{span.context.span_id:016x}"

    message_id = {"messaging.message.id": told["ce_id"]}
    # Both end after the row or the offset that shows their work.
    await eventually(lambda: [span for span in spans() if span.kind is SpanKind.CONSUMER])
    request = in_trace(SpanKind.SERVER, **{"http.route": "/cases/{case_id}/decide"})
    sending = in_trace(SpanKind.CLIENT, **message_id)
    handling = in_trace(SpanKind.CONSUMER, **message_id)

    assert parent(request) == CALLER
    assert told["traceparent"] == f"00-{TRACE}-{own(request)}-01"
    assert parent(sending) == own(request)
    messages = await read_topic(registry_topics.bootstrap, TOPIC)
    (message,) = [message for message in messages if message.header("ce_id") == told["ce_id"]]
    assert message.header("traceparent") == told["traceparent"]
    assert parent(handling) == own(request)
    assert [each["traceparent"] for each in created] == [f"00-{TRACE}-{own(handling)}-01"]
    assert created[0]["ce_causationid"] == told["ce_id"]

    assert len(spans()) > 6
    assert Scanner(DEMO).leaks_in({"spans": "\n".join(span.to_json() for span in spans())}) == []
