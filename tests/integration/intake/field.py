"""A device in the field, as the tests of field work play it: it counts, makes ids, and hands in what it is told to."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

VILLAGE = "12.74.03.1002"


class Handset:
    """One device of one officer. ``off`` is how far its clock is ahead."""

    def __init__(
        self, intake: Any, *, sub: str = "fs-1", role: str = "facilitator", region: str | None = VILLAGE, **claims: Any
    ) -> None:
        self.intake = intake
        self.device_id = str(uuid4())
        self.claims = {"role": role, "region": region, "sub": sub, **claims}
        self.off = timedelta()
        self.sequence = 0

    @property
    def path(self) -> str:
        return f"/v1/field/devices/{self.device_id}"

    def now(self) -> str:
        """What its clock says."""
        said: datetime = self.intake.clock.now() + self.off
        return said.isoformat()

    def headers(self, **more: str) -> dict[str, str]:
        claims = dict(self.claims)
        return self.intake.token(claims.pop("role"), **claims) | {"Idempotency-Key": uuid4().hex} | more

    async def register(self) -> httpx.Response:
        return await self.intake.client.put(self.path, headers=self.headers())

    def item(self, kind: str, payload: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
        """A new item, with the next sequence number."""
        self.sequence += 1
        made = {
            "id": str(uuid4()),
            "sequence": self.sequence,
            "kind": kind,
            "made_at": self.now(),
            "payload": dict(payload),
        }
        return made | changes

    async def send(self, *items: Any, **changes: Any) -> httpx.Response:
        body = {"device_now": self.now(), "items": list(items)} | changes
        content = json.dumps(body).encode()
        return await self.intake.client.post(f"{self.path}/uploads", content=content, headers=self.headers())

    async def hand_in(self, *items: Any) -> list[dict[str, Any]]:
        """The receipts of items that the service must take in hand."""
        answer = await self.send(*items)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["receipts"])

    async def one(self, item: Any) -> dict[str, Any]:
        """The receipt of one item."""
        (receipt,) = await self.hand_in(item)
        return receipt

    async def fetch(self, cursor: str | None = None) -> dict[str, Any]:
        """The visits that its officer holds."""
        headers = self.headers(Purpose="case-handling") | {"Device-Now": self.now()}
        query = "" if cursor is None else f"?cursor={cursor}"
        answer = await self.intake.client.get(f"{self.path}/assignments{query}", headers=headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


async def handset(intake: Any, **claims: Any) -> Handset:
    """A device that is registered."""
    made = Handset(intake, **claims)
    answer = await made.register()
    assert answer.status_code == 201, answer.text
    return made


async def facts_of(intake: Any, case_id: str | UUID, **claims: Any) -> list[dict[str, Any]]:
    """All facts of a case as the back office reads them."""
    headers = intake.token("back_office", **claims) | {"Purpose": "case-handling"}
    answer = await intake.client.get(f"/v1/cases/{case_id}/facts", headers=headers)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["facts"])


async def plan(intake: Any, case_id: str, officer: str | None = None, **more: Any) -> dict[str, Any]:
    """A visit that the back office has planned."""
    body = {"case_id": case_id, "checklists": ["housing"], **({"officer": officer} if officer else {}), **more}
    answer = await intake.post("/v1/visits", body, "back_office")
    assert answer.status_code == 201, answer.text
    return dict(answer.json())
