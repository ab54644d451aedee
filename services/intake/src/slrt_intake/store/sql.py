"""What the stores share."""

import orjson


def as_json(value: object) -> str:
    """JSON text for a jsonb parameter; enum members are their values, also as keys."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def on_one_line(sql: str) -> str:
    """A statement without its indentation, for one that carries the load.

    The driver remembers how a statement is taken apart only while it has at most 4,096 characters, and does it anew
    each time, at some 20 µs, for a longer one. No literal of the statement may have two blanks in a row.
    """
    return " ".join(sql.split())
