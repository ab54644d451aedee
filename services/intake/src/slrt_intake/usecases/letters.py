"""One function per command about letters: draft, correct, initial, return, sign, issue, revoke, discard, expire."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from slrt_contracts.catalogue import NEEDS
from slrt_contracts.codes import LetterRevocation, NeedCode
from slrt_contracts.types import CaseId, LetterId, LetterType, NeedId
from slrt_intake.domain.letter import Letter, LetterNumber, LetterTerms
from slrt_intake.domain.letter_problems import (
    LetterElsewhereError,
    LetterNeedError,
    LetterSubjectError,
    NotYourLetterStepError,
)
from slrt_intake.domain.letter_template import NOTHING, LetterTemplate, StatedFact, long_date
from slrt_intake.domain.problems import TransitionRefusedError
from slrt_intake.domain.transitions import CaseStatus
from slrt_intake.ports import LetterCase, Letters, RegionTable
from slrt_kit.access import Scope
from slrt_kit.clocks.zones import ZONES, zone_name
from slrt_kit.policy.letters.wording import PERSON_FIELDS, SHOWN_FIELDS, letter_number
from slrt_kit.problems import ErasedError, NotFoundError
from slrt_kit.regions import RegionCode, regency_of

_SEX = {"L": "Laki-laki", "P": "Perempuan"}
_KINDS = ("Kabupaten Administrasi ", "Kota Administrasi ", "Kabupaten ", "Kota ")


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftLetter:
    """What a drafter states. ``template`` is that of the case's region at that time."""

    template: LetterTemplate
    person_id: UUID | None
    need_id: NeedId | None
    facts: Mapping[str, StatedFact]


@dataclass(frozen=True, slots=True)
class Doubts:
    """What the drafter and the signer should know; it refuses nothing."""

    missing_documents: Sequence[str] = ()
    valid_letters: Sequence[LetterId] = ()


def local_day(region: str, at: datetime) -> date:
    """The day of an instant in the zone of a region (dotted code)."""
    return at.astimezone(ZONES[zone_name(region)]).date()


def office_of(issued_by: str, village_code: str) -> str:
    """Whose letter it is: that of the case's village or of its regency."""
    return village_code if issued_by == "village" else regency_of(RegionCode(village_code))


async def draft(
    case_id: CaseId,
    stated: DraftLetter,
    *,
    letter_id: UUID,
    letters: Letters,
    regions: RegionTable,
    scope: Scope,
    by: str,
    roles: Collection[str],
    at: datetime,
) -> tuple[Letter, Doubts]:
    """Draft a letter about a case.

    Raises:
        NotFoundError: no case of the caller's. TransitionRefusedError: it is closed. NotYourLetterStepError: policy has
        others draft it. LetterSubjectError, LetterNeedError, LetterFactsError, ErasedError.
    """
    case = await _case(case_id, stated, letters=letters, scope=scope)
    letter = _made(case, stated, letter_id=letter_id, regions=regions, by=by, roles=roles, at=at)
    await letters.add(letter)
    return letter, await _doubts(case, letter, stated, letters=letters, scope=scope, at=at)


async def correct(
    letter: Letter,
    stated: DraftLetter,
    *,
    letters: Letters,
    regions: RegionTable,
    scope: Scope,
    by: str,
    roles: Collection[str],
    at: datetime,
) -> Doubts:
    """Make the words of a draft anew, of what is known of the case now; see `Letter.correct` and `draft`."""
    case = await _case(letter.case_id, stated, letters=letters, scope=scope)
    anew = _made(case, stated, letter_id=letter.letter_id, regions=regions, by=by, roles=roles, at=at)
    letter.correct(anew, by=by)
    letter.key_id = case.key_id
    await letters.save(letter)
    return await _doubts(case, letter, stated, letters=letters, scope=scope, at=at)


async def _case(case_id: CaseId, stated: DraftLetter, *, letters: Letters, scope: Scope) -> LetterCase:
    case = await letters.case(case_id, stated.person_id, scope)
    if case is None:
        raise NotFoundError
    if case.status is CaseStatus.CLOSED:
        raise TransitionRefusedError(state=case.status, action="draft-letter")
    return case


def _made(
    case: LetterCase,
    stated: DraftLetter,
    *,
    letter_id: UUID,
    regions: RegionTable,
    by: str,
    roles: Collection[str],
    at: datetime,
) -> Letter:
    template = stated.template
    if not set(template.drafted_by) & set(roles):
        raise NotYourLetterStepError(role=template.drafted_by[0])
    if (template.subject == "person") != (stated.person_id is not None) or not case.is_known_person:
        raise LetterSubjectError
    if case.is_erased:
        raise ErasedError
    need = None
    if stated.need_id is not None:
        need = case.needs.get(stated.need_id)
        if need is None:
            raise LetterNeedError
    if template.needs is not None and need not in template.needs:
        raise LetterNeedError(needs=sorted(template.needs))
    printed = template.printed_facts(stated.facts, today=local_day(case.village_code, at))
    values = _values(case, need, regions) | printed
    return Letter(
        letter_id=LetterId(letter_id),
        case_id=case.case_id,
        person_id=stated.person_id,
        need_id=stated.need_id,
        letter_type=LetterType(template.code),
        label=template.label._asdict(),
        policy_version=template.policy_version,
        office_code=office_of(template.issued_by, case.village_code),
        terms=LetterTerms.of(template),
        content=_content(template, stated, values, printed),
        drafted_by=by,
        drafted_at=at,
        key_id=case.key_id,
    )


def _content(
    template: LetterTemplate, stated: DraftLetter, values: Mapping[str, str], printed: Mapping[str, str]
) -> dict[str, Any]:
    """What is sealed: the words as the policy has them beside what goes into them, so that each is put in once."""
    shown = [[SHOWN_FIELDS[name], values[name]] for name in template.shows]
    facts = [
        [spec.label.id, spec.row(stated.facts.get(name), printed[name])]
        for name, spec in template.facts.items()
        if name in stated.facts
    ]
    return {
        "head": list(template.head),
        "contact": template.contact,
        "signed_in": template.signed_in,
        "title": template.title,
        "opening": list(template.opening),
        "body": list(template.body),
        "closing": list(template.closing),
        "signer": template.signer_label,
        # The name and the NIK also where no words ask for them: the public page shows them in part.
        "values": {name: text for name, text in values.items() if name in template.asks or name in ("name", "nik")},
        "rows": [*shown, *facts],
        "facts": {name: fact.as_json() for name, fact in stated.facts.items()},
    }


def _values(case: LetterCase, need: str | None, regions: RegionTable) -> dict[str, str]:
    """What stands for each field but those that are known from the signature on."""
    village = case.village_code
    names = {
        name: found.name if (found := regions.get(code)) is not None else code
        for name, code in (
            ("village", village),
            ("district", village[:8]),
            ("regency", village[:5]),
            ("province", village[:2]),
        )
    }
    kind = next((each for each in _KINDS if names["regency"].startswith(each)), "")
    person = case.person
    known: dict[str, str | None] = dict.fromkeys(PERSON_FIELDS)
    if person is not None:
        known |= {
            "name": person.name,
            "nik": person.nik,
            "kk_number": case.kk_number,
            "birth_date": None if person.birth_date is None else long_date(person.birth_date),
            "sex": _SEX.get(person.sex or ""),
            "address": case.address,
        }
    return {name: value or NOTHING for name, value in known.items()} | {
        **names,
        "regency_name": names["regency"].removeprefix(kind),
        "ticket_number": case.ticket_number,
        "need": NOTHING if need is None else NEEDS[NeedCode(need)].label.id,
    }


async def _doubts(
    case: LetterCase, letter: Letter, stated: DraftLetter, *, letters: Letters, scope: Scope, at: datetime
) -> Doubts:
    today = local_day(case.village_code, at)
    return Doubts(
        [code for code in stated.template.documents if code not in case.documents],
        await letters.others_in_force(letter, scope, today=today),
    )


async def load(case_id: CaseId, letter_id: LetterId, *, letters: Letters, scope: Scope) -> Letter:
    """A letter of a case.

    Raises:
        NotFoundError: no such letter, or not the caller's to know of.
    """
    letter = await letters.get_within(case_id, letter_id, scope)
    if letter is None:
        raise NotFoundError
    return letter


async def initial(letter: Letter, *, letters: Letters, by: str, roles: Collection[str], at: datetime) -> None:
    """Put the next initials under it; see `Letter.initial`."""
    letter.initial(by=by, roles=roles, at=at)
    await letters.save(letter)


async def give_back(
    letter: Letter, note: str, *, letters: Letters, by: str, roles: Collection[str], at: datetime
) -> None:
    """Give it back to its drafter; see `Letter.give_back`."""
    letter.give_back(note, by=by, roles=roles, at=at)
    await letters.save(letter)


Rendered = Callable[[Letter], Awaitable[bytes]]
"""Makes the document of a signed letter: the bytes that every print of it has."""


async def sign(
    letter: Letter,
    *,
    signer_name: str,
    signer_number: str | None,
    rendered: Rendered,
    letters: Letters,
    by: str,
    roles: Collection[str],
    at: datetime,
) -> None:
    """Sign it: it takes the next number of its office, series and year, and its document is made, all in one.

    The number is taken last of all that can refuse, under a lock that lasts until the commit: what fails after it gives
    the number back.

    Raises:
        What `Letter.check_may_sign` raises. LetterElsewhereError: the case has moved since.
    """
    letter.check_may_sign(by=by, roles=roles)
    village_code = await letters.village_of(letter.case_id)
    if letter.office_code != office_of(letter.terms.issued_by, village_code):
        raise LetterElsewhereError
    day = local_day(letter.office_code, at)
    terms = letter.terms
    count = await letters.next_number(letter.office_code, terms.series, day.year)
    text = letter_number(
        terms.number,
        number=count,
        digits=terms.digits,
        office=terms.office_mark,
        village_code=village_code,
        month=day.month,
        year=day.year,
    )
    letter.sign(
        LetterNumber(text, day.year, count),
        signer_name=signer_name,
        signer_number=signer_number,
        by=by,
        on=day,
        at=at,
    )
    await letters.save(letter, document=await rendered(letter))


async def issue(letter: Letter, *, letters: Letters, by: str, at: datetime) -> None:
    """It was handed over; see `Letter.issue`."""
    letter.issue(by=by, at=at)
    await letters.save(letter)


async def revoke(
    letter: Letter,
    reason: LetterRevocation,
    *,
    letters: Letters,
    by: str,
    roles: Collection[str],
    at: datetime,
) -> None:
    """It holds no longer. A coordinator revokes letters of villages, whoever else may those of the regency too.

    Raises:
        NotYourLetterStepError, TransitionRefusedError.
    """
    if letter.terms.issued_by == "regency" and not set(roles) & {"manager", "head_of_office"}:
        raise NotYourLetterStepError(role="head_of_office")
    letter.revoke(reason, by=by, at=at)
    await letters.save(letter)


async def discard(letter: Letter, *, letters: Letters, by: str) -> None:
    """Its drafter gives it up; see `Letter.discard`."""
    letter.discard(by=by)
    await letters.save(letter)


async def expire(letter_id: LetterId, *, letters: Letters, at: datetime) -> Letter | None:
    """End a letter whose last day has passed at ``at`` (UTC); None when it is in hand or ended."""
    letter = await letters.get_to_expire(letter_id)
    if letter is None:
        return None
    today = local_day(letter.office_code, at)
    if not letter.has_run_out(today):
        return None
    letter.expire(today=today, at=at)
    await letters.save(letter)
    return letter
