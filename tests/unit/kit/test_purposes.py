"""The table of purposes: what is wrong in it is refused by name, and who may state which is what is written here."""

from collections.abc import Callable
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import pytest
import yaml

from slrt_contracts.codes import LookPurpose
from slrt_kit.access import Principal, TokenFacts
from slrt_kit.http.purposes import PurposeNotYoursError, PurposeRequiredError, UnknownPurposeError, stated
from slrt_kit.purposes import Basis, PurposesError, Recipient, parse_purposes, possible_purposes, purpose_table

TEXT = resources.files("slrt_kit").joinpath("purposes.yaml").read_text(encoding="utf-8")
Spoil = Callable[[dict[str, Any]], object]


def _spoilt(spoil: Spoil, code: str = "additional-assistance") -> str:
    data = yaml.safe_load(TEXT)
    spoil(data["purposes"][code])
    return str(yaml.safe_dump(data))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda e: e.update(basis="curiosity"), "basis curiosity is none"),
        (lambda e: e.update(dpv="https://example.org/x"), "dpv does not begin"),
        (lambda e: e.update(law=""), "law says nothing"),
        (lambda e: e.update(label={"id": "x"}), "label is in id and en"),
        (lambda e: e.update(label="x"), "label is in id and en"),
        (lambda e: e.update(recipient="neighbour"), "recipient neighbour is none"),
        (lambda e: e.update(recipient="desk", keep_days=None), "only what goes to an office rests on consent"),
        (lambda e: e.update(roles=[]), "a office states it by roles"),
        (lambda e: e.update(roles=["partners"]), "roles ['partners'] are not in access.yaml"),
        (lambda e: e.update(clients=["slrt-web"]), "a office states it by roles, and by nothing else"),
        (lambda e: e.pop("keep_days"), "keep_days, 1 to 3650"),
        (lambda e: e.update(keep_days=0), "keep_days, 1 to 3650"),
        (lambda e: e.update(keep_days=True), "keep_days, 1 to 3650"),
        (lambda e: e.update(keep_days="a year"), "keep_days, 1 to 3650"),
        (lambda e: e.update(shows={}), "shows nothing"),
        (lambda e: e.update(shows={"diary": {}}), "shows diary, which is none of"),
        (lambda e: e.update(shows={"case-parties": {"clear": ["religion"]}}), "case-parties has no religion"),
        (lambda e: e.update(shows={"case-parties": {"clean": ["nik"]}}), "has clear and masked, and nothing else"),
        (lambda e: e.update(shows={"case-parties": {"masked": ["address"]}}), "address cannot be masked"),
        (lambda e: e.update(shows={"case-parties": {"clear": ["nik"], "masked": ["nik"]}}), "both clear and masked"),
        (
            lambda e: e.update(shows={"case-parties": {"clear": ["birth_date"], "masked": ["nik"]}}),
            "with a clear birth date a masked nik could be filled in again",
        ),
        (lambda e: e.update(shows={"case-parties": {"masked": ["name"]}}), "case-parties: name cannot be masked"),
        (lambda e: e.update(shows={"export": {"masked": ["name", "address"]}}), "export: address cannot be masked"),
        (lambda e: e.update(shows={"export": {"clear": ["ticket_number"]}}), "export has no ticket_number"),
        (
            lambda e: e.update(shows={"export": {"clear": ["birth_date"], "masked": ["nik"]}}),
            "with a clear birth date a masked nik could be filled in again",
        ),
        (lambda e: e.update(withdrawal="stops"), "and nothing else"),
        (lambda e: e.pop("basis"), "and nothing else"),
    ],
)
def test_what_is_wrong_with_a_purpose_is_said_under_its_name(spoil: Spoil, said: str) -> None:
    with pytest.raises(PurposesError, match=r"^additional-assistance: ") as refused:
        parse_purposes(_spoilt(spoil))
    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "version: 1", "version: 1\npurposes: []", TEXT + "\nmore: 1"])
def test_what_is_no_table_of_purposes_is_refused(text: str) -> None:
    with pytest.raises(PurposesError):
        parse_purposes(text)


def test_a_name_that_is_no_code_is_refused() -> None:
    with pytest.raises(PurposesError, match="Rasa ingin tahu: is no code"):
        parse_purposes(TEXT.replace("  letter:", "  Rasa ingin tahu:"))


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(PurposesError) as refused:
        parse_purposes(_spoilt(lambda e: e.update(basis="x", law="", roles=["y"])))
    assert len(str(refused.value).splitlines()) == 3


# -- who may state what ---------------------------------------------------------------------------------------------


def _caller(*roles: str, client: str | None = "slrt-web") -> Principal:
    token = None if client is None else TokenFacts(id="t", client=client, issued_at=0.0, key="k")
    return Principal("tester", frozenset(roles), "12.74", "12.74.BAZNAS", datetime(2030, 1, 1, tzinfo=UTC), token)


DESK = {"case-handling", "identity-check", "contact-resident", "letter", "data-correction"}


@pytest.mark.parametrize(
    ("caller", "resource", "may"),
    [
        (_caller("facilitator"), "case-parties", {"case-handling", "contact-resident"}),
        (_caller("front_office"), "case-parties", DESK),
        (_caller("manager"), "person", DESK - {"contact-resident"}),
        (_caller("coordinator"), "person", {"case-handling"}),
        (_caller("opd_officer"), "case-parties", {"referral-service", "emergency-help", "additional-assistance"}),
        (_caller("partner"), "case-parties", {"emergency-help", "additional-assistance"}),
        (_caller("partner"), "person", set()),
        (_caller("service", client="slrt-registry"), "case-parties", {"registry-record"}),
        (_caller("service", client="slrt-notification"), "case-contact", {"resident-message"}),
        (_caller("service", client="slrt-notification"), "case-parties", set()),
        (_caller("service", client=None), "case-parties", set()),
        # The name of a machine in the hand of a person opens nothing.
        (_caller("facilitator", client="slrt-registry"), "case-contact", set()),
        (_caller("leadership"), "case-parties", set()),
        (
            _caller("back_office"),
            "export",
            {"case-handling", "contact-resident", "reporting", "programme-matching", "data-update"},
        ),
        (_caller("supervisor"), "export", {"case-handling", "reporting", "supervision"}),
        (_caller("opd_officer", "partner"), "export", set()),
        (_caller("service", client="slrt-registry"), "export", set()),
        (_caller("service", client="slrt-referral"), "family", set()),
    ],
)
def test_who_may_state_what_is_what_is_written_here(caller: Principal, resource: str, may: set[str]) -> None:
    assert set(possible_purposes(caller, resource)) == may


@pytest.mark.parametrize(
    ("purpose", "refusal"),
    [
        (None, PurposeRequiredError),
        ("curiosity", UnknownPurposeError),
        ("referral-service", PurposeNotYoursError),
        ("letter", PurposeNotYoursError),
    ],
)
def test_a_refusal_lists_what_is_possible(purpose: str | None, refusal: type[Any]) -> None:
    with pytest.raises(refusal) as refused:
        stated(purpose, _caller("facilitator"), "case-parties")
    assert refused.value.extra["possible"] == ("case-handling", "contact-resident")


# -- the table in force ---------------------------------------------------------------------------------------------


def test_only_what_goes_to_an_office_rests_on_consent_and_every_office_has_a_time_to_keep_it() -> None:
    for purpose in purpose_table().purposes.values():
        assert purpose.needs_consent is (purpose.basis is Basis.CONSENT)
        assert not purpose.needs_consent or purpose.recipient is Recipient.OFFICE
        assert (purpose.keep_days is not None) is (purpose.recipient is Recipient.OFFICE)


def test_the_bases_are_the_six_of_the_law_in_its_order() -> None:
    assert [basis.letter for basis in Basis] == list("abcdef")
    assert Basis.CONSENT.dpv == "https://w3id.org/dpv#Consent"


def test_every_purpose_can_be_told_to_the_resident_by_its_own_name() -> None:
    assert set(LookPurpose) == {*purpose_table().purposes, LookPurpose.OTHER, LookPurpose.NOT_STATED}
