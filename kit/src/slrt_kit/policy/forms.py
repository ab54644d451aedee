"""The kind ``forms``: what is asked about a need, field by field, and which answers fit; no I/O.

An entry is one field; its key is the need's code, a dot, and the attribute that the answer is kept as
(``JALAN.asset_class``), so that a region changes one field and copies none. Answers are codes of the attribute, never
free text: they travel in events.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, NamedTuple

from slrt_contracts.catalogue import ATTRIBUTES, VALUE_LABELS
from slrt_contracts.codes import AttributeName, AttributeValue
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.expressions import Context, Expression, compile_expression
from slrt_kit.policy.routing.context import UNKNOWN, attribute_fact
from slrt_kit.problems import Text

KIND: Final = "forms"

Answers = Mapping[AttributeName, AttributeValue] | Mapping[str, str]
"""What was answered, by attribute."""

NOT_ASKED, NOT_AN_OPTION, MISSING = "not-asked", "not-an-option", "missing"
"""What may be wrong with an answer."""


@dataclass(frozen=True, slots=True)
class Field:
    """One question. ``options`` in the order in which they are shown; without ``shown_if`` it always is."""

    attribute: AttributeName
    label: Text
    help: Text | None
    required: bool
    options: tuple[AttributeValue, ...]
    shown_if: Expression | None

    def is_shown(self, answers: Answers) -> bool:
        """Whether it is asked, by what the other fields say; what nobody has answered is ``unknown``."""
        if self.shown_if is None:
            return True
        # By its boxes, which ask for no other answers: each registration asks this.
        return any(
            all(answers.get(_names()[fact], UNKNOWN) in values for fact, values in box.items())
            for box in self.shown_if.holds
        )


class WrongAnswer(NamedTuple):
    """What is wrong with the answer to a field, and in words."""

    attribute: str
    code: str
    detail: Text


@dataclass(frozen=True, slots=True)
class Form:
    """What is asked about one need. ``version`` names the policy that says so."""

    need: str
    version: str
    fields: Sequence[Field]

    def wrong(self, answers: Answers) -> Iterator[WrongAnswer]:
        """What is wrong with the answers. An attribute that the form does not have is nobody's mistake here: a device
        that was offline for days fills in the form of the day on which it left.
        """
        for field in self.fields:
            answer = answers.get(field.attribute)
            if not field.is_shown(answers):
                if answer is not None:
                    yield WrongAnswer(
                        field.attribute,
                        NOT_ASKED,
                        Text(
                            f"'{field.label.id}' tidak ditanyakan pada jawaban ini",
                            f"'{field.label.en}' is not asked with these answers",
                        ),
                    )
            elif answer is None:
                if field.required:
                    yield WrongAnswer(
                        field.attribute,
                        MISSING,
                        Text(f"jawab '{field.label.id}'", f"answer '{field.label.en}'"),
                    )
            elif answer not in field.options:
                yield WrongAnswer(field.attribute, NOT_AN_OPTION, _choose(field))


def _choose(field: Field) -> Text:
    words = [VALUE_LABELS[option] for option in field.options]
    return Text(
        f"'{field.label.id}': pilih {', '.join(word.id for word in words)}",
        f"'{field.label.en}': choose {', '.join(word.en for word in words)}",
    )


@cache
def form_context() -> Context:
    """What ``shown_if`` may ask: the attributes of the same need."""
    return Context.of([attribute_fact(name) for name in AttributeName])


@cache
def _names() -> Mapping[str, AttributeName]:
    return MappingProxyType({f"need.{name}": name for name in AttributeName})


def need_and_attribute(entry: Entry) -> tuple[str, str]:
    """What an entry's key says."""
    need, _, attribute = entry.key.rpartition(".")
    return need, attribute


def read_forms(policy: RegionPolicy) -> Mapping[str, Form]:
    """The forms of a region by the need's code, of entries in which nothing was found."""
    fields: dict[str, list[tuple[int, Field]]] = {}
    for entry in policy.entries(KIND).values():
        need, attribute = need_and_attribute(entry)
        fields.setdefault(need, []).append((entry.fields.get("order", 0), read_field(entry, AttributeName(attribute))))
    return {
        need: Form(need, policy.version, tuple(field for _, field in sorted(several, key=lambda each: each[0])))
        for need, several in fields.items()
    }


def read_field(entry: Entry, attribute: AttributeName) -> Field:
    """The field of an entry.

    Raises:
        PolicyError: its condition is wrong.
    """
    said = entry.fields
    shown_if = said.get("shown_if")
    options = said.get("options")
    every = [value for value in AttributeValue if value in ATTRIBUTES[attribute] and value != UNKNOWN]
    return Field(
        attribute,
        _text(said["label"]),
        _text(said["help"]) if "help" in said else None,
        said.get("required", False),
        (*every, AttributeValue.UNKNOWN) if options is None else tuple(AttributeValue(each) for each in options),
        None if shown_if is None else compile_expression(shown_if, form_context(), entry.place("shown_if")),
    )


def _text(said: Mapping[str, str]) -> Text:
    return Text(said["id"], said["en"])
