"""Whether a letter is genuine and holds: for whoever has it in hand, by the code in its QR, without a login."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from pydantic import BaseModel

from slrt_intake.adapters.letter_codes import MAX_LENGTH
from slrt_intake.api.letter_page import CheckedLetter, page
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.domain.letter import Letter, LetterStatus
from slrt_intake.domain.letter_problems import LetterNotFoundError
from slrt_intake.store.letters import letter_of_code
from slrt_intake.usecases.letters import local_day
from slrt_kit import metrics
from slrt_kit.audit.entries import NOBODY, Look
from slrt_kit.audit.record import record_access
from slrt_kit.http.problems import language_of
from slrt_kit.privacy.masking import mask_name, mask_number

router = APIRouter(prefix="/letters", tags=["letters"])


class LetterState(StrEnum):
    """What the public learns of a letter."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


class LetterCheckView(BaseModel):
    """A letter as anybody who has it may check it: enough to compare with the paper, and no more.

    ``name`` and ``nik`` in part; neither once the person is erased.
    """

    status: LetterState
    label: str
    number: str
    office: str
    signed_on: str
    valid_until: str | None
    revoked_on: str | None
    name: str | None
    nik: str | None


_HTML: dict[int | str, dict[str, Any]] = {
    200: {"model": LetterCheckView, "content": {"text/html": {"schema": {"type": "string"}}}}
}
Code = Annotated[str, Path(max_length=4 * MAX_LENGTH, description="what stands in the QR")]
Language = Annotated[str | None, Query(alias="lang", pattern="^(id|en)$")]


@router.get("/check/{code}", response_class=Response, responses=_HTML)
async def check_letter(  # lint-skip: public — the code itself, which nobody can make or guess
    code: Code, request: Request, parts: Parts, lang: Language = None
) -> Response:
    """Whether a letter is genuine and holds: JSON, or a page for a browser. 404 for every code that is none of ours."""
    language = lang or language_of(request)
    wants_page = "text/html" in request.headers.get("accept", "")
    found = await _find(code, parts)
    headers = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Language", "X-Content-Type-Options": "nosniff"}
    if found is None:
        metrics.LETTER_CHECKS.labels("not-found").inc()
        if wants_page:
            return _page(None, language, headers, status=404)
        raise LetterNotFoundError
    checked = _checked(found, parts, language)
    metrics.LETTER_CHECKS.labels(checked.status).inc()
    looked = Look("check", "letter", found.letter_id, ("name:masked", "nik:masked"), case_id=found.case_id)
    await record_access(parts.database, parts.outbox.service, NOBODY, [looked])
    if wants_page:
        return _page(checked, language, headers)
    return JSONResponse(checked.model_dump(mode="json"), headers=headers)


@router.get("/public-key", response_class=PlainTextResponse)
async def get_letter_key(parts: Parts) -> str:  # lint-skip: public — a public key
    """The Ed25519 public key (PEM) of letters' codes, to check one where there is no network."""
    return parts.letter_codes.public_pem


async def _find(code: str, parts: IntakeParts) -> Letter | None:
    claim = parts.letter_codes.read(code)
    # Also for a code that is none the database is asked: the answer tells nothing by its time.
    async with parts.database.read() as session:
        return await letter_of_code(session, parts.vault, UUID(int=0) if claim is None else claim.letter_id)


def _checked(letter: Letter, parts: IntakeParts, language: str) -> LetterCheckView:
    region = parts.regions.get(letter.office_code)
    values = (letter.content or {}).get("values", {})
    nik = values.get("nik", "")
    today = local_day(letter.office_code, parts.database.clock.now())

    def day(moment: Any) -> str | None:
        return None if moment is None else local_day(letter.office_code, moment).isoformat()

    return LetterCheckView(
        status=_state(letter, has_run_out=letter.has_run_out(today)),
        label=letter.label[language],
        number=letter.number or "",
        office=letter.office_code if region is None else f"SLRT {region.name}",
        signed_on=day(letter.signed_at) or "",
        valid_until=None if letter.valid_until is None else letter.valid_until.isoformat(),
        revoked_on=day(letter.revoked_at),
        name=mask_name(values["name"]) if letter.person_id is not None and "name" in values else None,
        nik=mask_number(nik) if nik.isdigit() else None,
    )


def _state(letter: Letter, *, has_run_out: bool) -> LetterState:
    if letter.status is LetterStatus.REVOKED:
        return LetterState.REVOKED
    return LetterState.EXPIRED if has_run_out or letter.status is LetterStatus.EXPIRED else LetterState.VALID


def _page(
    checked: LetterCheckView | None, language: str, headers: dict[str, str], *, status: int = 200
) -> HTMLResponse:
    said = None if checked is None else CheckedLetter(**checked.model_dump(mode="json"))
    text, policy = page(said, language)
    more = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
    return HTMLResponse(text, status, headers | more)
