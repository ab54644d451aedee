"""Writing is strict and reading is open: today's consumer lives with tomorrow's producer."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest
from contracts.codegen.schemas import event_schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.contract.payloads import payloads

from slrt_contracts import catalogue, codes
from slrt_contracts.codes import AttributeName, NeedCode, ProgrammeCode, UnknownCode
from slrt_contracts.events import (
    EVENT_TYPES,
    CaseClosed,
    CaseRegistered,
    Event,
    NeedAttribute,
    UndecodableEventError,
    UnknownEventTypeError,
    decode_event,
)

EXAMPLE = "contracts/examples/id.slrt.intake.case-registered.v1/good-one-report-four-needs.json"


@pytest.fixture
def registered(root: Path) -> dict[str, Any]:
    """A payload of today, free to be made into one of tomorrow."""
    payload: dict[str, Any] = json.loads((root / EXAMPLE).read_text())
    return payload


def test_fields_of_a_newer_producer_are_passed_over_at_every_depth(registered: dict[str, Any]) -> None:
    today = CaseRegistered.decode(json.dumps(registered))
    registered["colour"] = "green"
    registered["needs"][0]["colour"] = "green"
    registered["needs"][0]["attributes"][0]["colour"] = "green"
    assert CaseRegistered.decode(json.dumps(registered)) == today


def test_codes_of_a_newer_producer_are_kept_as_they_came(registered: dict[str, Any]) -> None:
    registered["channel"] = "satellite"
    registered["needs"][0]["need_code"] = "MOON-BUS"
    registered["needs"][0]["attributes"][0] = {"name": "gravity", "value": "low"}
    event = CaseRegistered.decode(json.dumps(registered))
    assert event.channel == UnknownCode("satellite")
    assert isinstance(event.needs[0].need_code, UnknownCode)
    assert event.needs[1].need_code is NeedCode.PIP
    assert event.needs[0].attributes[0].name == "gravity"
    assert catalogue.NEEDS.get(event.needs[0].need_code) is None
    assert json.loads(event.encode())["needs"][0]["need_code"] == "MOON-BUS"


def test_a_known_name_with_a_newer_value_is_read(registered: dict[str, Any]) -> None:
    registered["needs"][0]["attributes"][0] = {"name": "grid_nearby", "value": "yellow"}
    assert CaseRegistered.decode(json.dumps(registered)).needs[0].attributes[0].value == "yellow"


@pytest.mark.parametrize("code", ["rumah tanpa listrik", "", "1274055405909001", "a" * 41, 7, None, "a\n"])
def test_an_unknown_code_still_has_the_shape_of_a_code(registered: dict[str, Any], code: Any) -> None:
    registered["channel"] = code
    with pytest.raises(UndecodableEventError) as refusal:
        CaseRegistered.decode(json.dumps(registered))
    assert refusal.value.problems == ("channel: not a value of the code list Channel",)


def test_an_unknown_code_cannot_be_written(registered: dict[str, Any]) -> None:
    registered["channel"] = UnknownCode("satellite")
    with pytest.raises(ValidationError, match="not a value of the code list Channel"):
        CaseRegistered(**registered)


def test_an_unknown_field_cannot_be_written(registered: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        CaseRegistered(**registered | {"colour": "green"})


def test_an_unknown_value_of_a_closed_list_is_undecodable() -> None:
    payload = {"case_id": str(UUID(int=1)), "closed_by": "weather"}
    with pytest.raises(UndecodableEventError, match=r"^id\.slrt\.intake\.case-closed\.v1: closed_by: "):
        CaseClosed.decode(json.dumps(payload))


@pytest.mark.parametrize("payload", [b"", b"{", b"null", b"[]", b'"text"', b"\xff\xfe", b'{"case_id": NaN}'])
def test_what_is_no_event_is_undecodable_and_says_so_with_its_type(payload: bytes) -> None:
    with pytest.raises(UndecodableEventError) as refusal:
        decode_event(CaseClosed.TYPE, payload)
    assert refusal.value.event_type == CaseClosed.TYPE
    assert refusal.value.problems


def test_the_message_of_an_undecodable_event_repeats_no_value() -> None:
    payload = {"case_id": "Siti Aminah", "closed_by": "0812-0000-9901", "satisfied": "1274055405909001"}
    with pytest.raises(UndecodableEventError) as refusal:
        CaseClosed.decode(json.dumps(payload))
    assert not [value for value in payload.values() if value in str(refusal.value)]


def test_a_type_that_this_build_does_not_know_is_told_from_a_broken_one() -> None:
    with pytest.raises(UnknownEventTypeError):
        decode_event("id.slrt.intake.case-reopened.v1", b"{}")


@pytest.mark.parametrize(
    ("name", "value"), [("grid_nearby", "yellow"), ("has_nik", "identity_card"), ("centre_line", "yes")]
)
def test_a_value_that_does_not_belong_to_its_attribute_cannot_be_written(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} cannot be {value}"):
        NeedAttribute(name=name, value=value)


def test_the_key_of_an_event_is_the_text_of_its_id() -> None:
    event = CaseClosed(case_id=UUID("01997C40-5A00-7001-8000-000000000001"), closed_by="policy")
    assert event.partition_key == "01997c40-5a00-7001-8000-000000000001"


# -- the schema and the model are one ------------------------------------------------------------------------
@pytest.mark.parametrize("event", EVENT_TYPES.values(), ids=lambda event: event.__name__)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_what_the_schema_allows_the_model_takes_and_writes_back(event: type[Event], data: st.DataObject) -> None:
    schema = event_schema(event)
    payload = data.draw(payloads(schema))
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    validator.validate(payload)
    written = event.model_validate_json(json.dumps(payload))
    validator.validate(json.loads(written.encode()))
    assert event.decode(written.encode()) == written
    assert written.partition_key == payload[event.KEY]


# -- the tables behind the lists -------------------------------------------------------------------------------
def test_every_code_has_its_row_and_every_row_its_code() -> None:
    assert set(catalogue.PROGRAMMES) == set(ProgrammeCode)
    assert set(catalogue.NEEDS) == set(NeedCode)
    assert set(catalogue.SECTORS) == set(codes.Sector)
    assert set(catalogue.FUNCTIONS) == set(codes.FunctionCode)
    assert set(catalogue.OUTCOMES) == set(codes.OutcomeCode)
    assert set(catalogue.ATTRIBUTES) == set(AttributeName)
    assert set().union(*catalogue.ATTRIBUTES.values()) == set(codes.AttributeValue)


def test_every_sector_has_a_programme_and_every_programme_a_need_of_its_name_and_sector() -> None:
    assert {programme.sector for programme in catalogue.PROGRAMMES.values()} == set(codes.Sector)
    for programme in catalogue.PROGRAMMES.values():
        need = catalogue.NEEDS[programme.code]
        assert (need.programme, need.sector) == (programme.code, programme.sector)
    local = {need.code for need in catalogue.NEEDS.values() if need.programme is None}
    kept_close = {NeedCode.KEKERASAN, NeedCode.ANAK, NeedCode.HIV}
    assert local == {NeedCode.DOMISILI, NeedCode.SKTM, NeedCode.LAINNYA} | kept_close
    assert kept_close < catalogue.SENSITIVE_NEEDS < set(catalogue.NEEDS)
