"""The claim check against the real intake: its shape, its permission, its access log."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import psycopg

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.envelope import Envelope
from slrt_intake.api.claim_schemas import ContactView
from slrt_intake.app import build_app as build_intake
from slrt_intake.settings import IntakeSettings
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.runtime import Runtime
from slrt_kit.testing import PlayedHttp, TestIssuer, api_client, keys_of, packaged_book
from slrt_kit.testing.audit import LOOKS
from slrt_notification import consumers
from slrt_notification.adapters.contacts import ContactAnswer
from slrt_notification.app import PACKAGE, build_connector_parts
from slrt_notification.settings import NotificationSettings

if TYPE_CHECKING:
    from tests.integration.notification.conftest import MailServer, Service

# An invented family; the NIK's serial is one that is never given out.
CASE = {
    "village_code": "12.74.03.1002",
    "persons": [{"relation": "client", "name": "Siti Contoh", "nik": "1274034503809001"}],
    "contact": {"phone": "0812-0000-9901", "email": "warga.9901@contoh.id"},
    "needs": [{"need_code": "ADMINDUK", "person_ref": 0}],
}


def test_what_we_read_of_a_contact_is_what_intake_gives() -> None:
    assert set(ContactAnswer.model_fields) == set(ContactView.model_fields)
    for name, given in ContactView.model_fields.items():
        assert ContactAnswer.model_fields[name].annotation == given.annotation
        assert given.is_required()


async def test_a_case_registered_at_the_door_reaches_the_resident_by_mail(
    service: "Service",
    settings: NotificationSettings,
    mail: "MailServer",
    service_database: Callable[[str], str],
    token_issuer: TestIssuer,
) -> None:
    intake_url = service_database("intake")
    shared = settings.model_dump(
        include={"kafka_bootstrap", "oidc_issuer", "oidc_jwks_url", "token_url", "client_secret"}
    )
    intake = Runtime(
        "intake", "slrt_intake", IntakeSettings(database_url=intake_url, **shared, **keys_of("intake", intake_url))
    )
    intake.policy_book = packaged_book(intake)
    app = build_intake(intake)
    async with api_client(app, **token_issuer.headers("facilitator", region="12.74.03")) as door:
        answer = await door.post("/v1/cases", json=CASE, headers={"Idempotency-Key": "one"})
        assert answer.status_code == 201, answer.text
    with psycopg.connect(intake_url) as database:
        [(topic, key, headers, payload)] = database.execute(
            "SELECT topic, partition_key, headers, payload FROM outbox"
        ).fetchall()
    heard = RawEvent(topic, key, tuple((name, value.encode()) for name, value in headers), payload)
    assert await service.consumer("cases").process(heard) is Outcome.APPLIED
    [raw] = [raw for raw, event in await service.told() if getattr(event, "channel", "") == "email"]

    told = settings.model_copy(update={"intake_url": "http://intake.test"})
    runtime = Runtime("notification", PACKAGE, told)
    runtime.__dict__["database"] = service.database
    runtime.policy_book = packaged_book(runtime)
    # Intake in this process, everything else (the issuer) over the network.
    runtime.__dict__["http"] = PlayedHttp(IntakeHere(httpx.ASGITransport(app)))
    parts = build_connector_parts(runtime, NotificationChannel.EMAIL)
    connector = Processor(
        consumer="slrt.notification.connector.email",
        database=service.database,
        handlers=consumers.connector,
        deps=parts,
    )
    # The case is as old as the machine's clock says, not as old as the clock that stands still.
    service.clock.move(seconds=(raw_time(heard) - service.clock.now().timestamp()) + 5)
    try:
        assert await connector.process(raw) is Outcome.APPLIED
    finally:
        await intake.close()
    assert mail.mails[0]["Subject"] == f"Tiket {answer.json()['ticket_number']}: laporan Anda sudah terdaftar"
    with psycopg.connect(intake_url) as database:
        looks = database.execute(f"SELECT subject, purpose, object_type, object_id, request_id FROM {LOOKS}").fetchall()  # noqa: S608 — a constant
    event_id = str(Envelope.from_headers(raw.headers).id)
    case_id = answer.json()["case_id"]
    assert [(s, p, t, str(o), r) for s, p, t, o, r in looks] == [
        ("slrt-notification", "resident-message", "case-contact", case_id, event_id)
    ]


class IntakeHere(httpx.AsyncHTTPTransport):
    """The network, but for intake."""

    def __init__(self, intake: httpx.ASGITransport) -> None:
        super().__init__()
        self._intake = intake

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "intake.test":
            return await self._intake.handle_async_request(request)
        return await super().handle_async_request(request)


def raw_time(raw: RawEvent) -> float:
    """When the event was recorded, in seconds since 1970."""
    return Envelope.from_headers(raw.headers).recordedtime.timestamp()
