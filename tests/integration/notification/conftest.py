"""The notification service on a real database, with a mail server, a message provider and intake's contacts beside."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from aiosmtpd.smtp import SMTP
from psycopg import sql

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.envelope import Envelope
from slrt_contracts.events import Event, decode_event
from slrt_contracts.events.notification import NotificationQueued
from slrt_intake.api.claim_schemas import ContactView
from slrt_kit.clock import new_uuid7
from slrt_kit.db import Database
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.runtime import Runtime
from slrt_kit.testing import FixedClock, TestIssuer, case_registered, packaged_book, raw_event
from slrt_notification import consumers
from slrt_notification.app import PACKAGE, build_connector_parts, build_messages
from slrt_notification.consumers import ConnectorParts, ConsumerParts
from slrt_notification.settings import NotificationSettings
from slrt_notification.store import NotificationStore

TICKET = "1274-7KQ4-M2XD"
PHONE = "+6281200009901"
EMAIL = "warga.9901@contoh.id"
SUPERVISOR = "pengawas.1274@contoh.go.id"
_CONSUMERS = {
    "slrt.intake.case.v1": "cases",
    "slrt.intake.access.v1": "supervision",
    "slrt.intake.resident.v1": "residents",
    "slrt.intake.sharing.v1": "consents",
    "slrt.intake.letter.v1": "letters",
}


class MailServer:
    """A real SMTP server on loopback that keeps what it takes and refuses what it is told to refuse."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.connect_answer: str | None = None
        self.sender_answer: str | None = None
        self.recipient_answer: str | None = None
        self.data_answer: str | None = None
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; on the port it had before, if any."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, enable_SMTPUTF8=True, ident="test"), "127.0.0.1", self.port
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Go away."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def handle_EHLO(self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]) -> Any:  # noqa: N802
        session.host_name = hostname
        return [self.connect_answer] if self.connect_answer else responses

    async def handle_HELO(self, _server: Any, session: Any, _envelope: Any, hostname: str) -> str:  # noqa: N802
        session.host_name = hostname
        return self.connect_answer or "250 test"

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.sender_answer:
            return self.sender_answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.recipient_answer:
            # As real servers do: the address stands in the answer, from where it must not get into a log.
            return f"{self.recipient_answer} <{address}>"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.data_answer:
            return self.data_answer
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.recipients.extend(envelope.rcpt_tos)
        return "250 OK"


class Outside:
    """Intake's contacts and the message provider, over loopback HTTP from a thread."""

    def __init__(self) -> None:
        self.contacts: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, Any] = {}
        self.contact_status = 200
        self.claims: list[tuple[dict[str, str], dict[str, str]]] = []
        self.provider_status = 202
        self.messages: list[tuple[dict[str, Any], dict[str, str]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Go away."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _contacts(self, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        if self.contact_status != 200:
            self.claims.append(({}, headers))
            return self.contact_status, {}
        asked = json.loads(body)["cases"]
        self.claims += [(case, headers) for case in asked]
        known = {case["case_id"]: self.contacts[case["case_id"]] for case in asked if case["case_id"] in self.contacts}
        shown = [{"case_id": key, **found} if isinstance(found, dict) else found for key, found in known.items()]
        return 200, {"contacts": shown}

    def _codes(self, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        asked = json.loads(body)["cases"]
        self.claims += [(case, headers) for case in asked]
        shown = [
            {"case_id": case["case_id"], "code": self.codes[case["case_id"]]}
            for case in asked
            if case["case_id"] in self.codes
        ]
        return self.contact_status, {"codes": shown}

    def _message(self, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        if self.provider_status == 202:
            self.messages.append((json.loads(body), headers))
        return self.provider_status, {"status": "as told"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outside = self

        class Handler(BaseHTTPRequestHandler):
            def _reply(self, status: int, body: Any) -> None:
                raw = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {k.lower(): v for k, v in self.headers.items()} | {"path": self.path}
                asked = {"/v1/contacts/search": outside._contacts, "/v1/codes/search": outside._codes}
                self._reply(*asked.get(self.path, outside._message)(body, headers))

            def log_message(self, *_: object) -> None:
                """Tests are quiet."""

        return Handler


@dataclass
class Service:
    """The service under test with its surroundings, and the steps that the tests take."""

    runtime: Runtime
    database: Database
    clock: FixedClock
    mail: MailServer
    outside: Outside
    _processors: dict[str, Processor[Any]] = field(default_factory=dict)

    def contact(
        self, case_id: UUID, *, email: str | None = EMAIL, phone: str | None = PHONE, language: str = "id"
    ) -> None:
        """Let intake know a contact, in the shape that intake really answers with."""
        view = ContactView(ticket_number=TICKET, language=language, phone=phone, email=email)
        self.outside.contacts[str(case_id)] = view.model_dump(mode="json")

    def consumer(self, name: str) -> Processor[ConsumerParts]:
        """The processor of ``cases`` or ``referrals``."""
        if name not in self._processors:
            parts = ConsumerParts(
                lambda work: NotificationStore(work, self.runtime.outbox), build_messages(self.runtime)
            )
            self._processors[name] = Processor(
                consumer=f"slrt.notification.{name}",
                database=self.database,
                handlers=getattr(consumers, name),
                deps=parts,
            )
        return self._processors[name]

    def connector(self, channel: NotificationChannel) -> Processor[ConnectorParts]:
        """The processor of a channel's connector, composed as in production."""
        if channel not in self._processors:
            self._processors[channel] = Processor(
                consumer=f"slrt.notification.connector.{channel}",
                database=self.database,
                handlers=consumers.connector,
                deps=build_connector_parts(self.runtime, channel),
            )
        return self._processors[channel]

    async def hear(self, event: Event, *, event_id: UUID | None = None) -> Outcome:
        """Receive an event of intake or referral."""
        name = _CONSUMERS.get(event.TOPIC, "referrals")
        return await self.consumer(name).process(raw_event(event, event_id=event_id, at=self.clock.now()))

    async def queued(self, channel: NotificationChannel, **contact: Any) -> RawEvent:
        """Register a case whose contact is known; gives the NotificationQueued of the channel as the relay sends it."""
        case_id = new_uuid7()
        self.contact(case_id, **contact)
        await self.hear(case_registered(case_id))
        [found] = [
            raw
            for raw, event in await self.told()
            if isinstance(event, NotificationQueued) and event.case_id == case_id and event.channel == channel
        ]
        return found

    async def told(self) -> list[tuple[RawEvent, Event]]:
        """What stands in the outbox, oldest first."""
        rows = await self.rows("SELECT topic, partition_key, headers, payload FROM outbox ORDER BY seq")
        raws = [
            RawEvent(r["topic"], r["partition_key"], tuple((n, v.encode()) for n, v in r["headers"]), r["payload"])
            for r in rows
        ]
        return [(raw, decode_event(Envelope.from_headers(raw.headers).type, raw.payload or b"")) for raw in raws]

    async def told_types(self) -> list[str]:
        """The names of the events in the outbox, oldest first."""
        return [type(event).__name__ for _, event in await self.told()]

    async def rows(self, query: str, **values: object) -> list[dict[str, Any]]:
        """The rows of a query."""
        async with self.database.read() as session:
            return [row._asdict() for row in await session.rows(query, values)]

    async def row(self, raw: RawEvent) -> dict[str, Any]:
        """The stored notification that the event is about."""
        [row] = await self.rows("SELECT * FROM notifications WHERE notification_id = %(id)s", id=raw.key)
        return row

    async def forget(self, raw: RawEvent) -> None:
        """Take the event out of every inbox, as if it had never been handled."""
        event_id = Envelope.from_headers(raw.headers).id
        async with self.database.unit_of_work() as work:
            await work.connection.run("DELETE FROM inbox WHERE event_id = %(id)s", {"id": event_id})
            await work.commit()

    async def everything_stored(self) -> str:
        """Every row of every table as text."""
        tables = await self.rows(
            "SELECT c.relname AS name FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
        )
        stored = []
        for table in tables:
            stored += [row["line"] for row in await self.rows(f'SELECT t::text AS line FROM "{table["name"]}" t')]  # noqa: S608
            # bytea shows as hex: the payloads once more, in clear.
        stored += [row["said"] for row in await self.rows("SELECT convert_from(payload, 'UTF8') AS said FROM outbox")]
        return "\n".join(stored)


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    """A mail server that takes everything."""
    server = MailServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def outside() -> Iterator[Outside]:
    """Intake and the message provider."""
    server = Outside()
    yield server
    server.close()


@pytest.fixture(scope="package")
def shared_database(service_database: Callable[[str], str]) -> str:
    """One migrated database for all these tests; `settings` empties it."""
    return service_database("notification")


@pytest.fixture
def settings(
    shared_database: str, token_issuer: TestIssuer, mail: MailServer, outside: Outside, tmp_path: Path
) -> NotificationSettings:
    """Settings with an empty database."""
    supervisors = tmp_path / "supervisors.yaml"
    supervisors.write_text(f"'12.74': {SUPERVISOR}\n", encoding="utf-8")
    with psycopg.connect(shared_database) as connection:
        for table in ("notifications", "cases", "outbox", "inbox", "parked", "outbox_archive"):
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    return NotificationSettings(
        database_url=shared_database,
        kafka_bootstrap="127.0.0.1:9",
        oidc_issuer=token_issuer.issuer,
        oidc_jwks_url=token_issuer.jwks_url,
        token_url=token_issuer.token_url,
        client_secret="a-secret-of-tests",
        intake_url=outside.url,
        smtp_host="127.0.0.1",
        smtp_port=mail.port,
        mail_from="slrt@contoh.go.id",
        message_provider_url=outside.url,
        supervisors_file=supervisors,
    )


@pytest.fixture
async def service(
    settings: NotificationSettings, fixed_clock: FixedClock, mail: MailServer, outside: Outside
) -> AsyncIterator[Service]:
    """The service, at a time that stands still."""
    runtime = Runtime("notification", PACKAGE, settings)
    database = Database(settings.database_url.get_secret_value(), pool_size=6, clock=fixed_clock)
    # In the place that the runtime keeps its own in, so that everything composed from it uses this clock.
    runtime.__dict__["database"] = database
    runtime.policy_book = packaged_book(runtime)
    yield Service(runtime, database, fixed_clock, mail, outside)
    await runtime.close()
