"""Pictures from the field: piece by piece, over a line that breaks, until each is a file of its case, once."""

import hashlib
from io import BytesIO
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image
from tests.integration.intake.field import Handset, handset, plan

from slrt_intake.domain.photo import MOST_ARRIVING

PIECE = 4096


def picture(seed: int = 1) -> bytes:
    """A JPEG of some 10 kB with a place in its EXIF."""
    image = Image.effect_noise((160, 120), 60 + seed).convert("RGB")
    exif = Image.Exif()
    exif[0x010E] = "rumah Mawar Karangan"
    out = BytesIO()
    image.save(out, "JPEG", quality=92, exif=exif)
    return out.getvalue()


class Sending:
    """One picture on its way from a device."""

    def __init__(self, device: Handset, content: bytes, **place: Any) -> None:
        self.device, self.content = device, content
        self.photo_id = str(uuid4())
        sha256 = hashlib.sha256(content).hexdigest()
        self.said = {"size": len(content), "sha256": sha256, "file_class": "house"} | place
        self.path = f"{device.path}/photos/{self.photo_id}"

    async def announce(self, **changes: Any) -> httpx.Response:
        body = self.said | changes
        return await self.device.intake.client.put(self.path, json=body, headers=self.device.headers())

    async def piece(self, offset: int, content: bytes | None = None) -> httpx.Response:
        sent = self.content[offset : offset + PIECE] if content is None else content
        path = f"{self.path}/pieces?offset={offset}"
        return await self.device.intake.client.post(path, content=sent, headers=self.device.headers())

    async def state(self) -> dict[str, Any]:
        answer = await self.device.intake.client.get(self.path, headers=self.device.headers())
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def rest(self) -> dict[str, Any]:
        """Send what is missing, from where the server stands."""
        found = await self.state()
        while found["state"] == "arriving":
            answer = await self.piece(found["offset"])
            assert answer.status_code == 200, answer.text
            found = answer.json()
        return dict(found)


def slug(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


@pytest.fixture
async def device(intake: Any) -> Handset:
    return await handset(intake, sub=f"fs-{uuid4().hex[:8]}")


async def attachments(intake: Any, case_id: str) -> list[dict[str, Any]]:
    headers = intake.token("back_office") | {"Purpose": "case-handling"}
    return (await intake.client.get(f"/v1/cases/{case_id}/attachments", headers=headers)).json()["attachments"]


async def test_what_cannot_be_a_picture_is_refused_before_a_byte_is_sent(intake: Any, device: Handset) -> None:
    case = await intake.register()
    sending = Sending(device, picture(), case_id=case["case_id"])
    async with intake.unchanged():
        assert slug(await sending.announce(size=0)) == "invalid-request"
        assert slug(await sending.announce(size=True)) == "invalid-request"
        assert slug(await sending.announce(sha256="A" * 64)) == "invalid-request"
        assert slug(await sending.announce(case_id=None)) == "invalid-request"
        assert slug(await sending.announce(size=11 * 1024 * 1024)) == "file-too-large"
        assert (await sending.piece(0)).status_code == 404
        stranger = Sending(Handset(intake, sub="nobody"), picture(), case_id=case["case_id"])
        assert slug(await stranger.announce()) == "unknown-device"


async def test_a_picture_that_stopped_half_way_goes_on_there_and_pieces_that_come_again_are_absorbed(
    intake: Any, device: Handset
) -> None:
    case = await intake.register()
    sending = Sending(device, picture(), case_id=case["case_id"])
    assert (await sending.announce()).json()["offset"] == 0
    assert (await sending.piece(0)).json()["offset"] == PIECE
    assert (await sending.piece(0)).json()["offset"] == PIECE, "the answer was lost, and the piece came again"
    assert (await sending.piece(PIECE // 2)).json()["offset"] == PIECE + PIECE // 2, "only what is new of it"
    hole = await sending.piece(3 * PIECE)
    assert (slug(hole), hole.json()["offset"]) == ("photo-offset", PIECE + PIECE // 2)
    beyond = await sending.piece(PIECE, b"x" * len(sending.content))
    assert slug(beyond) == "photo-offset"
    assert (await sending.announce()).json()["offset"] == PIECE + PIECE // 2
    done = await sending.rest()
    assert (done["state"], done["case_id"]) == ("done", case["case_id"])
    (file,) = await attachments(intake, case["case_id"])
    assert (file["attachment_id"], file["sha256"]) == (done["attachment_id"], sending.said["sha256"])
    path = f"/v1/cases/{case['case_id']}/attachments/{file['attachment_id']}/content"
    headers = intake.token("back_office") | {"Purpose": "case-handling"}
    clean = (await intake.client.get(path, headers=headers)).content
    assert clean.startswith(b"\xff\xd8\xff")
    assert b"Mawar" not in clean
    assert await intake.rows("SELECT FROM field_photo_parts WHERE photo_id = %(id)s", id=sending.photo_id) == []
    assert (await sending.piece(0)).json()["state"] == "done", "a late copy of the first piece"


async def test_what_arrived_lies_sealed_and_outlives_the_process(intake: Any, device: Handset) -> None:
    case = await intake.register()
    sending = Sending(device, picture(), case_id=case["case_id"])
    await sending.announce()
    await sending.piece(0)
    ((sealed,),) = await intake.rows(
        "SELECT sealed FROM field_photo_parts WHERE photo_id = %(id)s", id=sending.photo_id
    )
    assert sending.content[:32] not in sealed
    assert b"Mawar" not in sealed


@pytest.mark.parametrize("wrong", ["another hash", "no picture", "half a picture"])
async def test_what_is_not_what_was_announced_is_rejected_and_leaves_nothing(
    intake: Any, device: Handset, wrong: str
) -> None:
    case = await intake.register()
    content = {"no picture": b"MZ" + b"x" * 900, "half a picture": picture()[:5000]}.get(wrong, picture())
    sending = Sending(device, content, case_id=case["case_id"])
    await sending.announce(**({"sha256": "0" * 64} if wrong == "another hash" else {}))
    before = intake.stored()
    found = await sending.rest()
    assert found["state"] == "rejected"
    assert (
        found["reason"]
        == {
            "another hash": "photo-hash",
            "no picture": "file-type-refused",
            "half a picture": "file-damaged",
        }[wrong]
    )
    assert found["says"].keys() == {"id", "en"}
    assert (intake.stored(), await attachments(intake, case["case_id"])) == (before, [])


async def test_the_same_picture_twice_is_one_file(intake: Any, device: Handset) -> None:
    case = await intake.register()
    content = picture(2)
    first, second = (Sending(device, content, case_id=case["case_id"]) for _ in range(2))
    ends = []
    for sending in (first, second):
        await sending.announce()
        ends.append(await sending.rest())
    assert ends[0]["attachment_id"] == ends[1]["attachment_id"]
    assert len(await attachments(intake, case["case_id"])) == 1


async def test_an_id_stands_for_one_picture_of_one_device(intake: Any, device: Handset) -> None:
    case = await intake.register()
    sending = Sending(device, picture(), case_id=case["case_id"])
    await sending.announce()
    assert slug(await sending.announce(size=7)) == "photo-id-taken"
    other = await handset(intake, sub="another-officer")
    stolen = Sending(other, picture(), case_id=case["case_id"])
    stolen.path = f"{other.path}/photos/{sending.photo_id}"
    assert slug(await stolen.announce()) == "photo-id-taken"
    assert (await stolen.piece(0)).status_code == 404


async def test_a_picture_waits_for_the_registration_that_it_belongs_to(intake: Any, device: Handset, made: Any) -> None:
    registration = device.item("case", made.registration())
    sending = Sending(device, picture(), case_item=registration["id"])
    await sending.announce()
    answer = None
    for offset in range(0, len(sending.content), PIECE):
        answer = await sending.piece(offset)
    assert answer is not None
    assert slug(answer) == "photo-waits"
    receipt = await device.one(registration)
    found = (await sending.piece(len(sending.content), b"")).json()
    assert (found["state"], found["case_id"]) == ("done", receipt["case_id"])


async def test_a_surveyor_adds_pictures_of_the_visits_that_are_theirs_and_of_no_other_case(
    intake: Any, made: Any
) -> None:
    surveyor = await handset(intake, role="surveyor", sub="sv-1", region="12.74")
    case, other = await intake.register(), await intake.register()
    visit = await plan(intake, case["case_id"], "sv-1")
    mine = Sending(surveyor, picture(3), visit_id=visit["visit_id"])
    await mine.announce()
    assert (await mine.rest())["state"] == "done"
    foreign = Sending(surveyor, picture(3), case_id=other["case_id"])
    await foreign.announce()
    found = await foreign.rest()
    assert (found["state"], found["reason"]) == ("rejected", "not-found")


async def test_pictures_on_their_way_are_bounded(intake: Any, device: Handset) -> None:
    case = await intake.register()
    for _ in range(MOST_ARRIVING):
        assert (await Sending(device, b"x", case_id=case["case_id"]).announce()).status_code == 201
    assert slug(await Sending(device, b"x", case_id=case["case_id"]).announce()) == "too-many-photos"
