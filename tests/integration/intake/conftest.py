"""Intake on a real PostgreSQL, called over HTTP with real tokens; and what the tests ask its tables."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from slrt_contracts.codes import OutcomeCode
from slrt_contracts.events import Event, ReferralCompleted
from slrt_intake.app import build_app, build_runtime, build_stores, build_timekeeping
from slrt_intake.consumers import ConsumerParts, looks, outcomes, timeline
from slrt_intake.store.cases import CaseStores
from slrt_kit.clocks.timers import Timers
from slrt_kit.db import Database
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import SealedRow, Vault
from slrt_kit.runtime import Runtime
from slrt_kit.stalls.checker import StallCheck
from slrt_kit.testing import FixedClock, TestIssuer, api_client, environment_of, packaged_book, raw_event

VILLAGE = "12.74.03.1002"
USUAL_PURPOSES: dict[str, tuple[str | None, str]] = {
    "service": ("slrt-registry", "registry-record"),
    "opd_officer": (None, "referral-service"),
    "partner": (None, "emergency-help"),
}
TABLES = [
    "cases",
    "needs",
    "persons",
    "contacts",
    "drafts",
    "batches",
    "batch_rows",
    "timeline",
    "timeline_editions",
    "office_needs",
    "holdings",
    "clocks",
    "clock_extensions",
    "duties",
    "stalls",
    "consents",
    "consent_withdrawals",
    "sharings",
    "case_officers",
    "emergency_accesses",
    "attachments",
    "letters",
    "letter_numbers",
    "exports",
    "field_devices",
    "field_items",
    "visits",
    "facts",
    "fact_conflicts",
    "field_photos",
    "field_photo_parts",
    "ticket_failures",
    "resident_challenges",
    "resident_sessions",
    "case_people",
    "looks",
    "outbox",
    "inbox",
    "parked",
    "idempotency",
]
# The audit log is not among them: it gets what was refused too.
_DIGEST = " UNION ALL ".join(
    f"SELECT '{name}', count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {name} t"  # noqa: S608
    for name in TABLES
)


class Intake:
    """One intake: its API, its database, its consumers, and a clock that stands still."""

    def __init__(
        self,
        app: FastAPI,
        client: httpx.AsyncClient,
        database: Database,
        vault: Vault,
        issuer: TestIssuer,
        clock: FixedClock,
        objects: Path,
        stores: CaseStores,
        timers: Timers,
        stalls: StallCheck,
    ) -> None:
        self.timers = timers
        self.stalls = stalls
        self.stores = stores
        self.app = app
        self.client = client
        self.database = database
        self.vault = vault
        self.issuer = issuer
        self.clock = clock
        self.objects = objects
        self.url = ""
        self.runtime: Runtime
        parts = ConsumerParts(outbox=Outbox("intake"), vault=vault, cases=stores)
        self.outcomes = Processor(consumer="slrt.intake.outcomes", database=database, handlers=outcomes, deps=parts)
        self.looks = Processor(consumer="slrt.intake.looks", database=database, handlers=looks, deps=parts)
        self.timeline = Processor(consumer="slrt.intake.timeline", database=database, handlers=timeline, deps=parts)

    # -- calling ----------------------------------------------------------------------------------------------------

    def token(self, role: str = "facilitator", *, region: str | None = "12.74", **claims: Any) -> dict[str, str]:
        """The headers of somebody with that role; each role is another person unless ``sub`` says who."""
        return self.issuer.headers(role, region=region, **({"sub": f"{role}-1"} | claims))

    def asking(self, role: str, what: str = "parties", **claims: Any) -> dict[str, str]:
        """The headers of somebody with that role who asks for people, with a purpose that is theirs to state."""
        machine, purpose = USUAL_PURPOSES.get(role, (None, "case-handling"))
        if what.startswith("contact"):
            machine, purpose = "slrt-notification", "resident-message"
        named = {"azp": machine} if machine is not None and role == "service" else {}
        return self.token(role, **(named | claims)) | {"Purpose": purpose}

    async def get(self, path: str, role: str = "facilitator", **claims: Any) -> httpx.Response:
        return await self.client.get(path, headers=self.token(role, **claims))

    async def post(
        self,
        path: str,
        body: Any = None,
        role: str = "facilitator",
        *,
        version: Any = None,
        key: str = "",
        **claims: Any,
    ) -> httpx.Response:
        """A command with a key of its own unless one is given; ``version`` becomes If-Match."""
        headers = self.token(role, **claims) | {"Idempotency-Key": key or uuid4().hex}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return await self.client.post(path, json=body, headers=headers)

    async def attach(
        self, case_id: str, content: Any, role: str = "facilitator", *, key: str = "", **more: Any
    ) -> httpx.Response:
        """A file for a case; ``headers`` adds some, or takes away those that are None."""
        headers = self.token(role, **more.pop("claims", {})) | {"Idempotency-Key": key or uuid4().hex}
        headers |= {"File-Class": "house", "Content-Type": "image/jpeg"} | more.pop("headers", {})
        known = {name: value for name, value in headers.items() if value is not None}
        return await self.client.post(f"/v1/cases/{case_id}/attachments", content=content, headers=known)

    def stored(self) -> list[Path]:
        """Every file in the folder of objects."""
        return sorted(each for each in self.objects.rglob("*") if each.is_file())

    # -- a case and its steps ---------------------------------------------------------------------------------------

    async def register(self, **changes: Any) -> dict[str, Any]:
        """A registered case (`registration` with changes)."""
        answer = await self.post("/v1/cases", registration(**changes), region=changes.get("village_code", VILLAGE))
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def step(self, case: dict[str, Any], verb: str, version: int, **more: Any) -> httpx.Response:
        """Screen, recommend or decide the whole case."""
        role, body = _STEPS[verb](case, more.pop("decisions", ()))
        return await self.post(
            f"/v1/cases/{case['case_id']}/{verb}", body, more.pop("role", role), version=version, **more
        )

    async def decided(self, *decisions: str, **changes: Any) -> dict[str, Any]:
        """A case that was decided; ``refer`` for every need unless said."""
        case = await self.register(**changes)
        for version, verb in enumerate(("screen", "recommend", "decide"), start=1):
            answer = await self.step(case, verb, version, decisions=decisions)
            assert answer.status_code == 200, answer.text
        return answer.json()

    async def answered(self, case: dict[str, Any], place: int = 0, code: str = OutcomeCode.FULFILLED) -> UUID:
        """The office completes the referral of one need; returns the referral's id."""
        event = completed(case, place, code=code)
        assert await self.outcomes.process(raw_event(event)) is Outcome.APPLIED
        return event.referral_id

    async def resolved(self, **changes: Any) -> dict[str, Any]:
        """A case whose only need has its outcome."""
        case = await self.decided(**changes)
        await self.answered(case)
        return case

    async def hear(self, event: Event, **envelope: Any) -> tuple[Outcome, RawEvent]:
        """Give an event to both consumers; returns what became of it in the first."""
        raw = raw_event(event, **envelope)
        await self.timeline.process(raw)
        return await self.outcomes.process(raw), raw

    # -- looking ----------------------------------------------------------------------------------------------------

    async def rows(self, query: str, **values: Any) -> list[Any]:
        async with self.database.read() as session:
            return list(await session.rows(query, values))

    async def rows_changed(self, statement: str, **values: Any) -> int:
        """What no route would do."""
        async with self.database.statement() as connection:
            return await connection.run(statement, values)

    async def opened(self, table: str, *, case_id: str) -> list[Any]:
        """What is sealed in the rows of a case in ``persons``, ``contacts`` or ``needs``, in their order."""
        row_id = {"persons": "t.person_id", "contacts": "t.case_id", "needs": "t.need_id"}[table]
        key, order = ("t.key_id", "t.position") if table == "persons" else ("c.key_id", row_id)
        rows = await self.rows(
            f"SELECT {key} AS key_id, t.sealed, {row_id} AS row FROM {table} t JOIN cases c USING (case_id) "  # noqa: S608
            f"WHERE t.case_id = %(id)s AND t.sealed IS NOT NULL ORDER BY {order}",
            id=case_id,
        )
        return await self.vault.unseal([SealedRow(*row) for row in rows], table=table)

    async def digest(self, *, but: str = "") -> dict[str, tuple[int, str]]:
        """How many rows each table has and a digest of them; tables named in ``but`` are left out."""
        found = {name: (count, digest) for name, count, digest in await self.rows(_DIGEST)}
        return {name: what for name, what in found.items() if name not in but.split()}

    @asynccontextmanager
    async def unchanged(self, *, but: str = "") -> AsyncIterator[None]:
        """What happens in the block leaves every table as it was."""
        before = await self.digest(but=but)
        yield
        assert await self.digest(but=but) == before


def registration(**changes: Any) -> dict[str, Any]:
    """The body of a good registration; ``changes`` replace its parts."""
    body: dict[str, Any] = {
        "village_code": VILLAGE,
        "persons": [{"relation": "client", "name": "Mawar Karangan", "nik": "1274035203879001", "sex": "P"}],
        "contact": {"phone": "0812-0000-9901", "kk_number": "1274030101109001", "address": "Jalan Contoh 9"},
        "needs": [{"need_code": "BPBL", "person_ref": 0, "description": "rumah gelap"}],
    }
    return body | changes


def completed(case: dict[str, Any], place: int = 0, *, code: str = OutcomeCode.FULFILLED) -> ReferralCompleted:
    """What the referral service tells when an office has ended the referral of a need."""
    return ReferralCompleted(
        referral_id=uuid4(),
        case_id=case["case_id"],
        need_id=case["needs"][place]["need_id"],
        office_code="12.74.ESDM",
        programme_code=None,
        outcome_code=code,
    )


def _named(case: dict[str, Any], what: str, values: Any) -> dict[str, Any]:
    said = list(values) or ["refer"] * len(case["needs"])
    return {"needs": [{"need_id": n["need_id"], what: v} for n, v in zip(case["needs"], said, strict=True)]}


_STEPS: dict[str, Callable[[dict[str, Any], Any], tuple[str, dict[str, Any]]]] = {
    "screen": lambda _case, _decisions: ("front_office", {"registry_status": "listed"}),
    "recommend": lambda case, _decisions: ("back_office", _named(case, "recommendation", ())),
    "decide": lambda case, decisions: ("coordinator", _named(case, "decision", decisions)),
}


@pytest.fixture(scope="module")
async def intake(
    service_database: Callable[[str], str], token_issuer: TestIssuer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Intake]:
    """An intake with a database and a folder of files of the module's own."""
    url = service_database("intake")
    objects = tmp_path_factory.mktemp("objects")
    with pytest.MonkeyPatch.context() as patch:
        settings = environment_of("intake", database_url=url, issuer=token_issuer, objects_dir=str(objects))
        for name, value in settings.items():
            patch.setenv(name, value)
        runtime = build_runtime()
    clock = FixedClock()
    runtime.database = Database(url, clock=clock)
    runtime.worker_database = runtime.database
    runtime.policy_book = packaged_book(runtime)
    app = build_app(runtime)

    async def now() -> datetime:
        return clock.now()

    async with api_client(app) as client:
        keeping = build_timekeeping(runtime)
        stores, timers, stalls = build_stores(runtime), keeping.timers(at=now), keeping.stall_check()
        made = Intake(
            app, client, runtime.database, runtime.vault, token_issuer, clock, objects, stores, timers, stalls
        )
        made.url, made.runtime = url, runtime
        yield made
    await runtime.close()


class Made:
    """What the tests take from here, without importing one another."""

    village = VILLAGE
    registration = staticmethod(registration)
    completed = staticmethod(completed)


@pytest.fixture(scope="session")
def made() -> type[Made]:
    """``registration(**changes)`` and ``completed(case, place)``."""
    return Made
