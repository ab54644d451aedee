"""Structured JSON logs: the message is a constant, the facts are keys, and long digit runs never get out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from opentelemetry import trace

# NIK and KK numbers have 16 digits, phones 10 to 13: no id, code or count of ours is a bare run of that length.
_DIGIT_RUN = re.compile(r"(?<![\w.-])\+?\d{10,16}(?![\w.-])")
_REDACTED = "[redacted]"

_RAW_KEYS = frozenset({"timestamp", "level", "event", "trace_id"})


def redact(text: str) -> str:
    """The text without runs of digits that may be a NIK, a KK number or a phone number."""
    return _DIGIT_RUN.sub(_REDACTED, text)


def _redact_values(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if key not in _RAW_KEYS and isinstance(value, str):
            event[key] = redact(value)
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
    for noisy in ("uvicorn.access", "httpx", "httpcore", "alembic.runtime.migration"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # The client library reports every broken connection attempt; our own relay and consumer say it once.
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    structlog.contextvars.bind_contextvars(service=service, role=role)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose first argument is a constant and whose facts are keyword arguments."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
