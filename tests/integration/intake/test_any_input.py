"""Whatever is sent: it is taken or refused with a problem, and never a fault of ours."""

import copy
import json
from typing import Any
from uuid import uuid4

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

relaxed = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(), max_size=12)
    | st.sampled_from(["", "\x00", "0", "12.74.03.1002", "BPBL", "2026-07-01", "\u202e", "0812-0000-9901", "x" * 5000])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _places(value: Any) -> list[tuple[Any, ...]]:
    """Where something stands in a JSON value, the whole of it included."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(), *((name, *rest) for name, part in inner for rest in _places(part))]


@st.composite
def spoilt(draw: st.DrawFn, body: Any) -> Any:
    """A good body with up to three values replaced, or names added."""
    body = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(_places(body)))
        value = draw(values)
        if not place:
            if draw(st.booleans()) or not isinstance(body, dict):
                return value
            body[draw(st.text(max_size=8))] = value
            continue
        inner = body
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = value
    return body


async def _send(intake: Any, method: str, path: str, body: Any, **headers: str) -> httpx.Response:
    content = json.dumps(body).encode()
    every = {"Content-Type": "application/json", "Idempotency-Key": uuid4().hex, "If-Match": '"1"'}
    return await intake.client.request(method, path, content=content, headers=every | headers)


def _is_an_answer(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["type"].startswith("urn:slrt:problem:")
        assert "http-" not in problem["type"]
        assert problem["status"] == answer.status_code


REGISTRATION = {
    "channel": "facilitator",
    "village_code": "12.74.03.1002",
    "visit_date": "2026-06-30",
    "persons": [{"relation": "client", "name": "Mawar", "nik": "1274035203879001", "birth_date": "1987-03-12"}],
    "contact": {"phone": "0812-0000-9901", "email": "a@contoh.id", "language": "id", "kk_number": "1", "address": "x"},
    "needs": [
        {"need_code": "BPBL", "person_ref": 0, "urgent": False, "attributes": {"grid_nearby": "yes"}},
        {"need_code": "JALAN", "person_ref": None, "description": "rusak", "attributes": {"asset_class": "unknown"}},
    ],
}


@given(spoilt(REGISTRATION))
@relaxed
async def test_any_registration_is_answered(intake: Any, body: Any) -> None:
    _is_an_answer(await _send(intake, "POST", "/v1/cases", body, **intake.token()))


@given(st.binary(max_size=60))
@relaxed
async def test_any_bytes_are_answered(intake: Any, content: bytes) -> None:
    headers = intake.token() | {"Content-Type": "application/json", "Idempotency-Key": uuid4().hex}
    _is_an_answer(await intake.client.post("/v1/cases", content=content, headers=headers))


@given(st.text(max_size=200) | spoilt({"text": "Nama Klien : Mawar\nKeluhan : gelap\nLayanan : BPBL"}))
@relaxed
async def test_any_message_is_answered(intake: Any, body: Any) -> None:
    message = {"text": body} if isinstance(body, str) else body
    _is_an_answer(await _send(intake, "POST", "/v1/drafts", message, **intake.token()))


@given(spoilt({"ticket_number": "1274-7KQ4-M2XD", "phone_last4": "9901", "satisfied": True}), st.booleans())
@relaxed
async def test_any_guess_is_answered(intake: Any, body: Any, confirm: bool) -> None:
    path = "/v1/tracking/confirmation" if confirm else "/v1/tracking"
    _is_an_answer(await _send(intake, "POST", path, body))


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
@relaxed
async def test_any_query_is_answered(intake: Any, limit: str, cursor: str, status: str) -> None:
    query = {"limit": limit, "cursor": cursor, "status": status}
    given_ones = {name: value.encode(errors="ignore").decode() for name, value in query.items() if value}
    _is_an_answer(await intake.client.get("/v1/cases", params=given_ones, headers=intake.token()))
