"""The list of cases: only the caller's area, every case once, also while new ones arrive."""

import base64
from typing import Any
from uuid import UUID

import orjson
import pytest

from slrt_kit.http.pages import encode_cursor

NEIGHBOUR, DISTRICT, REGENCY = "12.74.03.1001", "12.74.04.1001", "12.71.01.1001"


@pytest.fixture(scope="module")
async def spread(intake: Any, made: Any) -> dict[str, list[str]]:
    """Village → the ids of its cases, oldest first; two of each village stand at the same moment."""
    found: dict[str, list[str]] = {}
    for place, village in enumerate((made.village, NEIGHBOUR, DISTRICT, REGENCY) * 4):
        if place % 8 == 0:
            intake.clock.move(minutes=1)
        found.setdefault(village, []).append((await intake.register(village_code=village))["case_id"])
    return found


async def _pages(intake: Any, *, limit: int, between: Any = None, **claims: Any) -> list[list[str]]:
    pages: list[list[str]] = []
    cursor = ""
    for _ in range(100):
        query = f"/v1/cases?limit={limit}" + (f"&cursor={cursor}" if cursor else "")
        answer = await intake.get(query, **claims)
        assert answer.status_code == 200, answer.text
        pages.append([case["case_id"] for case in answer.json()["items"]])
        cursor = answer.json()["next"]
        if cursor is None:
            return pages
        if between is not None:
            await between()
    raise AssertionError("the pages never end")


@pytest.mark.parametrize("region", ["12.74.03.1003", "11", "12.7", "12.74.03.10", "%", "12.74_03", "", None])
async def test_a_region_without_cases_of_its_own_lists_none(region: str | None, intake: Any, spread: Any) -> None:
    answer = await intake.get("/v1/cases", region=region)
    assert (answer.status_code, answer.json()) == (200, {"items": [], "next": None})


@pytest.mark.parametrize(
    ("region", "villages"),
    [
        ("12.74.03.1002", ["12.74.03.1002"]),
        ("12.74.03", ["12.74.03.1002", NEIGHBOUR]),
        ("12.74", ["12.74.03.1002", NEIGHBOUR, DISTRICT]),
        ("12.71", [REGENCY]),
        ("12", ["12.74.03.1002", NEIGHBOUR, DISTRICT, REGENCY]),
    ],
)
async def test_a_list_holds_the_cases_of_the_area_and_no_others(
    region: str, villages: list[str], intake: Any, spread: dict[str, list[str]]
) -> None:
    [page] = await _pages(intake, limit=200, region=region)
    assert sorted(page) == sorted(case for village in villages for case in spread[village])


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 16])
async def test_paging_gives_every_case_once_newest_first(limit: int, intake: Any, spread: Any) -> None:
    pages = await _pages(intake, limit=limit, region="12")
    assert all(len(page) == limit for page in pages[:-1])
    listed = [case for page in pages for case in page]
    whole = (await intake.get("/v1/cases?limit=200", region="12")).json()["items"]
    assert listed == [case["case_id"] for case in whole]
    assert len(set(listed)) == len(listed) == 16
    order = [(case["registered_at"], case["case_id"]) for case in whole]
    assert order == sorted(order, reverse=True)


async def test_paging_stays_complete_while_new_cases_arrive(intake: Any, spread: Any) -> None:
    before = sorted(case for page in await _pages(intake, limit=200, region="12.71") for case in page)

    async def arrive() -> None:
        intake.clock.move(seconds=1)
        await intake.register(village_code=REGENCY)

    pages = await _pages(intake, limit=1, between=arrive, region="12.71")
    assert sorted(case for page in pages for case in page) == before


async def test_a_list_can_be_narrowed_to_a_status(intake: Any, made: Any) -> None:
    case = await intake.register(village_code="12.74.05.1003")
    await intake.register(village_code="12.74.05.1003")
    await intake.step(case, "screen", 1)
    found = (await intake.get("/v1/cases?status=screening", region="12.74.05")).json()["items"]
    assert [item["case_id"] for item in found] == [case["case_id"]]


async def test_a_row_of_the_list_holds_nothing_personal(intake: Any, spread: Any) -> None:
    answer = await intake.get("/v1/cases?limit=200", region="12")
    for personal in ("Mawar", "Karangan", "1274035203879001", "00009901", "Jalan Contoh", "rumah gelap"):
        assert personal not in answer.text


def _written(value: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "====",
        "%00",
        "null",
        _written(None),
        _written({}),
        _written([]),
        _written([1, 2]),
        _written([None, None]),
        _written(["2026-07-01T08:00:00+00:00"]),
        _written(["2026-07-01T08:00:00+00:00", "not-a-uuid"]),
        _written(["2026-07-01T08:00:00+00:00", 5]),
        _written(["2026-07-01T08:00:00", str(UUID(int=1))]),
        _written([20260701, str(UUID(int=1))]),
        _written([["2026"], {"a": 1}]),
        _written(["yesterday", str(UUID(int=1))]),
        _written(["2026-07-01T08:00:00+00:00", str(UUID(int=1)), "more"]),
        encode_cursor("2026-07-01T08:00:00+00:00", "0198f0a0-0000-7000-8000-000000000001")[:-3],
    ],
)
async def test_a_cursor_that_is_not_ours_is_refused(cursor: str, intake: Any) -> None:
    answer = await intake.get(f"/v1/cases?cursor={cursor}")
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:slrt:problem:bad-cursor"), answer.text


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-12:00"])
async def test_a_cursor_at_the_end_of_time_is_an_empty_or_a_full_page(at: str, intake: Any, spread: Any) -> None:
    answer = await intake.get(f"/v1/cases?cursor={encode_cursor(at, str(UUID(int=1)))}", region="12")
    assert answer.status_code == 200
    assert bool(answer.json()["items"]) == at.startswith("9999")
