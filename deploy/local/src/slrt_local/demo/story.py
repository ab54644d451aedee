"""The story: a family with five troubles at one door, the right offices, an answer."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from slrt_local.demo.gateway import Gateway, RefusedError
from slrt_local.demo.roster import roster

T = TypeVar("T")

FACILITATOR, FRONT, BACK = "fasilitator.03", "depan.1274", "belakang.1274"
COORDINATOR, MANAGER = "koordinator.03", "manajer.1274"
DUKCAPIL, DIKBUD, PUPR = "petugas.dukcapil", "petugas.dikbud", "petugas.pupr"
PUPR_PROVINCE, ESDM = "petugas.pupr.provinsi", "petugas.esdm.provinsi"
ESDM_OFFICE, PROVINCE_ROADS = "12.ESDM", "12.PUPR"
# Who is not to see the case, and what each meets: no such thing to those of another area, no permission to the others.
_OUTSIDERS = {"fasilitator.05": 404, PUPR: 403, "surveyor.03": 404, "pimpinan.1274": 403, "admin": 403, "auditor": 403}
PHONE_LAST4 = "9911"
NEEDS_IN_PROGRAMMES = 4
PATIENCE_S = 60.0
_POLL_S = 0.05


class StepFailedError(Exception):
    """A step of the story did not happen within its bound."""

    def __init__(self, step: str, service: str, why: str) -> None:
        super().__init__(why)
        self.step, self.service, self.why = step, service, why


@dataclass
class Story:
    """Plays the steps in order; ``tell`` gets one line for each."""

    gateway: Gateway
    outside_url: str
    tell: Callable[[str], None]
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=10))
    case_id: str = ""
    ticket: str = ""
    _number: int = 0

    def play(self) -> None:
        """The whole story.

        Raises:
            StepFailedError: naming the step and the service.
        """
        self.switch_office(ESDM_OFFICE, "close")
        try:
            self.put_on_duty()
            self.register()
            self.others_get_nowhere()
            self.hear_of_it_in_the_registry()
            self.decide_at_the_desk()
            self.offices_answer()
        finally:
            self.switch_office(ESDM_OFFICE, "open")
        self.the_dead_office_returns()
        self.outcomes_reach_the_registry()
        self.resident_is_told()
        self.resident_confirms()

    # -- the steps ---------------------------------------------------------------------------------------------

    def put_on_duty(self) -> None:
        """Everybody of the story has a place in the roster, so that each step has somebody who answers for it."""
        body = {"dry_run": False, "duties": roster()}
        answer = self._step(
            "the administrator puts the officers on duty",
            "intake",
            lambda: self.gateway.post("/intake/v1/duties/lists", body, as_user="admin"),
        )
        on_duty = sum(row["result"] in ("new", "present") for row in answer["rows"])
        self._say(f"{on_duty} officers are on duty")

    def register(self) -> None:
        """The facilitator's text becomes a draft, the draft a case."""
        do, gateway = self._step, self.gateway
        do("Rina Sitorus (facilitator) signs in", "identity", lambda: gateway.sign_in(FACILITATOR))
        text = files("slrt_local.demo").joinpath("report.txt").read_text(encoding="utf-8")
        # Another report each time that the story is played: the same text again would be the same case.
        text += f"\nKode : {uuid4().hex[:8]}\n"
        drafts = do(
            "she pastes her field report of 18 rows; intake makes a draft of it",
            "intake",
            lambda: gateway.post("/intake/v1/drafts", {"text": text}, as_user=FACILITATOR),
        )
        path = f"/intake/v1/drafts/{drafts['drafts'][0]['draft_id']}"
        draft = gateway.get(path, as_user=FACILITATOR)
        codes = [need["need_code"] for need in draft["content"]["needs"]]
        self._say(f"the draft holds {len(codes)} needs: {', '.join(codes)}")
        content = self._with_family(draft["content"])
        do(
            "she adds the mother-in-law (no NIK) and the child",
            "intake",
            lambda: gateway.put(path, content, as_user=FACILITATOR),
        )
        case = do(
            "she confirms; the case is registered",
            "intake",
            lambda: gateway.post(f"{path}/confirm", {}, as_user=FACILITATOR, on=path),
        )
        self.case_id, self.ticket = case["case_id"], case["ticket_number"]
        self._say(f"case {self.case_id}, ticket {self.ticket}")

    def others_get_nowhere(self) -> None:
        """Whoever has no business with the case is refused, or does not find it."""
        case = f"/intake/v1/cases/{self.case_id}"

        def refuse() -> str:
            met = {who: self.gateway.status(case, as_user=who) for who in _OUTSIDERS}
            wrong = {who: status for who, status in met.items() if status != _OUTSIDERS[who]}
            if wrong:
                raise RefusedError(f"GET {case} was answered {wrong}")
            return ", ".join(f"{who} {status}" for who, status in met.items())

        self._say(self._step("others who try to read the case get nowhere", "intake", refuse))
        refused = self._step(
            "the facilitator may not decide what she registered",
            "intake",
            lambda: self.gateway.refusal(f"{case}/decide", {"needs": []}, as_user=FACILITATOR),
        )
        self._say(refused)

    def hear_of_it_in_the_registry(self) -> None:
        """Persons, one family, four unmet needs."""
        records = self._until(
            "registry hears of it, fetches the identities by claim check, records family and unmet needs",
            "registry",
            self._records,
            lambda found: found is not None and len(found["needs"]) == NEEDS_IN_PROGRAMMES,
        )
        self._say(
            f"family {records['family_id']}, {len(records['persons'])} persons, {len(records['needs'])} unmet needs"
        )

    def decide_at_the_desk(self) -> None:
        """Front office, back office, coordinator."""
        path = f"/intake/v1/cases/{self.case_id}"
        post = self.gateway.post
        self._step(
            "Yusuf Harahap (front office) screens: the family is not in the registry yet",
            "intake",
            lambda: post(f"{path}/screen", {"registry_status": "not_listed"}, as_user=FRONT, on=path),
        )
        needs = self.gateway.get(path, as_user=BACK)["needs"]
        local = {need["need_id"]: need["need_code"] == "DOMISILI" for need in needs}
        proposal = [
            {"need_id": need_id, "recommendation": "solve_locally" if here else "refer"}
            for need_id, here in local.items()
        ]
        self._step(
            "Lestari Nasution (back office) recommends: four to offices, the domicile letter in the village",
            "intake",
            lambda: post(f"{path}/recommend", {"needs": proposal}, as_user=BACK, on=path),
        )
        decision = [
            {"need_id": need_id, "decision": "solved_locally" if here else "refer"} for need_id, here in local.items()
        ]
        self._step(
            "Siti Rambe (coordinator) decides so",
            "intake",
            lambda: post(f"{path}/decide", {"needs": decision}, as_user=COORDINATOR, on=path),
        )
        referrals = self._until(
            "referral routes by its rules: four referrals",
            "referral",
            self._referrals,
            lambda found: len(found) == NEEDS_IN_PROGRAMMES,
        )
        for need_code, referral in sorted(referrals.items()):
            waits = " (waits for the KTP)" if referral["waiting_on"] else ""
            self._say(f"{need_code} → {referral['office_code']}{waits}, referral {referral['referral_id']}")

    def offices_answer(self) -> None:
        """Disdukcapil completes, the school referral goes out, PUPR names a better owner; ESDM is down."""
        self._office_completes("ADMINDUK", DUKCAPIL, "Disdukcapil")
        self._until(
            "the school referral, which waited for the KTP, goes out by itself",
            "referral",
            self._referrals,
            lambda found: not found["PIP"]["waiting_on"] and found["PIP"]["status"] != "draft",
        )
        self._office_completes("PIP", DIKBUD, "Dinas Pendidikan")
        road = self._received("JALAN", "PUPR")
        self._step(
            "Jonas Tambunan (PUPR Tanjungbalai) declines: a provincial road",
            "referral",
            lambda: self.gateway.post(
                f"{_referral(road)}/decline",
                {"reason_code": "other_owner", "better_office_code": PROVINCE_ROADS},
                as_user=PUPR,
                on=_referral(road),
            ),
        )
        self._until(
            "the case is re-routed to the province with the reason carried",
            "referral",
            self._referrals,
            lambda found: (
                found["JALAN"]["office_code"] == PROVINCE_ROADS
                and found["JALAN"]["rerouted_from"] == road["referral_id"]
            ),
        )
        self._office_completes("JALAN", PUPR_PROVINCE, "PUPR Provinsi")
        waiting = self._referrals()["BPBL"]
        if waiting["status"] != "sent":
            raise StepFailedError(
                "the electricity office is down", "connector-12.ESDM", f"its referral is {waiting['status']}"
            )
        self._say("the electricity office is down: its referral waits in its own lag, all others are finished")

    def the_dead_office_returns(self) -> None:
        """What waited arrives, once."""
        referral = self._received("BPBL", "ESDM (back again)")
        notices = [
            notice
            for notice in self.http.get(f"{self.outside_url}/api/notices", params={"office": ESDM_OFFICE}).json()
            if notice["body"].get("referral_id") == referral["referral_id"]
            or notice["body"].get("data", {}).get("referral_id") == referral["referral_id"]
        ]
        if len(notices) != 1 or notices[0]["seen"] != 1:
            raise StepFailedError("the referral arrives once", "connector-12.ESDM", f"it arrived {len(notices)} times")
        self._say("it arrived once")
        self._office_completes("BPBL", ESDM, "ESDM")

    def outcomes_reach_the_registry(self) -> None:
        """Outcomes write participation by event."""
        found = self._until(
            "outcomes write programme participation into the registry",
            "registry",
            self._records,
            lambda records: records is not None and all(need["status"] == "met" for need in records["needs"]),
        )
        programmes = ", ".join(sorted(entry["programme_code"] for entry in found["participations"]))
        self._say(f"all {len(found['needs'])} needs are met; participation in {programmes}")

    def resident_is_told(self) -> None:
        """Mails and messages arrive, with ticket and stage only."""
        case = self._until(
            "intake has an outcome for every need",
            "intake",
            lambda: self.gateway.get(f"/intake/v1/cases/{self.case_id}", as_user=MANAGER),
            lambda found: found["resolved_at"] is not None,
        )
        del case
        mails = self._until(
            "the resident is asked by e-mail whether it helped",
            "notification",
            lambda: self._received_by_resident("mails"),
            lambda found: len(found) > 0,
        )
        messages = self._until(
            "and by WhatsApp",
            "notification",
            lambda: self._received_by_resident("messages"),
            lambda found: len(found) > 0,
        )
        self._say(f"so far {len(mails)} mails and {len(messages)} messages, with ticket and stage only")

    def resident_confirms(self) -> None:
        """Ticket and four digits, no login; the case closes."""
        ticket = {"ticket_number": self.ticket, "phone_last4": PHONE_LAST4}
        seen = self._step(
            "Marlina Damanik looks her case up with ticket and four digits, no login",
            "intake",
            lambda: self.gateway.post("/intake/v1/tracking", ticket, as_user=None),
        )
        self._say(f"she reads: {seen['stage']}. {seen['next_step']}.")
        self._step(
            "she confirms that it helped; the case closes",
            "intake",
            lambda: self.gateway.post("/intake/v1/tracking/confirmation", {**ticket, "satisfied": True}, as_user=None),
        )
        self._until(
            "the offices learn it: every referral is confirmed",
            "referral",
            self._all_referrals,
            lambda found: sum(referral["status"] == "confirmed_by_client" for referral in found) == NEEDS_IN_PROGRAMMES,
        )
        case = self._until(
            "GET of the case shows the whole timeline across services",
            "intake",
            lambda: self.gateway.get(f"/intake/v1/cases/{self.case_id}", as_user=MANAGER),
            lambda found: (
                {entry["service"] for entry in found["timeline"]} == {"intake", "referral", "registry", "notification"}
                and sum(entry["event_type"].endswith("referral-confirmed.v1") for entry in found["timeline"])
                == NEEDS_IN_PROGRAMMES
            ),
        )
        self._say(f"{len(case['timeline'])} entries from 4 services; status {case['status']}")

    # -- what the steps share ----------------------------------------------------------------------------------

    def switch_office(self, office: str, verb: str) -> None:
        """Open or close an office's endpoint."""
        self.http.post(f"{self.outside_url}/api/offices/{office}/{verb}").raise_for_status()

    def _office_completes(self, need_code: str, user: str, office: str) -> None:
        referral = self._received(need_code, office)
        path = _referral(referral)
        self._step(
            f"{office} accepts", "referral", lambda: self.gateway.post(f"{path}/accept", {}, as_user=user, on=path)
        )
        self._step(
            f"{office} completes: fulfilled",
            "referral",
            lambda: self.gateway.post(f"{path}/complete", {"outcome_code": "fulfilled"}, as_user=user, on=path),
        )

    def _received(self, need_code: str, office: str) -> dict[str, Any]:
        found = self._until(
            f"{office} receives its referral through its own connector",
            "referral",
            self._referrals,
            lambda referrals: referrals[need_code]["status"] == "received",
        )
        return found[need_code]

    def _all_referrals(self) -> list[dict[str, Any]]:
        page = self.gateway.get("/referral/v1/referrals", as_user=MANAGER, params={"case_id": self.case_id})
        items: list[dict[str, Any]] = page["items"]
        return items

    def _referrals(self) -> Mapping[str, dict[str, Any]]:
        """The referral of each need that is the current one: not declined and re-routed."""
        return {
            referral["need_code"]: referral
            for referral in self._all_referrals()
            if referral["status"] not in ("declined", "rerouted")
        }

    def _records(self) -> Any:
        try:
            return self.gateway.get(f"/registry/v1/cases/{self.case_id}/records", as_user=MANAGER)
        except RefusedError:
            return None

    def _received_by_resident(self, kind: str) -> list[dict[str, Any]]:
        everything = self.http.get(f"{self.outside_url}/api/{kind}").json()
        return [entry for entry in everything if self.ticket in str(entry["body"])]

    def _with_family(self, content: dict[str, Any]) -> dict[str, Any]:
        """The draft with what the facilitator saw on the visit: the people concerned, and an e-mail for answers."""
        person_of = {"PIP": 2, "ADMINDUK": 1, "BPBL": 0, "DOMISILI": 0, "JALAN": None}
        persons = [
            *content["persons"],
            {"relation": "parent", "name": "Rosdiana Purba", "birth_date": "1951-03-04", "sex": "P"},
            {
                "relation": "child",
                "name": "Bintang Damanik",
                "nik": "1274031206149912",
                "birth_date": "2014-06-12",
                "sex": "L",
            },
        ]
        needs = [
            {**need, "person_ref": person_of[need["need_code"]], "attributes": self._attributes(need["need_code"])}
            for need in content["needs"]
        ]
        contact = {**content["contact"], "email": "marlina@contoh.example", "kk_number": "1274031502109911"}
        return {**content, "persons": persons, "needs": needs, "contact": contact}

    @staticmethod
    def _attributes(need_code: str) -> dict[str, str]:
        return {"JALAN": {"asset_class": "unknown"}, "BPBL": {"grid_nearby": "yes"}}.get(need_code, {})

    def _step(self, what: str, service: str, act: Callable[[], T]) -> T:
        started = time.perf_counter()
        try:
            result = act()
        except (RefusedError, httpx.HTTPError) as error:
            raise StepFailedError(what, service, str(error)) from error
        self._done(what, started)
        return result

    def _until(self, what: str, service: str, look: Callable[[], T], enough: Callable[[T], object]) -> T:
        """Look until it is enough, at most `PATIENCE_S`."""
        started = time.perf_counter()
        seen: object = None
        while time.perf_counter() - started < PATIENCE_S:
            try:
                found = look()
                if enough(found):
                    self._done(what, started)
                    return found
                seen = found
            except (RefusedError, httpx.HTTPError, KeyError) as error:
                seen = error
            time.sleep(_POLL_S)
        raise StepFailedError(what, service, f"not within {PATIENCE_S:.0f} s; last seen: {str(seen)[:600]}")

    def _done(self, what: str, started: float) -> None:
        self._number += 1
        milliseconds = (time.perf_counter() - started) * 1000
        self.tell(f"{self._number:>3}. {what} {'.' * max(3, 92 - len(what))} {milliseconds:>6.0f} ms")

    def _say(self, what: str) -> None:
        self.tell(f"       {what}")


def _referral(referral: Mapping[str, Any]) -> str:
    return f"/referral/v1/referrals/{referral['referral_id']}"
