"""Drafts over HTTP: a message becomes drafts, its author alone corrects and confirms them, once."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

REPORT = """Nama Fasilitator : Kenanga
Kelurahan : Sumber Sari
Kecamatan : Sei Tualang Raso
Tanggal : 30-06-2026
Nama Klien : {name}
NIK : {nik}
Alamat Klien : Jalan Contoh 9
No Telpon : 0812-0000-9901
Jenis pengaduan : rumah belum ada listrik
Jenis layanan yang diinginkan : BPBL, PIP
"""
GOOD = REPORT.format(name="Mawar Karangan", nik="1274035203879001")


@pytest.fixture
async def draft(intake: Any) -> dict[str, Any]:
    """A draft of facilitator-1 that lacks nothing; of a message of its own."""
    answer = await intake.post("/v1/drafts", {"text": f"{GOOD}\nKode : {uuid4().hex}"})
    assert answer.status_code == 201, answer.text
    [made] = answer.json()["drafts"]
    return made


def _path(draft: dict[str, Any]) -> str:
    return f"/v1/drafts/{draft['draft_id']}"


async def _correct(intake: Any, draft: dict[str, Any], body: Any, *, version: Any = 1, **claims: Any) -> Any:
    headers = intake.token(**claims) | ({"If-Match": f'"{version}"'} if version is not None else {})
    return await intake.client.put(_path(draft), json=body, headers=headers)


# -- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["Selamat pagi, izin bertanya jadwal rapat besok", "🙏", "   ", "Nama Klien :\nNIK :\nAlamat :"]
)
async def test_a_message_that_is_no_report_makes_no_draft(text: str, intake: Any) -> None:
    async with intake.unchanged():
        answer = await intake.post("/v1/drafts", {"text": text})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:no-report-found")


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "x" * 20_001}, {"text": 1}, {"text": GOOD, "case": 1}])
async def test_a_message_of_the_wrong_form_is_refused(body: dict[str, Any], intake: Any) -> None:
    async with intake.unchanged():
        answer = await intake.post("/v1/drafts", body)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:invalid-request")


async def test_somebody_else_s_draft_does_not_exist(intake: Any, made: Any, draft: dict[str, Any]) -> None:
    async with intake.unchanged():
        answers = [
            await intake.get(_path(draft), sub="facilitator-2"),
            await intake.get(_path(draft), role="supervisor"),
            await _correct(intake, draft, made.registration(), sub="facilitator-2"),
            await intake.post(f"{_path(draft)}/confirm", version=1, sub="facilitator-2"),
        ]
    assert [(answer.status_code, answer.json()["type"]) for answer in answers] == [
        (404, "urn:slrt:problem:not-found")
    ] * 4


@pytest.mark.parametrize(("version", "status"), [(None, 428), (0, 412), (2, 412), ("x", 412)])
async def test_a_correction_must_name_the_version_that_was_read(
    version: Any, status: int, intake: Any, made: Any, draft: dict[str, Any]
) -> None:
    async with intake.unchanged():
        corrected = await _correct(intake, draft, made.registration(), version=version)
        confirmed = await intake.post(f"{_path(draft)}/confirm", version=version)
    assert (corrected.status_code, confirmed.status_code) == (status, status)


@pytest.mark.parametrize(
    ("changes", "status", "slug"),
    [
        ({"village_code": "12.74.03.9999"}, 422, "unknown-region"),
        ({"village_code": "12.71.01.1001"}, 403, "outside-your-area"),
        ({"needs": []}, 422, "invalid-request"),
        ({"surprise": 1}, 422, "invalid-request"),
        ({"contact": {"address": "x\x00"}}, 422, "invalid-request"),
    ],
)
async def test_a_correction_that_does_not_fit_changes_nothing(
    changes: dict[str, Any], status: int, slug: str, intake: Any, made: Any, draft: dict[str, Any]
) -> None:
    async with intake.unchanged():
        answer = await _correct(intake, draft, made.registration(**changes))
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:slrt:problem:{slug}")


async def test_a_draft_with_holes_says_which_and_is_not_confirmed(intake: Any) -> None:
    text = GOOD.replace("Kelurahan : Sumber Sari\nKecamatan : Sei Tualang Raso\n", "")
    [draft] = (await intake.post("/v1/drafts", {"text": text})).json()["drafts"]
    assert draft["missing"] == ["/village_code"]
    async with intake.unchanged():
        answer = await intake.post(f"{_path(draft)}/confirm", version=1)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:draft-incomplete")
    assert answer.json()["missing"] == ["/village_code"]


async def test_the_case_of_a_draft_has_the_clock_of_its_first_step(intake: Any, draft: dict[str, Any]) -> None:
    answer = await intake.post(f"{_path(draft)}/confirm", version=1)
    assert answer.status_code == 201, answer.text
    clocks = await intake.rows("SELECT step, state FROM clocks WHERE case_id = %(id)s", id=answer.json()["case_id"])
    assert [(each.step, each.state) for each in clocks] == [("registered", "running")]


async def test_a_draft_of_another_area_is_not_confirmed(intake: Any, draft: dict[str, Any]) -> None:
    async with intake.unchanged():
        answer = await intake.post(f"{_path(draft)}/confirm", version=1, region="12.71")
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:slrt:problem:outside-your-area")


async def test_a_need_of_nobody_in_the_corrected_draft_is_not_confirmed(
    intake: Any, made: Any, draft: dict[str, Any]
) -> None:
    body = made.registration(needs=[{"need_code": "BPBL", "person_ref": 5}])
    assert (await _correct(intake, draft, body)).status_code == 200
    async with intake.unchanged():
        answer = await intake.post(f"{_path(draft)}/confirm", version=2)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:unknown-person-ref")


async def test_a_confirmed_draft_is_neither_corrected_nor_confirmed_again(
    intake: Any, made: Any, draft: dict[str, Any]
) -> None:
    case = (await intake.post(f"{_path(draft)}/confirm", version=1)).json()
    async with intake.unchanged():
        answers = [
            await intake.post(f"{_path(draft)}/confirm", version=2),
            await _correct(intake, draft, made.registration(), version=2),
        ]
    for answer in answers:
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:slrt:problem:draft-already-confirmed")
        assert answer.json()["case_id"] == case["case_id"]


# -- the way through ------------------------------------------------------------------------------------------------


async def test_a_report_becomes_a_draft_a_correction_and_a_case(intake: Any, made: Any, draft: dict[str, Any]) -> None:
    assert (draft["warnings"], draft["missing"]) == ([], [])
    seen = await intake.get(_path(draft))
    content = seen.json()["content"]
    assert seen.headers["ETag"] == '"1"'
    assert seen.json()["text"].startswith(GOOD)
    assert (content["village_code"], content["visit_date"]) == ("12.74.03.1002", "2026-06-30")
    assert content["persons"][0]["name"] == "Mawar Karangan"
    assert [need["need_code"] for need in content["needs"]] == ["BPBL", "PIP"]

    content["needs"].append({"need_code": "ADMINDUK", "person_ref": 0})
    corrected = await _correct(intake, draft, content)
    assert (corrected.status_code, corrected.headers["ETag"]) == (200, '"2"')

    confirmed = await intake.post(f"{_path(draft)}/confirm", version=2)
    case = confirmed.json()
    assert confirmed.status_code == 201
    assert confirmed.headers["Location"] == f"/intake/v1/cases/{case['case_id']}"
    assert [need["need_code"] for need in case["needs"]] == ["BPBL", "PIP", "ADMINDUK"]
    assert (await intake.get(_path(draft))).json()["case_id"] == case["case_id"]
    [contact] = await intake.opened("contacts", case_id=case["case_id"])
    assert contact["phone"] == "+6281200009901"


async def test_a_confirmation_that_is_repeated_gives_the_same_case(intake: Any, draft: dict[str, Any]) -> None:
    key = uuid4().hex
    first = await intake.post(f"{_path(draft)}/confirm", version=1, key=key)
    async with intake.unchanged():
        again = await intake.post(f"{_path(draft)}/confirm", version=1, key=key)
    assert (again.status_code, again.content) == (201, first.content)


async def test_a_message_of_two_reports_makes_two_drafts(intake: Any) -> None:
    text = GOOD + "\n\n" + REPORT.format(name="Melati Contoh", nik="1274034203879002")
    drafts = (await intake.post("/v1/drafts", {"text": text})).json()["drafts"]
    names = [(await intake.get(_path(draft))).json()["content"]["persons"][0]["name"] for draft in drafts]
    assert names == ["Mawar Karangan", "Melati Contoh"]


async def test_a_doubtful_nik_is_a_warning_on_the_draft_and_on_the_case(intake: Any) -> None:
    answer = await intake.post("/v1/drafts", {"text": REPORT.format(name="Mawar Karangan", nik="12740352038790")})
    [draft] = answer.json()["drafts"]
    assert draft["warnings"] == ["nik:length"]
    case = await intake.post(f"{_path(draft)}/confirm", version=1)
    assert case.json()["warnings"] == ["persons/0/nik:length"]


async def test_the_kept_answer_to_a_message_holds_nothing_of_it(intake: Any, draft: dict[str, Any]) -> None:
    [kept] = await intake.rows(
        "SELECT convert_from(body, 'UTF8') AS body FROM idempotency WHERE convert_from(body, 'UTF8') LIKE %(id)s",
        id=f"%{draft['draft_id']}%",
    )
    for personal in ("Mawar", "1274035203879001", "00009901", "Contoh"):
        assert personal not in kept.body


async def test_a_draft_is_nobody_s_business_but_its_author_s(intake: Any, draft: dict[str, Any]) -> None:
    assert not await intake.rows("SELECT 1 FROM outbox WHERE partition_key = %(id)s", id=draft["draft_id"])
    assert not await intake.rows("SELECT 1 FROM timeline WHERE case_id = %(id)s", id=draft["draft_id"])


# -- the same message again ---------------------------------------------------------------------------------------


async def test_a_message_that_comes_again_from_its_sender_is_the_draft_that_it_was(intake: Any) -> None:
    text = f"{GOOD}\nKode : {uuid4().hex}"
    [first] = (await intake.post("/v1/drafts", {"text": text})).json()["drafts"]
    copied = text.upper().replace("\n", "\r\n\u200b ")
    async with intake.unchanged(but="idempotency"):
        again = await intake.post("/v1/drafts", {"text": copied})
    assert (again.status_code, again.json()["drafts"]) == (200, [first])


async def test_a_message_that_comes_again_after_it_became_a_case_names_the_case(intake: Any) -> None:
    text = f"{GOOD}\nKode : {uuid4().hex}"
    [draft] = (await intake.post("/v1/drafts", {"text": text})).json()["drafts"]
    confirmed = await intake.post(f"{_path(draft)}/confirm", role="facilitator", version=1)
    assert confirmed.status_code == 201, confirmed.text
    [again] = (await intake.post("/v1/drafts", {"text": text})).json()["drafts"]
    assert again["case_id"] == confirmed.json()["case_id"]


async def test_a_message_that_somebody_else_has_given_is_doubted_and_nothing_of_theirs_is_shown(intake: Any) -> None:
    text = f"{GOOD}\nKode : {uuid4().hex}"
    [first] = (await intake.post("/v1/drafts", {"text": text})).json()["drafts"]
    answer = await intake.post("/v1/drafts", {"text": text}, sub="facilitator-2")
    [second] = answer.json()["drafts"]
    assert (answer.status_code, second["draft_id"] != first["draft_id"]) == (201, True)
    assert (second["warnings"], second["case_id"]) == ([*first["warnings"], "text:seen"], None)


async def test_the_same_message_twice_at_once_makes_one_draft(intake: Any) -> None:
    text = f"{GOOD}\nKode : {uuid4().hex}"
    answers = await asyncio.gather(*(intake.post("/v1/drafts", {"text": text}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json()["drafts"][0]["draft_id"] for answer in answers}) == 1
