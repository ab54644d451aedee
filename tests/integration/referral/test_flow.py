"""The main job seen from the referral service: needs become referrals, one waits, one is sent on, all end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slrt_contracts.events.intake import CaseClosed, CaseDecided, DecidedNeed
from slrt_contracts.events.referral import (
    ReferralCompleted,
    ReferralConfirmed,
    ReferralCreated,
    ReferralDeclined,
    ReferralRerouted,
    ReferralSent,
)
from slrt_kit.messaging.processor import Outcome
from slrt_kit.testing import raw_event

if TYPE_CHECKING:
    from tests.integration.referral.conftest import Service


async def test_a_decided_case_becomes_referrals_to_the_right_offices(service: Service) -> None:
    case_id = await service.decide(
        {"need_code": "BPBL", "attributes": [{"name": "grid_nearby", "value": "yes"}]},
        "PIP",
        "ADMINDUK",
        "JALAN",
        {"need_code": "DOMISILI", "decision": "solved_locally"},
    )
    found = await service.referrals(case_id)
    assert {code: (r["office_code"], r["status"]) for code, r in found.items()} == {
        "BPBL": ("12.ESDM", "sent"),
        "PIP": ("12.74.DIKBUD", "draft"),
        "ADMINDUK": ("12.74.DUKCAPIL", "sent"),
        "JALAN": ("12.74.PUPR", "sent"),
    }
    assert found["PIP"]["waiting_on"] == [found["ADMINDUK"]["referral_id"]]
    told = await service.told(case_id)
    assert sum(isinstance(event, ReferralCreated) for event in told) == 4
    assert {e.office_code for e in told if isinstance(e, ReferralSent)} == {"12.ESDM", "12.74.DUKCAPIL", "12.74.PUPR"}


async def test_a_decision_that_comes_twice_makes_one_referral(service: Service) -> None:
    case_id = await service.decide("JALAN")
    found = await service.referrals(case_id)
    need = {"need_id": found["JALAN"]["need_id"], "need_code": "JALAN", "sector": "infrastruktur", "urgent": False}
    again = raw_event(
        CaseDecided(
            case_id=case_id,
            district_code="12.74.05",
            decided_by_level="village",
            needs=[DecidedNeed(**need, decision="refer")],
        ),
        key_sequence=2,
    )
    assert await service.hear(again) is Outcome.APPLIED  # another event, so not one that the inbox knows
    assert await service.hear(again) is Outcome.DUPLICATE
    assert await service.referrals(case_id) == found


async def test_the_waiting_referral_goes_out_when_the_awaited_one_is_completed(service: Service) -> None:
    case_id = await service.decide("ADMINDUK", "PIP")
    found = await service.referrals(case_id)
    accepted = await service.act(found["ADMINDUK"], "accept")
    assert accepted.status_code == 200, accepted.text
    assert (await service.referrals(case_id))["PIP"]["status"] == "draft"
    completed = await service.act(accepted.json(), "complete", {"outcome_code": "fulfilled"})
    assert completed.json()["status"] == "completed"
    assert completed.headers["etag"] == f'"{completed.json()["version"]}"'
    school = (await service.referrals(case_id))["PIP"]
    assert (school["status"], school["waiting_on"]) == ("sent", [])
    told = await service.told(case_id)
    assert [type(event) for event in told[-2:]] == [ReferralCompleted, ReferralSent]


async def test_a_decline_that_names_the_better_office_sends_the_need_on_with_the_reason(service: Service) -> None:
    case_id = await service.decide("JALAN")
    road = (await service.referrals(case_id))["JALAN"]
    body = {"reason_code": "other_owner", "better_office_code": "12.PUPR", "note": "Jalan provinsi, lihat peta"}
    declined = await service.act(road, "decline", body)
    assert declined.status_code == 200, declined.text
    assert declined.json()["status"] == "rerouted"
    assert "peta" not in declined.text
    onward = (await service.referrals(case_id))["JALAN"]
    assert declined.json()["rerouted_to"] == onward["referral_id"]
    assert (onward["office_code"], onward["status"], onward["reroute_count"]) == ("12.PUPR", "sent", 1)
    assert (onward["rerouted_from"], onward["reroute_reason"]) == (road["referral_id"], "other_owner")
    told = await service.told(case_id)
    kinds = [type(event) for event in told[-4:]]
    assert kinds == [ReferralDeclined, ReferralRerouted, ReferralCreated, ReferralSent]
    assert "peta" not in "".join(event.model_dump_json() for event in told)


async def test_who_waited_for_a_declined_referral_waits_for_its_successor(service: Service) -> None:
    case_id = await service.decide("ADMINDUK", "PIP")
    identity = (await service.referrals(case_id))["ADMINDUK"]
    await service.act(identity, "decline", {"reason_code": "out_of_area", "better_office_code": "36.04.DUKCAPIL"})
    found = await service.referrals(case_id)
    assert found["PIP"]["status"] == "draft"
    assert found["PIP"]["waiting_on"] == [found["ADMINDUK"]["referral_id"]]
    accepted = await service.act(found["ADMINDUK"], "accept")
    await service.act(accepted.json(), "complete", {"outcome_code": "fulfilled"})
    assert (await service.referrals(case_id))["PIP"]["status"] == "sent"


async def test_a_satisfied_client_confirms_what_was_completed_and_nothing_else(service: Service) -> None:
    case_id = await service.decide("ADMINDUK", "JALAN")
    found = await service.referrals(case_id)
    accepted = await service.act(found["ADMINDUK"], "accept")
    await service.act(accepted.json(), "complete", {"outcome_code": "fulfilled"})
    closed = CaseClosed(case_id=case_id, closed_by="resident", satisfied=True)
    assert await service.hear(closed) is Outcome.APPLIED
    found = await service.referrals(case_id)
    assert (found["ADMINDUK"]["status"], found["JALAN"]["status"]) == ("confirmed_by_client", "sent")
    assert sum(isinstance(event, ReferralConfirmed) for event in await service.told(case_id)) == 1


async def test_an_unsatisfied_or_silent_client_confirms_nothing(service: Service) -> None:
    for closed_by, satisfied in (("resident", False), ("policy", None)):
        case_id = await service.decide("ADMINDUK")
        accepted = await service.act((await service.referrals(case_id))["ADMINDUK"], "accept")
        await service.act(accepted.json(), "complete", {"outcome_code": "explained_only"})
        await service.hear(CaseClosed(case_id=case_id, closed_by=closed_by, satisfied=satisfied))
        assert (await service.referrals(case_id))["ADMINDUK"]["status"] == "completed"
