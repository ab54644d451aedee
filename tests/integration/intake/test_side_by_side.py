"""Registrations that come side by side are written together, and each is as whole as if it had come alone."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from slrt_intake.domain import ticket
from slrt_intake.store.sealed import phone_check


@pytest.mark.parametrize("callers", [1, 3, 64, 150])
async def test_each_has_its_own_case_people_events_and_kept_answer(callers: int, intake: Any, made: Any) -> None:
    before = await intake.digest()
    keys = [uuid4().hex for _ in range(callers)]
    bodies = [
        made.registration(
            contact={"phone": f"0812-0000-{9000 + place}"}, needs=[{"need_code": "PIP"}] * (1 + place % 3)
        )
        for place in range(callers)
    ]
    answers = await asyncio.gather(
        *(intake.post("/v1/cases", body, key=key) for body, key in zip(bodies, keys, strict=True))
    )
    assert {answer.status_code for answer in answers} == {201}
    after = await intake.digest()
    for table in ("cases", "persons", "contacts", "outbox", "timeline", "idempotency"):
        assert after[table][0] - before[table][0] == callers, table
    for place, (answer, body, key) in enumerate(zip(answers, bodies, keys, strict=True)):
        case_id = answer.json()["case_id"]
        (row,) = await intake.rows(
            "SELECT k.phone_check, c.version, (SELECT count(*) FROM needs n WHERE n.case_id = c.case_id) AS needs, "
            "(SELECT count(*) FROM outbox o WHERE o.partition_key = c.case_id::text) AS events, "
            "(SELECT count(*) FROM timeline t WHERE t.case_id = c.case_id) AS entries "
            "FROM cases c JOIN contacts k USING (case_id) WHERE c.case_id = %(id)s",
            id=case_id,
        )
        assert row == (
            phone_check(intake.vault, answer.json()["ticket_number"], f"{9000 + place}"),
            1,
            len(body["needs"]),
            1,
            1,
        )
        again = await intake.post("/v1/cases", body, key=key)
        assert (again.content, again.headers["Idempotency-Replayed"]) == (answer.content, "true")


async def test_a_key_that_came_before_changes_nothing_and_holds_up_nobody_beside_it(intake: Any, made: Any) -> None:
    key = uuid4().hex
    first = await intake.post("/v1/cases", made.registration(), key=key)
    before = await intake.digest()
    other = made.registration(needs=[{"need_code": "PIP"}])
    same, reused, *fresh = await asyncio.gather(
        intake.post("/v1/cases", made.registration(), key=key),
        intake.post("/v1/cases", other, key=key),
        *(intake.post("/v1/cases", other) for _ in range(5)),
    )
    assert same.content == first.content
    assert (reused.status_code, reused.json()["type"]) == (422, "urn:slrt:problem:idempotency-key-reused")
    assert {answer.status_code for answer in fresh} == {201}
    after = await intake.digest()
    for table in ("cases", "outbox", "timeline", "idempotency", "contacts"):
        assert after[table][0] - before[table][0] == 5, table


async def test_the_same_key_of_two_people_is_two_commands(intake: Any, made: Any) -> None:
    key = uuid4().hex
    one, other = await asyncio.gather(
        intake.post("/v1/cases", made.registration(), key=key, sub="fasilitator-a"),
        intake.post("/v1/cases", made.registration(), key=key, sub="fasilitator-b"),
    )
    assert (one.status_code, other.status_code) == (201, 201)
    assert one.json()["case_id"] != other.json()["case_id"]


async def test_a_ticket_number_that_is_taken_is_drawn_anew_for_that_one_alone(
    intake: Any, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = (await intake.register())["ticket_number"]
    numbers = iter([taken])
    really = ticket.make_ticket
    monkeypatch.setattr(ticket, "make_ticket", lambda *args: next(numbers, None) or really(*args))
    before = await intake.digest()
    answers = await asyncio.gather(*(intake.post("/v1/cases", made.registration()) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["ticket_number"] for answer in answers} | {taken}) == 13
    after = await intake.digest()
    for table in ("cases", "outbox", "timeline", "idempotency", "contacts", "persons"):
        assert after[table][0] - before[table][0] == 12, table
