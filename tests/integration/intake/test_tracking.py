"""The resident's side: ticket and four digits open the case, guesses are counted, a confirmation closes it."""

import asyncio
from collections import Counter
from typing import Any
from uuid import uuid4

import httpx
import pytest

RIGHT, WRONG = "9901", "1234"


async def _track(intake: Any, ticket: str, digits: str = RIGHT, *, language: str = "id") -> httpx.Response:
    body = {"ticket_number": ticket, "phone_last4": digits}
    return await intake.client.post("/v1/tracking", json=body, headers={"Accept-Language": language})


async def _confirm(
    intake: Any, ticket: str, digits: str = RIGHT, *, satisfied: bool = True, key: str = ""
) -> httpx.Response:
    body = {"ticket_number": ticket, "phone_last4": digits, "satisfied": satisfied}
    headers = {"Idempotency-Key": key or uuid4().hex}
    return await intake.client.post("/v1/tracking/confirmation", json=body, headers=headers)


async def _failures(intake: Any, ticket: str) -> int:
    return sum(
        row.failures
        for row in await intake.rows("SELECT failures FROM ticket_failures WHERE ticket_number = %(t)s", t=ticket)
    )


# -- guesses --------------------------------------------------------------------------------------------------------


async def test_wrong_digits_open_nothing_and_are_counted(intake: Any) -> None:
    ticket = (await intake.register())["ticket_number"]
    async with intake.unchanged(but="ticket_failures"):
        answers = [await _track(intake, ticket, WRONG), await _confirm(intake, ticket, WRONG)]
    for answer in answers:
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:slrt:problem:ticket-not-found")
    assert await _failures(intake, ticket) == 2


async def test_a_ticket_that_does_not_exist_looks_like_wrong_digits_and_is_not_counted(intake: Any) -> None:
    ticket = (await intake.register())["ticket_number"]
    wrong = await _track(intake, ticket, WRONG)
    async with intake.unchanged():
        nowhere = [await _track(intake, "1274-0000-0000"), await _track(intake, ticket[:-1] + "U")]
    for answer in nowhere:
        assert answer.status_code == 404
        assert answer.json() | {"request_id": ""} == wrong.json() | {"request_id": ""}


async def test_a_case_without_a_phone_is_opened_by_the_code_of_its_slip_and_by_no_other(intake: Any) -> None:
    case = await intake.register(contact={})
    for digits in {"0000", RIGHT} - {case["slip_code"]}:
        assert (await _track(intake, case["ticket_number"], digits)).status_code == 404
    assert (await _track(intake, case["ticket_number"], case["slip_code"])).status_code == 200


async def test_five_wrong_guesses_shut_the_ticket_also_for_the_right_digits(intake: Any) -> None:
    ticket = (await intake.register())["ticket_number"]
    answers = [await _track(intake, ticket, WRONG) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {404}
    async with intake.unchanged():
        shut = [
            await _track(intake, ticket, WRONG),
            await _track(intake, ticket, RIGHT),
            await _confirm(intake, ticket, RIGHT),
        ]
    for answer in shut:
        assert (answer.status_code, answer.json()["type"]) == (429, "urn:slrt:problem:ticket-locked")
        assert 0 < int(answer.headers["Retry-After"]) <= 901


async def test_a_shut_ticket_opens_when_its_time_has_passed(intake: Any) -> None:
    ticket = (await intake.register())["ticket_number"]
    for _ in range(5):
        await _track(intake, ticket, WRONG)
    intake.clock.move(minutes=10)
    shut = await _track(intake, ticket)
    assert (shut.status_code, shut.headers["Retry-After"]) == (429, "301")
    intake.clock.move(seconds=int(shut.headers["Retry-After"]))
    assert (await _track(intake, ticket)).status_code == 200
    # Counting starts anew.
    assert [(await _track(intake, ticket, WRONG)).status_code for _ in range(6)] == [404] * 5 + [429]


async def test_guesses_that_are_far_apart_never_shut_a_ticket(intake: Any) -> None:
    ticket = (await intake.register())["ticket_number"]
    for _ in range(8):
        assert (await _track(intake, ticket, WRONG)).status_code == 404
        intake.clock.move(minutes=16)
    assert (await _track(intake, ticket)).status_code == 200


async def test_one_ticket_s_guesses_do_not_shut_another(intake: Any) -> None:
    first, second = (await intake.register())["ticket_number"], (await intake.register())["ticket_number"]
    for _ in range(6):
        await _track(intake, first, WRONG)
    assert (await _track(intake, first)).status_code == 429
    assert (await _track(intake, second)).status_code == 200


async def test_many_guesses_at_once_are_no_more_than_five(intake: Any) -> None:
    ticket = (await intake.register())["ticket_number"]
    answers = await asyncio.gather(*(_track(intake, ticket, f"{guess:04d}") for guess in range(10)))
    assert Counter(answer.status_code for answer in answers) == {404: 5, 429: 5}
    assert await _failures(intake, ticket) == 5


# -- looking --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "stage", "need"),
    [
        ("id", "Laporan Anda sudah terdaftar", "Bantuan Pasang Baru Listrik"),
        ("en", "Your report is registered", "New electricity connection"),
    ],
)
async def test_a_resident_reads_plain_words_in_their_language(
    language: str, stage: str, need: str, intake: Any
) -> None:
    ticket = (await intake.register())["ticket_number"]
    seen = (await _track(intake, ticket, language=language)).json()
    assert (seen["ticket_number"], seen["status"], seen["stage"]) == (ticket, "registered", stage)
    assert [item["label"] for item in seen["needs"]] == [need]
    assert seen["can_confirm"] is False


async def test_a_resident_sees_nothing_personal_and_no_id(intake: Any) -> None:
    case = await intake.register()
    answer = await _track(intake, case["ticket_number"])
    for secret in (
        "Mawar",
        "1274035203879001",
        "00009901",
        "Contoh",
        "gelap",
        case["case_id"],
        case["needs"][0]["need_id"],
    ):
        assert secret not in answer.text
    assert set(answer.json()) == {"ticket_number", "status", "stage", "next_step", "can_confirm", "needs"}


@pytest.mark.parametrize("habit", [str.lower, lambda t: t.replace("-", " "), lambda t: t.replace("0", "o"), str.strip])
async def test_a_ticket_may_be_typed_as_people_type(habit: Any, intake: Any) -> None:
    ticket = (await intake.register())["ticket_number"]
    assert (await _track(intake, habit(ticket))).json()["ticket_number"] == ticket


async def test_looking_changes_nothing(intake: Any) -> None:
    ticket = (await intake.resolved())["ticket_number"]
    async with intake.unchanged():
        assert (await _track(intake, ticket)).status_code == 200


async def test_the_words_follow_the_case_to_its_end(intake: Any) -> None:
    case = await intake.register()
    words = []
    for version, verb in enumerate(("screen", "recommend", "decide"), start=1):
        words.append((await _track(intake, case["ticket_number"])).json())
        await intake.step(case, verb, version)
    words.append((await _track(intake, case["ticket_number"])).json())
    await intake.answered(case)
    words.append((await _track(intake, case["ticket_number"])).json())
    await _confirm(intake, case["ticket_number"])
    words.append((await _track(intake, case["ticket_number"])).json())
    assert [seen["status"] for seen in words] == [
        "registered",
        "screening",
        "in_handling",
        "decided",
        "decided",
        "closed",
    ]
    assert len({seen["stage"] for seen in words}) == 6
    assert [seen["can_confirm"] for seen in words] == [False, False, False, False, True, False]


# -- confirming -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
async def test_a_case_with_open_needs_cannot_be_confirmed(steps: int, intake: Any) -> None:
    case = await intake.register()
    for version, verb in enumerate(("screen", "recommend", "decide")[:steps], start=1):
        await intake.step(case, verb, version)
    async with intake.unchanged():
        answer = await _confirm(intake, case["ticket_number"])
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:slrt:problem:outcomes-missing")


@pytest.mark.parametrize("satisfied", [True, False])
async def test_a_confirmation_closes_the_case_with_the_answer(satisfied: bool, intake: Any) -> None:
    case = await intake.resolved()
    answer = await _confirm(intake, case["ticket_number"].lower(), satisfied=satisfied)
    assert answer.status_code == 200
    closed = answer.json()
    assert (closed["status"], closed["satisfied"]) == ("closed", satisfied)
    assert closed["closed_at"] is not None
    [event] = await intake.rows(
        "SELECT convert_from(payload, 'UTF8')::jsonb AS facts FROM outbox "
        "WHERE partition_key = %(id)s ORDER BY key_sequence DESC LIMIT 1",
        id=case["case_id"],
    )
    assert event.facts == {"case_id": case["case_id"], "closed_by": "resident", "satisfied": satisfied}


async def test_a_repeated_confirmation_is_answered_as_the_first_time(intake: Any) -> None:
    ticket, key = (await intake.resolved())["ticket_number"], uuid4().hex
    first = await _confirm(intake, ticket, key=key)
    async with intake.unchanged():
        again = await _confirm(intake, ticket, key=key)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_a_second_confirmation_does_not_change_the_answer(intake: Any) -> None:
    ticket, key = (await intake.resolved())["ticket_number"], uuid4().hex
    await _confirm(intake, ticket, satisfied=True, key=key)
    async with intake.unchanged():
        other_key = await _confirm(intake, ticket, satisfied=False)
        other_body = await _confirm(intake, ticket, satisfied=False, key=key)
    assert (other_key.status_code, other_key.json()["type"]) == (409, "urn:slrt:problem:transition-refused")
    assert (other_body.status_code, other_body.json()["type"]) == (422, "urn:slrt:problem:idempotency-key-reused")


async def test_confirmations_at_once_close_the_case_once(intake: Any) -> None:
    case = await intake.resolved()
    answers = await asyncio.gather(*(_confirm(intake, case["ticket_number"]) for _ in range(4)))
    assert Counter(answer.status_code for answer in answers)[200] == 1
    assert {answer.status_code for answer in answers} <= {200, 409, 412}
    closed = await intake.rows(
        "SELECT 1 FROM timeline WHERE case_id = %(id)s AND event_type LIKE '%%case-closed%%'", id=case["case_id"]
    )
    assert len(closed) == 1


async def test_the_same_key_of_two_residents_is_no_repetition(intake: Any) -> None:
    first, second, key = await intake.resolved(), await intake.resolved(), uuid4().hex
    answers = [await _confirm(intake, case["ticket_number"], key=key) for case in (first, second)]
    assert [answer.json()["case_id"] for answer in answers] == [first["case_id"], second["case_id"]]
