"""Structured JSON logs: the message is a constant, the facts are keys, and long digit runs never get out."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from opentelemetry import trace

_REDACTED = "[redacted]"
_NIK_LENGTH = 16

# What may hold long digit runs and is nobody's number: UUIDs, trace and span ids, W3C trace contexts.
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_TRACE = r"(?:00-)?[0-9a-f]{32}(?:-[0-9a-f]{16}-0[01])?"
_IDS = rf"(?<![0-9a-f])(?:{_UUID}|{_TRACE})(?![0-9a-f])"
# NIK and KK numbers have 16 digits, written in one run, in fours, or dotted like a region code with a birth date.
_SIXTEEN = r"(?<!\d)(?:\d{16}|\d{4}(?:[ -]\d{4}){3}|\d\d\.\d\d\.\d\d\.\d{6}\.\d{4})(?!\d)"
# Mobile numbers: 08… or 62 8…, 10 to 13 digits, in any grouping; and other bare runs of that length.
_PHONE = r"(?<![\w.-])(?:\+?62|0)[ -]?8\d{1,2}(?:[ .-]?\d{2,5}){2,3}(?![\w-])"
_RUN = r"(?<![\w.-])\+?\d{10,15}(?![\w-]|\.\d)"
_EMAIL = r"(?<![\w.+-])[\w.+%-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
_NUMBERS = re.compile(f"{_EMAIL}|(?P<id>{_IDS})|{_SIXTEEN}|{_PHONE}|{_RUN}", re.ASCII)

# What libraries put into the text of their errors: PostgreSQL the row, pydantic the value.
_ERROR_VALUES = re.compile(
    r"^(?P<row>DETAIL|CONTEXT|LINE \d+):  ?.*?(?=^[A-Z]{4,}:  |^\[|^\s*$|^Traceback|^The above|^During|\Z)"
    r"|(?P<what>(?:invalid input (?:syntax|value) for|\w+ value out of range)[^:\n]*): \".*?\"(?=\n|\Z)"
    r"|(?P<field>input_value)=.*?(?=, input_type=)",
    re.DOTALL | re.MULTILINE,
)

_OUR_KEYS = frozenset({"timestamp", "level", "trace_id"})


def redact(text: str) -> str:
    """The text without e-mail addresses, and without digits that may be a NIK, a KK number or a phone number."""
    return _NUMBERS.sub(lambda found: found[0] if found["id"] else _REDACTED, text)


def redact_error(text: str) -> str:
    """The text of an error or a traceback, also without the values that PostgreSQL and pydantic put into it."""

    def shown(found: re.Match[str]) -> str:
        if found["row"]:
            return f"{found['row']}: {_REDACTED}\n"
        return f"{found['what']}: {_REDACTED}" if found["what"] else f"{found['field']}={_REDACTED}"

    return redact(_ERROR_VALUES.sub(shown, text))


def _redacted(value: Any) -> Any:
    shown = value
    match value:
        case bool() | None | float():
            pass
        case int():
            # Sizes and offsets are long too; only what has the length of a NIK goes.
            shown = _REDACTED if len(str(value)) == _NIK_LENGTH else value
        case Mapping():
            shown = {redact(str(key)): _redacted(held) for key, held in value.items()}
        case list() | tuple() | set() | frozenset():
            shown = [_redacted(held) for held in value]
        case bytes():
            shown = redact(value.decode(errors="replace"))
        case _:
            shown = redact(str(value))
    return shown


def _redact_values(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if key == "exception":
            event[key] = redact_error(str(value))
        elif key not in _OUR_KEYS and not key.startswith("_"):
            event[key] = _redacted(value)
    return event


def _add_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = f"{span.trace_id:032x}"
    return event


def configure_logging(*, service: str, role: str, level: str = "INFO") -> None:
    """Send structlog and the standard library's logs to standard output, one JSON object a line, times in UTC."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        structlog.processors.format_exc_info,
        _redact_values,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # One line per request and per poll would bury what matters; our own middleware counts requests.
    for noisy in ("uvicorn.access", "alembic.runtime.migration"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # The client library reports every broken connection attempt; our own relay and consumer say it once.
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    structlog.contextvars.bind_contextvars(service=service, role=role)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose first argument is a constant and whose facts are keyword arguments."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
