"""For any expression: it means what the library says, more facts never undo it, and no smaller set turns it."""

from collections.abc import Iterator
from itertools import combinations, product

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slrt_kit.policy.expressions import (
    Context,
    Expression,
    Fact,
    Facts,
    FactType,
    Value,
    compile_expression,
    flag,
    number,
)
from slrt_kit.policy.expressions.boxes import lacking, meet, without
from slrt_kit.policy.expressions.library import evaluate
from slrt_kit.problems import Text

DISTRICTS = ("12.74.05", "12.74.06", "34.04.07")
CONTEXT = Context.of(
    [
        flag("urgent", Text("mendesak", "urgent")),
        number("decile", Text("desil", "decile"), 1, 3),
        Fact(
            name="need.line",
            type=FactType.CODE,
            label=Text("garis", "line"),
            values=("yellow", "white", "unknown"),
            unstated="unknown",
        ),
        Fact(name="district", type=FactType.CODE, label=Text("kecamatan", "district"), knows=lambda code: "." in code),
    ]
)
VALUES: dict[str, tuple[Value, ...]] = {
    name: fact.values or (*DISTRICTS, "99.99.99") for name, fact in CONTEXT.facts.items()
}
TYPES = {name: fact.type for name, fact in CONTEXT.facts.items()}

# A busy machine is no fault of the rules.
steady = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)


def _quoted(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


@st.composite
def clauses(draw: st.DrawFn) -> str:
    """A comparison of one fact."""
    name = draw(st.sampled_from(sorted(VALUES)))
    values = VALUES[name][:3]
    one = _quoted(draw(st.sampled_from(values)))
    several = ", ".join(_quoted(each) for each in draw(st.lists(st.sampled_from(values), min_size=1, max_size=2)))
    operators = ["==", "!="] + (["<", "<=", ">", ">="] if name == "decile" else [])
    shapes = [f"{name} {operator} {one}" for operator in operators] + [f"{name} in [{several}]"]
    return draw(st.sampled_from(shapes + (["urgent", "!urgent"] if name == "urgent" else [])))


expressions = st.recursive(
    st.one_of(clauses(), clauses(), st.sampled_from(["true", "false"])),
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("{} || {}".format, inner, inner),
        st.builds("!({})".format, inner),
    ),
    max_leaves=6,
)
compiled = expressions.map(lambda text: compile_expression(text, CONTEXT))
complete = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})
partial = st.fixed_dictionaries(
    {name: st.one_of(st.none(), st.sampled_from(values)) for name, values in VALUES.items()}
)


@steady
@given(expression=compiled, facts=complete)
def test_on_complete_facts_the_verdict_is_the_librarys(expression: Expression, facts: dict[str, Value]) -> None:
    verdict = expression.verdict(facts)
    assert verdict is evaluate(expression.text, TYPES, facts)
    # The boxes are the same thing in another form.
    assert any(not lacking(box, facts) for box in expression.holds) is verdict
    assert any(not lacking(box, facts) for box in expression.fails) is (not verdict)


@steady
@given(expression=compiled, facts=partial)
def test_what_is_decided_stays_decided_when_more_is_known(expression: Expression, facts: Facts) -> None:
    verdict = expression.verdict(facts)
    if verdict is not None:
        assert {expression.verdict(all_known) for all_known in _completions(facts)} == {verdict}


@steady
@given(expression=compiled, facts=partial)
def test_the_smallest_set_turns_the_verdict_and_no_smaller_one_does(expression: Expression, facts: Facts) -> None:
    explanation = expression.explain(facts)
    wanted = explanation.turned
    assert explanation.verdict is not wanted
    if explanation.changes is None:
        assert not any(expression.verdict(other) is wanted for other in _changed(facts, len(facts)))
        return
    for values in product(*(_values_of(change.to, change.all_but, change.fact) for change in explanation.changes)):
        names = [change.fact.name for change in explanation.changes]
        assert expression.verdict({**facts, **dict(zip(names, values, strict=True))}) is wanted
    size = len(explanation.changes)
    assert all(facts[change.fact.name] not in change.to or change.all_but for change in explanation.changes)
    assert not any(expression.verdict(other) is wanted for other in _changed(facts, size - 1))


@steady
@given(expression=compiled)
def test_what_cannot_be_turned_is_always_or_never_so(expression: Expression) -> None:
    everywhere = {expression.verdict(facts) for facts in _completions(dict.fromkeys(VALUES))}
    assert (True in everywhere) is bool(expression.holds)
    assert (False in everywhere) is bool(expression.fails)


@steady
@given(one=compiled, two=compiled, facts=complete)
def test_boxes_are_cut_and_met_exactly(one: Expression, two: Expression, facts: dict[str, Value]) -> None:
    left = without(one.holds, two.holds, CONTEXT.facts, most=10_000)
    inside = bool(one.verdict(facts)) and not two.verdict(facts)
    assert any(not lacking(box, facts) for box in left) is inside
    met = [box for first in one.holds for second in two.holds if (box := meet(first, second)) is not None]
    assert any(not lacking(box, facts) for box in met) is (one.verdict(facts) and two.verdict(facts))


def _completions(facts: Facts) -> Iterator[dict[str, Value]]:
    names = list(VALUES)
    for values in product(*(VALUES[name] if facts.get(name) is None else (facts[name],) for name in names)):
        yield dict(zip(names, values, strict=True))  # type: ignore[arg-type]  # none is None here


def _changed(facts: Facts, most: int) -> Iterator[Facts]:
    """The facts with at most so many of them supplied or changed."""
    for size in range(most + 1):
        for names in combinations(VALUES, size):
            for values in product(*(VALUES[name] for name in names)):
                yield {**facts, **dict(zip(names, values, strict=True))}


def _values_of(to: tuple[Value, ...], all_but: bool, fact: Fact) -> tuple[Value, ...]:
    return tuple(value for value in VALUES[fact.name] if value not in to) if all_but else to
