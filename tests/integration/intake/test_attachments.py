"""Files of a case: refused when they are not what they should be, kept sealed, read by those who may see the case."""

import asyncio
import dataclasses
import errno
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image
from tests.unit.files import pictures
from tests.unit.files.pictures import SECRET, encoded, picture
from tests.unit.files.test_scanning import PlayedClamd, over_tcp

from slrt_contracts.codes import ErasureReason
from slrt_contracts.events import ErasedInCase, PersonErased
from slrt_intake import consumers
from slrt_kit.files.scanning import ClamdScanner
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.outbox import Outbox
from slrt_kit.testing import raw_event
from slrt_kit.testing.audit import LOOKS

from .conftest import Intake

PURPOSE = {"Purpose": "case-handling"}


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:slrt:problem:")


async def content(intake: Intake, case_id: str, attachment_id: str, role: str = "facilitator", **claims: Any) -> Any:
    path = f"/v1/cases/{case_id}/attachments/{attachment_id}/content"
    return await intake.client.get(path, headers=intake.token(role, **claims) | PURPOSE)


async def listed(intake: Intake, case_id: str, role: str = "facilitator") -> Any:
    return await intake.client.get(f"/v1/cases/{case_id}/attachments", headers=intake.token(role) | PURPOSE)


async def remove(
    intake: Intake,
    case_id: str,
    attachment_id: str,
    role: str = "facilitator",
    reason: str = "wrong_case",
    **claims: Any,
) -> Any:
    path = f"/v1/cases/{case_id}/attachments/{attachment_id}?reason={reason}"
    headers = intake.token(role, **claims) | {"Idempotency-Key": uuid4().hex}
    return await intake.client.delete(path, headers=headers)


def a_photo(tone: int = 0) -> bytes:
    """Each tone another file."""
    return encoded(image=picture().point(lambda value: max(0, value - tone)))


@pytest.fixture
async def case(intake: Intake) -> dict[str, Any]:
    return await intake.register()


# -- what is refused -------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[Any, dict[str, Any], tuple[int, str]]] = {
    "nothing": (b"", {}, (422, "file-empty")),
    "html": (b"<html><script>alert(1)</script>", {}, (415, "file-type-refused")),
    "html as a pdf": (b"<html>%PDF-1.7", {"Content-Type": "application/pdf"}, (415, "file-type-refused")),
    "a gif": (encoded("GIF"), {"Content-Type": "image/gif"}, (415, "file-type-refused")),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", {"Content-Type": "image/heic"}, (415, "file-heic")),
    "a png that says jpeg": (encoded("PNG"), {}, (415, "file-type-mismatch")),
    "cut off": (encoded()[:-400], {}, (422, "file-damaged")),
    "moving": (pictures.animated("PNG"), {"Content-Type": "image/png"}, (422, "image-animated")),
    "huge": (pictures.huge_png(), {"Content-Type": "image/png"}, (422, "image-too-large")),
    "a locked pdf": (pictures.locked_pdf(), {"Content-Type": "application/pdf"}, (422, "file-encrypted")),
    "a pdf with a file": (pictures.pdf_with_file(), {"Content-Type": "application/pdf"}, (422, "file-active")),
    "no class": (encoded(), {"File-Class": None}, (422, "invalid-request")),
    "no such class": (encoded(), {"File-Class": "selfie"}, (422, "invalid-request")),
    "no key": (encoded(), {"Idempotency-Key": None}, (400, "idempotency-key-required")),
    "a name of no text": (encoded(), {"File-Name": "%ff%fe"}, (422, "file-details")),
    "a name of two lines": (encoded(), {"File-Name": "a%0d%0aSet-Cookie:%20a"}, (422, "file-details")),
    "an endless name": (encoded(), {"File-Name": "a" * 201}, (422, "file-details")),
    "a person of another case": (
        encoded(),
        {"Person-Id": "019f1a00-0000-7000-8000-000000000009"},
        (422, "unknown-person-ref"),
    ),
}


@pytest.mark.parametrize(("sent", "headers", "said"), REFUSED.values(), ids=REFUSED)
async def test_what_is_no_good_is_refused_and_leaves_nothing(
    sent: bytes, headers: dict[str, Any], said: tuple[int, str], intake: Intake, case: dict[str, Any]
) -> None:
    before, stored = await intake.digest(), intake.stored()
    answer = await intake.attach(case["case_id"], sent, headers=headers)
    assert problem(answer) == said
    assert await intake.digest() == before
    assert intake.stored() == stored


async def test_a_file_over_the_limit_is_refused_by_its_length_and_without_one(
    intake: Intake, case: dict[str, Any]
) -> None:
    limit = 10 * 1024 * 1024
    answer = await intake.attach(case["case_id"], encoded() + bytes(limit))
    assert problem(answer) == (413, "file-too-large")

    async def endless() -> AsyncIterator[bytes]:
        yield encoded()
        for _ in range(2 * limit // 65536):
            yield bytes(65536)

    answer = await intake.attach(case["case_id"], endless())
    assert problem(answer) == (413, "file-too-large")
    assert intake.stored() == []


async def test_who_may_not_attach_sends_nothing(intake: Intake, case: dict[str, Any]) -> None:
    for role in ("coordinator", "manager", "auditor", "service", "opd_officer"):
        answer = await intake.attach(case["case_id"], a_photo(), role, claims={"office": "12.74.DUKCAPIL"})
        assert problem(answer) == (403, "forbidden")
    answer = await intake.attach(case["case_id"], a_photo(), claims={"region": "12.71"})
    assert problem(answer) == (404, "not-found")
    answer = await intake.attach(str(uuid4()), a_photo())
    assert problem(answer) == (404, "not-found")


async def test_a_closed_case_takes_no_more_files(intake: Intake) -> None:
    case = await intake.resolved()
    await intake.rows_changed("UPDATE cases SET status = 'closed' WHERE case_id = %(id)s", id=case["case_id"])
    assert problem(await intake.attach(case["case_id"], a_photo())) == (409, "transition-refused")


async def test_fifty_files_are_the_most_also_when_all_come_at_once(
    intake: Intake, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slrt_intake.usecases.attachments.MOST_FILES", 3)

    async def sent(tone: int) -> Any:
        """As a device does that is told to come back: where all cleaners have work for ten seconds, they are busy."""
        while True:
            answer = await intake.attach(case["case_id"], a_photo(tone))
            if answer.status_code != 503 or problem(answer)[1] != "files-busy":
                return answer

    answers = await asyncio.gather(*map(sent, range(6)))
    said = sorted(answer.status_code for answer in answers)
    assert said == [201, 201, 201, 409, 409, 409]
    assert {problem(answer) for answer in answers if answer.status_code == 409} == {(409, "attachments-full")}
    assert len(intake.stored()) == 3


# -- what is kept ----------------------------------------------------------------------------------------------------


async def test_a_file_comes_back_clean_to_be_saved_and_each_look_is_on_record(
    intake: Intake, case: dict[str, Any]
) -> None:
    sent = pictures.jpeg_with_everything(orientation=6)
    answer = await intake.attach(case["case_id"], sent, headers={"File-Name": "rumah%20Pak%20Karangan.html"})
    assert answer.status_code == 201, answer.text
    receipt = answer.json()
    assert (receipt["file_class"], receipt["media_type"]) == ("house", "image/jpeg")
    assert "Karangan" not in answer.text, "the answer is kept to be repeated"

    answer = await content(intake, case["case_id"], receipt["attachment_id"])
    assert answer.status_code == 200
    assert len(answer.content) == receipt["size"] == int(answer.headers["Content-Length"])
    assert SECRET not in answer.content
    image = Image.open(io.BytesIO(answer.content))
    assert (image.size, dict(image.getexif().get_ifd(0x8825))) == ((48, 64), {})
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert answer.headers["Content-Disposition"].endswith("filename*=UTF-8''rumah%20Pak%20Karangan.jpg")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]

    (entry,) = await intake.rows(
        "SELECT entry::jsonb AS said FROM audit_unsealed WHERE entry::jsonb->>'object_type' = 'attachment' "
        "AND entry::jsonb->>'action' = 'read' AND entry::jsonb->>'object_id' = %(id)s",
        id=receipt["attachment_id"],
    )
    assert (entry.said["purpose"], entry.said["case_id"]) == ("case-handling", case["case_id"])


async def test_a_large_picture_comes_and_goes_in_pieces(intake: Intake, case: dict[str, Any]) -> None:
    sent = encoded("PNG", Image.effect_noise((1500, 1500), 100))
    assert len(sent) > 1_000_000

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(sent), 50_000):
            yield sent[at : at + 50_000]

    answer = await intake.attach(case["case_id"], pieces(), headers={"Content-Type": "image/png"})
    assert answer.status_code == 201, answer.text
    shown = await content(intake, case["case_id"], answer.json()["attachment_id"])
    assert Image.open(io.BytesIO(shown.content)).tobytes() == Image.open(io.BytesIO(sent)).tobytes()


async def test_without_a_purpose_nothing_is_shown(intake: Intake, case: dict[str, Any]) -> None:
    receipt = (await intake.attach(case["case_id"], a_photo())).json()
    path = f"/v1/cases/{case['case_id']}/attachments/{receipt['attachment_id']}/content"
    assert problem(await intake.get(path)) == (400, "purpose-required")
    asked = f"/v1/cases/{case['case_id']}/attachments"
    answer = await intake.get(asked)
    assert problem(answer) == (400, "purpose-required")
    assert "case-handling" in answer.json()["possible"]
    for purpose, refused in (("curiosity", (422, "unknown-purpose")), ("letter", (403, "purpose-not-yours"))):
        answer = await intake.client.get(asked, headers=intake.token() | {"Purpose": purpose})
        assert problem(answer) == refused


async def test_the_list_names_the_files_and_is_on_record(intake: Intake, case: dict[str, Any]) -> None:
    await intake.attach(case["case_id"], a_photo(1), headers={"File-Name": "C%3A%5Cfoto%5Cdapur.jpg"})
    await intake.attach(
        case["case_id"], pictures.pdf(), headers={"Content-Type": "application/pdf", "File-Class": "letter"}
    )
    answer = await listed(intake, case["case_id"], "coordinator")
    found = answer.json()["attachments"]
    assert [(each["name"], each["file_class"], each["media_type"]) for each in found] == [
        ("dapur.jpg", "house", "image/jpeg"),
        (None, "letter", "application/pdf"),
    ]
    assert all(each["readable"] and len(each["sha256"]) == 64 for each in found)
    (look,) = await intake.rows(
        f"SELECT purpose FROM {LOOKS} WHERE object_id = %(id)s AND fields = ARRAY['attachments']",  # noqa: S608
        id=case["case_id"],
    )
    assert look.purpose == "case-handling"


async def test_the_same_file_twice_is_one_and_a_repeated_key_gets_the_first_answer(
    intake: Intake, case: dict[str, Any]
) -> None:
    first = await intake.attach(case["case_id"], a_photo(2), key="a-key-of-its-own")
    stored = intake.stored()
    again = await intake.attach(case["case_id"], a_photo(2), key="a-key-of-its-own")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.status_code, again.json()) == (201, first.json())
    other = await intake.attach(case["case_id"], a_photo(2), "front_office")
    assert (other.status_code, other.json()) == (200, first.json())
    reused = await intake.attach(case["case_id"], a_photo(3), key="a-key-of-its-own")
    assert problem(reused) == (422, "idempotency-key-reused")
    assert intake.stored() == stored


async def test_the_same_file_at_the_same_time_is_one(intake: Intake, case: dict[str, Any]) -> None:
    before = len(intake.stored())
    answers = await asyncio.gather(*(intake.attach(case["case_id"], a_photo(4)) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json()["attachment_id"] for answer in answers}) == 1
    assert len(intake.stored()) == before + 1


async def test_the_same_file_in_two_cases_tells_nothing_of_either(intake: Intake) -> None:
    ids = [(await intake.register())["case_id"] for _ in range(2)]
    for case_id in ids:
        assert (await intake.attach(case_id, a_photo(5))).status_code == 201
    rows = await intake.rows("SELECT digest, sealed FROM attachments WHERE case_id = ANY(%(ids)s)", ids=ids)
    assert len({bytes(row.digest) for row in rows}) == len({bytes(row.sealed) for row in rows}) == 2


async def test_an_event_tells_that_a_file_came_and_not_what_it_is_called(intake: Intake, case: dict[str, Any]) -> None:
    receipt = (await intake.attach(case["case_id"], a_photo(6), headers={"File-Name": "KTP-Karangan.jpg"})).json()
    (row,) = await intake.rows(
        "SELECT topic, convert_from(payload, 'UTF8') AS payload FROM outbox WHERE partition_key = %(id)s",
        id=receipt["attachment_id"],
    )
    assert row.topic == "slrt.intake.attachment.v1"
    assert "Karangan" not in row.payload
    answer = await intake.get(f"/v1/cases/{case['case_id']}")
    assert answer.json()["timeline"][-1]["event_type"] == "id.slrt.intake.attachment-added.v1"


async def test_on_the_disk_there_is_neither_picture_nor_name(intake: Intake, case: dict[str, Any]) -> None:
    receipt = (await intake.attach(case["case_id"], a_photo(7), headers={"File-Name": "Karangan.jpg"})).json()
    (file,) = (each for each in intake.stored() if each.name == receipt["attachment_id"])
    raw = file.read_bytes()
    assert len(raw) == receipt["size"] + 1 + 16
    assert b"JFIF" not in raw
    assert file.stat().st_mode & 0o077 == 0


# -- who sees it -----------------------------------------------------------------------------------------------------


async def test_who_may_not_see_the_case_sees_no_file_of_it(intake: Intake) -> None:
    case = await intake.register(needs=[{"need_code": "KEKERASAN", "person_ref": 0}])
    await intake.rows_changed(
        "INSERT INTO case_officers VALUES (%(id)s, 'facilitator-1', 'manager-1', now())", id=case["case_id"]
    )
    receipt = (await intake.attach(case["case_id"], a_photo(8))).json()
    assert (await content(intake, case["case_id"], receipt["attachment_id"])).status_code == 200
    for role in ("front_office", "manager", "coordinator"):
        assert problem(await content(intake, case["case_id"], receipt["attachment_id"], role)) == (404, "not-found")
        answer = await listed(intake, case["case_id"], role)
        assert problem(answer) == (404, "not-found")
    assert problem(await content(intake, case["case_id"], receipt["attachment_id"], "service"))[0] == 403


async def test_a_file_is_not_found_under_another_case(intake: Intake, case: dict[str, Any]) -> None:
    other = await intake.register()
    receipt = (await intake.attach(case["case_id"], a_photo(9))).json()
    assert problem(await content(intake, other["case_id"], receipt["attachment_id"])) == (404, "not-found")
    assert problem(await remove(intake, other["case_id"], receipt["attachment_id"])) == (404, "not-found")


# -- taken away ------------------------------------------------------------------------------------------------------


async def test_whoever_added_it_takes_it_away_until_the_case_is_decided(intake: Intake, case: dict[str, Any]) -> None:
    receipt = (await intake.attach(case["case_id"], a_photo(10))).json()
    answer = await remove(intake, case["case_id"], receipt["attachment_id"], "front_office")
    assert problem(answer) == (403, "not-your-attachment")
    assert (await remove(intake, case["case_id"], receipt["attachment_id"], reason="just so")).status_code == 422
    answer = await remove(intake, case["case_id"], receipt["attachment_id"])
    assert (answer.status_code, answer.json()["removed"]) == (200, True)
    assert problem(await content(intake, case["case_id"], receipt["attachment_id"])) == (404, "not-found")
    assert problem(await remove(intake, case["case_id"], receipt["attachment_id"])) == (404, "not-found")
    assert receipt["attachment_id"] not in {each.name for each in intake.stored()}
    (row,) = await intake.rows(
        "SELECT sealed, digest, removed_by FROM attachments WHERE attachment_id = %(id)s", id=receipt["attachment_id"]
    )
    assert (row.sealed, row.digest, row.removed_by) == (None, None, "facilitator-1")
    assert (await intake.attach(case["case_id"], a_photo(10))).status_code == 201, "it may be added again"


async def test_of_a_decided_case_only_a_manager_takes_a_file_away(intake: Intake) -> None:
    case = await intake.register()
    receipt = (await intake.attach(case["case_id"], a_photo(11))).json()
    for version, verb in enumerate(("screen", "recommend", "decide"), start=1):
        assert (await intake.step(case, verb, version)).status_code == 200
    answer = await remove(intake, case["case_id"], receipt["attachment_id"])
    assert problem(answer) == (409, "transition-refused")
    answer = await remove(intake, case["case_id"], receipt["attachment_id"], "manager", "wrong_person")
    assert answer.status_code == 200


async def test_a_file_whose_object_is_lost_is_said_to_be_missing(intake: Intake, case: dict[str, Any]) -> None:
    receipt = (await intake.attach(case["case_id"], a_photo(12))).json()
    (file,) = (each for each in intake.stored() if each.name == receipt["attachment_id"])
    raw = file.read_bytes()
    file.unlink()
    assert problem(await content(intake, case["case_id"], receipt["attachment_id"])) == (503, "file-missing")
    file.write_bytes(raw[:-1])
    assert problem(await content(intake, case["case_id"], receipt["attachment_id"])) == (500, "internal-error")


# -- when a part is away, and when a person is erased ----------------------------------------------------------------


@asynccontextmanager
async def scanned(intake: Intake, clamd: PlayedClamd) -> AsyncIterator[None]:
    """The intake asks this scanner."""
    uploads = intake.app.state.parts.uploads
    before = uploads._scanner
    async with over_tcp(clamd) as address:
        uploads._scanner = ClamdScanner(address)
        try:
            yield
        finally:
            uploads._scanner = before


async def test_a_file_that_the_scanner_knows_is_refused_and_on_record(intake: Intake, case: dict[str, Any]) -> None:
    stored, before = intake.stored(), await intake.digest()
    async with scanned(intake, PlayedClamd()):
        answer = await intake.attach(case["case_id"], encoded() + pictures.EICAR)
    assert problem(answer) == (422, "malware-found")
    assert (intake.stored(), await intake.digest()) == (stored, before)
    await intake.app.state.refusals.flush()
    (entry,) = await intake.rows(
        "SELECT entry::jsonb AS said FROM audit_unsealed WHERE entry::jsonb->>'reason' = 'malware-found'"
    )
    assert (entry.said["action"], entry.said["object_id"]) == ("add-attachment", case["case_id"])


async def test_without_the_scanners_verdict_nothing_is_stored(intake: Intake, case: dict[str, Any]) -> None:
    stored, before = intake.stored(), await intake.digest()
    async with scanned(intake, PlayedClamd(b"")):
        answer = await intake.attach(case["case_id"], a_photo(20), key="again-later")
        assert problem(answer) == (503, "scanner-unavailable")
        assert answer.headers["Retry-After"] == "30"
    assert (intake.stored(), await intake.digest()) == (stored, before)
    assert (await intake.attach(case["case_id"], a_photo(20), key="again-later")).status_code == 201


async def test_a_full_disk_is_said_and_nothing_is_on_record(
    intake: Intake, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "no space")

    stored, before = intake.stored(), await intake.digest()
    monkeypatch.setattr("slrt_kit.files.objects._write_all", full)
    assert problem(await intake.attach(case["case_id"], a_photo(21))) == (507, "storage-full")
    monkeypatch.undo()
    assert (intake.stored(), await intake.digest()) == (stored, before)


async def test_an_installation_without_a_folder_says_so(intake: Intake, case: dict[str, Any]) -> None:
    parts = intake.app.state.parts
    intake.app.state.parts = dataclasses.replace(parts, files=None)
    try:
        assert problem(await intake.attach(case["case_id"], a_photo(22))) == (503, "files-off")
    finally:
        intake.app.state.parts = parts


async def test_who_is_erased_takes_the_own_files_along_and_leaves_the_others(intake: Intake, made: Any) -> None:
    persons = [*made.registration()["persons"], {"relation": "child", "name": "Melati Karangan"}]
    case = await intake.register(persons=persons)
    rows = await intake.rows(
        "SELECT person_id, relation FROM persons WHERE case_id = %(id)s ORDER BY position", id=case["case_id"]
    )
    child = next(str(row.person_id) for row in rows if row.relation == "child")
    of_child = (await intake.attach(case["case_id"], a_photo(23), headers={"Person-Id": child})).json()
    of_case = (await intake.attach(case["case_id"], a_photo(24), headers={"File-Name": "rumah.jpg"})).json()
    objects = intake.app.state.parts.uploads.objects
    erasures = Processor(
        consumer="slrt.intake.erasures",
        database=intake.database,
        handlers=consumers.erasures,
        deps=consumers.ConsumerParts(Outbox("intake"), intake.vault, intake.stores, objects),
    )
    event = PersonErased(
        person_id=uuid4(),
        reason=ErasureReason.REQUESTED,
        cases=(ErasedInCase(case_id=case["case_id"], party_ids=(child,)),),
    )
    assert await erasures.process(raw_event(event)) is Outcome.APPLIED

    assert problem(await content(intake, case["case_id"], of_child["attachment_id"])) == (410, "erased")
    assert of_child["attachment_id"] not in {each.name for each in intake.stored()}
    assert (await content(intake, case["case_id"], of_case["attachment_id"])).status_code == 200
    files = (await listed(intake, case["case_id"])).json()["attachments"]
    assert [(each["readable"], each["name"]) for each in files] == [(False, None), (True, "rumah.jpg")]
    answer = await intake.attach(case["case_id"], a_photo(25), headers={"Person-Id": child})
    assert problem(answer) == (410, "erased")
