"""Expressions in rules: CEL over typed facts, compiled when a policy is checked, explained when it decides."""

from dataclasses import dataclass

from slrt_kit.policy.expressions.boxes import Box, nearest
from slrt_kit.policy.expressions.clauses import Constant, Node
from slrt_kit.policy.expressions.explaining import Change, ClauseVerdict, Explanation, changes_of
from slrt_kit.policy.expressions.facts import Context, Fact, Facts, FactType, Value, flag, number
from slrt_kit.policy.expressions.reading import Reader
from slrt_kit.policy.findings import Place, PolicyError

__all__ = [
    "Change",
    "ClauseVerdict",
    "Context",
    "Explanation",
    "Expression",
    "Fact",
    "FactType",
    "Facts",
    "Value",
    "always",
    "compile_expression",
    "flag",
    "number",
]


_NOWHERE = Place("expression")


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. Make it by `compile_expression`.

    ``holds`` are the boxes in which it is true, ``fails`` those in which it is false.
    """

    text: str
    context: Context
    root: Node
    holds: tuple[Box, ...]
    fails: tuple[Box, ...]

    def verdict(self, facts: Facts) -> bool | None:
        """True, false, or None: the facts that are known do not decide it."""
        return self.root.verdict(facts)

    def explain(self, facts: Facts) -> Explanation:
        """The verdict with each clause, and a smallest set of facts that would turn it."""
        verdict = self.root.verdict(facts)
        known = self.context.facts
        return Explanation(
            verdict,
            tuple(ClauseVerdict(each, facts.get(each.name), each.verdict(facts)) for each in self.root.clauses()),
            changes_of(nearest(self.fails if verdict else self.holds, facts, known), facts, known),
        )


def compile_expression(text: str, context: Context, place: Place = _NOWHERE) -> Expression:
    """The expression of a text over the facts of a context.

    Raises:
        PolicyError: each thing that is wrong with it, at ``place``.
    """
    reader = Reader(text, context, place)
    root = reader.read()
    if root is None:
        raise PolicyError(reader.findings)
    return _expression(text, context, root)


def _expression(text: str, context: Context, root: Node) -> Expression:
    return Expression(text, context, root, root.boxes(wanted=True), root.boxes(wanted=False))


def always(context: Context) -> Expression:
    """The expression of a rule that names none."""
    return _expression("true", context, Constant(is_so=True))
