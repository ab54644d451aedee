"""Who held a case for how long: read by those who may read it, added up for those who lead, written afterwards for
cases that were there before."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from slrt_contracts.events import ReferralCompleted, ReferralDeclined, ReferralSent
from slrt_kit.messaging.processor import Outcome
from slrt_kit.testing import raw_event

RECONSTRUCT = import_module("slrt_intake.migrations.versions.0016_holdings")._RECONSTRUCT
DISTRICT = "12.74.03"


class Offices:
    """What the referral service tells of a case's referrals, heard at once unless it is kept back."""

    def __init__(self, intake: Any, case: dict[str, Any]) -> None:
        self.intake = intake
        self.case = case

    async def hear(self, event: Any, **envelope: Any) -> None:
        raw = raw_event(event, **({"at": self.intake.clock.now()} | envelope))
        await self.intake.timeline.process(raw)
        assert await self.intake.outcomes.process(raw) is Outcome.APPLIED

    async def send(self, office: str, place: int = 0, **envelope: Any) -> dict[str, Any]:
        names = {
            "referral_id": uuid4(),
            "case_id": self.case["case_id"],
            "need_id": self.case["needs"][place]["need_id"],
            "office_code": office,
        }
        event = ReferralSent(**names, need_code="BPBL", district_code=DISTRICT, urgent=False)
        await self.hear(event, **envelope)
        return names

    async def decline(self, referral: dict[str, Any], **envelope: Any) -> None:
        await self.hear(ReferralDeclined(**referral, reason_code="other_owner"), key_sequence=2, **envelope)

    async def complete(self, referral: dict[str, Any], **envelope: Any) -> None:
        event = ReferralCompleted(**referral, programme_code=None, outcome_code="fulfilled")
        await self.hear(event, key_sequence=2, **envelope)


async def _ledger(intake: Any, case: dict[str, Any], role: str = "supervisor", **claims: Any) -> dict[str, Any]:
    answer = await intake.get(f"/v1/cases/{case['case_id']}/holdings", role, **claims)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _held(intake: Any, case: dict[str, Any]) -> list[tuple[str, float]]:
    """Holder, or its office, and minutes."""
    ledger = await _ledger(intake, case)
    assert sum(each["seconds"] for each in ledger["holdings"]) == ledger["seconds"]
    return [(each["office_code"] or each["holder"], each["seconds"] / 60) for each in ledger["holdings"]]


async def _life(intake: Any, *, needs: int = 2) -> tuple[dict[str, Any], Offices]:
    """A case whose every step took ten minutes, decided to be referred."""
    case = await intake.register(needs=[{"need_code": "BPBL", "person_ref": 0}] * needs)
    for version, verb in enumerate(("screen", "recommend", "decide"), start=1):
        intake.clock.move(minutes=10)
        assert (await intake.step(case, verb, version)).status_code == 200
    intake.clock.move(minutes=10)
    return case, Offices(intake, case)


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query", ["", "?month=2026-11", "?by=holder", "?month=2026-13&by=holder", "?month=2026-11&by=x"]
)
async def test_figures_of_no_month_or_of_no_kind_are_refused(query: str, intake: Any) -> None:
    answer = await intake.get(f"/v1/holding-times{query}", "manager")
    assert answer.status_code == 422


async def test_who_may_not_read_the_case_finds_no_ledger(intake: Any) -> None:
    case = await intake.register()
    elsewhere = await intake.get(f"/v1/cases/{case['case_id']}/holdings", "manager", region="12.71")
    missing = await intake.get(f"/v1/cases/{uuid4()}/holdings", "manager")
    assert elsewhere.status_code == missing.status_code == 404
    assert elsewhere.json()["title"] == missing.json()["title"]


# -- the ledger of a case -------------------------------------------------------------------------------------------


async def test_each_step_of_the_desk_has_its_holder(intake: Any) -> None:
    case, _ = await _life(intake)
    assert await _held(intake, case) == [
        ("front_office", 10),
        ("back_office", 10),
        ("coordinator", 10),
        ("back_office", 10),
    ]


async def test_of_several_offices_the_one_that_was_sent_its_need_first_holds_the_case(intake: Any) -> None:
    case, offices = await _life(intake)
    first = await offices.send("12.74.ESDM")
    intake.clock.move(minutes=5)
    second = await offices.send("12.74.PUPR", 1)
    intake.clock.move(minutes=5)
    await offices.complete(first)
    intake.clock.move(minutes=30)
    await offices.complete(second)
    intake.clock.move(minutes=1)
    assert (await _held(intake, case))[4:] == [("12.74.ESDM", 10), ("12.74.PUPR", 30), ("resident", 1)]


async def test_what_is_told_late_counts_from_when_it_happened(intake: Any) -> None:
    case, offices = await _life(intake, needs=1)
    sent_at = intake.clock.now()
    intake.clock.move(minutes=120)
    await offices.send("12.74.ESDM", at=sent_at)
    assert (await _held(intake, case))[3:] == [("back_office", 10), ("12.74.ESDM", 120)]


async def test_what_happened_before_the_present_holder_began_is_moved_up_and_says_so(intake: Any) -> None:
    case, offices = await _life(intake)
    before = intake.clock.now() - timedelta(minutes=3)
    first = await offices.send("12.74.PUPR", 1)
    await offices.send("12.74.ESDM", at=before)  # sent first, heard of second
    intake.clock.move(minutes=7)
    ledger = await _ledger(intake, case)
    late = ledger["holdings"][-1]
    assert (late["office_code"], late["seconds"]) == ("12.74.ESDM", 420)
    assert late["happened_at"] == before.isoformat().replace("+00:00", "Z")
    assert [each["seconds"] for each in ledger["holdings"]][3:] == [600, 0, 420]
    await offices.complete(first)
    assert (await _held(intake, case))[-1] == ("12.74.ESDM", 7)


async def test_an_office_whose_clock_runs_before_ours_has_it_from_now_on(intake: Any) -> None:
    case, offices = await _life(intake, needs=1)
    await offices.send("12.74.ESDM", at=intake.clock.now() + timedelta(hours=1))
    intake.clock.move(minutes=1)
    assert (await _held(intake, case))[-1] == ("12.74.ESDM", 1)


async def test_a_transfer_moves_the_place_and_an_edit_resets_nothing(intake: Any) -> None:
    case = await intake.register()
    intake.clock.move(minutes=10)
    body = {"officer": "bo-9"}
    assert (await intake.post(f"/v1/cases/{case['case_id']}/assign", body, "manager", version=1)).status_code == 200
    intake.clock.move(minutes=10)
    there = {"village_code": "12.71.01.1001"}
    moved = await intake.post(f"/v1/cases/{case['case_id']}/transfer", there, "manager", version=2)
    assert moved.status_code == 200, moved.text
    intake.clock.move(minutes=5)
    ledger = await _ledger(intake, case, region="12.71")
    assert [(each["holder"], each["district_code"], each["seconds"]) for each in ledger["holdings"]] == [
        ("front_office", DISTRICT, 1200),
        ("front_office", "12.71.01", 300),
    ]


async def test_a_case_whose_process_wrote_no_ledger_gets_one_with_its_next_step(intake: Any) -> None:
    """A process of the version before registers cases while the new one is rolled out."""
    case = await intake.register()
    with psycopg.connect(intake.url, autocommit=True) as connection:
        connection.execute("ALTER TABLE holdings DISABLE TRIGGER only_end")
        connection.execute("DELETE FROM holdings WHERE held_id = %s", (case["case_id"],))
        connection.execute("ALTER TABLE holdings ENABLE TRIGGER only_end")
    assert (await _ledger(intake, case))["holdings"] == []
    intake.clock.move(minutes=10)
    assert (await intake.step(case, "screen", 1)).status_code == 200
    ledger = await _ledger(intake, case)
    assert [(each["holder"], each["seconds"], each["reconstructed"]) for each in ledger["holdings"]] == [
        ("back_office", 600, True)
    ]


async def test_whoever_reads_the_ledger_is_on_record(intake: Any) -> None:
    case = await intake.register()
    await _ledger(intake, case, "manager")
    entries = await intake.rows("SELECT entry FROM audit_unsealed ORDER BY id DESC LIMIT 1")
    assert '"fields":["holdings"]' in entries[0].entry
    assert case["case_id"] in entries[0].entry


# -- figures --------------------------------------------------------------------------------------------------------


async def _times(intake: Any, by: str, month: str, role: str = "leadership", **claims: Any) -> dict[str, Any]:
    answer = await intake.get(f"/v1/holding-times?month={month}&by={by}", role, **claims)
    assert answer.status_code == 200, answer.text
    return {each["cell"]: (each["minutes"], each["held"]) for each in answer.json()["times"]}


async def test_a_month_adds_up_its_own_minutes_and_leaves_out_small_numbers(intake: Any) -> None:
    village = "34.04.01.2001"
    start = intake.clock.now()
    for _ in range(5):
        case = await intake.register(village_code=village)
    intake.clock.move(minutes=30)
    await intake.step(case, "screen", 1, region="34.04")
    intake.clock.move(days=40)
    here = {"region": "34.04"}
    month, following = start.strftime("%Y-%m"), (start + timedelta(days=31)).strftime("%Y-%m")
    assert await _times(intake, "district", "2020-01", **here) == {}
    by_district = await _times(intake, "district", following, **here)
    assert by_district["34.04.01"][1] == 5
    assert await _times(intake, "office", month, **here) == {}
    # One at the back office points at somebody, and would be worked out from the other and the total.
    assert await _times(intake, "holder", following, **here) == {
        "front_office": (None, None),
        "back_office": (None, None),
    }
    first = await _times(intake, "district", month, **here)
    minutes = (40 * 24 * 60 + 30) * 5
    assert first["34.04.01"][0] + by_district["34.04.01"][0] == minutes


async def test_restricted_cases_are_in_no_figure(intake: Any) -> None:
    for _ in range(6):
        await intake.register(village_code="12.72.01.1001", restricted=True)
    intake.clock.move(minutes=10)
    month = intake.clock.now().strftime("%Y-%m")
    assert await _times(intake, "holder", month, region="12.72") == {}


# -- cases from before ----------------------------------------------------------------------------------------------


async def test_what_is_written_afterwards_is_what_was_lived(intake: Any) -> None:
    case, offices = await _life(intake)
    first = await offices.send("12.74.ESDM")
    intake.clock.move(minutes=5)
    await offices.send("12.74.PUPR", 1)
    intake.clock.move(minutes=5)
    await offices.decline(first)
    intake.clock.move(minutes=5)
    body = {"village_code": "12.74.05.1010"}
    assert (await intake.post(f"/v1/cases/{case['case_id']}/transfer", body, "manager", version=4)).status_code == 200
    second = await offices.send("12.74.ESDM", at=intake.clock.now())
    intake.clock.move(minutes=5)
    await offices.complete(second)
    lived = (
        "SELECT sequence, holder, office_code, district_code, reason, since, until FROM holdings "
        "WHERE held_id = %s ORDER BY 1"
    )
    with psycopg.connect(intake.url) as connection:
        before = connection.execute(lived, (case["case_id"],)).fetchall()
        connection.execute("TRUNCATE holdings")
        connection.execute(RECONSTRUCT)
        assert connection.execute(lived, (case["case_id"],)).fetchall() == before
        assert len(before) == 7
        assert connection.execute("SELECT bool_and(reconstructed) FROM holdings").fetchone() == (True,)
        connection.rollback()


def test_a_service_without_cases_gets_an_empty_ledger(service_database: Callable[[str], str]) -> None:
    with psycopg.connect(service_database("intake")) as connection:
        assert connection.execute("SELECT count(*) FROM holdings").fetchone() == (0,)
