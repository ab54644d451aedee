"""Whoever follows a case is told all that happens to it, once, in order, and goes on where he was."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from tests.integration.intake.streams import example, follow, hear, id_of, others, served

from slrt_contracts.envelope import Envelope
from slrt_contracts.events import EVENT_TYPES
from slrt_contracts.structured import read_structured
from slrt_intake.store import following
from slrt_kit.access import ScopeKind, permission_table
from slrt_kit.testing import raw_event

FOREIGN = sorted(
    name
    for name, event in EVENT_TYPES.items()
    if not name.startswith("id.slrt.intake.") and "case_id" in event.model_fields
)
ROLES = sorted({role for grants in permission_table().values() for role in grants} | {"resident"})


@pytest.fixture(scope="module")
async def url(intake: Any) -> AsyncIterator[str]:
    """The address of an intake that is really served."""
    async with served(intake.app) as (address, _):
        yield address


# -- what the caller says he has ------------------------------------------------------------------------------------

NONSENSE = [
    "x",
    "0",
    "null",
    "' OR true --",
    "00000000-0000-0000-0000-000000000000",
    "{00000000-0000-7000-8000-000000000001}",
    "9" * 5000,
    b"\xff\xfe",
    "1;2",
]


@pytest.mark.parametrize("last", NONSENSE)
async def test_an_id_that_is_none_of_the_case_is_as_none(last: str | bytes, intake: Any, url: str) -> None:
    case = await intake.resolved()
    async with follow(url, case["case_id"], intake.token(), last=last) as stream:
        assert stream.status == 200
        assert len(set(await stream.ids(6))) == 6


async def test_an_id_of_another_case_is_as_none(intake: Any, url: str) -> None:
    case, other = await intake.register(), await intake.register()
    theirs = await hear(intake, others(other["case_id"], 2))
    mine = await hear(intake, others(case["case_id"], 2))
    async with follow(url, case["case_id"], intake.token(), last=theirs[-1]) as stream:
        assert (await stream.ids(3))[1:] == mine


async def test_after_every_id_comes_exactly_the_rest(intake: Any, url: str) -> None:
    case = await intake.decided()
    referral = uuid4()
    await hear(intake, others(case["case_id"], 4, key=referral))
    await intake.answered(case)
    await hear(intake, others(case["case_id"], 3, key=referral, first=5))
    async with follow(url, case["case_id"], intake.token()) as stream:
        ids = await stream.ids(4 + 4 + 2 + 3)
    assert len(set(ids)) == len(ids)
    for place in range(len(ids)):
        async with follow(url, case["case_id"], intake.token(), last=ids[place]) as stream:
            rest = await stream.ids(len(ids) - place - 1)
            # Nothing else comes before what happens now.
            ids += await hear(intake, others(case["case_id"], 1))
            assert rest + await stream.ids(1) == ids[place + 1 :]


# -- what is told ---------------------------------------------------------------------------------------------------


async def test_an_own_event_is_told_as_it_is_on_the_topic(intake: Any, url: str) -> None:
    case = await intake.resolved()
    sent = await intake.rows(
        "SELECT headers, payload FROM outbox WHERE partition_key = %(id)s ORDER BY seq", id=case["case_id"]
    )
    async with follow(url, case["case_id"], intake.token()) as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        assert stream.headers["x-request-id"]
        for row in sent:
            message = await stream.take()
            envelope = Envelope.from_headers((name, value.encode()) for name, value in row.headers)
            assert read_structured(message["data"]) == (envelope, orjson.loads(row.payload))
            assert (message["id"], message["event"]) == (str(envelope.id), envelope.type)
        assert stream.retry == "2000"
    assert len(sent) == 6
    assert any(dict(row.headers).get("ce_causationid") for row in sent)


@pytest.mark.parametrize("name", FOREIGN)
async def test_an_event_of_another_service_is_told_as_it_came(name: str, intake: Any, url: str) -> None:
    case = await intake.register()
    raw = raw_event(
        example(name, case["case_id"]),
        key_sequence=7,
        causation_id=uuid4(),
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    await hear(intake, [raw])
    async with follow(url, case["case_id"], intake.token()) as stream:
        await stream.take()
        message = await stream.take()
    envelope, data = read_structured(message["data"])
    assert envelope == Envelope.from_headers(raw.headers)
    assert data == orjson.loads(raw.payload or b"")


async def test_what_happens_is_told_as_it_happens(intake: Any, url: str) -> None:
    case = await intake.register()
    async with (
        follow(url, case["case_id"], intake.token()) as stream,
        follow(url, case["case_id"], intake.token()) as b,
    ):
        first = await stream.ids(1)
        assert await b.ids(1) == first
        await intake.step(case, "screen", 1)
        assert (await stream.take())["event"] == "id.slrt.intake.case-screened.v1"
        heard = await hear(intake, others(case["case_id"], 3))
        assert await stream.ids(3) == heard
        assert (await b.ids(4))[1:] == heard


async def test_a_stream_tells_of_its_own_case_only(intake: Any, url: str) -> None:
    case, other = await intake.register(), await intake.register()
    async with (
        follow(url, case["case_id"], intake.token()) as stream,
        follow(url, other["case_id"], intake.token()) as b,
    ):
        await stream.ids(1)
        await b.ids(1)
        theirs = await hear(intake, others(other["case_id"], 2))
        mine = await hear(intake, others(case["case_id"], 2))
        assert (await stream.ids(2), await b.ids(2)) == (mine, theirs)


async def test_more_than_a_page_comes_whole(intake: Any, url: str) -> None:
    case = await intake.register()
    raws = others(case["case_id"], following.PAGE * 2 + 5)
    assert await intake.timeline.process_batch(raws[:-3])
    async with follow(url, case["case_id"], intake.token()) as stream:
        assert (await stream.ids(len(raws) - 2))[1:] == [id_of(raw) for raw in raws[:-3]]
        assert await intake.timeline.process_batch(raws[-3:])
        assert await stream.ids(3) == [id_of(raw) for raw in raws[-3:]]


async def test_a_batch_is_told_in_the_order_in_which_it_came(intake: Any, url: str) -> None:
    case = await intake.register()
    raws = [raw for pair in zip(*(others(case["case_id"], 30) for _ in range(3)), strict=True) for raw in pair]
    assert await intake.timeline.process_batch(raws)
    async with follow(url, case["case_id"], intake.token()) as stream:
        assert (await stream.ids(91))[1:] == [id_of(raw) for raw in raws]


# -- to whom ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
async def test_who_may_read_the_case_may_follow_it_and_nobody_else(role: str, intake: Any, url: str) -> None:
    case = await intake.register()
    for region in ("12.74", "12.74.03.1002", "12.71", "12.74.03.1001"):
        headers = intake.token(role, region=region, office="12.74.DUKCAPIL")
        read = await intake.client.get(f"/v1/cases/{case['case_id']}", headers=headers)
        async with follow(url, case["case_id"], headers) as stream:
            assert stream.status == read.status_code, region
    allowed = permission_table()["intake.case.read"].get(role)
    assert (read.status_code == 404) == (allowed in (ScopeKind.REGION, ScopeKind.ASSIGNED))


async def test_no_case_and_no_token_are_problems(intake: Any, url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        missing = await client.get(f"/v1/cases/{uuid4()}/events", headers=intake.token())
        bad = await client.get("/v1/cases/1/events", headers=intake.token())
        stranger = await client.get(f"/v1/cases/{uuid4()}/events")
    assert [answer.status_code for answer in (missing, bad, stranger)] == [404, 422, 401]
    assert {answer.headers["content-type"] for answer in (missing, bad, stranger)} == {"application/problem+json"}
