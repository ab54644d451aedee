"""One schedule: some devices, what their officers do, what goes wrong, and what must be true in the end."""

import random
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch
from uuid import uuid4

import httpx
from fastapi import FastAPI
from tests.field.faults import BadLine, Counted, DeviceKilledError, DyingStore

from slrt_field import FieldClient, FieldError, Item
from slrt_intake.app import build_app, build_runtime
from slrt_kit.db import Database
from slrt_kit.runtime import Runtime
from slrt_kit.testing import FixedClock, TestIssuer, environment_of, packaged_book

VILLAGE: Final = "12.74.03.1002"
_KEY: Final = bytes(range(32))
_OFFSETS: Final = (timedelta(), timedelta(minutes=-3), timedelta(days=730), timedelta(days=-731), timedelta(hours=9))
_CODES: Final = {"walls": ("brick", "zinc", "bamboo"), "earth_floor": (True, False), "school_children": (0, 2, 5)}
_DURABLE: Final = {"committed", "already_committed", "conflict_kept_both", "rejected_with_reason"}
_MAY_BE_REJECTED: Final = {"visit_ended", "visit_not_yours"}


async def _no_sleep(_: float) -> None:
    return None


class Server:
    """Intake as its app composes it, on a real PostgreSQL, with a clock that the schedules move."""

    def __init__(self, url: str, issuer: TestIssuer) -> None:
        self.issuer = issuer
        with patch.dict("os.environ", environment_of("intake", database_url=url, issuer=self.issuer)):
            runtime: Runtime = build_runtime()
        self.clock = FixedClock()
        self.database = runtime.database = Database(url, clock=self.clock)
        runtime.worker_database = self.database
        runtime.policy_book = packaged_book(runtime)
        self.app: FastAPI = build_app(runtime)
        self.runtime = runtime
        self.transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)

    async def close(self) -> None:
        """Close the connections."""
        await self.runtime.close()

    async def rows(self, query: str, **values: Any) -> list[Any]:
        """What the database says."""
        async with self.database.read() as session:
            return list(await session.rows(query, values))


@dataclass
class Reckoning:
    """What came of schedules."""

    schedules: int = 0
    items: int = 0
    lost: int = 0
    doubled: int = 0
    problems: list[str] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Reckoning") -> None:
        """Take over what another one has found."""
        self.schedules += other.schedules
        self.items += other.items
        self.lost += other.lost
        self.doubled += other.doubled
        self.problems += other.problems
        self.statuses += other.statuses
        self.faults += other.faults

    def __str__(self) -> str:
        word = "FAILED" if self.lost or self.doubled or self.problems else "ok"
        return f"SYNC {word} schedules={self.schedules} items={self.items} lost={self.lost} doubled={self.doubled}"


class Phone:
    """One device of one officer, which may die and be started again."""

    def __init__(self, server: Server, line: BadLine, chance: random.Random, path: Path, officer: str) -> None:
        self._server, self._line, self._chance, self._path = server, line, chance, path
        self.officer = officer
        self._off = chance.choice(_OFFSETS)
        self.made: dict[str, Item] = {}
        self._token = server.issuer.mint("facilitator", region=VILLAGE, sub=officer, ttl=3600)
        self.store = self._start(chance)

    def _start(self, chance: random.Random | None) -> DyingStore:
        def now() -> datetime:
            return self._server.clock.now() + self._off

        store = DyingStore.open(self._path, key=_KEY, now=now)
        store.chance = chance
        return store

    def restart(self, *, mortal: bool = True) -> None:
        """Its battery is back. What it had recorded when it died is there, or was never said to be."""
        self.store.close()
        self.store = self._start(self._chance if mortal else None)
        for each in self.store.items():
            self.made.setdefault(str(each.item_id), each)

    def record(self, kind: str, payload: dict[str, Any]) -> None:
        """The officer does something."""
        try:
            item = self.store.record(kind, payload)
            self.made[str(item.item_id)] = item
        except DeviceKilledError:
            self.restart()

    async def sync(self, *, most_items: int = 200, tries: int = 2) -> bool:
        """Try to sync; whether it went through."""

        async def token() -> str:
            return self._token

        client = FieldClient(
            self.store,
            base_url="http://intake.test",
            token=token,
            keep_days=self._chance.choice((0, 7)) if self._line.bad else 7,
            most_items=most_items,
            transport=self._line,
            sleep=_no_sleep,
            tries=tries,
        )
        try:
            await client.sync()
        except FieldError:
            return False
        except DeviceKilledError:
            self.restart()
            return False
        return True


class Schedule:
    """What happens, drawn from a seed."""

    def __init__(self, server: Server, seed: int, folder: Path) -> None:
        self._server = server
        self._seed = seed
        self._chance = random.Random(seed)  # noqa: S311 — a repeatable story, no secret
        self._counted = Counted()
        self._line = BadLine(server.transport, self._chance, self._counted)
        name = f"{seed}-{uuid4().hex[:8]}"
        self._phones = [
            Phone(server, self._line, self._chance, folder / f"{name}-{n}.db", f"fs.{name}.{n}")
            for n in range(self._chance.choice((1, 2, 2, 3)))
        ]
        self._registrations: list[str] = []
        self._visits: list[str] = []

    async def run(self) -> Reckoning:
        """Play it, sync everything over a good line, and reckon."""
        await self._play()
        self._line.bad = False
        await self._line.deliver_late()
        for phone in self._phones:
            phone.restart(mortal=False)
        for _ in range(2):
            for phone in self._phones:
                await phone.sync(tries=1)
        return await self._reckon()

    async def _play(self) -> None:
        self._do(self._phones[0], "case")
        if self._chance.random() < 0.3:
            await self._plan()
        for _ in range(self._chance.randrange(4, 9)):
            phone = self._chance.choice(self._phones)
            if self._visits and self._chance.random() < 0.1:
                await self._give_to_another()
            elif self._chance.random() < 0.55:
                self._do(phone, self._chance.choice(("case", "facts", "facts", "facts", "note", "visit_result")))
            else:
                self._server.clock.move(seconds=self._chance.randrange(1, 4000))
                await phone.sync(most_items=self._chance.choice((1, 2, 200)))

    async def _plan(self) -> None:
        """The desk registers a case and gives somebody a visit to it."""
        case = await self._desk("supervisor", "/v1/cases", {"village_code": VILLAGE, "needs": [{"need_code": "JALAN"}]})
        officer = self._chance.choice(self._phones).officer
        visit = await self._desk("supervisor", "/v1/visits", {"case_id": case["case_id"], "officer": officer})
        self._visits.append(visit["visit_id"])

    async def _give_to_another(self) -> None:
        """The desk gives the visit to another officer, unless it was made meanwhile."""
        (visit_id,) = self._visits
        rows = await self._server.rows("SELECT version FROM visits WHERE visit_id = %(id)s", id=visit_id)
        body = {"officer": self._chance.choice(self._phones).officer}
        await self._desk("supervisor", f"/v1/visits/{visit_id}/assign", body, version=rows[0].version)

    async def _desk(self, role: str, path: str, body: dict[str, Any], *, version: int = 0) -> dict[str, Any]:
        token = self._server.issuer.mint(role, region="12.74", sub="desk")
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex, "If-Match": f'"{version}"'}
        async with httpx.AsyncClient(transport=self._server.transport, base_url="http://intake.test") as desk:
            answer = await desk.post(path, json=body, headers=headers)
        found: dict[str, Any] = answer.json()
        if answer.is_error and found["type"] != "urn:slrt:problem:visit-ended":
            raise RuntimeError(answer.text)
        return found

    def _do(self, phone: Phone, kind: str) -> None:
        if kind == "case" or not self._registrations:
            phone.record("case", {"village_code": VILLAGE, "needs": [{"need_code": "JALAN"}]})
            self._registrations = [
                item_id for each in self._phones for item_id, item in each.made.items() if item.kind == "case"
            ]
            return
        place = {"case_item": self._chance.choice(self._registrations)}
        if self._visits and self._chance.random() < 0.4:
            place = {"visit_id": self._visits[0]}
        code = self._chance.choice(sorted(_CODES))
        answer = self._chance.choice(_CODES[code])
        said = {"facts": {"answers": {code: answer}}, "note": {"text": "catatan"}, "visit_result": {"result": "done"}}
        phone.record(kind, place | said[kind])

    # -- what must be true ------------------------------------------------------------------------------------------

    async def _reckon(self) -> Reckoning:
        found = Reckoning(schedules=1, faults=Counter(self._counted.faults))
        for phone in self._phones:
            await self._reckon_phone(phone, found)
            phone.store.close()
        if found.problems:
            found.problems = [f"seed {self._seed}: {each}" for each in found.problems]
        return found

    async def _reckon_phone(self, phone: Phone, found: Reckoning) -> None:
        rows = await self._server.rows(_ITEMS, device_id=phone.store.device_id)
        receipts: dict[str, list[Any]] = {}
        for row in rows:
            receipts.setdefault(str(row.item_id), []).append(row)
        found.items += len(phone.made)
        for item_id, item in phone.made.items():
            of_item = receipts.pop(item_id, [])
            if not of_item:
                found.lost += 1
                found.problems.append(f"{item.kind} {item.sequence} has no receipt")
                continue
            if len(of_item) > 1:
                found.doubled += 1
                found.problems.append(f"{item.kind} {item.sequence} has {len(of_item)} receipts")
            self._reckon_item(item, of_item[0], found)
        for item_id in receipts:
            found.doubled += 1
            found.problems.append(f"the server has an item that nobody made: {item_id}")
        await self._reckon_effects(phone, rows, found)
        self._reckon_device(phone, {str(row.item_id): row for row in rows}, found)

    def _reckon_item(self, item: Item, row: Any, found: Reckoning) -> None:
        found.statuses[row.status if row.reason is None else row.reason] += 1
        if row.status == "rejected_with_reason" and row.reason not in _MAY_BE_REJECTED:
            found.lost += 1
            found.problems.append(f"{item.kind} {item.sequence} was rejected: {row.reason}")
        if row.status == "waiting_for":
            found.lost += 1
            found.problems.append(f"{item.kind} {item.sequence} still waits")
        if row.status == "rejected_with_reason":
            if row.kept is None:
                found.lost += 1
                found.problems.append(f"{item.kind} {item.sequence} was rejected and not kept")
            return
        effects = {"case": row.cases, "visit_result": row.visits}.get(item.kind, row.facts)
        if effects < 1:
            found.lost += 1
            found.problems.append(f"{item.kind} {item.sequence} had no effect")
        if effects > 1:
            found.doubled += 1
            found.problems.append(f"{item.kind} {item.sequence} had {effects} effects")

    async def _reckon_effects(self, phone: Phone, rows: list[Any], found: Reckoning) -> None:
        """Nothing is there beside what the receipts say."""
        (there,) = await self._server.rows(_EFFECTS, officer=phone.officer)
        told = Counter(row.kind for row in rows if row.status != "rejected_with_reason")
        for what, number, wanted in (
            ("cases", there.cases, told["case"]),
            ("facts", there.facts, told["facts"] + told["note"]),
            ("visits", there.visits, told["visit_result"]),
        ):
            if number != wanted:
                found.doubled += max(0, number - wanted)
                found.lost += max(0, wanted - number)
                found.problems.append(f"{number} {what} where {wanted} were committed")
        if there.unraised:
            found.lost += there.unraised
            found.problems.append(f"{there.unraised} contradictions that nobody is told of")

    def _reckon_device(self, phone: Phone, rows: dict[str, Any], found: Reckoning) -> None:
        """What the device believes is what the server has."""
        for item in phone.store.items():
            row = rows.get(str(item.item_id))
            if item.status not in _DURABLE or row is None or item.receipt is None:
                found.problems.append(f"the device waits for {item.kind} {item.sequence}: {item.status}")
            elif item.receipt["receipt_id"] != str(row.receipt_id):
                found.problems.append(f"{item.kind} {item.sequence} has another receipt on the device")
        upto = max((item.sequence for item in phone.made.values()), default=0)
        if rows and next(iter(rows.values())).committed_up_to != upto:
            found.problems.append(f"everything is there up to {upto}, and the server says otherwise")


_ITEMS: Final = """
    SELECT i.item_id, i.receipt_id, i.kind, i.status, i.reason, i.sealed AS kept, d.committed_up_to,
           (SELECT count(*) FROM facts f WHERE f.item_id = i.item_id) AS facts,
           (SELECT count(*) FROM cases c WHERE c.case_id = i.case_id) AS cases,
           (SELECT count(*) FROM visits v WHERE v.visit_id = i.visit_id AND v.ended_by = i.officer) AS visits
    FROM field_items i JOIN field_devices d USING (device_id) WHERE i.device_id = %(device_id)s
    """
_EFFECTS: Final = """
    SELECT (SELECT count(*) FROM cases WHERE registered_by = %(officer)s) AS cases,
           (SELECT count(*) FROM facts WHERE recorded_by = %(officer)s) AS facts,
           (SELECT count(*) FROM visits WHERE ended_by = %(officer)s) AS visits,
           (SELECT count(*) FROM (
                SELECT f.case_id, f.code FROM facts f
                JOIN cases c ON c.case_id = f.case_id AND c.registered_by = %(officer)s
                WHERE f.code <> 'note' AND NOT f.older AND NOT EXISTS (
                    SELECT FROM facts g WHERE g.case_id = f.case_id AND f.fact_id = ANY(g.replaces))
                GROUP BY f.case_id, f.code HAVING count(DISTINCT f.digest) > 1
                EXCEPT SELECT k.case_id, k.code FROM fact_conflicts k WHERE k.settled_at IS NULL) AS u) AS unraised
    """


@asynccontextmanager
async def served(url: str) -> AsyncIterator[Server]:
    """A server on that database."""
    with TestIssuer().serving() as issuer:
        server = Server(url, issuer)
        try:
            yield server
        finally:
            await server.close()


async def play(url: str, seeds: range) -> Reckoning:
    """Play schedules one after the other."""
    total = Reckoning()
    with tempfile.TemporaryDirectory(dir=_fast_folder()) as home:
        async with served(url) as server:
            for seed in seeds:
                total.add(await Schedule(server, seed, Path(home)).run())
    return total


def _fast_folder() -> str | None:
    """In memory where there is such a folder: nobody waits for a disk that does not fail."""
    folder = "/dev/shm"  # noqa: S108
    return folder if Path(folder).is_dir() else None
