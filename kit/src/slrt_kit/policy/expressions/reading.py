"""Read an expression: what CEL allows, less what a rule must not do, as clauses; else findings that say what to do.

A rule is true or false by comparing single facts with constants. Everything else of CEL is refused when the policy is
checked and not when a case comes: arithmetic, functions, comprehensions, regular expressions, comparing two facts.
So the cost of an expression is the number of its clauses, and what it means can be decided exactly (`boxes`).
"""

import json
from collections.abc import Iterator

from slrt_kit.policy.expressions.boxes import TooManyBoxesError
from slrt_kit.policy.expressions.clauses import Clause, Constant, Joined, Node, Not
from slrt_kit.policy.expressions.facts import Context, Fact, FactType, Value
from slrt_kit.policy.expressions.library import CelSyntaxError, CelTooDeepError, Kind, Syntax, parse, truths
from slrt_kit.policy.findings import Finding, Place
from slrt_kit.problems import Text

LONGEST, MOST_CLAUSES = 1000, 24
"""Characters of an expression, clauses. The library reads brackets to a depth of 32."""

TOO_COSTLY = "too-costly"

_JOINS = {"_||_": True, "_&&_": False}
_ORDER = {"_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">="}
_EQUALITY = {"_==_": "==", "_!=_": "!=", "@in": "in"}
_COMPARISONS = {**_ORDER, **_EQUALITY}
_TYPES: dict[type, FactType] = {str: FactType.CODE, int: FactType.INT, bool: FactType.BOOL}
_TYPE_NAMES = {
    FactType.BOOL: Text("true atau false", "true or false"),
    FactType.INT: Text("bilangan bulat, seperti 4", "a whole number such as 4"),
    FactType.CODE: Text("kode dalam tanda kutip, seperti 'unknown'", "a code in quotes such as 'unknown'"),
}
_NO_PROBE = "\x00"
"""No code is written so: it stands for all values that a clause does not name."""


class _RefusedError(Exception):
    def __init__(self, code: str, what: Text, remedy: Text) -> None:
        self.code, self.what, self.remedy = code, what, remedy


class Reader:
    """Reads one expression; ``findings`` has what was wrong with it."""

    def __init__(self, text: str, context: Context, place: Place) -> None:
        self._text, self._context, self._place = text, context, place
        self._clauses = 0
        self.findings: list[Finding] = []

    def read(self) -> Node | None:
        """The expression; None when there are findings."""
        root: Node | None = None
        try:
            _demand_small(self._text)
            root = self._node(parse(self._text))
            _demand_simple(root)
        except CelSyntaxError as error:
            self._find(_syntax(self._text, error))
        except CelTooDeepError:
            self._find(_too_costly(Text("terlalu banyak kurung bersarang", "brackets are nested too deep")))
        except _RefusedError as refusal:
            self._find(refusal)
        return None if self.findings else root

    def _find(self, refusal: _RefusedError) -> None:
        self.findings.append(Finding(self._place, refusal.code, refusal.what, refusal.remedy))

    def _node(self, tree: Syntax) -> Node:
        """A node; each clause that is wrong is found, so that all of them are told at once."""
        if tree.kind is Kind.CALL and tree.name in _JOINS:
            decides = _JOINS[tree.name]
            return Joined(tuple(self._joined(tree, decides=decides)), decides=decides)
        if tree.kind is Kind.CALL and tree.name == "!_":
            return Not(self._node(tree.parts[0]))
        if tree.kind is Kind.CONSTANT and isinstance(tree.value, bool):
            return Constant(tree.value)
        self._clauses += 1
        if self._clauses > MOST_CLAUSES:
            raise _too_costly(Text(f"lebih dari {MOST_CLAUSES} syarat", f"more than {MOST_CLAUSES} clauses"))
        try:
            return self._clause(tree)
        except _RefusedError as refusal:
            self._find(refusal)
            return Constant(is_so=False)

    def _joined(self, tree: Syntax, *, decides: bool) -> Iterator[Node]:
        """``a && b && c`` is one conjunction of three, however the parser nests it."""
        for part in tree.parts:
            node = self._node(part)
            if isinstance(node, Joined) and node.decides is decides:
                yield from node.parts
            else:
                yield node

    def _clause(self, tree: Syntax) -> Clause:
        if tree.kind is Kind.CALL and tree.name in _COMPARISONS:
            return self._comparison(tree)
        fact = self._fact(tree)
        if fact is None:
            raise _unusable(tree)
        if fact.type is not FactType.BOOL:
            raise _RefusedError(
                "wrong-type",
                Text(f"{fact.name} bukan ya atau tidak", f"{fact.name} is not true or false by itself"),
                Text(f"bandingkan: {fact.name} == …", f"compare it: {fact.name} == …"),
            )
        return _with_truth(fact.name, fact, ())

    def _comparison(self, tree: Syntax) -> Clause:
        left, right = tree.parts
        facts = self._fact(left), self._fact(right)
        is_list = tree.name == "@in"
        fact = facts[0] or facts[1]
        if fact is None or (facts[0] and facts[1]) or (is_list and facts[0] is None):
            raise _RefusedError(
                "not-allowed",
                Text(
                    f"kolom {tree.column}: bukan satu fakta dengan nilai tetap",
                    f"column {tree.column}: this does not compare one fact with constants",
                ),
                Text("tulis fakta di kiri dan nilai di kanan", "write the fact on the left and values on the right"),
            )
        if tree.name in _ORDER and fact.type is not FactType.INT:
            raise _RefusedError(
                "wrong-type",
                Text(f"{fact.name} tidak berurutan", f"{fact.name} has no order"),
                Text("gunakan ==, != atau in […]", "use ==, != or in […]"),
            )
        given = _list(right) if is_list else (right if facts[0] else left,)
        constants = tuple(_constant(each, fact) for each in given)
        words = [_word(value) for value in constants]
        operator = _COMPARISONS[tree.name]
        if is_list:
            text = f"{fact.name} in [{', '.join(words)}]"
        else:
            text = f"{fact.name} {operator} {words[0]}" if facts[0] else f"{words[0]} {operator} {fact.name}"
        return _with_truth(text, fact, constants)

    def _fact(self, tree: Syntax) -> Fact | None:
        """The fact that a tree names; None when it is something else.

        Raises:
            _RefusedError: it is a name, and nothing is called so.
        """
        name = _dotted(tree)
        if name is None:
            return None
        fact = self._context.facts.get(name)
        if fact is None:
            known = ", ".join(self._context.facts)
            raise _RefusedError(
                "unknown-name",
                Text(f"{name} tidak dikenal", f"{name} is unknown"),
                Text(f"yang ada: {known}", f"there are: {known}"),
            )
        return fact


def _constant(tree: Syntax, fact: Fact) -> Value:
    value = tree.value
    if tree.kind is not Kind.CONSTANT or value is None or _TYPES[type(value)] is not fact.type:
        said = Text("yang lain", "something else") if value is None else Text(_word(value), _word(value))
        wanted = _TYPE_NAMES[fact.type]
        raise _RefusedError(
            "wrong-type",
            Text(f"{fact.name} dibandingkan dengan {said.id}", f"{fact.name} is compared with {said.en}"),
            Text(f"tulis {wanted.id}", f"write {wanted.en}"),
        )
    if not fact.has(value):
        known = ", ".join(str(each) for each in fact.values[:40])
        raise _RefusedError(
            "unknown-code",
            Text(f"{fact.name} tidak mungkin {value}", f"{fact.name} cannot be {value}"),
            Text(f"yang ada: {known}", f"there are: {known}")
            if known
            else Text("periksa kodenya dalam daftar", "look the code up in its list"),
        )
    return value


def _with_truth(text: str, fact: Fact, constants: tuple[Value, ...]) -> Clause:
    """A clause with its truth for every value, as the library gives it."""
    if fact.knows is None:
        found = truths(text, fact.name, fact.type, fact.values)
        return Clause(text=text, fact=fact, truth=dict(zip(fact.values, found, strict=True)), otherwise=None)
    *named, otherwise = truths(text, fact.name, fact.type, (*constants, _NO_PROBE))
    return Clause(text=text, fact=fact, truth=dict(zip(constants, named, strict=True)), otherwise=otherwise)


def _demand_small(text: str) -> None:
    """Before the library reads it."""
    if len(text) > LONGEST:
        raise _too_costly(Text(f"lebih dari {LONGEST} huruf", f"more than {LONGEST} characters"))


def _demand_simple(root: Node) -> None:
    try:
        for wanted in (True, False):
            root.boxes(wanted=wanted)
    except TooManyBoxesError as error:
        raise _too_costly(Text("terlalu banyak gabungan", "too many combinations of clauses")) from error


def _too_costly(what: Text) -> _RefusedError:
    return _RefusedError(TOO_COSTLY, what, Text("bagi menjadi beberapa aturan", "split it into several rules"))


def _syntax(text: str, error: CelSyntaxError) -> _RefusedError:
    lines = text.splitlines() or [""]
    line = lines[error.line - 1] if 0 < error.line <= len(lines) else lines[-1]
    near = line[max(error.column - 1, 0) :].strip()[:20] if error.column else ""
    return _RefusedError(
        "expression-syntax",
        Text(
            f"bukan CEL pada kolom {error.column}, di `{near}`" if near else "ungkapan CEL tidak selesai",
            f"not CEL at column {error.column}, at `{near}`" if near else "the CEL expression does not end",
        ),
        Text(
            "tulis misalnya: need.grid_nearby in ['yes', 'unknown'] && !urgent",
            "write such as: need.grid_nearby in ['yes', 'unknown'] && !urgent",
        ),
    )


def _unusable(tree: Syntax) -> _RefusedError:
    if tree.kind in (Kind.CONSTANT, Kind.LIST):
        return _RefusedError(
            "wrong-type",
            Text(f"kolom {tree.column}: ini bukan ya atau tidak", f"column {tree.column}: this is not true or false"),
            Text("bandingkan sebuah fakta dengannya", "compare a fact with it"),
        )
    said = f"{tree.name.strip('_')} " if tree.name else ""
    return _RefusedError(
        "not-allowed",
        Text(
            f"kolom {tree.column}: {said}tidak boleh dalam aturan",
            f"column {tree.column}: {said}is not allowed in a rule",
        ),
        Text(
            "hanya ==, !=, <, <=, >, >=, in […], &&, ||, ! atas satu fakta",
            "only ==, !=, <, <=, >, >=, in […], &&, ||, ! on single facts",
        ),
    )


def _dotted(tree: Syntax) -> str | None:
    """``need.age_band`` of a name or of fields of one."""
    if tree.kind is Kind.NAME:
        return tree.name
    if tree.kind is Kind.FIELD:
        head = _dotted(tree.parts[0])
        return None if head is None else f"{head}.{tree.name}"
    return None


def _list(tree: Syntax) -> tuple[Syntax, ...]:
    if tree.kind is not Kind.LIST or not tree.parts:
        raise _RefusedError(
            "wrong-type",
            Text("setelah in harus ada daftar yang berisi", "after in there must be a list that is not empty"),
            Text("tulis in ['…', '…']", "write in ['…', '…']"),
        )
    return tree.parts


def _word(value: Value) -> str:
    """A constant as CEL writes it."""
    return str(value).lower() if isinstance(value, bool) else json.dumps(value).replace('"', "'")
