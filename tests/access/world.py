"""Make what is tried: a case of each kind, taken all the way through the services, and callers who stand somewhere."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
from tests.access.expected import OFFICE, REGENCY, VILLAGE, Caller, Kept, callers
from tests.access.probes import CONSENT

from slrt_kit.testing import eventually
from slrt_local.identity import Account
from slrt_local.signing import Signer
from slrt_local.state import State

_PATIENCE_S = 90.0
_REPORT = """*LAPORAN FASILITATOR SLRT*
1. Nama Klien : Melati Karangan
2. Jenis Pengaduan : rumah belum ada listrik
3. Jenis Layanan yang diinginkan : BPBL
"""


@dataclass
class Thing:
    """A case with all that came of it, and what of it nobody may learn who may not see it."""

    kept: Kept
    ids: dict[str, str]
    personal: tuple[str, ...]
    contact: tuple[str, ...]

    @property
    def secrets(self) -> tuple[str, ...]:
        """Ids, the ticket number, numbers and addresses."""
        return (*self.ids.values(), *self.personal, *self.contact)


@dataclass
class World:
    """The gateway with its callers and things."""

    gateway: str
    signer: Signer
    things: list[Thing] = field(default_factory=list)
    _tokens: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, state: State, gateway: str) -> "World":
        """On a running stack."""
        return cls(gateway, Signer.of(state, state.read("identity", {})["issuer"]))

    def headers(self, caller: Caller, *, client: str | None = None) -> dict[str, str]:
        """With a token of the local issuer; ``client`` is the machine that it is for, where it is one."""
        name = f"{caller.subject} {client}"
        if name not in self._tokens:
            account = Account(caller.subject, caller.subject, (caller.role,), caller.region, caller.office)
            more = {} if client is None else {"client": client}
            self._tokens[name] = self.signer.mint(account, now=datetime.now(UTC), ttl=3600, **more)
        return {"Authorization": f"Bearer {self._tokens[name]}", "Idempotency-Key": uuid4().hex}

    async def build(self, http: httpx.AsyncClient) -> None:
        """Make one thing of each kind."""
        builder = _Builder(self, http)
        self.things += [await builder.thing(kept, number) for number, kept in enumerate(Kept, start=1)]


class _Builder:
    def __init__(self, world: World, http: httpx.AsyncClient) -> None:
        self._world = world
        self._http = http
        self._version = 0

    async def thing(self, kept: Kept, number: int) -> Thing:
        nik, kk = f"127403520387900{number}", f"127403010110900{number}"
        phone, address = f"+62812000099{number}1", f"Jalan Karangan {number}"
        registration = {
            "village_code": VILLAGE,
            "persons": [{"relation": "client", "name": f"Mawar Karangan {number}", "nik": nik, "sex": "P"}],
            "contact": {"phone": phone, "kk_number": kk, "address": address},
            "needs": [{"need_code": "ADMINDUK", "person_ref": 0}],
            "restricted": kept is Kept.SENSITIVE,
            "reporter_secret": kept is Kept.SECRET_REPORTER,
        }
        draft = await self._do("facilitator", "/intake/v1/drafts", {"text": f"{_REPORT}\nKode : {number}"})
        case = await self._do("facilitator", "/intake/v1/cases", registration)
        path = f"/intake/v1/cases/{case['case_id']}"
        builders = [self._caller(role).subject for role in ("front_office", "back_office", "coordinator")]
        for officer in builders:
            await self._do("manager", f"{path}/assign", {"officer": officer}, on_version=True)
        await self._decide(path, case)
        ids = await self._ids(case) | {"draft_id": draft["drafts"][0]["draft_id"], "ticket": case["ticket_number"]}
        ids |= await self._shared(path)
        for officer in builders:
            await self._do("manager", f"{path}/unassign", {"officer": officer}, on_version=True)
        for caller in callers():
            if caller.assigned:
                await self._do("manager", f"{path}/assign", {"officer": caller.subject}, on_version=True)
        if kept is Kept.SEALED:
            await self._do("head_of_office", f"{path}/seal", {"reason": "safety"}, on_version=True)
        if kept in (Kept.SENSITIVE, Kept.SEALED):
            ids["access_id"] = await self._emergencies(case["case_id"])
        return Thing(kept, ids, personal=(nik, kk), contact=(phone, address))

    async def _decide(self, path: str, case: dict[str, Any]) -> None:
        needs = [need["need_id"] for need in case["needs"]]
        for role, verb, body in (
            ("front_office", "screen", {"registry_status": "not_listed"}),
            ("back_office", "recommend", {"needs": [{"need_id": each, "recommendation": "refer"} for each in needs]}),
            ("coordinator", "decide", {"needs": [{"need_id": each, "decision": "refer"} for each in needs]}),
        ):
            await self._do(role, f"{path}/{verb}", body, on_version=True)

    async def _ids(self, case: dict[str, Any]) -> dict[str, str]:
        """What the other services made of the case, as a machine is told, or whoever is in charge."""
        case_id = case["case_id"]

        async def records() -> dict[str, str] | None:
            # The registry tells nobody what became of a case that is kept from most: whoever is in charge sees it here.
            seen = await self._http.get(
                f"/intake/v1/cases/{case_id}", headers=self._world.headers(self._caller("front_office"))
            )
            for entry in _checked(seen)["timeline"]:
                if entry["event_type"] == "id.slrt.registry.person-recorded.v1" and entry["facts"].get("family_id"):
                    return {name: entry["facts"][name] for name in ("family_id", "person_id")}
            return None

        async def referral() -> dict[str, str] | None:
            items = (await self._ask(f"/referral/v1/referrals?case_id={case_id}") or {}).get("items")
            return {"referral_id": items[0]["referral_id"]} if items else None

        async def message() -> dict[str, str] | None:
            items = (await self._ask(f"/notification/v1/notifications?case_id={case_id}") or {}).get("items")
            return {"notification_id": items[0]["notification_id"]} if items else None

        found = {"case_id": case_id}
        for look in (records, referral, message):
            found |= await eventually(look, what="the case has gone through the services", seconds=_PATIENCE_S)
        return found

    async def _shared(self, path: str) -> dict[str, str]:
        """What an office got and has erased, and a consent that was withdrawn: nobody can do either again."""
        office = Caller("opd_officer", "building", office=OFFICE)

        async def fetched() -> dict[str, Any] | None:
            headers = self._world.headers(office) | {"Purpose": "referral-service"}
            answer = await self._http.get(f"{path}/parties", headers=headers)
            return None if answer.status_code == httpx.codes.NOT_FOUND else _checked(answer)

        people = await eventually(fetched, what="the referral has reached the office", seconds=_PATIENCE_S)
        receipt = people["receipt_id"]
        answer = await self._http.post(f"/intake/v1/sharings/{receipt}/erasure", headers=self._world.headers(office))
        _checked(answer)
        consent = await self._do(
            "front_office", f"{path}/consents", CONSENT | {"person_id": people["persons"][0]["person_id"]}
        )
        await self._do("front_office", f"{path}/consents/{consent['consent_id']}/withdrawal", {})
        return {"receipt_id": receipt, "consent_id": consent["consent_id"]}

    async def _emergencies(self, case_id: str) -> str:
        """Open the case for those who stand in an emergency; the id of one such access."""
        access_id = ""
        for caller in callers():
            if caller.emergency:
                body = {"case_id": case_id, "reason": "Anak dibawa ke UGD malam ini"}
                answer = await self._http.post(
                    "/intake/v1/emergency-accesses", json=body, headers=self._world.headers(caller)
                )
                access_id = _checked(answer)["access_id"]
        return access_id

    async def _do(self, role: str, path: str, body: Any, *, on_version: bool = False) -> dict[str, Any]:
        headers = self._world.headers(self._caller(role))
        if on_version:
            headers["If-Match"] = f'"{self._version}"'
        answer = await self._http.post(path, json=body, headers=headers)
        found = _checked(answer)
        if "ETag" in answer.headers:
            self._version = int(answer.headers["ETag"].strip('"'))
        return found

    async def _ask(self, path: str) -> dict[str, Any] | None:
        answer = await self._http.get(path, headers=self._world.headers(Caller("service", "building")))
        return None if answer.status_code == httpx.codes.NOT_FOUND else _checked(answer)

    def _caller(self, role: str) -> Caller:
        return Caller(role, "building", region=REGENCY)


def _checked(answer: httpx.Response) -> dict[str, Any]:
    if not answer.is_success:
        raise AssertionError(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
    found: dict[str, Any] = answer.json()
    return found
