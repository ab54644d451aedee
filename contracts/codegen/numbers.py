"""Say whether every number that one schema allows is allowed by another."""

from collections.abc import Mapping
from typing import Any

WORDS = frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "enum"))
"""The words of JSON Schema that say which numbers are allowed."""

_ENDLESS = float("inf")


def numbers_contained(writer: Mapping[str, Any], reader: Mapping[str, Any]) -> bool:
    """Return whether the reader takes every number of the writer. Both are schemas of type integer or number."""
    if "enum" in writer:
        return all(_takes(reader, value) for value in writer["enum"])
    if "enum" in reader:
        return False
    whole = writer["type"] == "integer"
    lowest, highest = _ends(writer, whole=whole)
    least, most = _ends(reader, whole=whole)
    step: float = writer.get("multipleOf", 1 if writer["type"] == "integer" else 0)
    needed: float = reader.get("multipleOf", 0)
    return least <= lowest and highest <= most and (not needed or (bool(step) and step % needed == 0))


def _takes(reader: Mapping[str, Any], value: float) -> bool:
    if "enum" in reader and value not in reader["enum"]:
        return False
    least, most = _ends(reader, whole=False)
    step: float = reader.get("multipleOf", 0)
    return least <= (value, 0) <= most and not (step and value % step)


def _ends(schema: Mapping[str, Any], *, whole: bool) -> tuple[tuple[float, int], tuple[float, int]]:
    """Return the least and the greatest number; the second part tells an excluded end from an included one.

    Among `whole` numbers "above 0" is "from 1".
    """
    least = max((schema.get("minimum", -_ENDLESS), 0), (schema.get("exclusiveMinimum", -_ENDLESS), 1))
    most = min((schema.get("maximum", _ENDLESS), 0), (schema.get("exclusiveMaximum", _ENDLESS), -1))
    return ((least[0] + least[1], 0), (most[0] + most[1], 0)) if whole else (least, most)
