"""The timeline made anew from the topics: what others told is as they told it, what is intake's own stays."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import orjson
import pytest
from typer.testing import CliRunner, Result

from slrt_contracts.events import ReferralAccepted
from slrt_intake.cli import main as intake_command
from slrt_kit.clock import new_uuid7
from slrt_kit.inbox import RawEvent
from slrt_kit.testing import TestIssuer, environment_of, raw_event
from slrt_kit.testing.kafka import send_raw

_REBUILD = ("projection", "rebuild", "timeline")
# All but the place, which each table draws for itself.
_ALL = (
    "SELECT event_id, case_id, event_type, service, happened_at, recorded_at, facts, key_sequence, causation_id, "
    "traceparent FROM timeline ORDER BY event_id"
)


@pytest.fixture
def operate(intake: Any, registry_topics: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """``operate("projection", "list")`` as an operator of this intake would type it."""
    settings = environment_of(
        "intake", database_url=intake.database.url, issuer=TestIssuer(), kafka_bootstrap=registry_topics.bootstrap
    )
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(intake_command, list(arguments))

    return run


def told(case: dict[str, Any]) -> list[RawEvent]:
    """Events of the referral service about a case, that intake has not heard yet."""
    return [
        raw_event(
            ReferralAccepted(
                referral_id=new_uuid7(),
                case_id=UUID(case["case_id"]),
                need_id=UUID(need["need_id"]),
                office_code="12.74.ESDM",
            )
        )
        for need in case["needs"]
    ]


async def test_the_timeline_is_as_the_topics_tell_it_and_keeps_the_entries_of_intakes_own_events(
    intake: Any, operate: Callable[..., Result], registry_topics: Any
) -> None:
    case = await intake.resolved()
    own = [row for row in await intake.rows(_ALL) if row.service == "intake"]
    raws = [raw for _ in range(4) for raw in told(case)]
    await send_raw(registry_topics.bootstrap, *raws)
    for raw in raws:
        await intake.timeline.process(raw)
    # Tests of other services have told on these topics too.
    await asyncio.to_thread(operate, *_REBUILD)
    before = await intake.rows(_ALL)
    async with intake.database.unit_of_work() as work:
        heard = {"id": UUID(case["case_id"])}
        await work.connection.run(
            "DELETE FROM timeline WHERE event_id = (SELECT min(event_id::text)::uuid FROM timeline "
            "WHERE case_id = %(id)s AND service = 'referral')",
            heard,
        )
        await work.connection.run(
            "UPDATE timeline SET facts = '{}' WHERE event_id = (SELECT max(event_id::text)::uuid FROM timeline "
            "WHERE case_id = %(id)s AND service = 'referral')",
            heard,
        )
        await work.commit()
    would = orjson.loads((await asyncio.to_thread(operate, *_REBUILD, "--dry-run", "--json")).output)
    assert (would["replaced"], would["equal"], would["only_new"], would["different"]) == (False, False, 1, 1)
    assert len(await intake.rows(_ALL)) == len(before) - 1
    did = await asyncio.to_thread(operate, *_REBUILD)
    assert did.exit_code == 0, did.output
    assert "replaced" in did.output
    after = await intake.rows(_ALL)
    assert after == before
    assert [row for row in after if row.service == "intake"] == own
    again = orjson.loads((await asyncio.to_thread(operate, *_REBUILD, "--dry-run", "--json")).output)
    assert (again["equal"], again["ahead"], again["carried_own"]) == (True, 0, len(own))
    # The API goes on reading through the connections that it had.
    assert (await intake.get(f"/v1/cases/{case['case_id']}")).status_code == 200


def test_the_list_has_the_timeline_and_a_name_that_is_not_there_is_refused(operate: Callable[..., Result]) -> None:
    (found,) = orjson.loads(operate("projection", "list", "--json").output)
    assert (found["projection"], found["consumer"]) == ("timeline", "slrt.intake.timeline")
    assert "slrt.referral.referral.v1" in found["topics"]
    assert "slrt.intake.timeline" in operate("projection", "list").output
    result = operate("projection", "rebuild", "cases")
    assert (result.exit_code, result.output.strip()) == (1, "intake keeps no projection cases")
