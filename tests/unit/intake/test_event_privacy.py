"""No event of a case tells anything personal, whatever people have written into it (UU 27/2022; design section 9)."""

import asyncio
import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from slrt_contracts.catalogue import ATTRIBUTES
from slrt_contracts.codes import (
    AttributeName,
    CaseKind,
    Channel,
    ClosedBy,
    Concern,
    DecidedByLevel,
    GrievanceType,
    NeedCode,
    NeedDecision,
    NeedSubject,
    OutcomeCode,
    Recommendation,
    RegistryStatus,
)
from slrt_contracts.types import ReferralId
from slrt_intake.domain.case import Case
from slrt_intake.domain.party import (
    Contact,
    ContactOf,
    Person,
    Proxy,
    ProxyRelation,
    Relation,
    Reporter,
    ReporterRole,
)
from slrt_intake.usecases import cases
from slrt_kit.access import Scope
from slrt_kit.clock import new_uuid7
from slrt_kit.regions import Region, RegionCode

NOW = datetime(2026, 7, 1, tzinfo=UTC)
VILLAGE = "12.74.03.1002"
MARK = "§"
"""Stands in every personal text, and in nothing that an event may hold."""

texts = st.text(min_size=1, max_size=30).map(lambda text: f"{MARK}{text}")
numbers = st.from_regex(r"[0-9]{12}9[0-9]{3}", fullmatch=True)
persons = st.builds(
    Person,
    person_id=st.builds(uuid4),
    relation=st.sampled_from(Relation),
    name=texts,
    nik=st.none() | numbers,
    birth_date=st.none() | st.dates(date(1930, 1, 1), date(2026, 1, 1)),
    sex=st.sampled_from(["L", "P", None]),
)
contacts = st.builds(
    Contact,
    phone=st.none() | st.from_regex(r"\+6281200009[0-9]{3}", fullmatch=True),
    email=st.none() | texts,
    language=st.sampled_from(["id", "en"]),
    kk_number=st.none() | numbers,
    address=st.none() | texts,
    belongs_to=st.sampled_from(ContactOf),
    reporter=st.none() | st.builds(Reporter, role=st.sampled_from(ReporterRole), name=texts),
    proxy=st.none() | st.builds(Proxy, name=texts, relation=st.none() | st.sampled_from(ProxyRelation)),
)
attributes = st.dictionaries(st.sampled_from(AttributeName), st.none(), max_size=3).flatmap(
    lambda names: st.fixed_dictionaries({name: st.sampled_from(sorted(ATTRIBUTES[name])) for name in names})
)
needs = st.builds(
    cases.NeedInput,
    need_code=st.sampled_from(NeedCode),
    person_ref=st.none() | st.just(0),
    urgent=st.booleans(),
    description=st.none() | texts,
    attributes=attributes,
    subject=st.none() | st.sampled_from(NeedSubject),
    grievance_type=st.none() | st.sampled_from(GrievanceType),
)
commands = st.builds(
    cases.RegisterCase,
    channel=st.sampled_from(Channel),
    kind=st.sampled_from(CaseKind),
    concerns=st.sampled_from(Concern),
    concerned_people=st.none() | st.integers(1, 1_000_000),
    visit_date=st.none() | st.dates(),
    village_code=st.just(VILLAGE),
    persons=st.lists(persons, min_size=1, max_size=4),
    contact=contacts,
    needs=st.lists(needs, min_size=1, max_size=6),
)


class _Kept:
    """Keeps the one case that is registered (the part of `ports.Cases` that registering uses)."""

    async def add(self, case: Case, **_people: object) -> None:
        self.case = case


class _Table:
    """A region table of one village."""

    def get(self, code: str) -> Region | None:
        return Region(RegionCode(code), "Desa Contoh") if code == VILLAGE else None


def _registered(command: cases.RegisterCase) -> Case:
    kept: Any = _Kept()
    everywhere = Scope(everywhere=True, region=None, office=None)
    asyncio.run(
        cases.register_case(
            command,
            cases=kept,
            regions=_Table(),
            scope=everywhere,
            by=f"{MARK}kader",
            at=NOW,
            new_id=new_uuid7,
        )
    )
    return kept.case


def _whole_life(case: Case) -> None:
    case.screen(registry_status=RegistryStatus.LISTED, at=NOW)
    case.recommend({need.need_id: Recommendation.REFER for need in case.needs}, by=f"{MARK}bo", at=NOW)
    decisions = {
        need.need_id: (NeedDecision.REFER, NeedDecision.SOLVED_LOCALLY)[place % 2]
        for place, need in enumerate(case.needs)
    }
    case.decide(decisions, by=f"{MARK}koordinator", level=DecidedByLevel.VILLAGE, at=NOW)
    for need in case.needs:
        if decisions[need.need_id] is NeedDecision.REFER:
            case.record_referral_outcome(need.need_id, OutcomeCode.PARTLY, referral_id=ReferralId(uuid4()), at=NOW)
    case.close(closed_by=ClosedBy.RESIDENT, satisfied=True, at=NOW)


def _personal(command: cases.RegisterCase, case: Case) -> set[str]:
    """What may stand in no event: names and texts by their mark, numbers, dates of birth, the village, the ticket."""
    found = {MARK, VILLAGE, VILLAGE.rpartition(".")[2], case.ticket_number, case.ticket_number[-4:]}
    for person in command.persons:
        found |= {str(value) for value in (person.person_id, person.nik, person.birth_date) if value is not None}
    contact = command.contact
    found |= {value for value in (contact.phone, contact.phone and contact.phone[3:], contact.kk_number) if value}
    return found


@given(commands)
@settings(max_examples=60)
def test_no_event_of_a_whole_life_holds_anything_personal(command: cases.RegisterCase) -> None:
    case = _registered(command)
    _whole_life(case)
    assert len(case.raised) >= 7
    for recorded in case.raised:
        values = _leaves(json.loads(recorded.event.encode()))
        ids = {str(case.case_id), *(str(need.need_id) for need in case.needs)}
        said = " ".join(values - ids - {str(need.referral_id) for need in case.needs})
        for secret in _personal(command, case):
            assert secret not in said, type(recorded.event).__name__


@given(commands)
@settings(max_examples=30)
def test_the_order_of_persons_is_not_told_either(command: cases.RegisterCase) -> None:
    told = _registered(command).raised[0].event.encode().decode()
    assert "person" not in told
    assert "relation" not in told
    assert "description" not in told


def _leaves(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {leaf for part in value.items() for item in part for leaf in _leaves(item)}
    if isinstance(value, list):
        return {leaf for item in value for leaf in _leaves(item)}
    return {str(value)}
