"""The forms of needs: what a frontend asks in a region, and which documents, as the policy in force has it."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from slrt_contracts.catalogue import VALUE_LABELS
from slrt_contracts.codes import AttributeName, AttributeValue, FileClass, NeedCode
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.domain.problems import UnknownRegionError
from slrt_intake.store.forms import NeedForms
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.words import Words
from slrt_kit.policy import forms
from slrt_kit.policy.entries import Entry
from slrt_kit.policy.forms import Form
from slrt_kit.policy.forms_schema import schema_of_answers
from slrt_kit.problems import NotFoundError
from slrt_kit.regions import NATION

router = APIRouter(tags=["forms"])

Reader = Annotated[Authorized, require("intake.case.read")]
Region = Annotated[
    str,
    Query(pattern=r"^[0-9]{2}(\.[0-9]{2}(\.[0-9]{2}(\.[0-9]{4})?)?)?$", description="`00` is the nation"),
]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", max_length=2000)]
NOT_MODIFIED = 304


class OptionView(BaseModel):
    """An answer that may be chosen."""

    value: AttributeValue
    label: Words


class FieldView(BaseModel):
    """A question; the answer goes to ``attributes`` of the need under the name of the attribute."""

    attribute: AttributeName
    label: Words
    help: Words | None
    required: bool = Field(description="where it is shown")
    options: list[OptionView]
    shown_if: str | None = Field(
        description="CEL over the other answers; null: always", examples=["need.asset_class == 'unknown'"]
    )


class DocumentView(BaseModel):
    """A document that the need asks for, and how a file says that it is one."""

    code: str
    label: Words
    help: Words | None
    file_class: FileClass
    mandatory: bool
    instead: list[str] = Field(description="codes of documents of which one will do in its place")


class FormView(BaseModel):
    """What is asked about a need in a region, by the version of the policy that is in force there."""

    need_code: NeedCode
    label: Words = Field(description="what the need is called there")
    region: str
    policy_version: str
    fields: list[FieldView] = Field(description="in the order in which they are asked")
    answers_schema: dict[str, Any] = Field(description="JSON Schema 2020-12 of the need's `attributes`")
    documents: list[DocumentView]


class FormsView(BaseModel):
    """The forms of a region, of all needs that can be stated there."""

    region: str
    policy_version: str
    forms: list[FormView]


@router.get("/forms", response_model=FormsView)
async def list_forms(_: Reader, parts: Parts, region: Region = NATION, if_none_match: IfNoneMatch = None) -> Response:
    """The forms of all needs in a region, for a device that goes offline. Ask again with ``If-None-Match``."""
    known = _in_force(parts, region)
    view = FormsView(
        region=region,
        policy_version=known.version,
        forms=[_form(NeedCode(code), region, known) for code in known.needs],
    )
    return _answer(view, if_none_match)


@router.get("/forms/{need_code}", response_model=FormView)
async def get_form(
    need_code: Annotated[str, Path(max_length=40)],
    _: Reader,
    parts: Parts,
    region: Region = NATION,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """What is asked about one need in a region. 404 where the need cannot be stated there."""
    known = _in_force(parts, region)
    if need_code not in known.needs:
        raise NotFoundError
    return _answer(_form(NeedCode(need_code), region, known), if_none_match)


def _in_force(parts: IntakeParts, region: str) -> NeedForms:
    if region != NATION and parts.regions.get(region) is None:
        raise UnknownRegionError
    return parts.forms.at(region, parts.database.clock.now())


def _answer(view: BaseModel, if_none_match: str | None) -> Response:
    """With an ETag of the content (RFC 9110 section 13.1.2): it changes with the policy, and with the program."""
    body = view.model_dump_json().encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    wanted = {each.strip().removeprefix("W/") for each in (if_none_match or "").split(",")}
    if etag in wanted or "*" in wanted:
        return Response(status_code=NOT_MODIFIED, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def _form(need: NeedCode, region: str, known: NeedForms) -> FormView:
    form = known.forms.get(need) or Form(need, known.version, ())
    return FormView(
        need_code=need,
        label=_label(known.needs[need].fields["label"]),
        region=region,
        policy_version=known.version,
        fields=[_field(field) for field in form.fields],
        answers_schema=schema_of_answers(form),
        documents=[_document(each) for each in _asked_for(known.documents.values(), need)],
    )


def _asked_for(documents: Iterable[Entry], need: str) -> Iterable[Entry]:
    return (document for document in documents if need in document.fields["needs"])


def _field(field: forms.Field) -> FieldView:
    return FieldView(
        attribute=field.attribute,
        label=Words.of(field.label),
        help=None if field.help is None else Words.of(field.help),
        required=field.required,
        options=[
            OptionView(value=each, label=Words(id=VALUE_LABELS[each].id, en=VALUE_LABELS[each].en))
            for each in field.options
        ],
        shown_if=None if field.shown_if is None else field.shown_if.text,
    )


def _document(entry: Entry) -> DocumentView:
    said = entry.fields
    return DocumentView(
        code=entry.key,
        label=_label(said["label"]),
        help=_label(said["help"]) if "help" in said else None,
        file_class=FileClass(said["file_class"]),
        mandatory=said["mandatory"],
        instead=list(said.get("instead", ())),
    )


def _label(said: Mapping[str, str]) -> Words:
    return Words(id=said["id"], en=said["en"])
