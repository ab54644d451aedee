"""The lint on event models, shown bad models first: whatever could carry personal data is refused by name."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

import pytest
from contracts.codegen.lint import PROBES, lint_event, lint_model
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.config import JsonDict

from slrt_contracts.codes import Code, Open, Sector
from slrt_contracts.events import EVENT_TYPES, Event, Part
from slrt_contracts.types import CLASS_KEY, CaseId, DataClass, DistrictCode, classified

FORGED_CLASS: JsonDict = {CLASS_KEY: "code"}

BAD_FIELDS: dict[str, tuple[Any, str]] = {
    "bare str": (str, "Bad.field: a bare str; use a classified type"),
    "bare str or null": (str | None, "Bad.field: a bare str; use a classified type"),
    "list of bare str": (Annotated[tuple[str, ...], Field(max_length=3)], "Bad.field[]: a bare str"),
    "bare int": (int, "Bad.field: a bare int"),
    "bare bool": (bool, "Bad.field: a bare bool"),
    "bare UUID": (UUID, "Bad.field: a bare str (uuid)"),
    "bare date": (date, "Bad.field: a bare str (date)"),
    "bare time": (datetime, "Bad.field: a bare str (date-time)"),
    "fraction": (float, "Bad.field: a fraction"),
    "anything": (Any, "Bad.field: takes a value of any kind"),
    "dictionary": (dict[str, DistrictCode], "Bad.field: takes keys that it does not name"),
    "unbounded list": (tuple[CaseId, ...], "Bad.field: has no upper bound"),
    "str with a forged class": (
        Annotated[str, Field(json_schema_extra=FORGED_CLASS)],
        "Bad.field: a text without a pattern",
    ),
    "str with a length only": (
        Annotated[str, classified(DataClass.CODE, "Words.", max_length=20)],
        "Bad.field: a text without a pattern",
    ),
    "str with an open pattern": (
        Annotated[str, classified(DataClass.CODE, "Words.", pattern="[a-z]+", max_length=20)],
        "Bad.field: a text without a pattern from ^ to $",
    ),
    "str without a bound": (
        Annotated[str, classified(DataClass.CODE, "Words.", pattern="^[a-z]+(-[a-z]+)+$")],
        "Bad.field: a text without an upper bound",
    ),
    "pattern that takes names": (
        Annotated[str, classified(DataClass.CODE, "Words.", pattern="^[A-Za-z ]+$", max_length=40)],
        "Bad.field: a name fits its pattern",
    ),
    "pattern that takes a NIK": (
        Annotated[str, classified(DataClass.CODE, "Digits.", pattern="^[0-9]{1,16}$", max_length=16)],
        "Bad.field: a NIK or a KK number fits its pattern",
    ),
    "pattern that takes a phone number": (
        Annotated[str, classified(DataClass.CODE, "Digits.", pattern="^[0-9+-]{10,15}$", max_length=15)],
        "Bad.field: a phone number fits its pattern",
    ),
    "pattern that takes a village": (
        Annotated[
            str, classified(DataClass.REGION, "Region.", pattern=r"^[0-9]{2}(\.[0-9]{2,4}){0,3}$", max_length=13)
        ],
        "Bad.field: a village code fits its pattern",
    ),
    "int without bounds": (
        Annotated[int, classified(DataClass.COUNT, "Number.")],
        "Bad.field: a number without bounds",
    ),
    "class that does not exist": (
        Annotated[int, Field(ge=0, le=9, json_schema_extra={CLASS_KEY: "personal"})],
        "Bad.field: a bare int",
    ),
}


@pytest.mark.parametrize(("annotation", "message"), BAD_FIELDS.values(), ids=BAD_FIELDS.keys())
def test_a_field_that_personal_data_could_pass_is_refused_by_model_and_field(annotation: Any, message: str) -> None:
    bad = create_model("Bad", __base__=Part, field=(annotation, ...))
    assert [problem for problem in lint_model(bad) if problem.startswith(message)], lint_model(bad)


@pytest.mark.parametrize("name", ["nik", "phone", "address", "birth_date", "complaint", "client_name", "village_code"])
def test_a_name_that_promises_personal_data_is_refused_whatever_its_type(name: str) -> None:
    bad = create_model("Bad", __base__=Part, **{name: (DistrictCode, ...)})  # type: ignore[call-overload]
    assert lint_model(bad) == [f"Bad.{name}: the name promises personal data or free text; an event carries neither"]


def test_a_bare_field_deep_inside_is_refused_under_the_name_of_its_own_model() -> None:
    class Inner(Part):
        remark: str

    class Middle(Part):
        inner: Annotated[tuple[Inner, ...], Field(max_length=2)]

    class Outer(Part):
        middle: Middle | None

    assert lint_model(Outer) == ["Inner.remark: a bare str; use a classified type from slrt_contracts.types"]


def test_a_model_that_takes_unnamed_fields_is_refused() -> None:
    class Loose(BaseModel):
        case_id: CaseId

    class Holder(Part):
        loose: Loose

    message = "Loose: takes fields that it does not name; derive it from Part or Event"
    assert lint_model(Loose) == [message]
    assert lint_model(Holder) == [message]


def test_an_event_without_a_docstring_or_with_a_key_that_it_does_not_have_is_refused() -> None:
    class CaseLost(Event):
        TYPE: ClassVar[str] = "id.slrt.intake.case-lost.v1"
        TOPIC: ClassVar[str] = "slrt.intake.case.v1"
        KEY: ClassVar[str] = "case_id"

    class CaseFound(Event):
        """A case was found."""

        TYPE: ClassVar[str] = "id.slrt.intake.case-found.v1"
        TOPIC: ClassVar[str] = "slrt.intake.case.v1"
        KEY: ClassVar[str] = "case_id"

        case_id: CaseId | None = None

    assert lint_event(CaseLost) == [
        "CaseLost: has no docstring; say which fact, when it is told and who uses it",
        "CaseLost: its key case_id is not one of its fields",
    ]
    assert lint_event(CaseFound) == ["CaseFound.case_id: the key must be required"]


def test_classified_types_and_code_lists_pass() -> None:
    class Size(Code):
        """How big."""

        SMALL = "small"

    class Fine(Part):
        case_id: CaseId
        district_code: DistrictCode | None
        sector: Open[Sector]
        size: Size

    assert lint_model(Fine) == []


@pytest.mark.parametrize("event", EVENT_TYPES.values(), ids=lambda event: event.__name__)
def test_every_event_of_the_system_passes_the_lint(event: type[Event]) -> None:
    assert lint_event(event) == []


def test_the_probes_are_invented() -> None:
    numbers = [probe for probe in PROBES["a NIK or a KK number"] if probe.isdigit()]
    assert all(len(number) == 16 and int(number[-4:]) >= 9000 for number in numbers)


def test_models_are_frozen_and_closed() -> None:
    expected = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    for event in EVENT_TYPES.values():
        assert {key: event.model_config.get(key) for key in expected} == expected
