"""The outside world: bad messages, forged notices and hostile mails do no harm; repeats are counted, not doubled."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import Envelope
from standardwebhooks.webhooks import Webhook
from starlette.applications import Starlette

from slrt_local import net
from slrt_local.journal import Journal
from slrt_local.mailsink import MailHandler
from slrt_local.office_server import Office
from slrt_local.offices import NOTICE_PATH, OFFICES, Endpoint, read_connectors, write_connectors
from slrt_local.outside import Switchboard
from slrt_local.pages import Pages
from slrt_local.provider import Provider
from slrt_local.state import State

SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LSEh"


def clock() -> datetime:
    return datetime(2026, 7, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "received.sqlite")


@pytest.fixture
def office(journal: Journal) -> Office:
    return Office(Endpoint("12.74.DUKCAPIL", net.free_port(), SECRET), journal, clock)


@pytest.fixture
async def client(journal: Journal, office: Office) -> AsyncIterator[httpx.AsyncClient]:
    provider = Provider(journal, clock)
    routes = [*provider.routes(), *Switchboard([office], provider).routes(), *Pages(journal).routes()]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=Starlette(routes=routes)), base_url="http://o"
    ) as it:
        yield it
    await office.close()


# -- message provider -------------------------------------------------------------------------------------------

MESSAGE = {"to": "+62812000099" + "01", "text": "SLRT-2026-000001: didaftar"}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'"x"', b'{"text": "x"}', b'{"to": ""}', b'{"to": 7}', b'{"to":"' + b"9" * 70_000 + b'"}'],
)
async def test_a_bad_message_is_refused(content: bytes, client: httpx.AsyncClient, journal: Journal) -> None:
    answer = await client.post("/provider/messages", content=content, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 400
    assert journal.all("message") == []


@pytest.mark.parametrize("key", [None, "", "  ", "k" * 201])
async def test_a_message_without_a_usable_key_is_refused(key: str | None, client: httpx.AsyncClient) -> None:
    headers = {} if key is None else {"Idempotency-Key": key}
    assert (await client.post("/provider/messages", json=MESSAGE, headers=headers)).status_code == 400


async def test_a_repeated_message_is_delivered_once_and_counted(client: httpx.AsyncClient) -> None:
    answers = [
        await client.post("/provider/messages", json=MESSAGE, headers={"Idempotency-Key": "k1"}) for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert [answer.headers.get("idempotent-replayed") for answer in answers] == [None, "true", "true"]
    assert (await client.get("/api/counts")).json() == {"message": {"distinct": 1, "repeated": 2}}
    [found] = (await client.get("/api/messages", params={"to": MESSAGE["to"]})).json()
    assert (found["seen"], found["body"]) == (3, MESSAGE)
    assert (await client.get("/api/messages", params={"to": "+62812000099" + "99"})).json() == []


async def test_a_key_used_with_another_body_is_refused(client: httpx.AsyncClient) -> None:
    await client.post("/provider/messages", json=MESSAGE, headers={"Idempotency-Key": "k1"})
    other = await client.post("/provider/messages", json={**MESSAGE, "text": "x"}, headers={"Idempotency-Key": "k1"})
    assert other.status_code == 422


async def test_a_closed_provider_answers_503_and_keeps_nothing(client: httpx.AsyncClient, journal: Journal) -> None:
    await client.post("/api/provider/close")
    answer = await client.post("/provider/messages", json=MESSAGE, headers={"Idempotency-Key": "k1"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert journal.all("message") == []
    await client.post("/api/provider/open")
    answer = await client.post("/provider/messages", json=MESSAGE, headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 202


# -- offices ------------------------------------------------------------------------------------------------------


def signed(
    body: bytes, *, secret: str = SECRET, at: datetime | None = None, webhook_id: str = "evt-1"
) -> dict[str, str]:
    moment = at or datetime.now(UTC)
    signature = Webhook(secret).sign(webhook_id, moment, body.decode())
    return {"webhook-id": webhook_id, "webhook-timestamp": str(int(moment.timestamp())), "webhook-signature": signature}


NOTICE = json.dumps({"type": "id.slrt.referral.referral-sent.v1", "referral_id": "r-1"}).encode()
OTHER_SECRET = "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXIhISE="


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {**signed(NOTICE), "webhook-signature": ""},
        {**signed(NOTICE), "webhook-signature": "nonsense"},
        {**signed(NOTICE), "webhook-signature": "v1,???"},
        {**signed(NOTICE), "webhook-timestamp": "yesterday"},
        {**signed(NOTICE), "webhook-id": "evt-2"},
        signed(NOTICE, secret=OTHER_SECRET),
        signed(NOTICE + b" "),
        signed(NOTICE, at=datetime.now(UTC) - timedelta(minutes=10)),
    ],
)
async def test_a_notice_that_is_not_signed_for_this_office_is_refused(
    headers: dict[str, str], office: Office, journal: Journal
) -> None:
    await office.open()
    async with httpx.AsyncClient() as http:
        assert (await http.post(office.endpoint.url, content=NOTICE, headers=headers)).status_code == 401
    await office.close()
    assert journal.all("notice") == []


@pytest.mark.parametrize(("body", "status"), [(b"[]", 400), (b"{", 400), (b"x" * 70_000, 413)])
async def test_a_notice_that_is_no_json_object_is_refused(body: bytes, status: int, office: Office) -> None:
    await office.open()
    async with httpx.AsyncClient() as http:
        assert (await http.post(office.endpoint.url, content=body, headers=signed(body))).status_code == status
    await office.close()


async def test_a_repeated_notice_is_kept_once_and_counted(office: Office, client: httpx.AsyncClient) -> None:
    await office.open()
    async with httpx.AsyncClient() as http:
        for _ in range(2):
            assert (await http.post(office.endpoint.url, content=NOTICE, headers=signed(NOTICE))).status_code == 204
    [found] = (await client.get("/api/notices", params={"office": "12.74.DUKCAPIL"})).json()
    assert (found["seen"], found["body"]["referral_id"]) == (2, "r-1")


async def test_a_closed_office_refuses_connections_until_it_opens(office: Office, client: httpx.AsyncClient) -> None:
    code, body = office.endpoint.code, NOTICE
    assert (await client.post(f"/api/offices/{code}/open")).json() == {"open": True}
    assert (await client.post(f"/api/offices/{code}/open")).json() == {"open": True}
    async with httpx.AsyncClient() as http:
        assert (await http.post(office.endpoint.url, content=body, headers=signed(body))).status_code == 204
        assert (await client.post(f"/api/offices/{code}/close")).json() == {"open": False}
        assert (await client.get("/api/offices")).json()[code]["open"] is False
        with pytest.raises(httpx.ConnectError):
            await http.post(office.endpoint.url, content=body, headers=signed(body))
        await client.post(f"/api/offices/{code}/open")
        assert (await http.post(office.endpoint.url, content=body, headers=signed(body))).status_code == 204


@pytest.mark.parametrize(
    "path", ["/api/offices/12.74.NOBODY/open", "/api/offices/12.74.DUKCAPIL/burn", "/api/provider/burn"]
)
async def test_an_unknown_office_or_verb_is_404(path: str, client: httpx.AsyncClient) -> None:
    assert (await client.post(path)).status_code == 404


def test_the_connectors_file_names_every_office_and_is_private(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    with state.lock():
        write_connectors(state)
        write_connectors(state)
    path = state.root / "connectors.yaml"
    found = read_connectors(path)
    assert {end.code for end in found} == set(OFFICES)
    assert len({end.port for end in found}) == len({end.secret for end in found}) == len(OFFICES)
    assert all(end.url.endswith(NOTICE_PATH) for end in found)
    assert path.stat().st_mode & 0o777 == 0o600


# -- mail and pages -----------------------------------------------------------------------------------------------


def mail(
    *, subject: str = "SLRT-2026-000001", text: str = "Laporan Anda didaftar.", message_id: str = "<a@slrt>"
) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "slrt@contoh.go.id", "melati@contoh.id", subject
    message["Message-ID"] = message_id
    message.set_content(text)
    return message.as_bytes()


async def deliver(journal: Journal, content: bytes, *recipients: str) -> str:
    envelope = Envelope()
    envelope.content, envelope.rcpt_tos = content, list(recipients)
    unused: Any = None
    return await MailHandler(journal, clock).handle_DATA(unused, unused, envelope)


async def test_a_mail_is_kept_per_recipient_and_a_repeat_counted(journal: Journal, client: httpx.AsyncClient) -> None:
    assert (await deliver(journal, mail(), "a@contoh.id", "b@contoh.id")).startswith("250")
    await deliver(journal, mail(), "a@contoh.id")
    await deliver(journal, mail(message_id="<b@slrt>"), "a@contoh.id")
    found = (await client.get("/api/mails", params={"to": "a@contoh.id"})).json()
    assert [(entry["body"]["message_id"], entry["seen"]) for entry in found] == [("<b@slrt>", 1), ("<a@slrt>", 2)]
    assert found[0]["body"]["text"].strip() == "Laporan Anda didaftar."
    assert (await client.get("/api/counts")).json()["mail"] == {"distinct": 3, "repeated": 1}


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"Subject: \r\n\r\n", b"Content-Type: image/png\r\n\r\nx"])
async def test_a_strange_mail_is_taken_and_shown(content: bytes, journal: Journal, client: httpx.AsyncClient) -> None:
    assert (await deliver(journal, content, "a@contoh.id")).startswith("250")
    assert (await client.get("/mails")).status_code == 200
    assert (await client.get("/mails/1")).status_code == 200


async def test_pages_escape_what_came_from_outside(journal: Journal, client: httpx.AsyncClient) -> None:
    attack = "<script>alert(1)</script>\"'>"
    await deliver(journal, mail(subject=attack, text=attack), f'"{attack}"@contoh.id')
    await client.post("/provider/messages", json={"to": attack, "text": attack}, headers={"Idempotency-Key": attack})
    for path in ("/", "/mails", "/mails/1", "/messages", "/messages/2"):
        page = await client.get(path)
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "script" not in page.headers["content-security-policy"]
        assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_a_page_of_another_kind_or_number_is_404(journal: Journal, client: httpx.AsyncClient) -> None:
    await deliver(journal, mail(), "a@contoh.id")
    assert (await client.get("/mails/99")).status_code == 404
    assert (await client.get("/notices/1")).status_code == 404


async def test_the_journal_survives_a_restart(journal: Journal, tmp_path: Path) -> None:
    journal.add("message", "k", "to", {"a": 1}, now=clock())
    journal.close()
    again = Journal(tmp_path / "received.sqlite")
    assert again.add("message", "k", "to", {"a": 1}, now=clock()).seen == 2
    again.close()
