"""Read what devices in the field hand in: item by item, whatever it is."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID, uuid5

import orjson
from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator

from slrt_intake.api.registration_schemas import MAX_PERSONS, LongText, RegisterCaseBody
from slrt_intake.domain.fact import NOTE
from slrt_intake.domain.field_item import ItemKind, RawItem, Reason
from slrt_intake.domain.visit import VisitResult
from slrt_intake.usecases.field import CaseContent, Content, VisitContent
from slrt_intake.usecases.observing import FactsContent, Place
from slrt_kit.clock import NewId
from slrt_kit.http.bodies import Body, Count
from slrt_kit.policy.checklists import CODE, MOST_TEXT

MOST_SEQUENCE: Final = 2**53
MOST_ANSWERS: Final = 100
_YEARS: Final = range(1900, 9000)
"""A clock may be off by decades; what lies beyond no calendar here can count with."""
_MOST_KIND: Final = 40
_MOST_ERRORS: Final = 20

FactCode = Annotated[str, StringConstraints(pattern=f"^{CODE.pattern}$")]


def _answer(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str) and len(value) <= MOST_TEXT:
        return value
    if isinstance(value, list) and len(value) <= MOST_ANSWERS and all(isinstance(each, str) for each in value):
        return value
    raise ValueError("bukan jawaban / not an answer")


class PlaceBody(Body):
    """What something is about, by exactly one of the three; ``case_item`` is the item that registers the case."""

    case_id: UUID | None = None
    case_item: UUID | None = None
    visit_id: UUID | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if [self.case_id, self.case_item, self.visit_id].count(None) != 2:  # noqa: PLR2004 — of three
            raise ValueError("tepat satu dari case_id, case_item, visit_id / exactly one of them")
        return self

    def place(self) -> Place:
        """As the use case takes it."""
        return Place(case_id=self.case_id, case_item=self.case_item, visit_id=self.visit_id)


class AnswersBody(Body):
    """What was observed: answers by the code of the question; ``replaces`` are facts that the observer had seen."""

    checklist: FactCode | None = None
    answers: dict[FactCode, Any] = Field(min_length=1, max_length=MOST_ANSWERS)
    replaces: list[UUID] = Field(default_factory=list, max_length=1000)

    @field_validator("answers")
    @classmethod
    def _can_be_answers(cls, answers: dict[str, Any]) -> dict[str, Any]:
        return {code: _answer(value) for code, value in answers.items()}


class FactsPayload(PlaceBody, AnswersBody):
    """Of an item ``facts``. A person is named by id, or as ``person_ref`` of an item that registers a case."""

    person_id: UUID | None = None
    person_ref: Count | None = Field(default=None, ge=0, lt=MAX_PERSONS)

    def place(self) -> Place:
        """As the use case takes it."""
        return Place(
            case_id=self.case_id,
            case_item=self.case_item,
            visit_id=self.visit_id,
            person_id=self.person_id,
            person_ref=self.person_ref,
        )


class VisitResultPayload(PlaceBody):
    """Of an item ``visit_result``: of an assigned visit, or of one that nobody planned, by its case."""

    result: VisitResult


class NotePayload(PlaceBody):
    """Of an item ``note``: words that answer no question."""

    text: LongText


def raw_item(position: int, said: Any, *, device_id: UUID, fingerprint: Callable[[bytes], bytes]) -> RawItem:
    """An item as it came. Whatever it is, it gets a receipt, so whatever it is it gets an id."""
    item = said if isinstance(said, Mapping) else {}
    content = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    parts = {name: item.get(name) for name in ("kind", "made_at", "payload")}
    errors: list[Mapping[str, str]] = []
    item_id, sequence = _id(item.get("id")), item.get("sequence")
    is_number = isinstance(sequence, int) and not isinstance(sequence, bool) and 0 < sequence <= MOST_SEQUENCE
    kind, made_at = item.get("kind"), moment(item.get("made_at"))
    for name, is_right in (
        ("id", item_id is not None),
        ("sequence", is_number),
        ("kind", isinstance(kind, str) and 0 < len(kind) <= _MOST_KIND and kind.isprintable()),
        ("made_at", made_at is not None),
        ("payload", isinstance(item.get("payload"), Mapping)),
    ):
        if not is_right:
            errors.append({"pointer": f"/{name}", "code": "missing" if item.get(name) is None else "not-this-type"})
    is_placed = item_id is not None and is_number
    mark = fingerprint(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS) if is_placed else content)
    return RawItem(
        position=position,
        item_id=item_id if is_placed and item_id is not None else uuid5(device_id, mark.hex()),
        sequence=int(sequence) if is_placed and isinstance(sequence, int) else 0,
        kind=kind if isinstance(kind, str) and 0 < len(kind) <= _MOST_KIND and kind.isprintable() else None,
        made_at=made_at,
        content=said,
        fingerprint=mark,
        unreadable=errors,
        is_placed=is_placed,
    )


def moment(written: Any) -> datetime | None:
    """A time as devices write it (ISO 8601 with its offset), in UTC; None where it is none."""
    if not isinstance(written, str):
        return None
    try:
        at = datetime.fromisoformat(written)
        if at.tzinfo is None or at.year not in _YEARS:
            return None
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _id(written: Any) -> UUID | None:
    try:
        return UUID(written) if isinstance(written, str) else None
    except ValueError:
        return None


class ItemReader:
    """Reads what items say."""

    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id

    def __call__(self, raw: RawItem) -> Content | Reason | list[dict[str, str]]:
        """The content; or why there is none, or where it does not fit."""
        reader = _READERS.get(raw.kind or "")
        if reader is None:
            return Reason.UNKNOWN_KIND
        try:
            return reader(orjson.dumps(raw.content["payload"]), self._new_id)
        except ValidationError as error:
            # The values are left out on purpose: they may be somebody's.
            return [
                {"pointer": "/" + "/".join(str(part) for part in ("payload", *each["loc"])), "code": each["type"]}
                for each in error.errors(include_input=False, include_url=False)[:_MOST_ERRORS]
            ]


def _case(payload: bytes, new_id: NewId) -> Content:
    return CaseContent(command=RegisterCaseBody.model_validate_json(payload).command(new_id))


def _facts(payload: bytes, _: NewId) -> Content:
    body = FactsPayload.model_validate_json(payload)
    return FactsContent(
        place=body.place(), checklist=body.checklist, answers=body.answers, knew=frozenset(body.replaces)
    )


def _visit_result(payload: bytes, _: NewId) -> Content:
    body = VisitResultPayload.model_validate_json(payload)
    return VisitContent(place=body.place(), result=body.result)


def _note(payload: bytes, _: NewId) -> Content:
    body = NotePayload.model_validate_json(payload)
    return FactsContent(place=body.place(), checklist=None, answers={NOTE: body.text})


_READERS: Final[Mapping[str, Callable[[bytes, NewId], Content]]] = {
    ItemKind.CASE: _case,
    ItemKind.FACTS: _facts,
    ItemKind.VISIT_RESULT: _visit_result,
    ItemKind.NOTE: _note,
}
