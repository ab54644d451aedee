"""Consents under whatever people and offices do, also side by side: nothing is shared that nobody agreed to."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.intake.families import send

from slrt_contracts.events import ClaimWithdrawn, ConsentEnded, SharingWithdrawn, decode_event
from slrt_intake.sweeps import ExpirySweep
from slrt_kit.outbox import Outbox

OFFICES = ("12.74.BAZNAS", "12.74.DUKCAPIL")
PURPOSE = "additional-assistance"
FAMILY = {
    "persons": [
        {"relation": "client", "name": "Mawar Karangan", "birth_date": "1987-03-12"},
        {"relation": "child", "name": "Bayu Karangan", "birth_date": "2015-01-12"},
    ],
    "needs": [{"need_code": "BPBL", "person_ref": 0}, {"need_code": "ADMINDUK", "person_ref": 1}],
}

# (what, which): a person and an office by number, a consent or a receipt by its number so far.
_give = st.tuples(st.just("give"), st.integers(0, 1), st.integers(-1, 1), st.sampled_from([None, 30, 90]))
_withdraw = st.tuples(st.just("withdraw"), st.integers(0, 5))
_fetch = st.tuples(st.just("fetch"), st.integers(0, 1))
_erase = st.tuples(st.just("erase"), st.integers(0, 5))
_sweep = st.just(("sweep",))
_deeds = st.lists(st.one_of(_give, _withdraw, _fetch, _fetch, _erase, _sweep), min_size=1, max_size=5)
ROUNDS = st.lists(st.tuples(_deeds, st.sampled_from([0, 40])), min_size=1, max_size=7)


@dataclass
class Given:
    """A consent, as the test knows it; ``given`` and ``withdrawn`` are rounds."""

    consent_id: str
    person: str
    office: str | None
    until: datetime | None
    given: int
    withdrawn: int | None = None
    expired: bool = False

    def covers(self, office: str, at: datetime) -> bool:
        return self.office in (None, office) and (self.until is None or at < self.until)


@dataclass
class Life:
    """One case, what was asked of it and what was answered."""

    intake: Any
    case_id: str
    people: list[str]
    round: int = 0
    withdrawing: bool = False
    consents: list[Given] = field(default_factory=list)
    receipts: dict[str, str] = field(default_factory=dict)

    async def give(self, person: int, office: int, minutes: int | None) -> None:
        now = self.intake.clock.now()
        until = None if minutes is None else now + timedelta(minutes=minutes)
        to = None if office < 0 else OFFICES[office]
        body = {
            "person_id": self.people[person],
            "purposes": [PURPOSE],
            "offices": [] if to is None else [to],
            "notice_version": "2026.07",
            "notice_language": "id",
            "method": "signed_form",
            "given_at": now.isoformat(),
            "expires_at": None if until is None else until.isoformat(),
        } | ({"given_by": "guardian", "relation": "parent"} if person else {})
        answer = await self.intake.post(f"/v1/cases/{self.case_id}/consents", body, "front_office")
        if answer.status_code == 201:
            self.consents.append(Given(answer.json()["consent_id"], self.people[person], to, until, self.round))
        else:
            assert answer.status_code == 409, answer.text

    async def withdraw(self, which: int) -> None:
        known = [each for each in self.consents if each.given < self.round]
        if not known:
            return
        consent = known[which % len(known)]
        path = f"/v1/cases/{self.case_id}/consents/{consent.consent_id}/withdrawal"
        answer = await self.intake.post(path, {}, "front_office")
        assert answer.status_code in (200, 409), answer.text
        if answer.status_code == 200:
            assert consent.withdrawn is None
            consent.withdrawn = self.round
        else:
            is_over = consent.until is not None and consent.until <= self.intake.clock.now()
            assert consent.withdrawn is not None or is_over, "it has ended before"

    async def fetch(self, office: int) -> None:
        code, at = OFFICES[office], self.intake.clock.now()
        headers = self.intake.token("partner", region=None, office=code) | {"Purpose": PURPOSE}
        certain = {each.person for each in self._in_force(code, at) if each.given < self.round}
        answer: httpx.Response = await self.intake.client.get(f"/v1/cases/{self.case_id}/parties", headers=headers)
        # What is withdrawn or given in the same round may be seen before or after.
        possible = certain | {
            each.person for each in self.consents if each.covers(code, at) and each.given == self.round
        }
        if self.withdrawing:
            certain = set()
        if answer.status_code == 200:
            shown = {person["person_id"] for person in answer.json()["persons"]}
            assert certain <= shown <= possible
            assert answer.json()["receipt_id"] not in self.receipts
            self.receipts[answer.json()["receipt_id"]] = code
        else:
            assert (answer.status_code, answer.json()["type"]) == (403, "urn:slrt:problem:consent-missing")
            assert not certain, "somebody has agreed"

    def _in_force(self, office: str, at: datetime) -> list[Given]:
        return [each for each in self.consents if each.withdrawn is None and each.covers(office, at)]

    async def erase(self, which: int) -> None:
        known = list(self.receipts.items())
        if known:
            receipt, office = known[which % len(known)]
            path = f"/v1/sharings/{receipt}/erasure"
            answer = await self.intake.post(path, None, "partner", region=None, office=office)
            assert answer.status_code in (200, 409)

    async def sweep(self) -> None:
        await ExpirySweep(self.intake.database, Outbox("intake"), self.intake.vault).once()

    async def check(self) -> None:
        """What holds after every round."""
        await self._check_ends()
        rows = await self.intake.rows("SELECT * FROM sharings WHERE case_id = %(id)s", id=self.case_id)
        assert {str(row.receipt_id): row.office_code for row in rows} == self.receipts, "a receipt for each delivery"
        ended = {each.consent_id for each in self.consents if each.withdrawn is not None or each.expired}
        times = {
            str(row.consent_id): row.at
            for row in await self.intake.rows(
                "SELECT consent_id, coalesce(withdrawn_at, expires_at) AS at FROM consents "
                "WHERE withdrawn_at IS NOT NULL OR expired_at IS NOT NULL"
            )
        }
        for row in rows:
            assert row.consent_ids, "nothing without a consent"
            for consent in map(str, row.consent_ids):
                if consent in ended:
                    assert row.shared_at <= times[consent], "nothing after its end"
                    assert row.withdrawn_at is not None or row.erased_at is not None, "whoever holds it was told"
        told = await self.intake.rows("SELECT headers, payload FROM outbox ORDER BY seq")
        events = [decode_event(dict(row.headers)["ce_type"], row.payload) for row in told]
        gone = Counter(str(event.receipt_id) for event in events if isinstance(event, ClaimWithdrawn))
        named = Counter(
            str(receipt)
            for event in events
            if isinstance(event, SharingWithdrawn) and str(event.case_id) == self.case_id
            for receipt in event.receipt_ids
        )
        withdrawn = {str(row.receipt_id): 1 for row in rows if row.withdrawn_at is not None}
        assert named == withdrawn
        assert {receipt: count for receipt, count in gone.items() if receipt in self.receipts} == withdrawn

    async def _check_ends(self) -> None:
        """Each consent has at most one end, which was told once; nobody runs out before the time."""
        rows = await self.intake.rows("SELECT * FROM consents WHERE case_id = %(id)s", id=self.case_id)
        told = await self.intake.rows("SELECT headers, payload FROM outbox ORDER BY seq")
        events = [decode_event(dict(row.headers)["ce_type"], row.payload) for row in told]
        ends = Counter(
            (str(event.consent_id), str(event.reason_code))
            for event in events
            if isinstance(event, ConsentEnded) and str(event.case_id) == self.case_id
        )
        known = {each.consent_id: each for each in self.consents}
        expected = Counter[tuple[str, str]]()
        for row in rows:
            consent = known[str(row.consent_id)]
            consent.expired = row.expired_at is not None
            assert (row.withdrawn_at is not None) == (consent.withdrawn is not None)
            assert not (row.withdrawn_at is not None and consent.expired), "one end"
            assert not consent.expired or row.expires_at <= row.expired_at
            expected.update([(consent.consent_id, "withdrawn")] if consent.withdrawn is not None else [])
            expected.update([(consent.consent_id, "expired")] if consent.expired else [])
        assert ends == expected


async def _life(intake: Any) -> Life:
    case = await intake.decided(**FAMILY)
    for office in OFFICES:
        for place, _ in enumerate(case["needs"]):
            await send(intake, case, place, office)
    path = f"/v1/cases/{case['case_id']}/parties"
    people = (await intake.client.get(path, headers=intake.asking("manager"))).json()["persons"]
    return Life(intake, case["case_id"], [person["person_id"] for person in people])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=ROUNDS)
async def test_nothing_is_shared_without_consent_and_everything_shared_has_one_receipt(
    rounds: list[tuple[list[tuple[Any, ...]], int]], intake: Any
) -> None:
    life = await _life(intake)
    for deeds, minutes in rounds:
        life.round += 1
        life.withdrawing = any(deed[0] == "withdraw" for deed in deeds)
        await asyncio.gather(*(getattr(life, what)(*which) for what, *which in deeds))
        await life.check()
        intake.clock.move(minutes=minutes)
