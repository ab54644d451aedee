"""What an expression may ask: facts with their types, the values that each may have, and the words for them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from slrt_kit.problems import Text

Value = bool | int | str
Facts = Mapping[str, Value | None]
"""The facts of one case by name; None or left out: not known."""

YES_NO: Mapping[Value, Text] = MappingProxyType({True: Text("ya", "yes"), False: Text("tidak", "no")})


class FactType(StrEnum):
    """The types, by their names in CEL; a code is a string of a list."""

    BOOL = "bool"
    INT = "int"
    CODE = "string"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One name that expressions may use.

    ``values`` is everything that it may be, in the order in which it is shown; empty for a list that is too long to
    write down, then ``knows`` says what is in it. ``unstated`` is the value that means that nobody knows yet. A
    ``fixed`` fact is never among the changes that would turn a verdict: a case is not moved to get another answer.
    """

    name: str
    type: FactType
    label: Text
    values: tuple[Value, ...] = ()
    labels: Mapping[Value, Text] = field(default_factory=lambda: MappingProxyType({}))
    knows: Callable[[str], bool] | None = None
    unstated: Value | None = None
    fixed: bool = False

    def has(self, value: Value) -> bool:
        """Whether it may have the value."""
        return value in self.values if self.knows is None else isinstance(value, str) and self.knows(value)

    def word(self, value: Value) -> Text:
        """The value for people; a code without words stands for itself."""
        return self.labels.get(value) or Text(str(value), str(value))


def flag(name: str, label: Text) -> Fact:
    """A fact that is true or false."""
    return Fact(name=name, type=FactType.BOOL, label=label, values=(True, False), labels=YES_NO)


def number(name: str, label: Text, least: int, most: int) -> Fact:
    """A whole number between two bounds, both included, such as a decile; a thousand values at most.

    Raises:
        ValueError: the bounds are too far apart, or the wrong way round.
    """
    if not 0 <= most - least < 1000:  # noqa: PLR2004 — see above
        raise ValueError(f"{name}: {least} to {most} is not a range of 1 to 1000 numbers")
    return Fact(name=name, type=FactType.INT, label=label, values=tuple(range(least, most + 1)))


@dataclass(frozen=True, slots=True)
class Context:
    """The facts that the expressions of one kind of rule may ask, by name."""

    facts: Mapping[str, Fact]

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> "Context":
        """A context of these facts."""
        return cls(MappingProxyType({fact.name: fact for fact in facts}))
