"""Say whether every text that one schema allows is allowed by another: exactly, as regular languages."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from interegular import FSM, InvalidSyntax, Unsupported, parse_pattern

# `format` narrows a text too. Leap days are not counted: no two of our formats differ by them.
_FORMATS: Mapping[str, str] = {
    "uuid": "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
    "date": "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
    "date-time": (
        "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
        r"[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
    ),
}
WORDS = frozenset(("type", "format", "pattern", "minLength", "maxLength", "enum"))
"""The words of JSON Schema that say which texts are allowed."""


class IncomparableError(ValueError):
    """A pattern or a format that this module cannot turn into a language."""


def texts_contained(writer: Mapping[str, Any], reader: Mapping[str, Any], *, also: str | None = None) -> bool:
    """Return whether the reader takes every text of the writer. `also` is a pattern, of the whole
    text, that the reader takes besides.

    Raises IncomparableError for a word that cannot be decided.
    """
    if _facets(writer) == _facets(reader):
        return True
    taken = _language(_facets(reader))
    if also is not None:
        taken |= _parsed(also)
    remainder: FSM = _language(_facets(writer)) - taken
    return bool(remainder.empty())  # type: ignore[no-untyped-call] # of interegular 0.3.3


def _facets(schema: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (word, tuple(sorted(schema[word])) if word == "enum" else schema[word])
        for word in sorted(WORDS - {"type"})
        if word in schema
    )


@cache
def _language(facets: tuple[tuple[str, Any], ...]) -> FSM:
    words = dict(facets)
    shortest, longest = words.get("minLength", 0), words.get("maxLength", "")
    language = _parsed(f"(?s:.){{{shortest},{longest}}}")
    if "enum" in words:
        language &= _parsed("|".join(re.escape(value) for value in words["enum"]))
    if "pattern" in words:
        language &= _pattern(words["pattern"])
    if "format" in words:
        if words["format"] not in _FORMATS:
            raise IncomparableError(f"the format {words['format']}")
        language &= _parsed(_FORMATS[words["format"]])
    return language


def _pattern(pattern: str) -> FSM:
    # JSON Schema searches for a pattern. With a free end the automaton can grow beyond memory; the lint forbids both.
    if not (pattern.startswith("^") and pattern.endswith("$")):
        raise IncomparableError(f"the pattern {pattern}, which is open at an end,")
    return _parsed(pattern[1:-1])


@cache
def _parsed(pattern: str) -> FSM:
    try:
        return parse_pattern(pattern).to_fsm()
    except (InvalidSyntax, Unsupported) as error:
        raise IncomparableError(f"the pattern {pattern}") from error
