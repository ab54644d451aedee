"""The connectors file and the signed POST; bad input first."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from slrt_contracts.types import OfficeCode
from slrt_kit.http.destinations import Destinations
from slrt_kit.messaging.errors import RejectedError, TransientError
from slrt_kit.testing import FixedClock, PlayedHttp
from slrt_referral.adapters.connectors_file import ConnectorConfigError, Endpoint, endpoint_of
from slrt_referral.adapters.webhook import WebhookNotices

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
OFFICE = OfficeCode("12.74.DUKCAPIL")
ALLOWED = Destinations.parse("http://127.0.0.1:1, http://127.0.0.1:4001")
NOTICE = UUID("01997c40-5a00-7015-8000-000000000015")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no endpoint"),
        ("[]", "no endpoint"),
        ("12.74.PUPR: {url: 'http://127.0.0.1:1/', secret: x}", "12.74.DUKCAPIL has no endpoint"),
        ("12.74.DUKCAPIL: http://127.0.0.1:1/", "url and secret"),
        ("12.74.DUKCAPIL: {url: 'http://127.0.0.1:1/'}", "url and secret"),
        (f"12.74.DUKCAPIL: {{url: 'http://127.0.0.1:1/', secret: {SECRET}, retries: 3}}", "url and secret"),
        (f"12.74.DUKCAPIL: {{url: 'ftp://127.0.0.1/', secret: {SECRET}}}", "url is refused: it is no http"),
        (f"12.74.DUKCAPIL: {{url: 'https:///notices', secret: {SECRET}}}", "url is refused: it is no http"),
        (f"12.74.DUKCAPIL: {{url: 'http://127.0.0.1:99999/', secret: {SECRET}}}", "url is refused"),
        (f"12.74.DUKCAPIL: {{url: [a], secret: {SECRET}}}", "url is not"),
        (f"12.74.DUKCAPIL: {{url: 'http://127.0.0.1:2/', secret: {SECRET}}}", "url is refused: it is not https"),
        (f"12.74.DUKCAPIL: {{url: 'https://127.0.0.1/', secret: {SECRET}}}", "url is refused: its address is not"),
        (f"12.74.DUKCAPIL: {{url: 'https://a:b@office.test/', secret: {SECRET}}}", "refused: it has credentials"),
        ("12.74.DUKCAPIL: {url: 'http://127.0.0.1:1/', secret: rahasia}", "secret is not"),
        ("12.74.DUKCAPIL: {url: 'http://127.0.0.1:1/', secret: whsec_cmFoYXNpYQ==}", "secret is not"),
        ("12.74.DUKCAPIL: {url: 'http://127.0.0.1:1/', secret: 'whsec_***'}", "secret is not"),
        ("12.74.DUKCAPIL: {url: a}\n12.74.DUKCAPIL: {url: b}", "stands twice"),
        ("12.74.DUKCAPIL: {", "not YAML"),
    ],
)
def test_a_wrong_connectors_file_is_refused_without_showing_a_secret(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "connectors.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConnectorConfigError, match=says) as refusal:
        endpoint_of(OFFICE, file, ALLOWED)
    assert "whsec_c" not in str(refusal.value)
    assert "rahasia" not in str(refusal.value)


def test_no_connectors_file_is_said_by_the_name_of_its_setting(tmp_path: Path) -> None:
    with pytest.raises(ConnectorConfigError, match="SLRT_REFERRAL_CONNECTORS_FILE"):
        endpoint_of(OFFICE, None, ALLOWED)
    with pytest.raises(ConnectorConfigError, match=r"gone\.yaml: cannot be read"):
        endpoint_of(OFFICE, tmp_path / "gone.yaml", ALLOWED)


def test_a_good_entry_is_read(tmp_path: Path) -> None:
    file = tmp_path / "connectors.yaml"
    file.write_text(f"12.74.DUKCAPIL: {{url: http://127.0.0.1:4001/notices, secret: {SECRET}}}", encoding="utf-8")
    endpoint = endpoint_of(OFFICE, file, ALLOWED)
    assert endpoint.url == "http://127.0.0.1:4001/notices"
    assert endpoint.secret.get_secret_value() == SECRET


Answer = Callable[[httpx.Request], httpx.Response]


def notices(answer: Answer, *, timeout: float = 5.0) -> WebhookNotices:
    """The way to an endpoint that answers so."""
    client = PlayedHttp(httpx.MockTransport(answer))
    endpoint = Endpoint("http://office.test/notices", SecretStr(SECRET))
    return WebhookNotices(endpoint, client=client, clock=FixedClock(), timeout=timeout)


async def test_the_notice_is_signed_over_id_time_and_body() -> None:
    seen: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204)

    await notices(take).deliver(notice_id=NOTICE, body=b'{"a":1}')
    (request,) = seen
    at = str(int(FixedClock().now().timestamp()))
    assert request.headers["webhook-id"] == str(NOTICE)
    assert request.headers["webhook-timestamp"] == at
    signed = f'{NOTICE}.{at}.{{"a":1}}'.encode()
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert request.headers["content-type"].startswith("application/cloudevents+json")
    assert "authorization" not in request.headers


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_success_is_taken_as_delivered(status: int) -> None:
    await notices(lambda _: httpx.Response(status)).deliver(notice_id=NOTICE, body=b"{}")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_trouble_that_passes_is_transient(status: int) -> None:
    with pytest.raises(TransientError, match=str(status)):
        await notices(lambda _: httpx.Response(status)).deliver(notice_id=NOTICE, body=b"{}")


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 410, 422])
async def test_a_refusal_is_rejected_and_no_redirect_is_followed(status: int) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(status, headers={"Location": "http://elsewhere.test/"})

    with pytest.raises(RejectedError, match=str(status)):
        await notices(answer).deliver(notice_id=NOTICE, body=b"{}")
    assert asked == ["http://office.test/notices"]


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError("no"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("odd"), httpx.DecodingError("bad")],
)
async def test_a_broken_connection_is_transient(error: Exception) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(TransientError, match=type(error).__name__):
        await notices(answer).deliver(notice_id=NOTICE, body=b"{}")


async def test_an_answer_without_an_end_is_not_read() -> None:
    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]
            raise AssertionError("the body was read")
            yield b""

    await notices(lambda _: httpx.Response(200, stream=Endless())).deliver(notice_id=NOTICE, body=b"{}")
