"""Several people at once: one of them wins, the others are told, and the story has no gap and nothing twice."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from slrt_kit.messaging.processor import Outcome
from slrt_kit.testing import raw_event


async def _events(intake: Any, case: dict[str, Any]) -> list[tuple[str, int]]:
    rows = await intake.rows(
        "SELECT headers, key_sequence FROM outbox WHERE partition_key = %(id)s ORDER BY seq", id=case["case_id"]
    )
    return [(dict(row.headers)["ce_type"].split(".")[3], row.key_sequence) for row in rows]


@pytest.mark.parametrize("callers", [2, 5, 8])
async def test_of_several_decisions_on_the_same_version_one_is_taken(callers: int, intake: Any) -> None:
    case = await intake.register()
    await intake.step(case, "screen", 1)
    await intake.step(case, "recommend", 2)
    said = [("refer",), ("solved_locally",)]
    answers = await asyncio.gather(
        *(
            intake.step(case, "decide", 3, sub=f"koordinator-{place}", decisions=said[place % 2])
            for place in range(callers)
        )
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: callers - 1}
    assert {a.json()["type"] for a in answers if a.status_code == 412} == {"urn:slrt:problem:stale-version"}
    events = await _events(intake, case)
    assert [kind for kind, _ in events].count("case-decided") == 1
    assert [sequence for _, sequence in events] == list(range(1, len(events) + 1))
    winner = next(answer.json() for answer in answers if answer.status_code == 200)
    seen = (await intake.get(f"/v1/cases/{case['case_id']}")).json()
    assert [need["decision"] for need in seen["needs"]] == [need["decision"] for need in winner["needs"]]


async def test_outcomes_of_all_needs_at_once_resolve_the_case_once(intake: Any, made: Any) -> None:
    needs = [{"need_code": code} for code in ("BPBL", "PIP", "ADMINDUK", "JALAN")]
    case = await intake.decided(needs=needs)
    events = [raw_event(made.completed(case, place)) for place in range(len(needs))]
    results = await asyncio.gather(*(intake.outcomes.process(raw) for raw in events))
    # An event that lost the race three times over is parked, and comes to its right when its time has come.
    while Outcome.PARKED in results and await intake.rows("SELECT 1 FROM parked"):
        intake.clock.move(minutes=10)
        await intake.outcomes.retry_parked()
    told = await _events(intake, case)
    kinds = Counter(kind for kind, _ in told)
    assert kinds["need-outcome-recorded"] == 4
    assert kinds["case-resolved"] == 1
    assert [sequence for _, sequence in told] == list(range(1, len(told) + 1))


async def test_one_event_delivered_twice_at_once_is_applied_once(intake: Any, made: Any) -> None:
    case = await intake.decided()
    raw = raw_event(made.completed(case))
    results = await asyncio.gather(*(intake.outcomes.process(raw) for _ in range(4)))
    assert Counter(results) == {Outcome.APPLIED: 1, Outcome.DUPLICATE: 3}
    assert [kind for kind, _ in await _events(intake, case)].count("need-outcome-recorded") == 1


async def test_a_draft_that_two_devices_correct_at_once_keeps_one_correction(intake: Any, made: Any) -> None:
    text = "Nama Klien : Mawar Karangan\nKelurahan : Sumber Sari\nKecamatan : Sei Tualang Raso\nKeluhan : rumah gelap"
    [draft] = (await intake.post("/v1/drafts", {"text": text})).json()["drafts"]
    path, headers = f"/v1/drafts/{draft['draft_id']}", intake.token() | {"If-Match": '"1"'}
    answers = await asyncio.gather(
        *(
            intake.client.put(path, json=made.registration(channel=channel), headers=headers)
            for channel in ("phone", "paper", "web")
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]
    kept = (await intake.get(path)).json()
    assert kept["content"] == next(a.json()["content"] for a in answers if a.status_code == 200)
