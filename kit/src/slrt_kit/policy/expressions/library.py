"""The CEL library (ADR 0038): its parser gives the syntax tree, its checked programs say what a comparison gives.

Only compilation asks it. It is the one module that knows which library it is.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache, lru_cache
from typing import Any

from slrt_kit.policy.expressions.facts import FactType, Value


class CelSyntaxError(Exception):
    """The text is not CEL at ``column`` (from 1) of ``line``."""

    def __init__(self, *, line: int, column: int) -> None:
        super().__init__(f"not CEL at {line}:{column}")
        self.line, self.column = line, column


class CelTooDeepError(Exception):
    """The text has brackets within brackets beyond what the library reads (32)."""


class Kind(Enum):
    """What a node of the syntax tree is. OTHER: what no rule may have, such as a comprehension or a map."""

    CONSTANT = auto()
    NAME = auto()
    FIELD = auto()
    CALL = auto()
    LIST = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Syntax:
    """A node: ``name`` of a name, a field or a function (``_&&_``), ``value`` of a constant (None: of a type that no
    fact has), the nodes below it, and the column that it begins at, or that its operator stands at."""

    kind: Kind
    column: int
    name: str = ""
    value: Value | None = None
    parts: tuple["Syntax", ...] = field(default=())


def parse(text: str) -> Syntax:
    """The syntax tree of an expression, types not yet looked at.

    Raises:
        CelSyntaxError, CelTooDeepError
    """
    try:
        parsed = _environment(()).compile(text, disable_check=True).serialize()
    except RuntimeError as error:
        at = re.search(r"<input>:([0-9]+):([0-9]+): ", str(error))
        if at is None:
            raise CelTooDeepError from error
        raise CelSyntaxError(line=int(at[1]), column=int(at[2])) from error
    # An Any around a cel.expr.ParsedExpr, of which 2 is the expression and 3 where its nodes stand.
    message = _message(_message(parsed)[2][0])
    return _node(message[2][0], _positions(message[3][0]))


@lru_cache(maxsize=4096)
def truths(text: str, name: str, type_: FactType, values: tuple[Value, ...]) -> Sequence[bool]:
    """What an expression about one fact gives for each of these values of it. Many rules ask the same."""
    program = _environment(((name, type_),)).compile(text)
    return tuple(program.eval(data={name: value}).value() for value in values)


def evaluate(text: str, types: Mapping[str, FactType], facts: Mapping[str, Value]) -> bool:
    """The verdict of the library on complete facts, checked against their types; tests compare ours with it."""
    verdict: bool = _environment(tuple(types.items())).compile(text).eval(data=dict(facts)).value()
    return verdict


@cache
def _environment(types: tuple[tuple[str, FactType], ...]) -> Any:
    """Imported by whoever compiles a rule: processes that have none do without its memory."""
    from cel_expr_python import cel  # noqa: PLC0415

    known = {FactType.BOOL: cel.Type.BOOL, FactType.INT: cel.Type.INT, FactType.CODE: cel.Type.STRING}
    return cel.NewEnv(variables={name: known[type_] for name, type_ in types})


# -- the tree as the library writes it down: protobuf (cel-spec, proto/cel/expr/syntax.proto) ----------------------

_CONSTANT, _IDENT, _SELECT, _CALL, _LIST = 3, 4, 5, 6, 7
_BOOL_VALUE, _INT_VALUE, _STRING_VALUE = 2, 3, 6


def _node(data: bytes, positions: Mapping[int, int]) -> Syntax:
    message = _message(data)
    column = positions.get(message[2][0] if 2 in message else 0, 0) + 1  # noqa: PLR2004 — 2 is the node's id
    if _CONSTANT in message:
        return Syntax(Kind.CONSTANT, column, value=_constant(_message(message[_CONSTANT][0])))
    if _IDENT in message:
        return Syntax(Kind.NAME, column, name=_message(message[_IDENT][0])[1][0].decode())
    if _LIST in message:
        elements = _message(message[_LIST][0]).get(1, [])
        return Syntax(Kind.LIST, column, parts=tuple(_node(each, positions) for each in elements))
    if _CALL in message:
        call = _message(message[_CALL][0])
        parts = tuple(_node(each, positions) for each in (*call.get(1, ()), *call.get(3, ())))
        return Syntax(Kind.CALL, column, name=call[2][0].decode(), parts=parts)
    if _SELECT in message:
        select = _message(message[_SELECT][0])
        if 3 not in select:  # noqa: PLR2004 — 3 marks has(…)
            return Syntax(Kind.FIELD, column, name=select[2][0].decode(), parts=(_node(select[1][0], positions),))
    return Syntax(Kind.OTHER, column)


def _constant(message: Mapping[int, list[Any]]) -> Value | None:
    if _BOOL_VALUE in message:
        return bool(message[_BOOL_VALUE][0])
    if _INT_VALUE in message:
        whole: int = message[_INT_VALUE][0]
        return whole - (1 << 64) if whole >> 63 else whole
    if _STRING_VALUE in message:
        text: str = message[_STRING_VALUE][0].decode()
        return text
    return None


def _positions(data: bytes) -> Mapping[int, int]:
    """By the id of a node how many characters stand before it."""
    entries = (_message(each) for each in _message(data).get(4, ()))
    return {entry[1][0]: entry[2][0] for entry in entries if 1 in entry and 2 in entry}  # noqa: PLR2004


def _message(data: bytes) -> dict[int, list[Any]]:
    """The fields of a protobuf message by number: whole numbers and bytes."""
    found: dict[int, list[Any]] = {}
    for number, value in _fields(data):
        found.setdefault(number, []).append(value)
    return found


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        length, at = (8, at) if wire == 1 else (4, at) if wire == 5 else _varint(data, at)  # noqa: PLR2004
        yield tag >> 3, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while data[at] & 0x80:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1
