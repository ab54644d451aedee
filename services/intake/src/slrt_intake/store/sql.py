"""What the stores share."""

import orjson


def as_json(value: object) -> str:
    """JSON text for a jsonb parameter; enum members are their values, also as keys."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
