"""Request bodies: every wrong thing is refused at the field it is in, and the good ones come through unchanged."""

import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from slrt_contracts.catalogue import ATTRIBUTES
from slrt_contracts.codes import AttributeName, AttributeValue
from slrt_intake.api import registration_schemas, schemas
from slrt_intake.domain.problems import NeedsMismatchError

PERSON = {"relation": "client", "name": "Mawar Karangan"}
CASE: dict[str, Any] = {
    "village_code": "12.74.03.1002",
    "persons": [PERSON],
    "contact": {"phone": "0812-0000-9901"},
    "needs": [{"need_code": "BPBL", "person_ref": 0}],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """A good registration with one value replaced or added; the path is like ``needs/0/urgent``."""
    *places, last = path.split("/")
    case = {"persons": [dict(PERSON)], "contact": dict(CASE["contact"]), "needs": [dict(CASE["needs"][0])]}
    body: dict[str, Any] = {**CASE, **case}
    inner: Any = body
    for place in places:
        inner = inner[int(place) if place.isdigit() else place]
    inner[last] = value
    return body


def refused_at(body: Any) -> set[str]:
    """The places of all problems."""
    with pytest.raises(ValidationError) as refused:
        registration_schemas.RegisterCaseBody.model_validate(body)
    return {"/".join(str(part) for part in problem["loc"]) for problem in refused.value.errors()}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("surprise", 1),
        ("persons/0/surprise", "x"),
        ("needs/0/status", "referred"),
        ("needs/0/need_id", "0198f0a0-0000-7000-8000-000000000001"),
        ("contact/phone_last4", "9901"),
        ("channel", "pigeon"),
        ("channel", 1),
        ("village_code", "12.74.03"),
        ("village_code", "12.74.03.1002 "),
        ("village_code", "1274031002"),
        ("village_code", "١٢.٧٤.٠٣.١٠٠٢"),
        ("village_code", 12.74),
        ("visit_date", "yesterday"),
        ("visit_date", 0),
        ("visit_date", "86400"),
        ("visit_date", "2026-02-30"),
        ("persons", {}),
        ("persons", [PERSON] * (registration_schemas.MAX_PERSONS + 1)),
        ("persons/0/relation", "boss"),
        ("persons/0/name", ""),
        ("persons/0/name", "  \t "),
        ("persons/0/name", "x" * 201),
        ("persons/0/name", None),
        ("persons/0/name", 7),
        ("persons/0/name", ["Mawar"]),
        ("persons/0/name", "\ud800"),
        ("persons/0/nik", 1274035203879001),
        ("persons/0/nik", "9" * 33),
        ("persons/0/birth_date", 0),
        ("persons/0/birth_date", 1.5),
        ("persons/0/birth_date", "1274035203879001"),
        ("persons/0/birth_date", "1987-03-12T00:00:00"),
        ("persons/0/birth_date", True),
        ("persons/0/sex", "X"),
        ("persons/0/sex", "LP"),
        ("contact/phone", "12345"),
        ("contact/phone", 81200009901),
        ("contact/email", "mawar"),
        ("contact/email", "a@b"),
        ("contact/email", "a@b.id\r\nBcc: c@d.id"),
        ("contact/email", "x" * 250 + "@b.id"),
        ("contact/language", "fr"),
        ("contact/address", "x" * 201),
        ("contact", "0812-0000-9901"),
        ("needs", []),
        ("needs", None),
        ("needs", [{"need_code": "BPBL"}] * (registration_schemas.MAX_NEEDS + 1)),
        ("needs/0/need_code", "ROCKET"),
        ("needs/0/need_code", "bpbl"),
        ("needs/0/person_ref", -1),
        ("needs/0/person_ref", registration_schemas.MAX_PERSONS),
        ("needs/0/person_ref", "0"),
        ("needs/0/person_ref", 0.0),
        ("needs/0/person_ref", False),
        ("needs/0/person_ref", 10**400),
        ("needs/0/person_ref", float("inf")),
        ("needs/0/person_ref", float("nan")),
        ("needs/0/urgent", "yes"),
        ("needs/0/urgent", 1),
        ("needs/0/urgent", None),
        ("needs/0/description", "x" * 4001),
        ("needs/0/description", {"text": "x"}),
        ("needs/0/attributes", ["grid_nearby"]),
        ("needs/0/attributes", None),
    ],
)
def test_a_wrong_value_is_refused_at_its_place(path: str, value: Any) -> None:
    assert {place for place in refused_at(changed(path, value)) if place.startswith(path)}


@pytest.mark.parametrize("body", [None, [], "x", 1, True, {}, {"needs": []}])
def test_what_is_no_registration_is_refused(body: Any) -> None:
    assert refused_at(body)


@pytest.mark.parametrize(
    "path",
    [
        "persons/0/name",
        "persons/0/nik",
        "contact/phone",
        "contact/email",
        "contact/kk_number",
        "contact/address",
        "needs/0/description",
    ],
)
def test_a_character_that_cannot_be_stored_is_refused_at_its_field(path: str) -> None:
    # PostgreSQL keeps U+0000 in neither text nor jsonb.
    assert refused_at(changed(path, "0812-0000-\x009901@b.id")) == {path}


def _bodies() -> list[type[schemas.Body]]:
    found, left = [], [schemas.Body]
    while left:
        found += (below := left.pop().__subclasses__())
        left += below
    return sorted((body for body in found if body.__module__ == schemas.__name__), key=lambda body: body.__name__)


@pytest.mark.parametrize("body", _bodies(), ids=lambda body: body.__name__)
def test_no_text_of_any_body_takes_a_character_that_cannot_be_stored(body: type[BaseModel]) -> None:
    names = set(body.model_fields)
    with pytest.raises(ValidationError) as refused:
        body.model_validate(dict.fromkeys(names, "0\x00"))
    at_fault = {problem["loc"][0] for problem in refused.value.errors() if problem["type"] == "nul_character"}
    assert at_fault == names


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in AttributeName for value in AttributeValue if value not in ATTRIBUTES[name]],
)
def test_an_attribute_takes_only_values_of_its_own(name: str, value: str) -> None:
    assert refused_at(changed("needs/0/attributes", {name: value})) == {"needs/0/attributes"}


@pytest.mark.parametrize("attributes", [{"colour": "yellow"}, {"grid_nearby": "purple"}, {"grid_nearby": 1}, {"": ""}])
def test_an_unknown_attribute_is_refused(attributes: dict[str, Any]) -> None:
    assert refused_at(changed("needs/0/attributes", attributes))


@pytest.mark.parametrize(("name", "values"), ATTRIBUTES.items(), ids=list(ATTRIBUTES))
def test_every_attribute_of_the_catalogue_is_taken(name: str, values: frozenset[str]) -> None:
    for value in values:
        body = registration_schemas.RegisterCaseBody.model_validate(changed("needs/0/attributes", {name: value}))
        assert body.needs[0].attributes == {name: value}


@pytest.mark.parametrize(
    ("kind", "verb"), [(schemas.RecommendBody, "recommendation"), (schemas.DecideBody, "decision")]
)
def test_a_need_named_twice_is_refused_even_when_all_are_named(kind: Any, verb: str) -> None:
    first, second = str(uuid4()), str(uuid4())
    body = kind.model_validate({"needs": [{"need_id": need, verb: "refer"} for need in (first, second, first)]})
    with pytest.raises(NeedsMismatchError):
        body.by_need()


def test_needs_named_once_are_given_by_their_id() -> None:
    first, second = uuid4(), uuid4()
    needs = [{"need_id": str(first), "decision": "refer"}, {"need_id": str(second), "decision": "solved_locally"}]
    body = schemas.DecideBody.model_validate({"needs": needs})
    assert body.by_need() == {first: "refer", second: "solved_locally"}
    assert all(isinstance(need, UUID) for need in body.by_need())


@pytest.mark.parametrize("satisfied", ["yes", 1, 0, None, "true"])
def test_did_it_help_is_answered_by_true_or_false_alone(satisfied: Any) -> None:
    with pytest.raises(ValidationError):
        schemas.ConfirmBody.model_validate(
            {"ticket_number": "1274-7KQ4-M2XD", "phone_last4": "9901", "satisfied": satisfied}
        )


@pytest.mark.parametrize("digits", ["", "990", "99011", "99o1", "٩٩٠١", "9901\n", 9901, None, "-990"])
def test_the_last_digits_are_four_digits(digits: Any) -> None:
    with pytest.raises(ValidationError):
        schemas.TicketBody.model_validate({"ticket_number": "1274-7KQ4-M2XD", "phone_last4": digits})


# All that can be stored, but what was masked: two dots or three asterisks in a row stand for letters.
STORABLE = (
    st.text(min_size=1, max_size=100)
    .map(str.strip)
    .filter(lambda text: text and "\x00" not in text and not re.search(r"[•●⬤]{2}|[*＊]{3}", text))
)


@given(STORABLE, STORABLE)
def test_every_name_and_description_is_taken_as_it_is(name: str, description: str) -> None:
    body = registration_schemas.RegisterCaseBody.model_validate(
        {
            "village_code": "12.74.03.1002",
            "persons": [{"relation": "client", "name": name}],
            "needs": [{"need_code": "BPBL", "person_ref": 0, "description": description}],
        }
    )
    assert (body.persons[0].name, body.needs[0].description) == (name, description)
