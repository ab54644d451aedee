"""A family whose needs two offices were sent, and what its people agree to: at a desk, and in their own session."""

from typing import Any
from uuid import UUID, uuid4

import httpx

from slrt_contracts.events import Event, ReferralSent, decode_event
from slrt_kit.messaging.processor import Outcome

BAZNAS, DUKCAPIL = "12.74.BAZNAS", "12.74.DUKCAPIL"
PURPOSE = "additional-assistance"
MOTHER = {"relation": "client", "name": "Mawar Karangan", "nik": "1274035203879001", "birth_date": "1987-03-12"}
SON = {"relation": "child", "name": "Bayu Karangan", "nik": "1274031201159002", "birth_date": "2015-01-12"}
FAMILY = {
    "persons": [MOTHER, SON],
    "needs": [{"need_code": "BPBL", "person_ref": 0}, {"need_code": "ADMINDUK", "person_ref": 1}],
}
GUARDIAN = {"given_by": "guardian", "relation": "parent"}


class Family:
    """A case of a mother and her son, both of whose needs two offices were sent."""

    def __init__(self, intake: Any, case: dict[str, Any], mother: str, son: str) -> None:
        self.intake, self.case, self.mother, self.son = intake, case, mother, son
        self.case_id: str = case["case_id"]

    def body(self, **changes: Any) -> dict[str, Any]:
        """A good consent of the mother's."""
        return {
            "person_id": self.mother,
            "purposes": [PURPOSE],
            "notice_version": "2026.07",
            "notice_language": "id",
            "method": "signed_form",
            "given_at": self.intake.clock.now().isoformat(),
        } | changes

    async def give(self, *, role: str = "front_office", **changes: Any) -> httpx.Response:
        answer: httpx.Response = await self.intake.post(
            f"/v1/cases/{self.case_id}/consents", self.body(**changes), role
        )
        return answer

    async def given(self, **changes: Any) -> str:
        answer = await self.give(**changes)
        assert answer.status_code == 201, answer.text
        found: str = answer.json()["consent_id"]
        return found

    async def withdraw(self, consent_id: str, body: Any = None, **more: Any) -> httpx.Response:
        path = f"/v1/cases/{self.case_id}/consents/{consent_id}/withdrawal"
        answer: httpx.Response = await self.intake.post(path, body or {}, more.pop("role", "front_office"), **more)
        return answer

    async def fetch(self, office: str = BAZNAS, *, role: str = "partner", purpose: str = PURPOSE) -> httpx.Response:
        headers = self.intake.token(role, region=None, office=office) | {"Purpose": purpose}
        answer: httpx.Response = await self.intake.client.get(f"/v1/cases/{self.case_id}/parties", headers=headers)
        return answer

    async def sharings(self) -> list[dict[str, Any]]:
        answer = await self.intake.get(f"/v1/cases/{self.case_id}/sharings", "manager")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


async def send(intake: Any, case: dict[str, Any], place: int, office: str) -> UUID:
    need = case["needs"][place]
    event = ReferralSent(
        referral_id=uuid4(),
        case_id=case["case_id"],
        need_id=need["need_id"],
        office_code=office,
        need_code=need["need_code"],
        district_code="12.74.03",
        urgent=False,
    )
    assert (await intake.hear(event))[0] is Outcome.APPLIED
    referral: UUID = event.referral_id
    return referral


async def family_of(intake: Any, **changes: Any) -> Family:
    """Both needs of both people are with two offices."""
    case = await intake.decided(**FAMILY | changes)
    for office in (BAZNAS, DUKCAPIL):
        await send(intake, case, 0, office)
        await send(intake, case, 1, office)
    people = (await intake.client.get(f"/v1/cases/{case['case_id']}/parties", headers=intake.asking("manager"))).json()
    mother, son, *_ = (person["person_id"] for person in people["persons"])
    return Family(intake, case, mother, son)


async def told_events(intake: Any) -> list[Event]:
    rows = await intake.rows("SELECT headers, payload FROM outbox ORDER BY seq")
    kinds = [dict(row.headers)["ce_type"] for row in rows]
    return [decode_event(kind, row.payload) for kind, row in zip(kinds, rows, strict=True)]


def slug(answer: httpx.Response) -> str:
    found: str = answer.json()["type"]
    return found.removeprefix("urn:slrt:problem:")


async def session_of(intake: Any, case: dict[str, Any], digits: str = "9901") -> dict[str, str]:
    """The header of a session that somebody opened who has ticket and phone; an earlier one has ended."""
    intake.clock.move(minutes=61)
    body = {"ticket_number": case["ticket_number"], "phone_last4": digits}
    asked = await intake.client.post("/v1/tracking/codes", json=body, headers={"Idempotency-Key": uuid4().hex})
    claim = {"cases": [{"case_id": case["case_id"], "event_id": str(uuid4())}]}
    headers = intake.token("service", region=None, azp="slrt-notification") | {"Purpose": "resident-code"}
    [code] = (await intake.client.post("/v1/codes/search", json=claim, headers=headers)).json()["codes"]
    opening = {
        "ticket_number": case["ticket_number"],
        "challenge_id": asked.json()["challenge_id"],
        "code": code["code"],
    }
    opened = await intake.client.post("/v1/tracking/sessions", json=opening)
    assert opened.status_code == 201, opened.text
    return {"Resident-Session": opened.json()["token"]}
