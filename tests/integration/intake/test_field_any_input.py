"""Whatever is in an upload: each item gets its receipt, and what stands beside it is taken."""

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.intake.field import Handset, handset
from tests.integration.intake.test_any_input import REGISTRATION, spoilt, values

relaxed = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
PLACE = {"case_id": "019f1a00-0000-7000-8000-000000000001"}
PAYLOADS = st.sampled_from(
    [
        ("case", REGISTRATION),
        ("facts", PLACE | {"checklist": "housing", "answers": {"walls": "zinc"}, "replaces": [PLACE["case_id"]]}),
        ("visit_result", PLACE | {"result": "done"}),
        ("note", PLACE | {"text": "catatan"}),
    ]
)
STATUSES = {"committed", "already_committed", "rejected_with_reason", "waiting_for", "conflict_kept_both"}


@pytest.fixture(scope="module")
async def device(intake: Any) -> Handset:
    return await handset(intake, sub="fs-any-input")


@st.composite
def items(draw: st.DrawFn) -> Any:
    """An item with something wrong in it, or something that is none."""
    if draw(st.booleans()):
        kind, payload = draw(PAYLOADS)
        good = {
            "id": str(draw(st.uuids(version=4))),
            "sequence": draw(st.integers(1_000_000, 2**53)),
            "kind": kind,
            "made_at": "2026-06-30T03:12:00+07:00",
            "payload": payload,
        }
        return draw(spoilt(good))
    return draw(values)


@relaxed
@given(several=st.lists(items(), max_size=4))
async def test_every_item_gets_a_receipt_and_the_good_one_among_them_is_taken(
    intake: Any, device: Handset, several: list[Any]
) -> None:
    registration = device.item("case", {"village_code": "12.74.03.1002", "needs": [{"need_code": "JALAN"}]})
    answer = await device.send(*several, registration)
    if answer.status_code != 200:
        # Numbers that JSON does not have, or that no reader takes, spoil the whole of it.
        assert answer.json()["type"] == "urn:slrt:problem:malformed-json"
        device.sequence -= 1
        return
    receipts = answer.json()["receipts"]
    assert [each["position"] for each in receipts] == list(range(len(several) + 1))
    assert {each["status"] for each in receipts} <= STATUSES
    assert receipts[-1]["status"] == "committed"
    assert not [each for each in receipts if each["reason"] == "fault"]


@relaxed
@given(body=spoilt({"device_now": "2026-06-30T03:12:00+07:00", "items": []}))
async def test_whatever_the_upload_is_the_answer_is_one(intake: Any, device: Handset, body: Any) -> None:
    headers = device.headers() | {"Idempotency-Key": uuid4().hex}
    answer = await intake.client.post(f"{device.path}/uploads", content=json.dumps(body), headers=headers)
    assert answer.status_code in (200, 400, 413, 422), answer.text


@relaxed
@given(
    body=spoilt({"size": 3, "sha256": "0" * 64, "file_class": "house", "person_id": None} | PLACE),
    offset=st.integers(-1, 2**41),
)
async def test_whatever_is_said_of_a_picture_is_taken_or_refused(
    intake: Any, device: Handset, body: Any, offset: int
) -> None:
    path = f"{device.path}/photos/{uuid4()}"
    answer = await intake.client.put(path, content=json.dumps(body), headers=device.headers())
    assert answer.status_code in (201, 409, 413, 422, 400), answer.text
    piece = await intake.client.post(f"{path}/pieces?offset={offset}", content=b"xyz", headers=device.headers())
    assert piece.status_code < 500, piece.text
