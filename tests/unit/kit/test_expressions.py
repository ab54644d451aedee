"""Expressions of rules: what is refused, and with which words; then what they say of facts that are not known."""

import pytest

from slrt_kit.policy.expressions import Context, Fact, Facts, FactType, always, compile_expression, flag, number
from slrt_kit.policy.findings import Place, PolicyError
from slrt_kit.problems import Text

ROAD = Fact(
    name="need.road",
    type=FactType.CODE,
    label=Text("kelas jalan", "class of the road"),
    values=("national", "village", "unknown"),
    labels={"national": Text("jalan nasional", "national road"), "village": Text("jalan desa", "village road")},
    unstated="unknown",
)
CONTEXT = Context.of(
    [
        ROAD,
        flag("urgent", Text("mendesak", "urgent")),
        flag("insured", Text("punya JKN", "insured")),
        number("decile", Text("desil", "decile"), 1, 10),
        Fact(
            name="district",
            type=FactType.CODE,
            label=Text("kecamatan", "district"),
            knows=lambda code: code.startswith("12."),
            fixed=True,
        ),
    ]
)
HERE = Place("00/routing.yaml", 7)


REFUSED = [
    # -- syntax
    ("", "expression-syntax", "does not end"),
    ("   ", "expression-syntax", "does not end"),
    ("urgent &&", "expression-syntax", "does not end"),
    ("(urgent", "expression-syntax", "does not end"),
    ("urgent)", "expression-syntax", "at column 7"),
    ("urgent and insured", "expression-syntax", "at column 8"),
    ("urgent = true", "expression-syntax", "at column 8"),
    ("need.road == 'national", "expression-syntax", "not CEL"),
    ("urgent # always", "expression-syntax", "not CEL"),
    # -- names
    ("urgnet", "unknown-name", "urgnet is unknown"),
    ("need.rode == 'national'", "unknown-name", "need.rode is unknown"),
    ("need == 'national'", "unknown-name", "need is unknown"),
    ("need.road.length == 3", "unknown-name", "need.road.length"),
    # -- types
    ("need.road", "wrong-type", "not true or false"),
    ("decile", "wrong-type", "not true or false"),
    ("'national'", "wrong-type", "not true or false"),
    ("7", "wrong-type", "not true or false"),
    ("need.road == 3", "wrong-type", "compared with 3"),
    ("need.road == true", "wrong-type", "compared with true"),
    ("decile == '4'", "wrong-type", "compared with '4'"),
    ("decile == 4.0", "wrong-type", "compared with something else"),
    ("decile == null", "wrong-type", "compared with something else"),
    ("urgent == 'true'", "wrong-type", "compared with 'true'"),
    ("urgent in ['yes']", "wrong-type", "compared with 'yes'"),
    ("need.road < 'village'", "wrong-type", "no order"),
    ("urgent > false", "wrong-type", "no order"),
    ("need.road in []", "wrong-type", "not empty"),
    ("need.road in 'national'", "wrong-type", "must be a list"),
    ("need.road in [urgent]", "wrong-type", "compared with something else"),
    # -- codes
    ("need.road == 'provincial'", "unknown-code", "cannot be provincial"),
    ("need.road in ['national', 'adult']", "unknown-code", "cannot be adult"),
    ("need.road != ''", "unknown-code", "cannot be"),
    ("decile == 11", "unknown-code", "cannot be 11"),
    ("decile == -1", "unknown-code", "cannot be -1"),
    ("district == '99.01.01'", "unknown-code", "cannot be 99.01.01"),
    # -- what CEL can and a rule must not
    ("need.road == need.road", "not-allowed", "one fact with constants"),
    ("urgent == insured", "not-allowed", "one fact with constants"),
    ("'national' in need.road", "not-allowed", "one fact with constants"),
    ("1 == 1", "not-allowed", "one fact with constants"),
    ("decile + 1 == 4", "not-allowed", "one fact with constants"),
    ("decile * 2 > 4", "not-allowed", "one fact with constants"),
    ("urgent ? insured : true", "not-allowed", "not allowed in a rule"),
    ("has(need.road)", "not-allowed", "not allowed in a rule"),
    ("need.road.matches('(a+)+$')", "not-allowed", "not allowed in a rule"),
    ("need.road.startsWith('nat')", "not-allowed", "not allowed in a rule"),
    ("size(need.road) == 3", "not-allowed", "one fact with constants"),
    ("[1, 2].all(x, x > 0)", "not-allowed", "not allowed in a rule"),
    ("['a'].exists(x, need.road == x)", "not-allowed", "not allowed in a rule"),
    ("[urgent][0]", "not-allowed", "not allowed in a rule"),
    ("{'a': urgent}.a", "not-allowed", "not allowed in a rule"),
    ("-decile == 4", "not-allowed", "one fact with constants"),
    ("need['road'] == 'national'", "not-allowed", "one fact with constants"),
    ("dyn(urgent)", "not-allowed", "not allowed in a rule"),
    # -- cost
    ("urgent || " * 100 + "insured", "too-costly", "more than 1000 characters"),
    (" || ".join(["urgent"] * 25), "too-costly", "more than 24 clauses"),
    ("(" * 40 + "urgent" + ")" * 40, "too-costly", "nested too deep"),
    ("[" * 400, "too-costly", "nested too deep"),
    ("!" * 401 + "urgent", None, ""),  # the parser makes one of them
    ("-" * 901 + "decile == 1", "not-allowed", "column 909"),
    (
        " && ".join(f"(decile == {n} || urgent || insured || need.road == 'village')" for n in range(1, 7)),
        None,
        "",
    ),
]


@pytest.mark.parametrize(("text", "code", "says"), REFUSED)
def test_what_a_rule_must_not_say_is_refused_at_its_line(text: str, code: str | None, says: str) -> None:
    if code is None:
        compile_expression(text, CONTEXT, HERE)
        return
    with pytest.raises(PolicyError) as refusal:
        compile_expression(text, CONTEXT, HERE)
    finding = refusal.value.findings[0]
    assert (finding.place, finding.code) == (HERE, code), finding.line()
    assert says in finding.line()
    assert finding.what.id
    assert finding.remedy.id
    assert finding.remedy.en


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(PolicyError) as refusal:
        compile_expression("urgnet || decile == 11 && need.road < 'village'", CONTEXT, HERE)
    assert [finding.code for finding in refusal.value.findings] == ["unknown-code", "unknown-name", "wrong-type"]


def test_an_entangled_expression_is_refused() -> None:
    names = [f"f{n}" for n in range(20)]
    context = Context.of(flag(name, Text(name, name)) for name in names)
    pairs = " && ".join(f"({one} || {two})" for one, two in zip(names[::2], names[1::2], strict=True))
    with pytest.raises(PolicyError, match="too many combinations"):
        compile_expression(pairs, context, HERE)


# -- three values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "facts", "verdict"),
    [
        ("urgent", {}, None),
        ("urgent", {"urgent": None}, None),
        ("!urgent", {}, None),
        ("urgent && insured", {"insured": False}, False),
        ("urgent && insured", {"insured": True}, None),
        ("urgent || insured", {"insured": True}, True),
        ("urgent || insured", {"insured": False}, None),
        ("urgent || !urgent", {}, None),
        ("!(urgent && insured)", {"insured": False}, True),
        ("urgent == false", {"urgent": False}, True),
        ("true", {}, True),
        ("false || insured", {"insured": True}, True),
        ("decile <= 4", {"decile": 4}, True),
        ("4 >= decile", {"decile": 5}, False),
        ("decile in [1, 2]", {"decile": 2}, True),
        ("need.road in ['national', 'unknown']", {"need.road": "unknown"}, True),
        ("need.road != 'national'", {"need.road": "village"}, True),
        # A code of a release to come is no answer, neither yes nor no.
        ("need.road != 'national'", {"need.road": "toll_road"}, None),
        ("district == '12.74.05'", {"district": "12.74.06"}, False),
        ("district != '12.74.05'", {"district": "34.04.07"}, True),
        ('need.road == "village" // of the village', {"need.road": "village"}, True),
    ],
)
def test_unknown_is_neither_true_nor_false(text: str, facts: Facts, verdict: bool | None) -> None:
    assert compile_expression(text, CONTEXT).verdict(facts) is verdict


# -- explanation --------------------------------------------------------------------------------------------------


def test_each_clause_is_told_with_what_would_turn_the_whole() -> None:
    explanation = compile_expression("need.road == 'national' && decile <= 2 && !urgent", CONTEXT).explain(
        {"need.road": "unknown", "decile": 4, "urgent": False}
    )
    assert explanation.verdict is False
    assert [each.sentence.en for each in explanation.clauses] == [
        "class of the road is national road: false (nobody stated it)",
        "decile is 1 or 2: false (it is 4)",
        "urgent: false",
    ]
    assert explanation.changes is not None
    assert [change.sentence.en for change in explanation.changes] == [
        "supply class of the road: national road",
        "change decile from 4 to 1 or 2",
    ]
    assert [text.id for text in explanation.sentences][3:] == [
        "isi kelas jalan: jalan nasional",
        "ubah desil dari 4 menjadi 1 atau 2",
    ]


def test_what_is_not_known_is_supplied_before_what_is_known_is_changed() -> None:
    explanation = compile_expression("urgent || insured", CONTEXT).explain({"urgent": False})
    assert explanation.verdict is None
    assert explanation.changes is not None
    assert [change.fact.name for change in explanation.changes] == ["insured"]


def test_of_two_ways_the_shorter_one_is_told_wherever_it_stands() -> None:
    for text in ("urgent && insured || decile == 1", "decile == 1 || urgent && insured"):
        explanation = compile_expression(text, CONTEXT).explain({"urgent": False, "insured": False, "decile": 2})
        assert explanation.changes is not None
        assert [change.fact.name for change in explanation.changes] == ["decile"]


def test_a_true_verdict_is_turned_to_false() -> None:
    explanation = compile_expression("urgent || insured", CONTEXT).explain({"urgent": True, "insured": True})
    assert not explanation.turned
    assert explanation.changes is not None
    assert {change.fact.name: change.to for change in explanation.changes} == {"urgent": (False,), "insured": (False,)}


def test_nobody_is_told_to_move() -> None:
    expression = compile_expression("district == '12.74.05'", CONTEXT)
    assert expression.explain({"district": "12.74.06"}).changes is None
    assert "No fact that can change" in expression.explain({"district": "12.74.06"}).sentences[-1].en
    assert expression.explain({}).changes is None


def test_a_rule_without_a_condition_always_holds() -> None:
    assert always(CONTEXT).explain({}).verdict is True
    assert always(CONTEXT).explain({}).changes is None
