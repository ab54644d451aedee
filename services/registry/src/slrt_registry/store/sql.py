"""What the stores share."""

import orjson


def as_json(value: object) -> str:
    """JSON text for a jsonb parameter; dataclasses by their fields, ids and times as text."""
    return orjson.dumps(value).decode()
