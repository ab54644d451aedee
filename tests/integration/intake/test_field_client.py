"""The reference client with the real service: a day in the field, a line that breaks, a device that was lost."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.integration.intake.field import facts_of, plan
from tests.integration.intake.test_field_photos import picture

from slrt_field import FieldClient, FieldStore, NotSignedInError, RefusedError, UnreachableError, WipedError

VILLAGE = "12.74.03.1002"
KEY = bytes(range(32))


class Line(httpx.AsyncBaseTransport):
    """The way to the service; ``answers`` are given in its place, one after the other."""

    def __init__(self, app: Any) -> None:
        self._app = httpx.ASGITransport(app, raise_app_exceptions=False)
        self.answers: list[httpx.Response | Exception] = []
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path.partition('/devices/')[2][36:]}")
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        return await self._app.handle_async_request(request)


class Officer:
    """A facilitator with a device."""

    def __init__(self, intake: Any, folder: Path, sub: str) -> None:
        self.intake, self.sub, self.path = intake, sub, folder / "field.db"
        self.line = Line(intake.app)
        self.store = FieldStore.open(self.path, key=KEY, now=intake.clock.now)
        self.pauses: list[float] = []
        self.role = "facilitator"

    def client(self, **more: Any) -> FieldClient:
        async def token() -> str:
            headers = self.intake.token(self.role, region=VILLAGE, sub=self.sub)
            return str(headers["Authorization"].removeprefix("Bearer "))

        async def sleep(seconds: float) -> None:
            self.pauses.append(seconds)

        settings = {"base_url": "http://intake.test", "token": token, "transport": self.line, "sleep": sleep} | more
        return FieldClient(self.store, **settings)


@pytest.fixture
def officer(intake: Any, tmp_path: Path) -> Officer:
    return Officer(intake, tmp_path, f"fs-{uuid4().hex[:8]}")


async def test_a_day_in_the_field_is_handed_in_and_the_next_one_taken_along(
    intake: Any, officer: Officer, made: Any
) -> None:
    store = officer.store
    registration = store.record("case", made.registration())
    place = {"case_item": str(registration.item_id)}
    store.record("facts", place | {"checklist": "housing", "answers": {"walls": "zinc"}})
    store.record_photo(picture(), file_class="house", place=place)
    report = await officer.client().sync()
    assert (report.committed, report.rejected, report.photos) == (2, 0, {"done": 1})
    (sent,) = [each for each in store.items() if each.kind == "case"]
    assert sent.receipt is not None
    case_id = sent.receipt["case_id"]
    await plan(intake, case_id, officer.sub)
    assert (await officer.client().sync()).visits == 1
    (visit,) = store.visits()
    assert visit["facts"][0]["value"] == "zinc"
    answers = {"visit_id": visit["visit_id"], "answers": {"walls": "brick"}}
    store.record("facts", answers | {"replaces": store.known_facts(case_id)})
    store.record("visit_result", {"visit_id": visit["visit_id"], "result": "done"})
    report = await officer.client().sync()
    assert (report.receipts, report.visits) == ({"committed": 2}, 0)
    assert [each["value"] for each in await facts_of(intake, case_id) if each["counts"]] == ["brick"]
    intake.clock.move(days=8)
    assert (await officer.client().sync()).purged == 4
    assert store.items() == []


async def test_a_line_that_breaks_is_tried_again_with_growing_pauses_and_loses_nothing(officer: Officer) -> None:
    officer.store.record("note", {"text": "x"})
    officer.line.answers = [httpx.ConnectError("no network")] * 6
    with pytest.raises(UnreachableError):
        await officer.client().sync()
    assert len(officer.pauses) == 5
    assert len(officer.store.pending(10)) == 1
    officer.line.answers = [
        httpx.Response(503, headers={"Retry-After": "7"}),
        httpx.Response(429, headers={"Retry-After": "900"}),
        httpx.Response(502, text="<html>"),
    ]
    officer.pauses.clear()
    await officer.client().sync()
    assert officer.pauses[:2] == [7.0, 60.0]
    assert officer.store.pending(10) == []


async def test_a_captive_portal_is_not_the_server(officer: Officer) -> None:
    officer.store.record("note", {"text": "x"})
    officer.line.answers = [httpx.Response(200, text="<html>Selamat datang</html>")]
    with pytest.raises(UnreachableError):
        await officer.client().sync()
    assert not officer.store.is_registered


async def test_an_ended_token_and_a_role_that_may_not_are_said_at_once(officer: Officer) -> None:
    officer.line.answers = [httpx.Response(401)]
    with pytest.raises(NotSignedInError):
        await officer.client().sync()
    officer.role = "leadership"
    with pytest.raises(RefusedError) as refused:
        await officer.client().sync()
    assert (refused.value.status, refused.value.slug, officer.pauses) == (403, "forbidden", [])


async def test_an_upload_that_is_too_large_is_sent_in_halves(intake: Any, officer: Officer) -> None:
    case = await intake.register()
    for _ in range(5):
        officer.store.record("note", {"case_id": case["case_id"], "text": "x"})
    await officer.client(most_items=4).sync()
    assert officer.line.asked.count("POST /uploads") == 2
    officer.store.record("note", {"case_id": case["case_id"], "text": "y"})
    officer.store.record("note", {"case_id": case["case_id"], "text": "z"})
    officer.line.asked.clear()
    officer.line.answers = [httpx.Response(413, json={"type": "urn:slrt:problem:upload-too-large"})]
    report = await officer.client(most_items=2).sync()
    assert (report.committed, officer.line.asked.count("POST /uploads")) == (2, 3)


async def test_what_waited_is_told_of_when_the_other_one_has_come(intake: Any, officer: Officer, made: Any) -> None:
    colleague = Officer(intake, officer.path.parent / "..", f"fs-{uuid4().hex[:8]}")
    colleague.store = FieldStore.open(officer.path.with_name("other.db"), key=KEY, now=intake.clock.now)
    registration = colleague.store.record("case", made.registration())
    officer.store.record("note", {"case_item": str(registration.item_id), "text": "x"})
    assert (await officer.client().sync()).receipts == {"waiting_for": 1}
    await colleague.client().sync()
    assert (await officer.client().sync()).receipts == {"already_committed": 1}
    assert officer.store.waiting() == []


async def test_a_lost_device_hands_in_what_it_has_and_forgets_everything(intake: Any, officer: Officer) -> None:
    case = await intake.register()
    await plan(intake, case["case_id"], officer.sub)
    await officer.client().sync()
    assert len(officer.store.visits()) == 1
    device = officer.store.device_id
    assert (await intake.post(f"/v1/field/devices/{device}/revoke", None, "manager", version=1)).status_code == 200
    officer.store.record("note", {"case_id": case["case_id"], "text": "belum terkirim"})
    with pytest.raises(WipedError):
        await officer.client().sync()
    assert (officer.store.items(), officer.store.visits()) == ([], [])
    (shown,) = await intake.rows("SELECT wiped_at FROM field_devices WHERE device_id = %(id)s", id=device)
    assert shown.wiped_at is not None
    listed = (await intake.get("/v1/field/rejected-items?limit=200", "supervisor")).json()["items"]
    assert [each["reason"] for each in listed if each["device_id"] == str(device)] == ["device_revoked"]


async def test_a_device_that_died_while_it_was_wiped_is_wiped_the_next_time(intake: Any, officer: Officer) -> None:
    await officer.client().sync()
    device = officer.store.device_id
    await intake.post(f"/v1/field/devices/{device}/revoke", None, "manager", version=1)
    officer.store.record("note", {"text": "x"})
    lost = [httpx.ConnectError("no network")] * 6
    real = officer.line.handle_async_request

    async def dies(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/wiped") and lost:
            raise lost.pop()
        return await real(request)

    officer.line.handle_async_request = dies  # type: ignore[method-assign]
    with pytest.raises(UnreachableError):
        await officer.client().sync()
    officer.store.close()
    officer.store = FieldStore.open(officer.path, key=KEY, now=intake.clock.now)
    assert (officer.store.must_wipe, officer.store.items()) == (True, [])
    with pytest.raises(WipedError):
        await officer.client().sync()
