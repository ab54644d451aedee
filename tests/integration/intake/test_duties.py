"""The duty roster: maintained by the manager of a region, told to other services, asked by who needs an answer."""

from typing import Any
from uuid import uuid4

import orjson
import pytest

START = "2026-07-01"
REGION = "12.73"


def duty(**changes: Any) -> dict[str, Any]:
    body = {"officer": uuid4().hex, "role": "facilitator", "area_code": "12.73.01", "first_day": START}
    return {name: value for name, value in (body | changes).items() if value is not None}


async def put(intake: Any, body: dict[str, Any], role: str = "manager", duty_id: str = "", **more: Any) -> Any:
    headers = intake.token(role, region=more.pop("region", REGION)) | {"Idempotency-Key": more.pop("key", uuid4().hex)}
    if "version" in more:
        headers["If-Match"] = f'"{more["version"]}"'
    return await intake.client.put(f"/v1/duties/{duty_id or uuid4()}", json=body, headers=headers)


async def delete(intake: Any, duty_id: str, version: Any, role: str = "manager") -> Any:
    headers = intake.token(role, region=REGION) | {"Idempotency-Key": uuid4().hex}
    if version is not None:
        headers["If-Match"] = f'"{version}"'
    return await intake.client.delete(f"/v1/duties/{duty_id}", headers=headers)


async def listed(intake: Any, *, region: str = REGION) -> list[dict[str, Any]]:
    answer = await intake.get("/v1/duties?limit=200", "supervisor", region=region)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


# -- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"area_code": None}, "area_or_office"),
        ({"office_code": "12.73.PUPR"}, "area_or_office"),
        ({"area_code": None, "office_code": "12.73.PUPR"}, "not_at_an_office"),
        ({"role": "opd_officer"}, "only_at_an_office"),
        ({"last_day": "2026-06-30"}, "days"),
        ({"area_code": "12.73.99"}, "area"),
        ({"area_code": "12.72.01"}, "outside"),
        ({"area_code": "12"}, "outside"),
        ({"role": "opd_officer", "area_code": None, "office_code": "12.PUPR"}, "outside"),
    ],
)
async def test_terms_that_make_no_duty_are_refused_with_the_reason(
    changes: dict[str, Any], reason: str, intake: Any
) -> None:
    async with intake.unchanged():
        answer = await put(intake, duty(**changes))
    assert (answer.status_code, answer.json()["reason"]) == (422, reason), answer.text


@pytest.mark.parametrize(
    "changes",
    [
        {"officer": "Rina Sitorus"},
        {"role": "admin"},
        {"area_code": "1273"},
        {"first_day": "1 Juli"},
        {"first_day": None},
        {"name": "Rina"},
    ],
)
async def test_a_body_that_does_not_fit_is_refused(changes: dict[str, Any], intake: Any) -> None:
    async with intake.unchanged():
        assert (await put(intake, duty(**changes))).status_code == 422


async def test_a_change_must_name_the_version_that_it_is_of(intake: Any) -> None:
    duty_id = str(uuid4())
    assert (await put(intake, duty(), duty_id=duty_id, version=1)).status_code == 404
    assert (await put(intake, duty(), duty_id=duty_id)).status_code == 201
    async with intake.unchanged():
        assert (await put(intake, duty(), duty_id=duty_id)).status_code == 428
        assert (await put(intake, duty(), duty_id=duty_id, version=2)).status_code == 412
        assert (await delete(intake, duty_id, None)).status_code == 428
        assert (await delete(intake, duty_id, 2)).status_code == 412


async def test_a_duty_of_another_region_is_not_found_and_its_id_not_taken_over(intake: Any) -> None:
    duty_id = str(uuid4())
    assert (await put(intake, duty(), duty_id=duty_id)).status_code == 201
    async with intake.unchanged():
        theirs = duty(area_code="12.72.01")
        assert (await put(intake, theirs, duty_id=duty_id, region="12.72", version=1)).status_code == 404
        assert (await put(intake, theirs, duty_id=duty_id, region="12.72")).status_code == 404
    assert duty_id not in {each["duty_id"] for each in await listed(intake, region="12.72")}


# -- the life of a duty ---------------------------------------------------------------------------------------------


async def test_a_duty_is_made_changed_and_ended_and_each_time_told(intake: Any) -> None:
    duty_id, body = str(uuid4()), duty(officer="fasilitator.73", area_code="12.73.01.1001")
    key = uuid4().hex
    made = await put(intake, body, duty_id=duty_id, key=key)
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    again = await put(intake, body, duty_id=duty_id, key=key)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    changed = await put(intake, body | {"last_day": "2026-12-31"}, duty_id=duty_id, version=1)
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    (shown,) = [each for each in await listed(intake) if each["duty_id"] == duty_id]
    assert (shown["officer"], shown["area_code"], shown["last_day"]) == (
        "fasilitator.73",
        "12.73.01.1001",
        "2026-12-31",
    )
    assert (await delete(intake, duty_id, 2)).json() == {"duty_id": duty_id, "ended": True}
    assert (await delete(intake, duty_id, 3)).status_code == 409
    assert duty_id not in {each["duty_id"] for each in await listed(intake)}
    rows = await intake.rows(
        "SELECT headers, convert_from(payload, 'UTF8') AS payload FROM outbox "
        "WHERE partition_key = %(id)s ORDER BY seq",
        id=duty_id,
    )
    told = [(dict(row.headers)["ce_type"].rpartition(".v")[0][15:], orjson.loads(row.payload)) for row in rows]
    assert [kind for kind, _ in told] == ["duty-assigned", "duty-assigned", "duty-ended"]
    # The village is told as its district, and the login as an id.
    assert told[0][1]["area_code"] == "12.73.01"
    assert "fasilitator.73" not in str(told)


async def test_the_line_says_who_is_missing(intake: Any) -> None:
    here = "12.73.02"
    assert (await put(intake, duty(role="manager", area_code=REGION, officer="manajer.73"))).status_code == 201
    answer = await intake.get(f"/v1/duties/line?role=facilitator&area_code={here}", "supervisor", region=REGION)
    assert answer.status_code == 200, answer.text
    steps = {step["role"]: step["missing"] for step in answer.json()["steps"]}
    assert list(steps) == [
        "facilitator",
        "supervisor",
        "manager",
        "head_of_office",
        "province_desk",
        "centre_desk",
    ]
    assert (steps["facilitator"], steps["supervisor"], steps["manager"]) == (True, True, False)
    elsewhere = await intake.get("/v1/duties/line?role=facilitator&area_code=12.72", "supervisor", region=REGION)
    assert elsewhere.status_code == 403


# -- many at once ---------------------------------------------------------------------------------------------------


def regency() -> list[dict[str, Any]]:
    """50 facilitators, 3 supervisors, 1 manager and the officers of 6 offices of a regency."""
    offices = [f"12.76.{name}" for name in ("DUKCAPIL", "DIKBUD", "PUPR", "DINKES", "DINSOS", "PERKIM")]
    return [
        *(duty(officer=f"fasilitator.{n}", area_code="12.76") for n in range(50)),
        *(duty(officer=f"supervisor.{n}", role="supervisor", area_code="12.76") for n in range(3)),
        duty(officer="manajer.76", role="manager", area_code="12.76"),
        *(duty(officer=f"petugas.{o}", role="opd_officer", area_code=None, office_code=o) for o in offices),
    ]


async def test_a_regency_is_put_on_duty_at_once_after_a_trial_and_again_changes_nothing(intake: Any) -> None:
    rows = regency()

    async def send(*, dry_run: bool) -> dict[str, Any]:
        body = {"dry_run": dry_run, "duties": rows}
        answer = await intake.post("/v1/duties/lists", body, "manager", region="12.76")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async with intake.unchanged(but="idempotency"):
        trial = await send(dry_run=True)
    assert (trial["stored"], {row["result"] for row in trial["rows"]}) == (False, {"new"})
    stored = await send(dry_run=False)
    assert (stored["stored"], len({row["duty_id"] for row in stored["rows"]})) == (True, 60)
    assert len(await listed(intake, region="12.76")) == 60
    async with intake.unchanged(but="idempotency"):
        again = await send(dry_run=False)
    assert {row["result"] for row in again["rows"]} == {"present"}


async def test_one_bad_row_stores_nobody_and_each_row_says_what_is_wrong(intake: Any) -> None:
    good = duty()
    rows = [good, duty(area_code="12.73.99"), duty(role="opd_officer"), good]
    async with intake.unchanged():
        answer = await intake.post("/v1/duties/lists", {"dry_run": False, "duties": rows}, "manager", region=REGION)
    assert answer.status_code == 422
    report = [(row["row"], row["result"], row["reason"]) for row in answer.json()["rows"]]
    assert report == [
        (0, "new", None),
        (1, "refused", "area"),
        (2, "refused", "only_at_an_office"),
        (3, "refused", "twice"),
    ]
    assert answer.json()["rows"][1]["says"] == {
        "id": "Kode wilayah tidak dikenal",
        "en": "The area is not in the region table",
    }
