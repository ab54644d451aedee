"""Bulk entry of paper forms: tried, registered, reported row by row, and never twice, wherever it was stopped."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from slrt_intake.api import batches

HEADER = "nomor formulir,desa,kecamatan,nama,nik,telepon,kebutuhan,pengaduan,mendesak"
GOOD = "{n},Sumber Sari,Sei Tualang Raso,Mawar Karangan,1274035203879001,0812-0000-9901,PKH,perlu bantuan,"
NOWHERE = "{n},Atlantis,Mana Saja,Mawar Karangan,,,PKH,,"
ELSEWHERE = "{n},Pelawad,Ciruas,Mawar Karangan,,,PKH,,"


def sheet(*rows: str) -> bytes:
    """A file of its own each time: its first form has a number that no other has."""
    return "\r\n".join([HEADER, *(row.format(n=uuid4().hex[:12]) for row in rows)]).encode()


async def send(
    intake: Any, content: bytes, path: str = "", role: str = "front_office", *, key: str = "", **claims: Any
) -> httpx.Response:
    headers = intake.token(role, **claims) | {"Content-Type": "text/csv"}
    if not path:
        headers["Idempotency-Key"] = key or uuid4().hex
    answer: httpx.Response = await intake.client.post(f"/v1/batches{path}", content=content, headers=headers)
    return answer


async def rows_of(
    intake: Any, batch: dict[str, Any], role: str = "front_office", limit: int = 50
) -> list[dict[str, Any]]:
    found, cursor = [], None
    while True:
        more = f"&cursor={cursor}" if cursor else ""
        answer = await intake.get(f"/v1/batches/{batch['batch_id']}/rows?limit={limit}{more}", role)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        cursor = answer.json()["next"]
        if cursor is None:
            return found


# -- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "/explain"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no_rows"),
        (HEADER.encode(), "no_rows"),
        (b"nama,agama\nMawar,x", "unknown_columns"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not_a_sheet"),
        (b"x" * (10 * 1024 * 1024 + 1), "too_large"),
    ],
    ids=["empty", "a header alone", "other columns", "a picture", "too large"],
)
async def test_a_file_that_is_no_sheet_of_forms_changes_nothing(
    intake: Any, path: str, content: bytes, reason: str
) -> None:
    async with intake.unchanged():
        answer = await send(intake, content, path)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:sheet-refused")
    assert answer.json()["reason"] == reason


async def test_a_facilitator_sends_no_files_and_another_officer_sees_none(intake: Any) -> None:
    assert (await send(intake, sheet(GOOD), role="facilitator")).status_code == 403
    made = (await send(intake, sheet(GOOD))).json()
    for role, claims in (("manager", {}), ("front_office", {"sub": "front_office-2"})):
        for path in ("", "/rows"):
            answer = await intake.get(f"/v1/batches/{made['batch_id']}{path}", role, **claims)
            assert answer.status_code == 404


# -- tried --------------------------------------------------------------------------------------------------------


async def test_a_trial_says_what_would_become_of_each_row_and_registers_nothing(intake: Any) -> None:
    content = sheet(GOOD, NOWHERE, ELSEWHERE, GOOD.replace("1274035203879001", "12740352038790"))
    async with intake.unchanged():
        answer = await send(intake, content, "/explain")
    said = answer.json()
    assert (answer.status_code, said["rows"], said["good"], said["refused"]) == (200, 4, 2, 2)
    assert [(item["row"], item["wrong"], item["warnings"]) for item in said["items"]] == [
        (3, [{"column": "village", "code": "unknown"}], []),
        (4, [{"column": "village", "code": "outside-your-area"}], []),
        (5, [], ["persons/0/nik:length"]),
    ]


# -- registered ---------------------------------------------------------------------------------------------------


async def test_each_good_row_is_a_case_and_a_bad_one_keeps_no_other_from_its_case(intake: Any) -> None:
    without_phone = GOOD.replace("0812-0000-9901", "")
    answer = await send(intake, sheet(GOOD, NOWHERE, without_phone))
    batch = answer.json()
    assert answer.status_code == 201, answer.text
    assert (batch["rows"], batch["registered"], batch["refused"]) == (3, 2, 1)
    first, refused, slip = await rows_of(intake, batch, limit=2)
    assert refused["wrong"] == [{"column": "village", "code": "unknown"}]
    assert (refused["case_id"], refused["ticket_number"]) == (None, None)
    case = (await intake.get(f"/v1/cases/{first['case_id']}", "front_office")).json()
    assert (case["channel"], case["ticket_number"], case["status"]) == ("paper", first["ticket_number"], "registered")
    assert (first["slip_code"], first["warnings"]) == (None, [])
    opened = {"ticket_number": slip["ticket_number"], "phone_last4": slip["slip_code"]}
    assert (await intake.client.post("/v1/tracking", json=opened)).status_code == 200


async def test_every_case_of_a_file_has_what_a_case_of_the_desk_has(intake: Any) -> None:
    batch = (await send(intake, sheet(GOOD, GOOD))).json()
    for row in await rows_of(intake, batch):
        case_id = row["case_id"]
        for table, key in (
            ("clocks", "subject_id"),
            ("holdings", "held_id"),
            ("timeline", "case_id"),
            ("contacts", "case_id"),
        ):
            [found] = await intake.rows(f"SELECT count(*) AS n FROM {table} WHERE {key} = %(id)s", id=case_id)  # noqa: S608
            assert found.n >= 1, table
        [event] = await intake.rows("SELECT headers FROM outbox WHERE partition_key = %(id)s", id=case_id)
        assert dict(event.headers)["ce_type"] == "id.slrt.intake.case-registered.v1"
        [audited] = await intake.rows(
            "SELECT e AS said FROM (SELECT CAST(entry AS jsonb) AS e FROM audit_unsealed) AS unsealed "
            "WHERE e ->> 'object_id' = %(id)s AND e ->> 'action' = 'case-registered'",
            id=case_id,
        )
        assert audited.said["subject"] == "front_office-1"


async def test_the_same_file_again_is_the_same_cases_whatever_key_it_comes_with(intake: Any) -> None:
    content = sheet(GOOD, GOOD, NOWHERE)
    first = await send(intake, content, key="one-file")
    again = await send(intake, content, key="one-file")
    other_key = await send(intake, content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.json() == again.json() == other_key.json()
    assert other_key.status_code == 201


async def test_the_same_file_of_another_officer_is_another_file(intake: Any) -> None:
    content = sheet(GOOD)
    mine, theirs = await send(intake, content), await send(intake, content, sub="front_office-2")
    assert mine.json()["batch_id"] != theirs.json()["batch_id"]


async def test_a_file_that_was_stopped_half_way_goes_on_where_it_stopped(
    intake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_AT_ONCE", 2)
    content, register, calls = sheet(*[GOOD] * 7), batches._register, 0

    async def fails_at_the_third(*args: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise ConnectionError("the line is gone")
        await register(*args)

    monkeypatch.setattr(batches, "_register", fails_at_the_third)
    assert (await send(intake, content, key="half-way")).status_code == 503
    [half] = await intake.rows("SELECT batch_id FROM batches WHERE finished_at IS NULL")
    before = await rows_of(intake, {"batch_id": half.batch_id})
    assert len(before) == 4

    whole = (await send(intake, content, key="half-way")).json()
    after = await rows_of(intake, whole)
    assert (whole["batch_id"], whole["registered"], len(after)) == (str(half.batch_id), 7, 7)
    assert after[:4] == before


async def test_a_file_that_comes_twice_at_once_is_registered_once(intake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_AT_ONCE", 3)
    content = sheet(*[GOOD] * 10)
    answers = await asyncio.gather(*(send(intake, content) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["batch_id"] for answer in answers}) == 1
    assert {answer.json()["registered"] for answer in answers} == {10}
    rows = await rows_of(intake, answers[0].json())
    assert len({row["case_id"] for row in rows}) == 10
