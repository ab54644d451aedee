"""The timeline of a case: its own events under the ids that the topic has, and those of every other service, once."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from slrt_contracts.events import EVENT_TYPES, Event
from slrt_kit.messaging.processor import Outcome
from slrt_kit.testing import raw_event

FOREIGN = sorted(
    name
    for name, event in EVENT_TYPES.items()
    if not name.startswith("id.slrt.intake.") and "case_id" in event.model_fields
)
OWN = sorted(
    name
    for name, event in EVENT_TYPES.items()
    if name.startswith("id.slrt.intake.") and "case_id" in event.model_fields
)
EXAMPLES = Path(__file__).parents[3] / "contracts" / "examples"


def _example(name: str, case_id: str) -> Event:
    """The type's first good example, about our case."""
    file = min((EXAMPLES / name).glob("good-*.json"))
    return EVENT_TYPES[name].decode(orjson.dumps(orjson.loads(file.read_bytes()) | {"case_id": case_id}))


async def _timeline(intake: Any, case: dict[str, Any]) -> list[dict[str, Any]]:
    return (await intake.get(f"/v1/cases/{case['case_id']}")).json()["timeline"]


async def test_an_own_event_is_on_the_timeline_under_the_id_that_the_topic_will_have(intake: Any) -> None:
    case = await intake.resolved()
    sent = await intake.rows(
        "SELECT event_id, headers, payload FROM outbox WHERE partition_key = %(id)s ORDER BY seq", id=case["case_id"]
    )
    shown = [entry for entry in await _timeline(intake, case) if entry["service"] == "intake"]
    assert {entry["event_id"] for entry in shown} == {str(row.event_id) for row in sent}
    assert len(shown) == len(sent) == 6
    by_id = {entry["event_id"]: entry for entry in shown}
    for row in sent:
        headers, entry = dict(row.headers), by_id[str(row.event_id)]
        assert headers["ce_id"] == entry["event_id"]
        assert headers["ce_type"] == entry["event_type"]
        assert entry["facts"] | {"case_id": case["case_id"]} == orjson.loads(row.payload)


@pytest.mark.parametrize("name", FOREIGN)
async def test_every_event_of_other_services_is_shown(name: str, intake: Any) -> None:
    case = await intake.register()
    event, event_id = _example(name, case["case_id"]), uuid4()
    happened = intake.clock.now() + timedelta(hours=1)
    raw = raw_event(event, event_id=event_id, at=happened)
    assert await intake.timeline.process(raw) is Outcome.APPLIED
    assert await intake.timeline.process(raw) is Outcome.DUPLICATE
    entry = (await _timeline(intake, case))[-1]
    assert (entry["event_id"], entry["event_type"], entry["service"]) == (str(event_id), name, name.split(".")[2])
    assert datetime.fromisoformat(entry["happened_at"]) == happened
    assert entry["facts"] | {"case_id": case["case_id"]} == orjson.loads(event.encode())


@pytest.mark.parametrize("name", OWN)
async def test_an_own_event_that_comes_back_from_the_topic_is_passed_over(name: str, intake: Any) -> None:
    case = await intake.register()
    async with intake.unchanged():
        assert await intake.timeline.process(raw_event(_example(name, case["case_id"]))) is Outcome.IGNORED


async def test_a_batch_of_all_kinds_is_shown_once_in_the_order_in_which_it_happened(intake: Any) -> None:
    case = await intake.register()
    start = intake.clock.now() + timedelta(minutes=1)
    raws = [
        raw_event(_example(name, case["case_id"]), event_id=UUID(int=place + 1), at=start + timedelta(seconds=-place))
        for place, name in enumerate([*FOREIGN, *OWN[:1]])
    ]
    assert await intake.timeline.process_batch([*raws, *raws[:3]])
    async with intake.unchanged():
        assert await intake.timeline.process_batch(raws)
    shown = [entry for entry in await _timeline(intake, case) if entry["service"] != "intake"]
    assert [entry["event_type"] for entry in shown] == FOREIGN[::-1]


async def test_one_event_that_does_not_fit_does_not_hold_up_its_batch(intake: Any) -> None:
    case = await intake.register()
    raws = [raw_event(_example(name, case["case_id"])) for name in FOREIGN[:3]]
    bad = type(raws[1])(raws[1].topic, raws[1].key, raws[1].headers, b"{}")
    async with intake.unchanged():
        assert not await intake.timeline.process_batch([raws[0], bad, raws[2]])
    for raw in (raws[0], raws[2]):
        assert await intake.timeline.process(raw) is Outcome.APPLIED
    assert len(await _timeline(intake, case)) == 3


async def test_what_is_told_before_the_case_is_seen_is_kept_for_it(intake: Any) -> None:
    elsewhere = str(uuid4())
    assert await intake.timeline.process(raw_event(_example(FOREIGN[0], elsewhere))) is Outcome.APPLIED
    assert len(await intake.rows("SELECT 1 FROM timeline WHERE case_id = %(id)s", id=elsewhere)) == 1


async def test_a_timeline_holds_only_its_own_case(intake: Any) -> None:
    first, second = await intake.register(), await intake.register()
    await intake.timeline.process(raw_event(_example(FOREIGN[0], first["case_id"])))
    assert (len(await _timeline(intake, first)), len(await _timeline(intake, second))) == (2, 1)


async def test_times_are_told_with_their_offset(intake: Any) -> None:
    case = await intake.register()
    for entry in await _timeline(intake, case):
        for name in ("happened_at", "recorded_at"):
            assert datetime.fromisoformat(entry[name]).tzinfo is not None


async def test_an_event_that_is_replayed_after_the_inbox_was_emptied_is_not_shown_twice(intake: Any) -> None:
    case = await intake.register()
    raw = raw_event(_example(FOREIGN[0], case["case_id"]))
    await intake.timeline.process(raw)
    async with intake.database.unit_of_work() as work:
        await work.connection.run("DELETE FROM inbox")
        await work.commit()
    async with intake.unchanged(but="inbox"):
        assert await intake.timeline.process(raw) is Outcome.APPLIED
