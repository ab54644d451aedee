"""The lint on event models, shown bad models first: whatever could carry personal data is refused by name."""

import re
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import pytest
from contracts.codegen.layout import Layout
from contracts.codegen.lint import lint_event, lint_model, needless_exceptions
from contracts.codegen.personal import LISTED_ELSEWHERE, NAMES_WITH_A_REASON, PROBES, promises
from contracts.codegen.schemas import model_schema
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.config import JsonDict

from slrt_contracts.codes import Code, Open, Sector
from slrt_contracts.events import EVENT_TYPES, Event, Part, PersonRecorded
from slrt_contracts.types import CLASS_KEY, DATE_SHAPE, CaseId, DataClass, DistrictCode, classified

FORGED_CLASS: JsonDict = {CLASS_KEY: "code"}


class SpokenCode(Code):
    """Who."""

    BUDI = "Budi Santoso"


class NumberCode(Code):
    """Which."""

    FIRST = "1274051405909001"


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
    "int in the range of phone numbers": (
        Annotated[int, classified(DataClass.COUNT, "Number.", ge=0, le=9_999_999_999_999_999)],
        "Bad.field: a number without bounds",
    ),
    "int in the range of dates of birth": (
        Annotated[int, classified(DataClass.COUNT, "Number.", ge=0, le=20_261_231)],
        "Bad.field: a number without bounds",
    ),
    "int far below nought": (
        Annotated[int, classified(DataClass.COUNT, "Number.", ge=-9_999_999_999, le=0)],
        "Bad.field: a number without bounds",
    ),
    "name in the form of a code": (
        Annotated[str, classified(DataClass.CODE, "Words.", pattern="^[a-z]+(-[a-z]+)*$", max_length=40)],
        "Bad.field: a name in the form of a code fits its pattern",
    ),
    "name behind a region": (
        Annotated[str, classified(DataClass.CODE, "Words.", pattern=r"^[0-9.]{6}[A-Z-]{2,20}$", max_length=40)],
        "Bad.field: a name in the form of a code fits its pattern",
    ),
    "id that is no UUID": (
        Annotated[str, classified(DataClass.IDENTIFIER, "Id.", pattern="^[0-9]{4}$", max_length=4)],
        "Bad.field: of class id, but its format is not uuid",
    ),
    "region finer than a district": (
        Annotated[str, classified(DataClass.REGION, "Region.", pattern=r"^[0-9]{2}\.[0-9]{2}$", max_length=5)],
        "Bad.field: of class region, but its pattern is not",
    ),
    "flag in words": (
        Annotated[str, classified(DataClass.FLAG, "Yes.", pattern="^(ja|nein)$", max_length=4)],
        "Bad.field: of class flag, but its type is not boolean",
    ),
    "date as a text": (
        Annotated[str, classified(DataClass.DATE, "Day.", pattern=DATE_SHAPE, max_length=10)],
        "Bad.field: of class date, but its format is not date",
    ),
    "union with a bare str": (DistrictCode | str, "Bad.field: a bare str"),
    "list of lists of bare str": (
        Annotated[tuple[Annotated[tuple[str, ...], Field(max_length=2)], ...], Field(max_length=2)],
        "Bad.field[][]: a bare str",
    ),
    "set of bare str": (Annotated[frozenset[str], Field(max_length=2)], "Bad.field[]: a bare str"),
    "pair of bare str": (tuple[str, str], "Bad.field: "),
    "words in a Literal": (Literal["Budi Santoso", "Siti Aminah"], "Bad.field: a bare str"),
    "dictionary of bare str": (dict[str, str], "Bad.field: takes keys that it does not name"),
    "bytes": (bytes, "Bad.field: a bare str"),
    "e-mail by its format": (
        Annotated[str, Field(json_schema_extra={CLASS_KEY: "code", "format": "email"})],
        "Bad.field: a text without a pattern",
    ),
    "code list with a person's name": (SpokenCode, "Bad.field: the value 'Budi Santoso' has not the form of a code"),
    "code list with a number": (NumberCode, "Bad.field: the value '1274051405909001' has not the form of a code"),
    "class that does not exist": (
        Annotated[int, Field(ge=0, le=9, json_schema_extra={CLASS_KEY: "personal"})],
        "Bad.field: a bare int",
    ),
}


@pytest.mark.parametrize(("annotation", "message"), BAD_FIELDS.values(), ids=BAD_FIELDS.keys())
def test_a_field_that_personal_data_could_pass_is_refused_by_model_and_field(annotation: Any, message: str) -> None:
    bad = create_model("Bad", __base__=Part, field=(annotation, ...))
    assert [problem for problem in lint_model(bad) if problem.startswith(message)], lint_model(bad)


BAD_NAMES = """
    nik nik_number kk no_kk nomor_kk kkNumber npwp name nama nama_lengkap fullName client_name username
    phone phone_number nomorTelepon hp no_hp wa_number email e_mail surel contact address alamat alamat_rumah rt rw
    birth_date tempat_lahir dob tgl_lahir age umur sex jenis_kelamin religion agama mother ibu_kandung
    village_code desa latitude lat geo_location diagnosis disability note notes remarks comments complaint
    free_text message body description keterangan photo fotoKtp signature bank_account token
""".split()  # noqa: SIM905 — words read better in rows


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_promises_personal_data_is_refused_whatever_its_type(name: str) -> None:
    bad = create_model("Bad", __base__=Part, **{name: (DistrictCode, ...)})  # type: ignore[call-overload]
    assert lint_model(bad) == [f"Bad.{name}: the name promises personal data or free text; an event carries neither"]


@pytest.mark.parametrize("event", EVENT_TYPES.values(), ids=lambda event: event.__name__)
def test_the_names_of_our_fields_promise_nothing_but_for_a_reason(event: type[Event]) -> None:
    schema = model_schema(event)
    for model, body in {event.__name__: schema, **schema.get("$defs", {})}.items():
        for field in body["properties"]:
            assert not promises(field) or (model, field) in NAMES_WITH_A_REASON


def test_a_name_with_a_reason_is_excused_in_its_model_and_for_a_code_list_only() -> None:
    refusal = "the name promises personal data or free text; an event carries neither"
    assert lint_model(create_model("NeedAttribute", __base__=Part, name=(Open[Sector], ...))) == []
    assert lint_model(create_model("Other", __base__=Part, name=(Open[Sector], ...))) == [f"Other.name: {refusal}"]
    assert lint_model(create_model("NeedAttribute", __base__=Part, name=(DistrictCode, ...))) == [
        f"NeedAttribute.name: {refusal}"
    ]


def test_every_exception_has_a_reason_and_one_that_nothing_needs_is_refused() -> None:
    assert all(len(reason.split()) > 5 for reason in (*NAMES_WITH_A_REASON.values(), *LISTED_ELSEWHERE.values()))
    assert needless_exceptions(EVENT_TYPES.values()) == []
    others = [event for event in EVENT_TYPES.values() if event is not PersonRecorded]
    assert needless_exceptions(others) == [
        "the exception for PersonRecorded.nik_status is needed by no event; remove it"
    ]
    assert len(needless_exceptions([])) == len(NAMES_WITH_A_REASON) + len(LISTED_ELSEWHERE)


def test_what_is_said_to_be_listed_elsewhere_is_there(root: Path) -> None:
    routing = root / "services/referral/src/slrt_referral/policy"
    messages = root / "services/notification/src/slrt_notification/policy/00/notifications.yaml"
    for file in (
        routing / "00" / "routing.yaml",
        routing / "00" / "offices.yaml",
        messages,
        root / "kit/src/slrt_kit/purposes.yaml",
    ):
        assert file.exists()
        assert [reason for reason in LISTED_ELSEWHERE.values() if reason.endswith(file.name)]


def test_a_bare_field_deep_inside_is_refused_under_the_name_of_its_own_model() -> None:
    class Inner(Part):
        colour: str

    class Middle(Part):
        inner: Annotated[tuple[Inner, ...], Field(max_length=2)]

    class Outer(Part):
        middle: Middle | None

    assert lint_model(Outer) == ["Inner.colour: a bare str; use a classified type from slrt_contracts.types"]


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


def test_the_numbers_in_examples_are_invented(root: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in Layout(root).examples.rglob("*.json")]
    numbers = [number for text in texts for number in re.findall(r"(?<![0-9])[0-9]{16}(?![0-9])", text)]
    assert numbers
    assert [number for number in numbers if int(number[-4:]) < 9000] == []


def test_models_are_frozen_and_closed() -> None:
    expected = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    for event in EVENT_TYPES.values():
        assert {key: event.model_config.get(key) for key in expected} == expected
