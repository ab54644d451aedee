"""What a claim check shows: without the permission to unmask, no purpose makes a number clear."""

from dataclasses import replace
from datetime import date
from uuid import uuid4

import pytest

from slrt_contracts.types import CaseId, NeedId
from slrt_intake.domain.claim import Parties, limited, shown
from slrt_intake.domain.party import Person, Proxy, Relation, Reporter, ReporterRole
from slrt_kit.purposes import Recipient, Shown
from slrt_kit.regions import RegionCode

HERS, ROAD = NeedId(uuid4()), NeedId(uuid4())
NIK, KK, PHONE = "1274035203879001", "1274030101109001", "+6281200009901"


def _parties() -> Parties:
    person = Person(
        person_id=uuid4(),
        relation=Relation.CLIENT,
        name="Mawar Karangan",
        nik=NIK,
        birth_date=date(1987, 3, 12),
        sex="P",
    )
    return Parties(
        case_id=CaseId(uuid4()),
        village_code=RegionCode("12.74.03.1002"),
        reporter_secret=False,
        kk_number=KK,
        address="Jalan Contoh 9",
        phone=PHONE,
        erased=False,
        persons=[person],
        need_persons={HERS: person.person_id, ROAD: None},
        reporter=Reporter(role=ReporterRole.NEIGHBOUR, name="Kenanga Rekaan"),
        proxy=Proxy(name="Bayu Karangan", phone="+6281200009902"),
        words={HERS: "rumah gelap", ROAD: "jalan putus"},
    )


def _shown(*clear: str, masked: tuple[str, ...] = ()) -> Shown:
    return Shown(frozenset(clear), frozenset(masked))


def test_without_the_permission_what_a_purpose_shows_clear_is_masked() -> None:
    purpose = _shown("name", "nik", "kk_number", "birth_date", "phone", "address")
    view = limited(_parties(), purpose, unmask=False)
    (person,) = view.persons
    assert (person.name, person.nik, person.birth_date, person.birth_year) == (
        "Mawar Karangan",
        "1274••••••••9001",
        None,
        1987,
    )
    assert (view.kk_number, view.phone, view.address) == ("1274••••••••9001", "+628••••••9901", "Jalan Contoh 9")
    assert not {"nik", "kk_number", "birth_date", "phone"} & set(view.fields)


@pytest.mark.parametrize("unmask", [True, False])
def test_what_a_purpose_does_not_name_is_neither_shown_nor_said_to_be(unmask: bool) -> None:
    view = limited(_parties(), _shown("name"), unmask=unmask)
    (person,) = view.persons
    assert (person.nik, person.birth_date, person.birth_year, person.sex) == (None, None, None, None)
    assert (view.kk_number, view.phone, view.address, list(view.fields)) == (None, None, None, ["name"])


@pytest.mark.parametrize("to", [Recipient.DESK, Recipient.SERVICE])
def test_a_desk_and_a_machine_are_shown_nothing_of_a_case_outside_their_scope(to: Recipient) -> None:
    assert shown(_parties(), to=to, within=False, referred=[]) is None


def test_an_office_is_shown_nothing_of_a_region_that_its_token_names_too() -> None:
    assert shown(_parties(), to=Recipient.OFFICE, within=True, referred=[]) is None


def test_an_office_hears_of_its_own_needs_alone_and_never_who_brought_the_report() -> None:
    hers = shown(_parties(), to=Recipient.OFFICE, within=False, referred=[HERS])
    assert hers is not None
    assert (hers.words, hers.reporter) == ({HERS: "rumah gelap"}, None)
    assert hers.proxy is not None


def test_an_office_with_a_need_of_the_place_hears_nothing_of_a_proxy() -> None:
    road = shown(_parties(), to=Recipient.OFFICE, within=False, referred=[ROAD])
    assert road is not None
    assert (road.words, road.proxy, road.reporter) == ({ROAD: "jalan putus"}, None, None)


def test_of_a_secret_reporter_no_desk_learns_name_proxy_or_phone() -> None:
    secret = replace(_parties(), reporter_secret=True)
    seen = shown(secret, to=Recipient.DESK, within=True, referred=[])
    assert seen is not None
    assert (seen.reporter, seen.proxy, seen.phone, seen.address) == (None, None, None, None)
    assert not {"reporter", "proxy"} & set(seen.fields)


def test_the_phone_of_a_proxy_is_masked_as_the_phone_of_the_case_is() -> None:
    view = limited(_parties(), _shown("proxy", "phone"), unmask=False)
    assert view.proxy is not None
    assert (view.proxy.name, view.proxy.phone) == ("Bayu Karangan", "+628••••••9902")
    assert (view.reporter, view.words) == (None, {})
