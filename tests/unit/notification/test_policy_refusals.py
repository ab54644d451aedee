"""What is wrong with a messages.yaml is refused, by the name of the entry."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from slrt_notification.policy.loader import PolicyError, load_policy, parse_policy

PACKAGED = resources.files("slrt_notification.policy").joinpath("messages.yaml").read_text(encoding="utf-8")
CASE_CLOSED = "id.slrt.intake.case-closed.v1"

Edit = Callable[[dict[str, Any]], object]


def problems(edit: Edit) -> str:
    """What the loader says of the packaged file after the edit; "" when it takes it."""
    data = yaml.safe_load(PACKAGED)
    edit(data)
    return refusal(yaml.safe_dump(data, allow_unicode=True))


def refusal(text: str) -> str:
    """What the loader says of the text."""
    try:
        parse_policy(text, origin="edited.yaml")
    except PolicyError as error:
        return str(error)
    return ""


def rule(data: dict[str, Any], **changed: Any) -> None:
    """Append a rule for CaseClosed, changed, in place of the packaged one."""
    data["rules"] = [r for r in data["rules"] if r["event"] != CASE_CLOSED]
    data["rules"].append({"event": CASE_CLOSED, "template": "case-closed", "channels": ["email"]} | changed)


def stage(words: str) -> Edit:
    """Other Indonesian words for the closing."""
    return lambda data: data["templates"]["case-closed"]["stage"].update(id=words)


def mail(**changed: str) -> Edit:
    """Another Indonesian mail."""
    return lambda data: data["layouts"]["standard"]["email"]["id"].update(changed)


BAD_EDITS: dict[str, tuple[Edit, str]] = {
    "unknown event": (
        lambda data: rule(data, event="id.slrt.intake.case-vanished.v1"),
        "(id.slrt.intake.case-vanished.v1): unknown event; known: id.slrt.intake.case-registered.v1",
    ),
    "event that is not for residents": (
        lambda data: rule(data, event="id.slrt.registry.person-recorded.v1"),
        "(id.slrt.registry.person-recorded.v1): unknown event",
    ),
    "unknown template": (
        lambda data: rule(data, template="case-forgotten"),
        f"({CASE_CLOSED}): unknown template 'case-forgotten'",
    ),
    "template code of one word": (lambda data: rule(data, template="closed"), "template: String should match"),
    "unknown channel": (lambda data: rule(data, channels=["pigeon"]), "channels.0: Input should be"),
    "no channel": (lambda data: rule(data, channels=[]), "channels: List should have at least 1 item"),
    "channel twice": (lambda data: rule(data, channels=["email", "email"]), "a channel stands twice"),
    "condition on an unknown field": (
        lambda data: rule(data, when={"mood": "good"}),
        f"({CASE_CLOSED}).when.mood: CaseClosed has no field 'mood'",
    ),
    "condition with an impossible value": (
        lambda data: rule(data, when={"closed_by": "nobody"}),
        ".when.closed_by: closed_by cannot be 'nobody'",
    ),
    "condition with a value of another type": (
        lambda data: rule(data, when={"satisfied": "yes, very"}),
        ".when.satisfied: satisfied cannot be 'yes, very'",
    ),
    "condition without value": (lambda data: rule(data, when={"closed_by": []}), ".when.closed_by: names no value"),
    "condition inside what is no list": (
        lambda data: rule(data, when={"closed_by.name": "x"}),
        ".when.closed_by.name: CaseClosed has no list 'closed_by'",
    ),
    "condition on an unknown field of a list": (
        lambda data: rule(
            data, event="id.slrt.intake.case-resolved.v1", template="case-resolved", when={"outcomes.mood": "x"}
        ),
        ".when.outcomes.mood: NeedOutcome has no field 'mood'",
    ),
    "rule that is never reached": (
        lambda data: data["rules"].append(data["rules"][0]),
        "(id.slrt.intake.case-registered.v1): never reached",
    ),
    "misspelt key": (lambda data: rule(data, chanels=["email"]), "chanels: Extra inputs are not permitted"),
    "unknown layout": (
        lambda data: data["templates"]["case-closed"].update(layout="fancy"),
        "templates.case-closed.layout: unknown layout 'fancy'; known: code, question, standard",
    ),
    "code in the message of another event": (
        lambda data: data["templates"]["case-closed"].update(layout="code"),
        f"({CASE_CLOSED}): template 'case-closed' has no place for the code, or one where none is sent",
    ),
    "code request without a place for the code": (
        lambda data: data["templates"]["resident-code"].update(layout="standard"),
        "(id.slrt.intake.resident-code-requested.v1): template 'resident-code' has no place for the code",
    ),
    "layout with the code in one language alone": (
        lambda data: data["layouts"]["code"]["whatsapp"]["en"].update(text="{ticket_number} {stage}"),
        "layouts.code.whatsapp.en.text: {code} is missing",
    ),
    "code in a subject": (
        lambda data: data["layouts"]["code"]["email"]["id"].update(subject="{ticket_number} {code}"),
        "layouts.code.email.id.subject: unknown placeholder {code}",
    ),
    "code that reaches inside": (
        lambda data: data["layouts"]["code"]["whatsapp"]["id"].update(text="{ticket_number} {stage} {code.__class__}"),
        "layouts.code.whatsapp.id.text: unknown placeholder {code.__class__}",
    ),
    "stage without English": (
        lambda data: data["templates"]["case-closed"]["stage"].pop("en"),
        "templates.case-closed.stage.en: is missing",
    ),
    "layout without English": (
        lambda data: data["layouts"]["question"]["whatsapp"].pop("en"),
        "layouts.question.whatsapp.en: is missing",
    ),
    "layout without a channel": (
        lambda data: data["layouts"]["question"].pop("email"),
        "layouts.question.email.id: is missing",
    ),
    "unknown language": (
        lambda data: data["templates"]["case-closed"]["stage"].update(jv="wis rampung"),
        "templates.case-closed.stage.jv: Input should be 'id' or 'en'",
    ),
    "unknown placeholder": (
        mail(text="Bapak {name}: tiket {ticket_number} {stage}"),
        "layouts.standard.email.id.text: unknown placeholder {name}; only {ticket_number} and {stage} may stand here",
    ),
    "placeholder that reaches inside": (
        mail(text="{ticket_number} {stage.__class__} {stage}"),
        "layouts.standard.email.id.text: unknown placeholder {stage.__class__}",
    ),
    "placeholder by position": (mail(text="{} {ticket_number} {stage}"), "unknown placeholder {}"),
    "placeholder with a conversion": (mail(text="{ticket_number!r} {stage}"), "unknown placeholder {ticket_number}"),
    "brace left open": (
        mail(text="{ticket_number} {stage"),
        "layouts.standard.email.id.text: expected '}' before end of string",
    ),
    "text without the stage": (
        mail(text="Ada kabar untuk tiket {ticket_number}"),
        "layouts.standard.email.id.text: {stage} is missing",
    ),
    "text without the ticket": (mail(text="Kabar: {stage}"), "layouts.standard.email.id.text: {ticket_number} is"),
    "text too long": (mail(text="{ticket_number} {stage}" + "x" * 600), "longer than 600 characters"),
    "mail without subject": (
        lambda data: data["layouts"]["standard"]["email"]["id"].pop("subject"),
        "layouts.standard.email.id.subject: is missing",
    ),
    "subject of two lines": (mail(subject="Tiket\nBcc: x"), "layouts.standard.email.id.subject: must be one line"),
    "subject on a channel that has none": (
        lambda data: data["layouts"]["standard"]["whatsapp"]["id"].update(subject="Tiket"),
        "layouts.standard.whatsapp.id.subject: whatsapp has no subject",
    ),
    "stage with a placeholder": (stage("tiket {ticket_number}"), "templates.case-closed.stage.id: a stage has no"),
    "empty stage": (stage("  "), "templates.case-closed.stage.id: must be one line of text"),
    "stage that names a programme": (
        stage("bantuan PKH Anda disetujui"),
        "templates.case-closed.stage.id: 'PKH' tells what the case is about",
    ),
    "stage that names a programme by its label": (
        stage("program keluarga harapan disetujui"),
        "templates.case-closed.stage.id: 'program keluarga harapan' tells",
    ),
    "stage that names a sector": (
        stage("diteruskan ke dinas kesehatan"),
        "templates.case-closed.stage.id: 'kesehatan' tells what the case is about",
    ),
    "layout that names a need": (
        mail(text="Perbaikan jalan: {ticket_number} {stage}"),
        "layouts.standard.email.id.text: 'Perbaikan jalan' tells",
    ),
    "number that may be somebody's": (stage("hubungi 081200009901"), "templates.case-closed.stage.id: holds a long"),
    "expiry of nothing": (lambda data: data.update(expires_after_hours=0), "expires_after_hours: Input should be"),
    "version of tomorrow": (lambda data: data.update(version=2), "version: Input should be 1"),
}


@pytest.mark.parametrize("name", BAD_EDITS)
def test_a_bad_edit_is_refused_by_the_name_of_the_entry(name: str) -> None:
    edit, said = BAD_EDITS[name]
    assert said in problems(edit)


def test_all_problems_are_said_at_once() -> None:
    def edit(data: dict[str, Any]) -> None:
        stage("bantuan PKH")(data)
        rule(data, event="id.slrt.intake.case-vanished.v1")

    said = problems(edit)
    assert "edited.yaml cannot be used" in said
    assert "tells what the case is about" in said
    assert "unknown event" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [", "not YAML"),
        ("", "the file: Input should be a valid dictionary"),
        ("- a list", "the file: Input should be a valid dictionary"),
        (PACKAGED + "\nversion: 1\n", "'version' stands twice"),
        ("? [a, b]\n: 1\n", "not YAML"),
        ("a: *nowhere\n", "not YAML"),
    ],
)
def test_a_file_that_is_no_policy_is_refused(text: str, said: str) -> None:
    assert said in refusal(text)


def test_an_offices_own_file_is_named_in_the_refusal(tmp_path: Path) -> None:
    own = tmp_path / "pesan.yaml"
    own.write_text("version: 1\n", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"pesan\.yaml cannot be used:\n  expires_after_hours: Field required"):
        load_policy(own)


def test_an_edit_that_is_allowed_is_taken() -> None:
    assert problems(stage("urusan Anda sudah selesai")) == ""
    assert problems(lambda data: rule(data, when={"closed_by": ["resident", "policy"], "satisfied": True})) == ""
