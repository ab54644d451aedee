"""The kind ``checklists``: what is asked and looked at when a household is visited, question by question; no I/O.

An entry is one question; its key is the checklist's code, a dot, and the code of the fact that its answer becomes
(``housing.earth_floor``), so that a region changes one question and copies none. Answers are kept sealed and stand in
no event: so they may be text, which those of `forms` may not.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.problems import Text

KIND: Final = "checklists"
CODE: Final = re.compile(r"[a-z0-9][a-z0-9_]{0,59}")
"""What the code of a checklist and of a fact looks like."""
MOST_TEXT: Final = 2000
"""Characters of an answer in words."""

Answer = bool | int | float | str | Sequence[str]
"""What was answered: the type depends on the question."""


class AnswerKind(StrEnum):
    """What kind of answer a question takes."""

    YES_NO = "yes_no"
    CHOICE = "choice"
    CHOICES = "choices"
    WHOLE_NUMBER = "whole_number"
    NUMBER = "number"
    TEXT = "text"
    DAY = "day"


CHOOSING: Final = frozenset((AnswerKind.CHOICE, AnswerKind.CHOICES))
COUNTING: Final = frozenset((AnswerKind.WHOLE_NUMBER, AnswerKind.NUMBER))


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``options`` by code in the order in which they are shown; bounds are inclusive."""

    code: str
    label: Text
    help: Text | None
    answer: AnswerKind
    options: Mapping[str, Text]
    least: float | None
    most: float | None
    order: int

    def takes(self, answer: object) -> bool:
        """Whether that can be the answer."""
        return _TAKES[self.answer](self, answer)

    def is_option(self, answer: object) -> bool:
        """Whether that is one of the options."""
        return isinstance(answer, str) and answer in self.options

    def are_options(self, answer: object) -> bool:
        """Whether these are options, each once."""
        return isinstance(answer, list) and all(map(self.is_option, answer)) and len(set(answer)) == len(answer)

    def is_number(self, answer: object, kinds: type[int] | tuple[type[int], type[float]]) -> bool:
        """Whether that is such a number, and within the bounds."""
        return isinstance(answer, kinds) and not isinstance(answer, bool) and self._is_within(answer)

    def _is_within(self, number: float) -> bool:
        return (self.least is None or number >= self.least) and (self.most is None or number <= self.most)


_TAKES: Final[Mapping[AnswerKind, Callable[[Question, object], bool]]] = MappingProxyType(
    {
        AnswerKind.YES_NO: lambda _, answer: isinstance(answer, bool),
        AnswerKind.CHOICE: Question.is_option,
        AnswerKind.CHOICES: Question.are_options,
        AnswerKind.WHOLE_NUMBER: lambda question, answer: question.is_number(answer, int),
        AnswerKind.NUMBER: lambda question, answer: question.is_number(answer, (int, float)),
        AnswerKind.TEXT: lambda _, answer: isinstance(answer, str) and 0 < len(answer.strip()) <= MOST_TEXT,
        AnswerKind.DAY: lambda _, answer: isinstance(answer, str) and _is_day(answer),
    }
)


@dataclass(frozen=True, slots=True)
class Checklists:
    """The checklists of a region. ``version`` names the policy that says so; ``questions`` by checklist, in order."""

    version: str
    questions: Mapping[str, Sequence[Question]]

    def question(self, checklist: str | None, code: str) -> Question | None:
        """The question whose answer is the fact of that code; of any checklist where none is named."""
        asked = self.questions.values() if checklist is None else [self.questions.get(checklist, ())]
        return next((each for questions in asked for each in questions if each.code == code), None)


def checklist_and_code(entry: Entry) -> tuple[str, str]:
    """What an entry's key says."""
    checklist, _, code = entry.key.partition(".")
    return checklist, code


def read_checklists(policy: RegionPolicy) -> Checklists:
    """The checklists of a region, of entries in which nothing was found."""
    found: dict[str, list[Question]] = {}
    for entry in policy.entries(KIND).values():
        checklist, code = checklist_and_code(entry)
        found.setdefault(checklist, []).append(_question(code, entry.fields))
    return Checklists(
        policy.version,
        MappingProxyType(
            {name: tuple(sorted(several, key=lambda each: each.order)) for name, several in found.items()}
        ),
    )


def codes(policy: RegionPolicy) -> Iterator[str]:
    """The codes of the checklists of a region."""
    return iter(sorted({checklist_and_code(entry)[0] for entry in policy.entries(KIND).values()}))


def _question(code: str, said: Mapping[str, Any]) -> Question:
    return Question(
        code=code,
        label=_text(said["label"]),
        help=_text(said["help"]) if "help" in said else None,
        answer=AnswerKind(said["answer"]),
        options={each["code"]: _text(each["label"]) for each in said.get("options", ())},
        least=said.get("least"),
        most=said.get("most"),
        order=said.get("order", 0),
    )


def _text(said: Mapping[str, str]) -> Text:
    return Text(said["id"], said["en"])


def _is_day(written: str) -> bool:
    try:
        return date.fromisoformat(written).isoformat() == written
    except ValueError:
        return False
