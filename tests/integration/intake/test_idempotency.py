"""Repeated commands: the same key does the work once, and another body under it is refused."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest


async def test_the_same_key_with_another_body_is_refused(intake: Any, made: Any) -> None:
    key = uuid4().hex
    await intake.post("/v1/cases", made.registration(), key=key)
    async with intake.unchanged():
        answer = await intake.post("/v1/cases", made.registration(channel="phone"), key=key)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:idempotency-key-reused")


async def test_the_same_key_at_another_address_is_refused(intake: Any, made: Any) -> None:
    key = uuid4().hex
    case = (await intake.post("/v1/cases", made.registration(), "front_office", key=key)).json()
    async with intake.unchanged():
        answer = await intake.step(case, "screen", 1, key=key)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:idempotency-key-reused")


async def test_the_same_key_for_another_version_is_refused(intake: Any) -> None:
    case, key = await intake.register(), uuid4().hex
    assert (await intake.step(case, "screen", 1, key=key)).status_code == 200
    async with intake.unchanged():
        answer = await intake.step(case, "screen", 2, key=key)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:idempotency-key-reused")


async def test_a_repeated_registration_is_answered_as_the_first_time(intake: Any, made: Any) -> None:
    key, body = uuid4().hex, made.registration()
    first = await intake.post("/v1/cases", body, key=key)
    async with intake.unchanged():
        again = await intake.post("/v1/cases", body, key=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert {again.headers[name] for name in ("ETag", "Location")} == {
        first.headers[name] for name in ("ETag", "Location")
    }
    assert "Idempotency-Replayed" not in first.headers


async def test_a_repeated_step_is_answered_as_the_first_time_even_when_the_case_went_on(intake: Any) -> None:
    case, key = await intake.register(), uuid4().hex
    first = await intake.step(case, "screen", 1, key=key)
    await intake.step(case, "recommend", 2)
    async with intake.unchanged():
        again = await intake.step(case, "screen", 1, key=key)
    assert (again.status_code, again.content, again.headers["ETag"]) == (200, first.content, '"2"')


async def test_a_refused_command_leaves_its_key_free(intake: Any, made: Any) -> None:
    key = uuid4().hex
    async with intake.unchanged():
        refused = await intake.post("/v1/cases", made.registration(village_code="12.74.03.9999"), key=key)
    assert refused.status_code == 422
    assert (await intake.post("/v1/cases", made.registration(), key=key)).status_code == 201


@pytest.mark.parametrize("callers", [2, 6])
async def test_the_same_command_many_times_at_once_is_done_once(callers: int, intake: Any, made: Any) -> None:
    key, body = uuid4().hex, made.registration()
    before = await intake.digest()
    answers = await asyncio.gather(*(intake.post("/v1/cases", body, key=key) for _ in range(callers)))
    after = await intake.digest()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    for table in ("cases", "outbox", "timeline", "idempotency", "contacts"):
        assert after[table][0] == before[table][0] + 1
