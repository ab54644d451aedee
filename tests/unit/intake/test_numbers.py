"""Doubts about NIK and KK numbers: said with their place, and never a reason to refuse."""

from datetime import date
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_contracts.codes import Channel, NeedCode
from slrt_intake.api.registration_schemas import RegisterCaseBody
from slrt_intake.domain.party import Contact, Person, Relation
from slrt_intake.usecases.cases import NeedInput, RegisterCase, number_warnings
from slrt_kit.clock import new_uuid7
from slrt_kit.privacy.masking import is_masked
from slrt_kit.regions import Regions

REGIONS = Regions.load()
GOOD_NIK = "1274035203879001"
"""A woman of 12.74.03, born 12 March 1987, serial 9001: invented."""


def command(*persons: Person, kk_number: str | None = None) -> RegisterCase:
    return RegisterCase(
        channel=Channel.FACILITATOR,
        village_code="12.74.03.1002",
        persons=persons,
        contact=Contact(phone=None, email=None, language="id", kk_number=kk_number, address=None),
        needs=[NeedInput(need_code=NeedCode.BPBL, person_ref=None, urgent=False, description=None, attributes={})],
    )


def person(nik: str | None, *, birth_date: date | None = None, sex: str | None = None) -> Person:
    return Person(
        person_id=uuid4(), relation=Relation.CLIENT, name="Mawar Karangan", nik=nik, birth_date=birth_date, sex=sex
    )


@pytest.mark.parametrize(
    ("nik", "doubt"),
    [
        ("127403520387900", "nik:length"),
        ("12740352038790011", "nik:length"),
        ("1274O35203879001", "nik:characters"),
        ("1274037203879001", "nik:birth_date"),
        ("9999995203879001", "nik:region"),
    ],
)
def test_a_doubtful_nik_is_said_with_its_place(nik: str, doubt: str) -> None:
    stated = command(person(None), person(nik))
    assert f"persons/1/{doubt}" in number_warnings(stated, regions=REGIONS)


def test_a_nik_that_fits_the_person_raises_no_doubt() -> None:
    stated = command(person(GOOD_NIK, birth_date=date(1987, 3, 12), sex="P"), kk_number="1274030101109001")
    assert number_warnings(stated, regions=REGIONS) == []


def test_a_nik_of_another_birthday_or_sex_raises_a_doubt() -> None:
    stated = command(person(GOOD_NIK, birth_date=date(1987, 3, 13), sex="L"))
    assert number_warnings(stated, regions=REGIONS) == ["persons/0/nik:birth_date", "persons/0/nik:sex"]


def test_a_family_card_number_with_a_digit_too_few_raises_a_doubt() -> None:
    assert number_warnings(command(kk_number="127403010110900"), regions=REGIONS) == ["contact/kk:length"]


@given(st.text(min_size=1, max_size=32).filter(lambda t: "\x00" not in t and t.strip() and not is_masked(t)))
def test_no_number_is_refused_and_none_is_repeated_in_its_doubt(written: str) -> None:
    body = RegisterCaseBody.model_validate(
        {
            "village_code": "12.74.03.1002",
            "persons": [{"relation": "client", "name": "Mawar Karangan", "nik": written}],
            "contact": {"kk_number": written},
            "needs": [{"need_code": "BPBL"}],
        }
    )
    for warning in number_warnings(body.command(new_uuid7), regions=REGIONS):
        place, _, doubt = warning.rpartition("/")
        assert place in ("persons/0", "contact")
        assert doubt in {"nik:length", "nik:characters", "nik:birth_date", "nik:sex", "nik:region", "kk:length"}
