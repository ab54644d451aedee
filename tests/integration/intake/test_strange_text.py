"""Strange text in names and descriptions: kept to the letter, shown to the letter, and never a fault of ours."""

from typing import Any

import pytest

STRANGE = {
    "right to left": "محمد بن عبد الله",
    "right-to-left override": "Mawar\u202egnaragnaK",
    "zero width": "Ma\u200bwar\u200d \u2060Karangan",
    "emoji": "Mawar 🏠⚡👩‍👧‍👦",
    "combining": "M\u0301a\u0323w\u0308ar " + "\u0300" * 40,
    "other planes": "𝕸𝖆𝖜𝖆𝖗 𠮷",
    "SQL": "Robert'); DROP TABLE cases; --",
    "format": "%s %(name)s {0} ${HOME} :name :case_id",
    "JSON": '"}],"needs":[{"need_code":"PKH"',
    "markup": "<script>alert(1)</script>&amp;",
    "backslashes": "C:\\u0000\\n\\x00 \\\\",
    "control characters": "Ma\x01war\x1b[31m\x7f\u0085Karangan",
    "line breaks": "baris satu\nbaris dua\r\nbaris tiga\u2028empat",
    "noncharacters": "Mawar \ufffe\uffff",
    "a very long word": "a" * 200,
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=list(STRANGE))
async def test_a_strange_name_comes_back_to_the_letter(text: str, intake: Any, made: Any) -> None:
    case = await intake.register(
        persons=[{"relation": "client", "name": text, "nik": text[:32].strip()}],
        contact={"phone": "0812-0000-9901", "address": text, "kk_number": text[:32].strip()},
        proxy={"name": text, "relation": "sibling"},
        reporter={"role": "neighbour", "name": text},
        needs=[{"need_code": "BPBL", "person_ref": 0, "description": text}],
    )
    headers = intake.asking("coordinator")
    parties = (await intake.client.get(f"/v1/cases/{case['case_id']}/parties", headers=headers)).json()
    assert parties["persons"][0]["name"] == text
    assert parties["address"] == text
    assert (parties["proxy"]["name"], parties["reporter"]["name"]) == (text, text)
    assert parties["words"] == {case["needs"][0]["need_id"]: text}
    assert await intake.opened("needs", case_id=case["case_id"]) == [{"description": text}]


@pytest.mark.parametrize("text", STRANGE.values(), ids=list(STRANGE))
async def test_strange_text_gets_into_no_event_and_no_kept_answer(text: str, intake: Any, made: Any) -> None:
    case = await intake.register(needs=[{"need_code": "BPBL", "description": text, "person_ref": 0}])
    [row] = await intake.rows(
        "SELECT convert_from(payload, 'UTF8') AS payload FROM outbox WHERE partition_key = %(id)s", id=case["case_id"]
    )
    [kept] = await intake.rows(
        "SELECT convert_from(body, 'UTF8') AS body FROM idempotency WHERE convert_from(body, 'UTF8') LIKE %(id)s",
        id=f"%{case['case_id']}%",
    )
    for personal in (text, "Mawar", "Karangan", "1274035203879001", "00009901", "Jalan Contoh"):
        assert personal not in row.payload
        assert personal not in kept.body


@pytest.mark.parametrize(
    "path",
    ["persons/0/name", "persons/0/nik", "contact/address", "contact/email", "contact/kk_number", "needs/0/description"],
)
async def test_a_character_that_the_database_cannot_keep_is_refused_at_its_field(
    path: str, intake: Any, made: Any
) -> None:
    part, *places, field = path.split("/")
    body = made.registration()
    inner = body[part][int(places[0])] if places else body[part]
    inner[field] = "Ma\x00war@contoh.id"
    async with intake.unchanged():
        answer = await intake.post("/v1/cases", body)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:slrt:problem:invalid-request"
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(f"/body/{path}", "nul_character")]


async def test_a_report_with_a_character_that_cannot_be_kept_is_refused(intake: Any) -> None:
    async with intake.unchanged():
        answer = await intake.post("/v1/drafts", {"text": "Nama : Mawar\x00 Karangan"})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:invalid-request")


@pytest.mark.parametrize("ticket", ["1274-7KQ4-\x00M2X", "'; DROP TABLE cases; --", "١٢٧٤-7KQ4-M2XD", "🙂" * 10])
async def test_a_strange_ticket_is_no_fault_of_ours(ticket: str, intake: Any) -> None:
    async with intake.unchanged():
        answer = await intake.client.post("/v1/tracking", json={"ticket_number": ticket, "phone_last4": "9901"})
    assert answer.status_code in (404, 422)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Request-Id", "x" * 5000),
        ("X-Request-Id", "Robert'); DROP TABLE access_log; --"),
        ("X-Request-Id", "a\tb"),
        ("Accept-Language", "x" * 5000),
        ("Accept-Language", ";;;q=,,,"),
        ("Idempotency-Key", "'; DROP TABLE idempotency; --"),
    ],
)
async def test_a_strange_header_changes_nothing_of_the_answer(name: str, value: str, intake: Any, made: Any) -> None:
    headers = intake.token() | {"Idempotency-Key": f"strange-{name}-{len(value)}"} | {name: value}
    answer = await intake.client.post("/v1/cases", json=made.registration(), headers=headers)
    assert answer.status_code == 201
    assert 0 < len(answer.headers["x-request-id"]) <= 100
