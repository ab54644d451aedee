"""Rows of many cases: asked for by one, approved by another, fetched within a day, never more than may be seen."""

import csv
import io
import zipfile
from typing import Any

import pytest

from slrt_kit.sheets import plain

from .conftest import Intake

ASK = {
    "purpose": "case-handling",
    "reason": "Laporan bulanan kecamatan",
    "columns": ["ticket_number", "status", "name", "nik"],
}
VILLAGES = iter(f"12.74.0{district}.10{village:02}" for district in (1, 2, 4) for village in range(1, 7))


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:slrt:problem:")


def rows_of(answer: Any) -> list[list[str]]:
    text = answer.content.decode("utf-8-sig")
    return [[plain(cell) for cell in row] for row in csv.reader(io.StringIO(text, newline=""))]


async def asked(intake: Intake, role: str = "back_office", **changes: Any) -> Any:
    claims = changes.pop("claims", {})
    return await intake.post("/v1/exports", ASK | changes, role, **claims)


async def approved(intake: Intake, role: str = "back_office", **changes: Any) -> str:
    answer = await asked(intake, role, **changes)
    assert answer.status_code == 201, answer.text
    export_id: str = answer.json()["export_id"]
    answer = await intake.post(f"/v1/exports/{export_id}/approve", None, "head_of_office", version=1)
    assert answer.status_code == 200, answer.text
    return export_id


async def fetched(intake: Intake, export_id: str, role: str = "back_office", query: str = "", **claims: Any) -> Any:
    return await intake.get(f"/v1/exports/{export_id}/content{query}", role, **claims)


async def entries(intake: Intake, export_id: str) -> list[dict[str, Any]]:
    rows = await intake.rows(
        "SELECT entry::jsonb AS said FROM audit_unsealed WHERE entry::jsonb->>'object_id' = %(id)s "
        "ORDER BY entry::jsonb->>'at', entry::jsonb->>'action' DESC",
        id=export_id,
    )
    return [row.said for row in rows]


# -- what is refused -------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[dict[str, Any], str, tuple[int, str]]] = {
    "no purpose": ({"purpose": None}, "back_office", (422, "invalid-request")),
    "no purpose that there is": ({"purpose": "curiosity"}, "back_office", (422, "unknown-purpose")),
    "a purpose of the list that was": ({"purpose": "handling"}, "back_office", (422, "unknown-purpose")),
    "a purpose in words": ({"purpose": "Ibu Mawar"}, "back_office", (422, "invalid-request")),
    "a purpose that is for no export": ({"purpose": "identity-check"}, "back_office", (403, "purpose-not-yours")),
    "somebody else's purpose": ({"purpose": "programme-matching"}, "supervisor", (403, "purpose-not-yours")),
    "a column that the purpose does not show": ({"columns": ["address"]}, "back_office", (422, "columns-not-shown")),
    "names for a report": ({"purpose": "reporting"}, "back_office", (422, "columns-not-shown")),
    "no reason": ({"reason": "perlu"}, "back_office", (422, "invalid-request")),
    "no column": ({"columns": []}, "back_office", (422, "invalid-request")),
    "no such column": ({"columns": ["sealed"]}, "back_office", (422, "invalid-request")),
    "sql for a column": ({"columns": ["1; DROP TABLE cases"]}, "back_office", (422, "invalid-request")),
    "a column twice": ({"columns": ["nik", "nik"]}, "back_office", (422, "invalid-request")),
    "to choose what is in full": ({"unmasked": ["nik"]}, "back_office", (422, "invalid-request")),
    "a day that is none": ({"filters": {"registered_to": "9999-12-31"}}, "back_office", (422, "invalid-request")),
    "one who may not": ({}, "facilitator", (403, "forbidden")),
    "a service": ({}, "service", (403, "forbidden")),
}


@pytest.mark.parametrize(("changes", "role", "said"), REFUSED.values(), ids=REFUSED)
async def test_what_does_not_fit_is_refused_and_leaves_nothing(
    changes: dict[str, Any], role: str, said: tuple[int, str], intake: Intake
) -> None:
    before = await intake.digest()
    assert problem(await asked(intake, role, **changes)) == said
    assert await intake.digest() == before


async def test_nothing_is_fetched_before_somebody_has_approved_it(intake: Intake) -> None:
    export_id = (await asked(intake)).json()["export_id"]
    assert problem(await fetched(intake, export_id)) == (409, "export-not-approved")
    refused = await intake.post(f"/v1/exports/{export_id}/refuse", None, "manager", version=1)
    assert (refused.status_code, refused.json()["state"]) == (200, "refused")
    assert problem(await fetched(intake, export_id)) == (409, "export-not-approved")
    late = await intake.post(f"/v1/exports/{export_id}/approve", None, "head_of_office", version=2)
    assert problem(late) == (409, "export-decided")


async def test_nobody_decides_what_he_asked_for(intake: Intake) -> None:
    export_id = (await asked(intake, "manager")).json()["export_id"]
    for verb in ("approve", "refuse"):
        answer = await intake.post(f"/v1/exports/{export_id}/{verb}", None, "manager", version=1)
        assert problem(answer) == (403, "separation-of-duties")
    answer = await intake.post(f"/v1/exports/{export_id}/approve", None, "manager", version=1, sub="manager-2")
    assert answer.status_code == 200


async def test_who_decides_answers_for_the_whole_area_of_the_request(intake: Intake) -> None:
    export_id = (await asked(intake)).json()["export_id"]
    for region in ("12.71", "12.74.03", None):
        answer = await intake.post(f"/v1/exports/{export_id}/approve", None, "head_of_office", version=1, region=region)
        assert problem(answer) == (404, "not-found")
        listed = await intake.get("/v1/exports", "head_of_office", region=region)
        assert export_id not in listed.text
    listed = await intake.get("/v1/exports?limit=200", "head_of_office")
    (found,) = (each for each in listed.json()["items"] if each["export_id"] == export_id)
    assert found["reason"] == ASK["reason"]


async def test_only_who_asked_fetches_it_and_nobody_else_learns_of_it(intake: Intake) -> None:
    export_id = await approved(intake)
    for role, claims in (("back_office", {"sub": "back-office-2"}), ("manager", {}), ("supervisor", {})):
        assert problem(await fetched(intake, export_id, role, **claims)) == (404, "not-found")
        answer = await intake.get(f"/v1/exports/{export_id}", role, **claims)
        assert problem(answer) == (404, "not-found")


async def test_it_is_fetched_three_times_and_within_a_day(intake: Intake) -> None:
    export_id = await approved(intake)
    for left in (2, 1, 0):
        assert (await fetched(intake, export_id)).status_code == 200
        assert (await intake.get(f"/v1/exports/{export_id}", "back_office")).json()["fetches_left"] == left
    assert problem(await fetched(intake, export_id)) == (410, "export-spent")

    export_id = await approved(intake)
    intake.clock.move(days=1)
    assert problem(await fetched(intake, export_id)) == (410, "export-spent")


async def test_more_rows_than_may_be_are_refused_and_do_not_count(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    village = next(VILLAGES)
    for _ in range(3):
        await intake.register(village_code=village)
    export_id = await approved(intake, filters={"village_code": village})
    monkeypatch.setattr("slrt_intake.api.exports.MOST_ROWS", {"csv": 2, "xlsx": 2})
    assert problem(await fetched(intake, export_id)) == (422, "export-too-large")
    assert (await intake.get(f"/v1/exports/{export_id}", "back_office")).json()["fetches_left"] == 3


# -- what is in it ---------------------------------------------------------------------------------------------------


async def test_the_purpose_says_which_columns_come_masked_and_which_in_full(intake: Intake) -> None:
    village = next(VILLAGES)
    case = await intake.register(village_code=village)
    columns = ["ticket_number", "needs", "name", "nik", "birth_date", "phone"]
    export_id = await approved(intake, columns=columns, filters={"village_code": village})
    answer = await fetched(intake, export_id)
    heading, row = rows_of(answer)
    assert heading == columns
    (person,) = (await intake.opened("persons", case_id=case["case_id"]))[:1]
    (contact,) = await intake.opened("contacts", case_id=case["case_id"])
    shown = dict(zip(heading, row, strict=True))
    assert shown["ticket_number"] == case["ticket_number"]
    for name, whole in {**person, **contact}.items():
        if whole and name in columns:
            assert whole not in answer.text, name
            assert shown[name], name

    matching = {"purpose": "programme-matching", "columns": ["name", "nik"], "filters": {"village_code": village}}
    asked_for = (await asked(intake, **matching)).json()
    assert asked_for["unmasked"] == ["name", "nik"], "whoever approves it sees what comes in full"
    answer = await fetched(intake, await approved(intake, **matching))
    assert rows_of(answer)[1] == [person["name"], person["nik"]]


async def test_numbers_come_in_full_only_for_those_who_may_unmask_a_single_one(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    village = next(VILLAGES)
    case = await intake.register(village_code=village)
    (person,) = (await intake.opened("persons", case_id=case["case_id"]))[:1]
    matching = {"purpose": "programme-matching", "columns": ["name", "nik"], "filters": {"village_code": village}}
    export_id = await approved(intake, **matching)
    # What may be unmasked is taken from the role between approval and download.
    monkeypatch.setattr("slrt_intake.usecases.exports._UNMASK", "registry.person.erase")
    name, nik = rows_of(await fetched(intake, export_id))[1]
    assert (name, nik) == (person["name"], "1274••••••••9001")
    (fetch,) = (each for each in await entries(intake, export_id) if each["action"] == "fetch")
    assert fetch["fields"] == ["name", "nik:masked"]


async def test_a_purpose_that_is_no_longer_the_caller_s_opens_nothing_and_costs_no_download(intake: Intake) -> None:
    export_id = await approved(intake, "manager", purpose="programme-matching")
    answer = await fetched(intake, export_id, "supervisor", sub="manager-1")
    assert problem(answer) == (403, "purpose-not-yours")
    assert (await intake.get(f"/v1/exports/{export_id}", "manager")).json()["fetches_left"] == 3


async def test_what_was_written_to_be_worked_out_is_text(intake: Intake, made: Any) -> None:
    village = next(VILLAGES)
    registration = made.registration()
    person = registration["persons"][0] | {"name": '=HYPERLINK("http://x.invalid";"klik")'}
    await intake.register(village_code=village, persons=[person])
    ask = {"purpose": "programme-matching", "columns": ["name"], "filters": {"village_code": village}}
    export_id = await approved(intake, **ask)
    answer = await fetched(intake, export_id, query="?bom=true")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert "\"'=HYPERLINK" in answer.content.decode("utf-8-sig")
    assert rows_of(answer)[1] == [person["name"]]
    answer = await fetched(intake, export_id, query="?format=xlsx")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        assert "<f>" not in book.read("xl/worksheets/sheet1.xml").decode()
        assert "'=HYPERLINK" in book.read("xl/sharedStrings.xml").decode()


async def test_cases_that_are_kept_from_most_are_in_no_export(intake: Intake) -> None:
    village = next(VILLAGES)
    seen = await intake.register(village_code=village)
    hidden = await intake.register(village_code=village, needs=[{"need_code": "KEKERASAN", "person_ref": 0}])
    await intake.rows_changed(
        "INSERT INTO case_officers VALUES (%(id)s, 'back_office-1', 'manager-1', now())", id=hidden["case_id"]
    )
    sealed = await intake.register(village_code=village)
    await intake.rows_changed("UPDATE cases SET sealed_at = now() WHERE case_id = %(id)s", id=sealed["case_id"])
    export_id = await approved(intake, filters={"village_code": village})
    found = rows_of(await fetched(intake, export_id))
    assert [row[0] for row in found[1:]] == [seen["ticket_number"]]


async def test_the_area_is_that_of_the_request_and_of_the_moment(intake: Intake) -> None:
    here, there = next(VILLAGES), next(VILLAGES)
    cases = {village: await intake.register(village_code=village) for village in (here, there)}
    export_id = await approved(intake, claims={"region": here})
    wider = rows_of(await fetched(intake, export_id, region="12.74"))
    assert [row[0] for row in wider[1:]] == [cases[here]["ticket_number"]], "a wider area since does not widen it"
    moved = rows_of(await fetched(intake, export_id, region=there))
    assert moved[1:] == [], "an area that was left shows nothing more"


async def test_filters_narrow(intake: Intake) -> None:
    village = next(VILLAGES)
    road = await intake.register(village_code=village, needs=[{"need_code": "JALAN"}])
    await intake.register(village_code=village)
    export_id = await approved(intake, filters={"village_code": village, "need_codes": ["JALAN"]})
    assert [row[0] for row in rows_of(await fetched(intake, export_id))[1:]] == [road["ticket_number"]]
    today = intake.clock.now().date().isoformat()
    for filters, count in (
        ({"registered_from": today, "registered_to": today}, 2),
        ({"registered_to": "2020-01-01"}, 0),
        ({"statuses": ["closed"]}, 0),
    ):
        export_id = await approved(intake, filters={"village_code": village} | filters)
        assert len(rows_of(await fetched(intake, export_id))) == 1 + count, filters


async def test_the_reporter_who_asked_for_secrecy_is_not_told_of(intake: Intake) -> None:
    village = next(VILLAGES)
    await intake.register(village_code=village, reporter_secret=True)
    for purpose, columns in (("contact-resident", ["phone", "address"]), ("programme-matching", ["kk_number"])):
        ask = {"purpose": purpose, "columns": columns, "filters": {"village_code": village}}
        assert rows_of(await fetched(intake, await approved(intake, **ask)))[1] == [""] * len(columns)


# -- what is on record -----------------------------------------------------------------------------------------------


async def test_each_step_is_on_record_with_its_purpose_columns_and_rows(intake: Intake) -> None:
    village = next(VILLAGES)
    for _ in range(2):
        await intake.register(village_code=village)
    export_id = await approved(intake, purpose="data-update", filters={"village_code": village})
    assert (await fetched(intake, export_id)).status_code == 200
    said = await entries(intake, export_id)
    assert {(each["action"], each["subject"]) for each in said} == {
        ("request", "back_office-1"),
        ("approve", "head_of_office-1"),
        ("fetch", "back_office-1"),
        ("export", "back_office-1"),
    }
    (last,) = (each for each in said if each["action"] == "fetch")
    assert last["fields"] == ["ticket_number", "status", "name", "nik"]
    assert (last["purpose"], last["times"]) == ("data-update", 2)
    assert ASK["reason"] not in str(said)


async def test_a_download_without_rows_is_on_record_as_one_of_none(intake: Intake) -> None:
    export_id = await approved(intake, filters={"village_code": next(VILLAGES), "statuses": ["closed"]})
    assert len(rows_of(await fetched(intake, export_id))) == 1
    said = await entries(intake, export_id)
    assert [each["times"] for each in said if each["action"] == "fetch"] == [0]
    assert not [each for each in said if each["action"] == "export"], "nobody's data was looked at"


async def test_the_reason_lies_sealed(intake: Intake) -> None:
    export_id = (await asked(intake)).json()["export_id"]
    (row,) = await intake.rows("SELECT e::text AS whole FROM exports e WHERE export_id = %(id)s", id=export_id)
    assert "Laporan" not in row.whole
