"""Letters: from a draft about a case to a document with a number and a code that anybody can check."""

import asyncio
import contextlib
import re
from datetime import date
from io import BytesIO
from typing import Any
from uuid import UUID

import psycopg
import pypdf
import pypdfium2
import pytest
import zxingcpp
from tests.integration.intake.conftest import Intake, registration

from slrt_intake.adapters.letter_codes import LetterClaim
from slrt_intake.store.erasing import erase_parties
from slrt_intake.store.letters import LetterStore
from slrt_intake.sweeps import LetterSweep
from slrt_kit.outbox import Outbox

pytestmark = pytest.mark.postgres

FACTS = {
    "decile": {"value": 2, "source": "SIKS-NG", "as_of": "2026-07-01"},
    "purpose": {"value": "pendaftaran sekolah"},
}
SIGNER = {"signer_name": "Pejabat Karangan, S.Sos", "signer_number": "1" * 18}


async def person_of(intake: Intake, case: dict[str, Any]) -> str:
    (row,) = await intake.rows("SELECT person_id FROM persons WHERE case_id = %(id)s", id=case["case_id"])
    return str(row.person_id)


async def drafted(intake: Intake, case: dict[str, Any], **changes: Any) -> dict[str, Any]:
    body = {"letter_type": "dtsen-statement", "person_id": await person_of(intake, case), "facts": FACTS} | changes
    answer = await intake.post(f"/v1/cases/{case['case_id']}/letters", body, "back_office")
    assert answer.status_code == 201, answer.text
    return answer.json()


def path(letter: dict[str, Any], verb: str = "") -> str:
    return f"/v1/cases/{letter['case_id']}/letters/{letter['letter_id']}" + (f"/{verb}" if verb else "")


async def step(
    intake: Intake, letter: dict[str, Any], verb: str, role: str, body: Any = None, **more: Any
) -> dict[str, Any]:
    answer = await intake.post(path(letter, verb), body, role, version=letter["version"], **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def signed(intake: Intake, case: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    letter = await drafted(intake, case or await intake.register(), **changes)
    letter = await step(intake, letter, "initial", "manager")
    return await step(intake, letter, "sign", "head_of_office", SIGNER)


def counted(letter: dict[str, Any]) -> int:
    return int(letter["number"].split("/")[1])


async def last_number(intake: Intake) -> int:
    rows = await intake.rows("SELECT last FROM letter_numbers WHERE office_code = '12.74' AND series = 'statements'")
    return rows[0].last if rows else 0


async def printed(intake: Intake, letter: dict[str, Any]) -> bytes:
    answer = await intake.get(path(letter, "content"), "back_office")
    assert answer.status_code == 200, answer.text
    return answer.content


def words_of(document: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(document)).pages).split())


def code_in(document: bytes) -> str:
    """The QR as a camera sees it: the page as a picture, decoded by somebody else's library."""
    page = pypdfium2.PdfDocument(document)[0]
    (found,) = zxingcpp.read_barcodes(page.render(scale=3).to_pil())
    return str(found.text)


async def check(intake: Intake, document: bytes, **headers: str) -> Any:
    _, _, code = code_in(document).rpartition("/")
    return await intake.client.get(f"/v1/letters/check/{code}", headers=headers)


async def test_a_letter_goes_from_draft_to_hand_over_and_anybody_can_check_it(intake: Intake) -> None:
    letter = await drafted(intake, await intake.register())
    assert (letter["status"], letter["next_role"], letter["number"]) == ("draft", "manager", None)
    assert letter["missing_documents"] == ["identity-card", "family-card"]
    letter = await step(intake, letter, "initial", "manager")
    assert (letter["status"], letter["next_role"]) == ("initialled", "head_of_office")
    letter = await step(intake, letter, "sign", "head_of_office", SIGNER)
    assert letter["status"] == "signed"
    assert re.fullmatch(r"400\.9/[0-9]{4}/SLRT-TB/2026", letter["number"])

    document = await printed(intake, letter)
    said = words_of(document)
    for words in ("Mawar Karangan", "1274035203879001", letter["number"], "Pejabat Karangan, S.Sos", "SIKS-NG"):
        assert words in said
    assert "DRAF" not in said
    assert code_in(document).startswith("http://127.0.0.1:8080/intake/v1/letters/check/")

    answer = await check(intake, document)
    assert answer.status_code == 200, answer.text
    assert answer.json() | {"signed_on": "", "valid_until": ""} == {
        "status": "valid",
        "label": "Surat keterangan terdaftar DTSEN",
        "number": letter["number"],
        "office": "SLRT Kota Tanjungbalai",
        "signed_on": "",
        "valid_until": "",
        "revoked_on": None,
        "name": "M••• K•••",
        "nik": "1274••••••••9001",
    }
    letter = await step(intake, letter, "issue", "front_office")
    assert letter["status"] == "issued"
    types = [
        row.event_type
        for row in await intake.rows(
            "SELECT event_type FROM timeline WHERE case_id = %(id)s ORDER BY position", id=letter["case_id"]
        )
    ]
    assert types[-2:] == ["id.slrt.intake.letter-signed.v1", "id.slrt.intake.letter-issued.v1"]


async def test_every_print_is_the_same_document(intake: Intake) -> None:
    letter = await signed(intake)
    assert await printed(intake, letter) == await printed(intake, letter)


async def test_a_draft_is_marked_as_one_and_has_no_code(intake: Intake) -> None:
    document = await printed(intake, await drafted(intake, await intake.register()))
    assert "DRAF" in words_of(document)
    assert zxingcpp.read_barcodes(pypdfium2.PdfDocument(document)[0].render(scale=3).to_pil()) == []


async def test_a_revoked_letter_says_so_keeps_its_number_and_is_printed_no_more(intake: Intake) -> None:
    case = await intake.register()
    letter = await signed(intake, case)
    document = await printed(intake, letter)
    letter = await step(intake, letter, "revoke", "head_of_office", {"reason_code": "wrong_data"})
    assert (await check(intake, document)).json()["status"] == "revoked"
    assert (await intake.get(path(letter, "content"), "back_office")).status_code == 409
    assert counted(await signed(intake, case)) == counted(letter) + 1


async def test_a_letter_runs_out_after_its_last_day_and_the_sweep_notes_it(intake: Intake) -> None:
    letter = await signed(intake)
    document = await printed(intake, letter)
    sweep = LetterSweep(intake.database, Outbox("intake"), intake.vault, intake.app.state.parts.forms)
    assert await sweep.once() == 0
    last = date.fromisoformat(letter["valid_until"])
    intake.clock.move(days=(last - intake.clock.now().date()).days + 1)
    assert (await check(intake, document)).json()["status"] == "expired"
    assert await sweep.once() >= 1
    assert await sweep.once() == 0
    (row,) = await intake.rows("SELECT status FROM letters WHERE letter_id = %(id)s", id=letter["letter_id"])
    assert row.status == "expired"
    assert (await check(intake, document)).json()["status"] == "expired"


async def test_a_letter_that_holds_is_named_to_whoever_drafts_another_for_the_same_person(intake: Intake) -> None:
    person = registration()["persons"][0] | {"nik": "1274035203879077"}
    letter = await signed(intake, await intake.register(persons=[person]))
    other = await drafted(intake, await intake.register(persons=[person]))
    assert other["valid_letters"] == [letter["letter_id"]]


async def test_no_step_is_taken_out_of_turn_by_the_wrong_role_or_by_the_drafter(intake: Intake) -> None:
    letter = await drafted(intake, await intake.register())

    async def refused(verb: str, role: str, body: Any, status: int, slug: str, **more: Any) -> None:
        answer = await intake.post(path(letter, verb), body, role, version=letter["version"], **more)
        assert (answer.status_code, answer.json()["type"]) == (status, f"urn:slrt:problem:{slug}")

    async with intake.unchanged():
        await refused("sign", "head_of_office", SIGNER, 409, "initials-missing")
        await refused("initial", "head_of_division", None, 403, "not-your-letter-step")
        await refused("initial", "manager", None, 403, "separation-of-duties", sub="back_office-1")
        await refused("issue", "front_office", None, 409, "transition-refused")
        await refused("revoke", "manager", {"reason_code": "lost"}, 409, "transition-refused")
        await refused("discard", "front_office", None, 403, "not-your-letter-step")
        stale = await intake.post(path(letter, "initial"), None, "manager", version=9)
        assert stale.status_code == 412


async def test_a_letter_that_is_given_back_loses_its_initials_and_is_corrected_by_its_drafter(intake: Intake) -> None:
    letter = await drafted(intake, await intake.register())
    letter = await step(intake, letter, "initial", "manager")
    letter = await step(intake, letter, "return", "head_of_office", {"note": "desil salah ketik"})
    assert (letter["status"], letter["next_role"]) == ("draft", "manager")
    view = (await intake.get(path(letter), "back_office")).json()
    assert (view["returned"], view["initials"]) == ("desil salah ketik", [])
    facts = FACTS | {"decile": FACTS["decile"] | {"value": 3}}
    body = {"letter_type": "dtsen-statement", "person_id": letter["person_id"], "facts": facts}
    letter = await step(intake, letter, "correct", "back_office", body)
    view = (await intake.get(path(letter), "back_office")).json()
    assert ["Desil", "3 (sumber: SIKS-NG, 1 Juli 2026)"] in view["rows"]


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"letter_type": "surat-sakti"}, "unknown-letter-type"),
        ({"person_id": None}, "letter-subject"),
        ({"person_id": "019f1a00-0000-7000-8000-000000000099"}, "letter-subject"),
        ({"need_id": "019f1a00-0000-7000-8000-000000000099"}, "letter-need"),
        ({"letter_type": "pbi-recommendation"}, "letter-need"),
        ({"facts": {}}, "letter-facts"),
        ({"facts": FACTS | {"decile": {"value": 2}}}, "letter-facts"),
        ({"facts": FACTS | {"decile": FACTS["decile"] | {"value": 11}}}, "letter-facts"),
        ({"facts": FACTS | {"decile": FACTS["decile"] | {"value": "2"}}}, "letter-facts"),
        ({"facts": FACTS | {"decile": FACTS["decile"] | {"as_of": "2126-01-01"}}}, "letter-facts"),
        ({"facts": FACTS | {"purpose": {"value": "x" * 201}}}, "letter-facts"),
        ({"facts": FACTS | {"rahasia": {"value": "x"}}}, "letter-facts"),
        ({"facts": FACTS | {"purpose": {"value": "a\x00b"}}}, "invalid-request"),
        ({"facts": FACTS | {"purpose": {"value": "x" * 5000}}}, "invalid-request"),
        ({"facts": FACTS | {"purpose": {"value": True}}}, "invalid-request"),
    ],
)
async def test_a_draft_that_cannot_be_is_refused_in_words_and_nothing_is_kept(
    intake: Intake, changes: dict[str, Any], slug: str
) -> None:
    case = await intake.register()
    body = {"letter_type": "dtsen-statement", "person_id": await person_of(intake, case), "facts": FACTS} | changes
    async with intake.unchanged():
        answer = await intake.post(f"/v1/cases/{case['case_id']}/letters", body, "back_office")
    assert (answer.status_code, answer.json()["type"]) == (422, f"urn:slrt:problem:{slug}")


@pytest.mark.parametrize(
    "name",
    [
        "{nik} {0.__class__} %(name)s",
        "<b>Mawar</b> &amp; <para>",
        "=HYPERLINK(1)",
        "مريم المثال",
        "Mawar 🌹 \u202eterbalik",
        "字" * 60,
        "A" * 200,
        "Mawar\u200bKarangan",
    ],
    ids=["braces", "markup", "formula", "arabic", "emoji", "chinese", "long", "zero-width"],
)
async def test_whatever_somebody_is_called_is_text_in_the_letter(intake: Intake, name: str) -> None:
    person = registration()["persons"][0] | {"name": name}
    letter = await signed(intake, await intake.register(persons=[person]))
    said = words_of(await printed(intake, letter)).replace(" ", "")
    if name.isascii():
        assert name.replace(" ", "") in said
    else:
        assert "□" in said


async def test_a_restricted_case_s_letters_are_nobody_s_who_is_not_assigned(intake: Intake) -> None:
    case = await intake.register(restricted=True)
    where = f"/v1/cases/{case['case_id']}/letters"
    body = {"letter_type": "dtsen-statement", "person_id": await person_of(intake, case), "facts": FACTS}
    assert (await intake.post(where, body, "back_office")).status_code == 404
    assigned = await intake.post(
        f"/v1/cases/{case['case_id']}/assign", {"officer": "back_office-1"}, "manager", version=1
    )
    assert assigned.status_code == 200, assigned.text
    letter = await drafted(intake, case)
    assert (await intake.get(where, "back_office")).json()["letters"][0]["letter_id"] == letter["letter_id"]
    for role in ("front_office", "manager", "head_of_office"):
        assert (await intake.get(where, role)).status_code == 404
        assert (await intake.get(path(letter), role)).status_code == 404
        assert (await intake.get(path(letter, "content"), role)).status_code == 404
    waiting = (await intake.get("/v1/letters?limit=200", "manager")).json()["items"]
    assert letter["letter_id"] not in [each["letter_id"] for each in waiting]
    initialled = await intake.post(path(letter, "initial"), None, "manager", version=letter["version"])
    assert initialled.status_code == 404


async def test_of_an_erased_person_the_letter_s_state_is_left(intake: Intake) -> None:
    case = await intake.register()
    letter = await signed(intake, case)
    document = await printed(intake, letter)
    async with intake.database.unit_of_work() as unit:
        await erase_parties(unit.connection, intake.vault, [UUID(letter["person_id"])])
        await unit.commit()
    answer = (await check(intake, document)).json()
    assert (answer["status"], answer["number"]) == ("valid", letter["number"])
    assert (answer["name"], answer["nik"]) == (None, None)
    assert (await intake.get(path(letter, "content"), "back_office")).status_code == 410


async def test_a_code_that_is_none_of_ours_is_not_found_in_one_answer(intake: Intake) -> None:
    letter = await signed(intake)
    _, _, code = code_in(await printed(intake, letter)).rpartition("/")
    codes = intake.app.state.parts.letter_codes
    claim = codes.read(code)
    of_nobody = codes.make(LetterClaim(UUID(int=1), None, claim.number))
    forged = [code[:-2] + ("AA" if code[-2:] != "AA" else "BA"), code + "=", "x", "A" * 1500, of_nobody, code[:40]]
    answers = [await intake.client.get(f"/v1/letters/check/{each}") for each in forged]
    said = [{k: v for k, v in each.json().items() if k != "request_id"} for each in answers]
    assert {each.status_code for each in answers} == {404}
    assert all(each == said[0] for each in said)


async def test_the_page_is_small_has_no_script_and_a_strict_policy(intake: Intake) -> None:
    document = await printed(intake, await signed(intake))
    for language, word in (("id", "BERLAKU"), ("en", "VALID")):
        answer = await check(intake, document, accept="text/html", **{"accept-language": language})
        assert answer.status_code == 200
        assert word in answer.text
        assert f'<html lang="{language}">' in answer.text
        assert len(answer.content) < 5_000
        assert "<script" not in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    missing = await intake.client.get("/v1/letters/check/nothing", headers={"accept": "text/html"})
    assert missing.status_code == 404
    assert "TIDAK DITEMUKAN" in missing.text


async def test_numbers_have_no_gap_and_no_double_however_signings_meet_and_die(intake: Intake) -> None:
    """Thirty sign at once; some fail after they took their number, of some the connection is killed."""
    case = await intake.register()
    ready = []
    for _ in range(30):
        letter = await drafted(intake, case)
        ready.append(await step(intake, letter, "initial", "manager"))
    parts, before = intake.app.state.parts, await last_number(intake)

    async def sign(place: int, letter: dict[str, Any]) -> bool:
        if place % 3 == 0:
            answer = await intake.post(path(letter, "sign"), SIGNER, "head_of_office", version=letter["version"])
            assert answer.status_code == 200, answer.text
            return True
        with contextlib.suppress(psycopg.OperationalError):
            async with intake.database.unit_of_work() as unit:
                store = LetterStore(unit, Outbox("intake"), intake.vault, parts.forms)
                assert await store.next_number("12.74", "statements", intake.clock.now().year) > before
                if place % 3 == 1:
                    await unit.connection.run("SELECT pg_terminate_backend(pg_backend_pid())")
                # The other third leaves without a commit.
        return False

    outcome = await asyncio.gather(*(sign(place, letter) for place, letter in enumerate(ready)))
    rows = await intake.rows(
        "SELECT number_count FROM letters WHERE number IS NOT NULL AND terms ->> 'series' = 'statements' "
        "ORDER BY number_count"
    )
    assert sum(outcome) == 10
    assert [row.number_count for row in rows] == list(range(1, before + 11))


async def test_a_letter_of_which_two_sign_at_once_takes_one_number(intake: Intake) -> None:
    letter = await drafted(intake, await intake.register())
    letter = await step(intake, letter, "initial", "manager")
    before = await last_number(intake)
    answers = await asyncio.gather(
        *(
            intake.post(path(letter, "sign"), SIGNER, "head_of_office", version=letter["version"], key=f"k{n}")
            for n in range(4)
        )
    )
    assert sorted(each.status_code for each in answers) == [200, 412, 412, 412]
    assert await last_number(intake) == before + 1
