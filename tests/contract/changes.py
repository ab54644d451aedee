"""Changes of an event's model, each with the verdict that it must get and events that prove it.

A change names the fields before and after. `breaks` says whom it breaks; for each of those there is an event, valid for
whoever wrote it, that the other side does not read as it was meant: `old_event` for today's reader, `new_event` for a
consumer that is not upgraded. `thing_id`, the key, is in every event and left out here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from contracts.codegen.containment import Lens
from pydantic import Field, create_model

from slrt_contracts.codes import Code, Open
from slrt_contracts.events import Event, Part
from slrt_contracts.types import (
    DATE_SHAPE,
    CaseId,
    DataClass,
    DistrictCode,
    NeedId,
    OfficeCode,
    SatisfiedFlag,
    UrgentFlag,
    classified,
)

OLD = frozenset((Lens.OLD_EVENTS,))
NEW = frozenset((Lens.OLD_READERS,))
BOTH = OLD | NEW
NOBODY: frozenset[Lens] = frozenset()

AN_ID = "01997c40-5a00-7001-8000-000000000001"


class Thing(Event):
    """A thing was seen."""

    TYPE: ClassVar[str] = "id.slrt.intake.thing-seen.v1"
    TOPIC: ClassVar[str] = "slrt.intake.case.v1"
    KEY: ClassVar[str] = "thing_id"

    thing_id: CaseId


@dataclass(frozen=True)
class Change:
    """A row of the table."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    breaks: frozenset[Lens] = NOBODY
    old_event: Mapping[str, Any] = field(default_factory=dict)
    new_event: Mapping[str, Any] = field(default_factory=dict)

    def models(self) -> tuple[type[Thing], type[Thing]]:
        """Return the event's model before and after."""
        before, after = (
            create_model("ThingSeen", __base__=Thing, __doc__=Thing.__doc__, **fields)  # type: ignore[call-overload]
            for fields in (self.before, self.after)
        )
        return before, after


# -- building blocks ---------------------------------------------------------------------------------------------
def _list_of(*values: str) -> type[Code]:
    return Code("Colour", {value.upper().replace(" ", "_"): value for value in values})


def _text(pattern: str, longest: int = 40, **more: Any) -> Any:
    return Annotated[str, classified(DataClass.CODE, "Words.", pattern=pattern, max_length=longest, **more)]


def _count(least: int, most: int) -> Any:
    return Annotated[int, classified(DataClass.COUNT, "How many.", strict=True, ge=least, le=most)]


def _many(item: Any, least: int = 0, most: int = 3) -> Any:
    return Annotated[tuple[item, ...], Field(min_length=least, max_length=most)]


def _part(name: str = "Side", **fields: Any) -> Any:
    return create_model(name, __base__=Part, **fields)


RED, RED_BLUE, BLUE = _list_of("red"), _list_of("red", "blue"), _list_of("blue")
BLUE_RED, RED_DARK_BLUE = _list_of("blue", "red"), _list_of("red", "dark blue")
DAY = Annotated[date, classified(DataClass.DATE, "A day.", shape=DATE_SHAPE, strict=True)]
MOMENT = Annotated[datetime, classified(DataClass.DATE, "A moment.")]
MEASURE = Annotated[float, classified(DataClass.COUNT, "How much.", ge=0, le=9)]
ANY_DAY, WORD, CODE_WORD = _text(DATE_SHAPE), _text("^[a-z]{2,8}$"), _text("^[a-z]{2,9}-?$")
FLAG = (UrgentFlag, ...)
MAYBE = (SatisfiedFlag | None, None)
SIDE, WIDE_SIDE = _part(flag=FLAG), _part(flag=FLAG, more=MAYBE)

COMPATIBLE = {
    "nothing": Change({"a": FLAG}, {"a": FLAG}),
    "optional field added": Change({}, {"a": MAYBE}),
    "optional field with a default added": Change({}, {"a": (_count(0, 9), 0)}),
    "optional list added": Change({}, {"a": (_many(CaseId), ())}),
    "optional part added": Change({}, {"a": (SIDE | None, None)}),
    "optional field added inside a list of parts": Change({"a": (_many(SIDE), ...)}, {"a": (_many(WIDE_SIDE), ...)}),
    "optional field added inside an optional part": Change({"a": (SIDE | None, None)}, {"a": (WIDE_SIDE | None, None)}),
    "value added to an extensible list": Change({"a": (Open[RED], ...)}, {"a": (Open[RED_BLUE], ...)}),
    "value added to an extensible list inside a list": Change(
        {"a": (_many(Open[RED]), ...)}, {"a": (_many(Open[RED_BLUE]), ...)}
    ),
    "values of a list in another order": Change({"a": (RED_BLUE, ...)}, {"a": (BLUE_RED, ...)}),
    "closed list becomes extensible": Change({"a": (RED, ...)}, {"a": (Open[RED], ...)}),
    "extensible list becomes closed": Change({"a": (Open[RED], ...)}, {"a": (RED, ...)}),
    "extensible list becomes a text in the form of its codes": Change(
        {"a": (Open[RED], ...)}, {"a": (_text("^[a-z]{2,8}$"), ...)}
    ),
    "part under another name": Change({"a": (SIDE, ...)}, {"a": (_part("Edge", flag=FLAG), ...)}),
    "one part told as two equal ones": Change(
        {"a": (SIDE, ...), "b": (SIDE, ...)}, {"a": (SIDE, ...), "b": (_part("Edge", flag=FLAG), ...)}
    ),
    "fields in another order": Change({"a": FLAG, "b": MAYBE}, {"b": MAYBE, "a": FLAG}),
    "other words of description": Change({"a": FLAG}, {"a": (Annotated[UrgentFlag, Field(description="Now!")], ...)}),
    "another class of the same values": Change(
        {"a": (_text("^[a-z]{2}$"), ...)},
        {"a": (Annotated[str, classified(DataClass.OFFICE, "An office.", pattern="^[a-z]{2}$", max_length=40)], ...)},
    ),
    "length bound raised that the pattern already holds": Change(
        {"a": (_text("^[a-z]{2}$", 2), ...)}, {"a": (_text("^[a-z]{2}$", 20), ...)}
    ),
    "pattern written another way": Change(
        {"a": (_text("^[a-z][a-z]$"), ...)}, {"a": (_text("^([a-m]|[n-z]){2}$"), ...)}
    ),
    "whole number above 0 instead of from 1": Change(
        {"a": (_count(1, 9), ...)},
        {"a": (Annotated[int, classified(DataClass.COUNT, "How many.", strict=True, gt=0, le=9)], ...)},
    ),
    "default that was null written out": Change({"a": (SatisfiedFlag | None, None)}, {"a": MAYBE}),
}

BREAKS_READERS_OF_OLD_EVENTS = {
    "required field added": Change({}, {"a": FLAG}, OLD, old_event={}),
    "required field added inside a list of parts": Change(
        {"a": (_many(SIDE), ...)},
        {"a": (_many(_part(flag=FLAG, more=FLAG)), ...)},
        OLD,
        old_event={"a": [{"flag": True}]},
    ),
    "optional field becomes required": Change({"a": MAYBE}, {"a": (SatisfiedFlag | None, ...)}, OLD, old_event={}),
    "optional field removed": Change({"a": MAYBE}, {}, OLD, old_event={"a": True}),
    "optional field removed inside a list of parts": Change(
        {"a": (_many(WIDE_SIDE), ...)},
        {"a": (_many(SIDE), ...)},
        OLD,
        old_event={"a": [{"flag": True, "more": False}]},
    ),
    "optional field renamed": Change({"a": MAYBE}, {"b": MAYBE}, OLD, old_event={"a": True}),
    "null no longer taken": Change({"a": (CaseId | None, ...)}, {"a": (CaseId, ...)}, OLD, old_event={"a": None}),
    "value removed from a closed list": Change({"a": (RED_BLUE, ...)}, {"a": (RED, ...)}, OLD, old_event={"a": "blue"}),
    "value removed from an extensible list": Change(
        {"a": (Open[RED_BLUE], ...)}, {"a": (Open[RED], ...)}, OLD, old_event={"a": "blue"}
    ),
    "value renamed in an extensible list": Change(
        {"a": (Open[RED], ...)}, {"a": (Open[BLUE], ...)}, OLD, old_event={"a": "red"}
    ),
    "maximum lowered": Change({"a": (_count(0, 9), ...)}, {"a": (_count(0, 8), ...)}, OLD, old_event={"a": 9}),
    "minimum raised": Change({"a": (_count(0, 9), ...)}, {"a": (_count(1, 9), ...)}, OLD, old_event={"a": 0}),
    "fewer items allowed": Change(
        {"a": (_many(CaseId, 0, 3), ...)}, {"a": (_many(CaseId, 0, 1), ...)}, OLD, old_event={"a": [AN_ID, AN_ID]}
    ),
    "items needed": Change(
        {"a": (_many(CaseId, 0, 3), ...)}, {"a": (_many(CaseId, 1, 3), ...)}, OLD, old_event={"a": []}
    ),
    "pattern narrowed": Change({"a": (CODE_WORD, ...)}, {"a": (WORD, ...)}, OLD, old_event={"a": "abc-"}),
    "longest text shortened": Change(
        {"a": (_text("^[a-z]+$", 9), ...)}, {"a": (_text("^[a-z]+$", 8), ...)}, OLD, old_event={"a": "abcdefghi"}
    ),
    "text becomes a list": Change({"a": (WORD, ...)}, {"a": (RED, ...)}, OLD, old_event={"a": "green"}),
    "text becomes a date": Change({"a": (ANY_DAY, ...)}, {"a": (DAY, ...)}, OLD, old_event={"a": "2026-13-45"}),
    "branch of a union removed": Change(
        {"a": (CaseId | UrgentFlag, ...)}, {"a": (CaseId, ...)}, OLD, old_event={"a": True}
    ),
    "fraction becomes a whole number": Change(
        {"a": (MEASURE, ...)}, {"a": (_count(0, 9), ...)}, OLD, old_event={"a": 1.5}
    ),
}

BREAKS_CONSUMERS_NOT_YET_UPGRADED = {
    "required field becomes optional": Change({"a": (CaseId, ...)}, {"a": (CaseId | None, None)}, NEW, new_event={}),
    "required field gets a default": Change({"a": (_count(0, 9), ...)}, {"a": (_count(0, 9), 0)}, NEW, new_event={}),
    "required field becomes optional inside a list of parts": Change(
        {"a": (_many(SIDE), ...)},
        {"a": (_many(_part(flag=(UrgentFlag, False))), ...)},
        NEW,
        new_event={"a": [{}]},
    ),
    "null allowed": Change({"a": (CaseId, ...)}, {"a": (CaseId | None, ...)}, NEW, new_event={"a": None}),
    "null allowed among items": Change(
        {"a": (_many(CaseId), ...)}, {"a": (_many(CaseId | None), ...)}, NEW, new_event={"a": [None]}
    ),
    "value added to a closed list": Change({"a": (RED, ...)}, {"a": (RED_BLUE, ...)}, NEW, new_event={"a": "blue"}),
    "closed list becomes extensible and gains a value": Change(
        {"a": (RED, ...)}, {"a": (Open[RED_BLUE], ...)}, NEW, new_event={"a": "blue"}
    ),
    "value in no form of a code added to an extensible list": Change(
        {"a": (Open[RED], ...)}, {"a": (Open[RED_DARK_BLUE], ...)}, NEW, new_event={"a": "dark blue"}
    ),
    "maximum raised": Change({"a": (_count(0, 8), ...)}, {"a": (_count(0, 9), ...)}, NEW, new_event={"a": 9}),
    "minimum lowered": Change({"a": (_count(1, 9), ...)}, {"a": (_count(0, 9), ...)}, NEW, new_event={"a": 0}),
    "more items allowed": Change(
        {"a": (_many(CaseId, 0, 1), ...)}, {"a": (_many(CaseId, 0, 3), ...)}, NEW, new_event={"a": [AN_ID, AN_ID]}
    ),
    "no item allowed": Change(
        {"a": (_many(CaseId, 1, 3), ...)}, {"a": (_many(CaseId, 0, 3), ...)}, NEW, new_event={"a": []}
    ),
    "pattern widened": Change({"a": (WORD, ...)}, {"a": (CODE_WORD, ...)}, NEW, new_event={"a": "abc-"}),
    "longest text lengthened": Change(
        {"a": (_text("^[a-z]+$", 8), ...)}, {"a": (_text("^[a-z]+$", 9), ...)}, NEW, new_event={"a": "abcdefghi"}
    ),
    "closed list becomes a text": Change({"a": (RED, ...)}, {"a": (WORD, ...)}, NEW, new_event={"a": "green"}),
    "extensible list becomes a text in another form": Change(
        {"a": (Open[RED], ...)}, {"a": (_text("^[a-z.]{3}$"), ...)}, NEW, new_event={"a": "a.b"}
    ),
    "date becomes a text": Change({"a": (DAY, ...)}, {"a": (ANY_DAY, ...)}, NEW, new_event={"a": "2026-13-45"}),
    "branch of a union added": Change(
        {"a": (CaseId, ...)}, {"a": (CaseId | UrgentFlag, ...)}, NEW, new_event={"a": True}
    ),
    "whole number becomes a fraction": Change(
        {"a": (_count(0, 9), ...)}, {"a": (MEASURE, ...)}, NEW, new_event={"a": 1.5}
    ),
}

BREAKS_BOTH = {
    "required field removed": Change({"a": FLAG}, {}, BOTH, old_event={"a": True}, new_event={}),
    "required field renamed": Change({"a": FLAG}, {"b": FLAG}, BOTH, old_event={"a": True}, new_event={"b": True}),
    "required field moved into a part": Change(
        {"flag": FLAG}, {"a": (SIDE, ...)}, BOTH, old_event={"flag": True}, new_event={"a": {"flag": True}}
    ),
    "optional field with a default removed": Change(
        {"a": (_count(0, 9), 3)}, {}, BOTH, old_event={"a": 4}, new_event={}
    ),
    "default changed": Change({"a": (_count(0, 9), 0)}, {"a": (_count(0, 9), 1)}, BOTH, old_event={}, new_event={}),
    "default given to what was null": Change(
        {"a": (CaseId | None, None)}, {"a": (CaseId | None, UUID(AN_ID))}, BOTH, old_event={}, new_event={}
    ),
    "default taken away": Change({"a": (SatisfiedFlag | None, True)}, {"a": MAYBE}, BOTH, old_event={}, new_event={}),
    "default changed inside a list of parts": Change(
        {"a": (_many(_part(n=(_count(0, 9), 0))), ...)},
        {"a": (_many(_part(n=(_count(0, 9), 1))), ...)},
        BOTH,
        old_event={"a": [{}]},
        new_event={"a": [{}]},
    ),
    "another type": Change({"a": FLAG}, {"a": (_count(0, 1), ...)}, BOTH, old_event={"a": True}, new_event={"a": 1}),
    "one becomes a list of one": Change(
        {"a": (CaseId, ...)}, {"a": (_many(CaseId), ...)}, BOTH, old_event={"a": AN_ID}, new_event={"a": [AN_ID]}
    ),
    "list of one becomes one": Change(
        {"a": (_many(CaseId), ...)}, {"a": (CaseId, ...)}, BOTH, old_event={"a": [AN_ID]}, new_event={"a": AN_ID}
    ),
    "items of another type": Change(
        {"a": (_many(CaseId), ...)},
        {"a": (_many(DistrictCode), ...)},
        BOTH,
        old_event={"a": [AN_ID]},
        new_event={"a": ["12.74.05"]},
    ),
    "id becomes a text": Change(
        {"a": (NeedId, ...)}, {"a": (WORD, ...)}, BOTH, old_event={"a": AN_ID}, new_event={"a": "green"}
    ),
    "part becomes an id": Change(
        {"a": (SIDE, ...)}, {"a": (CaseId, ...)}, BOTH, old_event={"a": {"flag": True}}, new_event={"a": AN_ID}
    ),
    "another form of text": Change(
        {"a": (OfficeCode, ...)},
        {"a": (DistrictCode, ...)},
        BOTH,
        old_event={"a": "12.74.PLN"},
        new_event={"a": "12.74.05"},
    ),
    "day becomes a moment": Change(
        {"a": (DAY, ...)},
        {"a": (MOMENT, ...)},
        BOTH,
        old_event={"a": "2026-07-01"},
        new_event={"a": "2026-07-01T08:00:00Z"},
    ),
    "value renamed in a closed list": Change(
        {"a": (RED, ...)}, {"a": (BLUE, ...)}, BOTH, old_event={"a": "red"}, new_event={"a": "blue"}
    ),
    "bounds moved": Change(
        {"a": (_count(1, 5), ...)}, {"a": (_count(3, 9), ...)}, BOTH, old_event={"a": 1}, new_event={"a": 9}
    ),
    "pattern moved": Change(
        {"a": (_text("^[a-m]{2}$"), ...)},
        {"a": (_text("^[k-z]{2}$"), ...)},
        BOTH,
        old_event={"a": "aa"},
        new_event={"a": "zz"},
    ),
    "branch of a union exchanged": Change(
        {"a": (CaseId | UrgentFlag, ...)},
        {"a": (CaseId | _count(0, 9), ...)},
        BOTH,
        old_event={"a": True},
        new_event={"a": 7},
    ),
}

CHANGES: Mapping[str, Change] = (
    COMPATIBLE | BREAKS_READERS_OF_OLD_EVENTS | BREAKS_CONSUMERS_NOT_YET_UPGRADED | BREAKS_BOTH
)
