"""Play one case through the gateway of a compose project, stop and start the project, and look whether all is there."""

import base64
import json
import os
import ssl
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx
from tests.containers.engine import FailedError, Stack

from slrt_local.demo.gateway import Gateway, RefusedError

T = TypeVar("T")
Json = dict[str, Any]

FACILITATOR, FRONT, BACK = "fasilitator.03", "depan.1274", "belakang.1274"
COORDINATOR, MANAGER, OFFICER = "koordinator.03", "manajer.1274", "petugas.dukcapil"
PATIENCE_S = float(os.environ.get("SLRT_CONTAINERS_PATIENCE_S", "120"))
UP_S = float(os.environ.get("SLRT_CONTAINERS_UP_S", "600"))
PHONE_LAST4 = "9921"
REPORT: Json = {
    "village_code": "12.74.03.1002",
    "channel": "facilitator",
    "persons": [
        {
            "relation": "head",
            "name": "Ramot Sihotang",
            "nik": "1274030304829021",
            "birth_date": "1982-04-03",
            "sex": "L",
        },
        {"relation": "parent", "name": "Tiur Sihotang", "birth_date": "1949-01-09", "sex": "P"},
    ],
    "contact": {
        "phone": f"0812-0000-{PHONE_LAST4}",
        "email": "ramot@contoh.example",
        "kk_number": "1274031105109021",
    },
    "needs": [{"need_code": "ADMINDUK", "person_ref": 1}, {"need_code": "DOMISILI", "person_ref": 0}],
}


class KeycloakGateway(Gateway):
    """The gateway, with tokens from the realm's test client."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack.url, stack.secret("demo_password"), httpx.Client(timeout=60))
        self._client_secret = stack.secret("slrt_test_client_secret")

    def sign_in(self, username: str) -> None:
        """A token for a user of the realm."""
        answer = self.http.post(
            f"{self.url}/identity/realms/slrt/protocol/openid-connect/token",
            data={
                "grant_type": "password",
                "client_id": "slrt-test",
                "client_secret": self._client_secret,
                "username": username,
                "password": self.password,
            },
        )
        self._tokens[username] = self._checked(answer)["access_token"]

    def token(self, username: str) -> tuple[Json, Json]:
        """Header and claims of a fresh token; the services check its signature, this does not."""
        self.sign_in(username)
        header, claims, _ = self._tokens[username].split(".")
        return (_decoded(header), _decoded(claims))

    def sign_out(self) -> None:
        """Every token is asked for anew from now on."""
        self._tokens.clear()


def _decoded(part: str) -> Json:
    value: Json = json.loads(base64.urlsafe_b64decode(part + "=="))
    return value


def expect(what: str, found: object, wanted: object) -> None:
    """Raises `FailedError` when they differ."""
    if found != wanted:
        raise FailedError(f"{what}: expected {wanted!r}, found {found!r}")


@dataclass
class Story:
    """Plays the steps in order; ``tell`` gets one line for each."""

    stack: Stack
    tell: Callable[[str], None]
    gateway: KeycloakGateway = field(init=False)
    case: str = ""
    ticket: str = ""
    referral: str = ""

    def __post_init__(self) -> None:
        self.gateway = KeycloakGateway(self.stack)

    def play(self) -> None:
        """All of it.

        Raises:
            FailedError: naming the step.
        """
        self.until("the gateway leads to the issuer and to every service", self.all_answer, bool, within=UP_S)
        self.step("tokens carry what the services read, the rest of the issuer stays inside", self.check_identity)
        self.register_and_decide()
        self.office_answers()
        before = self.settled()
        self.step("everything is stopped", lambda: self.stack.compose("stop", "--timeout", "40", within=400))
        self.step("everything is started again", lambda: self.stack.compose("start", within=400))
        self.until("the gateway leads to every service again", self.all_answer, bool, within=UP_S)
        for path, held in before.items():
            self.step(f"nothing is lost in {path.split('/')[1]}", lambda path=path, held=held: self.check(path, held))  # type: ignore[misc]
        self.resident_confirms()
        authority = self.step("the gateway is started with deploy/compose.tls.yml", self.stack.turn_to_https)
        self.until("it answers HTTPS alone", lambda: self.answers_over_https(authority), bool)

    # -- the steps -----------------------------------------------------------------------------------------------

    def all_answer(self) -> bool:
        """Each service answers a question that wants a token and the database."""
        self.gateway.sign_out()
        self.gateway.get("/intake/v1/cases", as_user=MANAGER)
        self.gateway.get("/referral/v1/referrals", as_user=MANAGER)
        self.gateway.get("/notification/v1/notifications", as_user=MANAGER)
        # it has nothing to read before the first case, but says itself that it wants a token
        unsigned = self.gateway.http.get(f"{self.stack.url}/registry/v1/families/{UUID(int=0)}")
        expect("registry without a token", unsigned.status_code, 401)
        return True

    def check_identity(self) -> None:
        """The claims are those of the plan, and what administers issuer and services is not on the gateway."""
        header, claims = self.gateway.token(OFFICER)
        expect("algorithm", header["alg"], "ES256")
        expect("issuer", claims["iss"], f"{self.stack.url}/identity/realms/slrt")
        ours = {name: claims.get(name) for name in ("aud", "roles", "region", "office")}
        expect("claims", ours, {"aud": "slrt", "roles": ["opd_officer"], "region": "12.74", "office": "12.74.DUKCAPIL"})
        _, centre = self.gateway.token("pusat")
        expect("claims of the centre", (centre["roles"], "region" in centre), (["centre_desk"], False))
        for path in ("/identity/admin/master/console/", "/identity/realms/master", "/intake/readyz", "/intake/metrics"):
            expect(f"GET {path}", self.gateway.http.get(self.stack.url + path).status_code, 404)

    def answers_over_https(self, authority: Path) -> bool:
        """A service answers behind a certificate that is vouched for, and plain HTTP meets no route."""
        path, context = "/intake/v1/cases", ssl.create_default_context(cafile=str(authority))
        with httpx.Client(base_url=self.stack.url.replace("http:", "https:"), verify=context) as client:
            answer = client.get(path)
            expect("a service over HTTPS, without a token", answer.status_code, 401)
            expect("that browsers stay with HTTPS", "strict-transport-security" in answer.headers, True)
        expect("plain HTTP", httpx.get(self.stack.url + path).status_code, 404)
        return True

    def register_and_decide(self) -> None:
        """From the facilitator's report to the coordinator's decision, each by another user."""
        post = self.gateway.post
        case = self.step(
            "the facilitator registers a case with two needs",
            lambda: post("/intake/v1/cases", REPORT, as_user=FACILITATOR),
        )
        self.case, self.ticket = f"/intake/v1/cases/{case['case_id']}", case["ticket_number"]
        village = {need["need_id"]: need["need_code"] == "DOMISILI" for need in case["needs"]}
        proposal = [{"need_id": key, "recommendation": "solve_locally" if v else "refer"} for key, v in village.items()]
        decision = [{"need_id": key, "decision": "solved_locally" if v else "refer"} for key, v in village.items()]
        self.command("the front office screens", FRONT, f"{self.case}/screen", {"registry_status": "not_listed"})
        self.command("the back office recommends", BACK, f"{self.case}/recommend", {"needs": proposal})
        self.command("the coordinator decides", COORDINATOR, f"{self.case}/decide", {"needs": decision})

    def office_answers(self) -> None:
        """The office's connector brings the referral; the office accepts and completes it."""
        query = {"case_id": self.case.rpartition("/")[2]}
        found = self.until(
            "Disdukcapil receives the referral through its own connector",
            lambda: self.gateway.get("/referral/v1/referrals", as_user=MANAGER, params=query)["items"],
            lambda items: [item["status"] for item in items] == ["received"],
        )
        self.referral = f"/referral/v1/referrals/{found[0]['referral_id']}"
        self.command("the office accepts", OFFICER, f"{self.referral}/accept", {})
        self.command("the office completes", OFFICER, f"{self.referral}/complete", {"outcome_code": "fulfilled"})

    def settled(self) -> Mapping[str, Json]:
        """What every service holds of the case once all of it went its way: path → what GET gives."""
        records = self.case.replace("/intake/", "/registry/") + "/records"
        self.until(
            "the registry has the need as met",
            lambda: self.read(records),
            lambda found: [need["status"] for need in found["needs"]] == ["met"],
        )
        self.until("the case is answered", lambda: self.read(self.case), lambda found: found["resolved_at"] is not None)
        self.until(
            "every message queued is delivered, and mails and messages are there",
            lambda: (self.told(self.case), self.delivered("mails"), self.delivered("messages")),
            lambda seen: seen[0]["queued"] == seen[0]["delivered"] == seen[1] + seen[2] and seen[1] and seen[2],
        )
        return {path: self.read(path) for path in (self.case, self.referral, records)}

    def resident_confirms(self) -> None:
        """Ticket and four digits; the offices hear of it: events flow as before."""
        answer = {"ticket_number": self.ticket, "phone_last4": PHONE_LAST4, "satisfied": True}
        self.step(
            "the resident confirms with ticket and four digits",
            lambda: self.gateway.post("/intake/v1/tracking/confirmation", answer, as_user=None),
        )
        self.until(
            "the referral is confirmed: events flow as before",
            lambda: self.read(self.referral),
            lambda found: found["status"] == "confirmed_by_client",
        )
        self.until(
            "the timeline tells it, from all four services",
            lambda: self.read(self.case)["timeline"],
            lambda entries: (
                {entry["service"] for entry in entries} == {"intake", "referral", "registry", "notification"}
                and any(entry["event_type"].endswith("referral-confirmed.v1") for entry in entries)
            ),
        )

    # -- what the steps share --------------------------------------------------------------------------------------

    def read(self, path: str) -> Json:
        """GET as the manager of the regency."""
        found: Json = self.gateway.get(path, as_user=MANAGER)
        return found

    def command(self, what: str, user: str, path: str, body: Json) -> None:
        """POST on the thing that the path's parent names, at its version."""
        self.step(what, lambda: self.gateway.post(path, body, as_user=user, on=path.rpartition("/")[0]))

    def told(self, path: str) -> Counter[str]:
        """How many notifications the timeline has as queued, delivered, failed."""
        types = (entry["event_type"] for entry in self.read(path)["timeline"])
        return Counter(
            kind.rpartition("notification-")[2].removesuffix(".v1") for kind in types if "notification-" in kind
        )

    def delivered(self, kind: str) -> int:
        """How many mails or messages with the ticket arrived outside."""
        entries = self.gateway.http.get(f"{self.stack.sinks_url}/api/{kind}").raise_for_status().json()
        return sum(self.ticket in str(entry["body"]) for entry in entries)

    def repeated(self) -> int:
        """How often something arrived outside that was there already."""
        counts = self.gateway.http.get(f"{self.stack.sinks_url}/api/counts").raise_for_status().json()
        return sum(kind["repeated"] for kind in counts.values())

    def check(self, path: str, held: Json) -> None:
        """Everything that was there is there as it was; more may have come."""
        found = self.read(path)
        for name, value in held.items():
            if isinstance(value, list):
                expect(f"{name} of {path} lost", [entry for entry in value if entry not in found[name]], [])
            else:
                expect(f"{name} of {path}", found[name], value)

    def step(self, what: str, act: Callable[[], T]) -> T:
        """Do it and tell how long it took; a failure names the step."""
        started = time.perf_counter()
        try:
            result = act()
        except (RefusedError, httpx.HTTPError, KeyError, FailedError) as error:
            raise FailedError(f"{what}: {type(error).__name__}: {error}") from error
        self.tell(f"  {what} {'.' * max(3, 88 - len(what))} {time.perf_counter() - started:6.1f} s")
        return result

    def until(
        self, what: str, look: Callable[[], T], enough: Callable[[T], object], *, within: float = PATIENCE_S
    ) -> T:
        """Look until it is enough, for ``within`` seconds at most."""

        def wait() -> T:
            deadline = time.monotonic() + within
            while True:
                seen: object
                try:
                    found = look()
                    if enough(found):
                        return found
                    seen = found
                except (RefusedError, httpx.HTTPError, KeyError, FailedError) as error:
                    seen = error
                if time.monotonic() > deadline:
                    raise FailedError(f"not within {within:.0f} s; last seen: {str(seen)[:600]}")
                time.sleep(0.3)

        return self.step(what, wait)
