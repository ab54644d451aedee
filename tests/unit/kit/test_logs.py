"""Logs: what must never get out, what must stay readable, and that every line is one JSON object."""

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from slrt_kit.clock import new_uuid7
from slrt_kit.logs import configure_logging, get_logger, redact

NIK = "1274050101909001"


@pytest.mark.parametrize(
    "text",
    [
        NIK,
        f"NIK {NIK}",
        f"NIK {NIK}.",
        f"nik={NIK},",
        f'{{"nik":"{NIK}"}}',
        f"({NIK})",
        f"NIK{NIK}",
        f"nik_{NIK}_x",
        f"KK:{NIK}/2",
        f"-{NIK}-",
        "1274 0501 0190 9001",
        "1274-0501-0190-9001",
        "12.74.05.010190.9001",
        "081200009901",
        "+6281200009901",
        "6281200009901.",
        "0812-0000-9901",
        "0812 0000 9901",
        "+62 812-0000-9901",
        "telp 0812.0000.9901, rumah",
        "warga.9901@contoh.example",
        "<warga+9901@mail.contoh.go.id>",
        "to=warga9901@contoh.example,",
    ],
)
def test_a_number_of_a_person_is_redacted(text: str) -> None:
    assert not re.search(r"9901|9001", redact(text)), redact(text)
    assert "[redacted]" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "00000000-0000-4000-8000-012345678901",
        "01981234-5678-7890-8123-456789012345",
        "2026-07-01T08:00:00.123456+00:00",
        "12.74.05.1010",
        "12.74.DUKCAPIL",
        "2026.07.1",
        "127.0.0.1:23400",
        "00-12345678901234567890123456789012-1234567890123456-01",
        "outbox_archive_20260701",
        "1782892800.123",
        "offset 123456789",
        "TBA-2607-000123",
    ],
)
def test_ids_codes_and_times_stay_readable(text: str) -> None:
    assert redact(text) == text


@given(st.text(max_size=20), st.from_regex(r"[1-9][0-9]{15}", fullmatch=True), st.text(max_size=20))
def test_sixteen_digits_are_never_left_standing(before: str, number: str, after: str) -> None:
    if before[-1:].isdigit() or after[:1].isdigit():
        return
    assert number not in redact(before + number + after)


def test_ids_as_we_make_them_are_never_touched() -> None:
    for _ in range(2000):
        made = str(new_uuid7())
        assert redact(f"event {made} of key {made}") == f"event {made} of key {made}"


@pytest.fixture
def log_lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Logging as a role configures it; gives a function that reads the lines so far."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stdout", written)
    root = logging.getLogger()
    before, level, config = root.handlers[:], root.level, structlog.get_config()
    configure_logging(service="test", role="unit")
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:], root.level = before, level
    structlog.configure(**config)
    structlog.contextvars.clear_contextvars()


def test_every_line_is_json_with_the_time_in_utc_and_who_speaks(log_lines: Any) -> None:
    get_logger("x").info("something happened", count=3)
    logging.getLogger("library").warning("old %s", "style")
    ours, theirs = log_lines()
    assert ours["event"] == "something happened"
    assert (ours["count"], ours["level"], ours["service"], ours["role"]) == (3, "info", "test", "unit")
    assert ours["timestamp"].endswith("Z")
    assert theirs["event"] == "old style"
    assert theirs["level"] == "warning"


def test_numbers_are_redacted_wherever_they_stand_in_a_line(log_lines: Any) -> None:
    get_logger("x").info(
        "looked up",
        nik=NIK,
        number=int(NIK),
        persons=[{"nik": NIK, "phones": ("0812-0000-9901",)}],
        by_nik={NIK: 1},
        raw=NIK.encode(),
        thing=BaseException(NIK),
    )
    logging.getLogger("library").warning("bad row %s", NIK)
    logging.getLogger("library").warning("bad row", extra={"row": {"nik": NIK}})
    lines = log_lines()
    assert len(lines) == 3
    assert NIK not in json.dumps(lines)
    assert "9901" not in json.dumps(lines)


def raise_it(error: Exception) -> None:
    raise error


def test_a_database_error_shows_no_values(log_lines: Any) -> None:
    # Made here and not at the place of the raise, whose line is in the traceback.
    failure = psycopg.errors.CheckViolation(
        'new row for relation "persons" violates check constraint "persons_sex"\n'
        "DETAIL:  Failing row contains (5, Siti Uji, Jl. Karangan\nno. 5, null).\n"
        "CONTEXT:  COPY persons, line 1: Siti Uji"
    )
    try:
        raise_it(failure)
    except psycopg.IntegrityError:
        get_logger("x").exception("handler crashed")
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    lines = log_lines()
    assert len(lines) == 2
    for line in lines:
        assert "Siti" not in json.dumps(line)
        assert "Karangan" not in json.dumps(line)
        assert "persons_sex" in line["exception"]
        assert "test_logs.py" in line["exception"]


@pytest.mark.parametrize(
    "message",
    [
        "invalid input syntax for type uuid: \"Siti Uji\"\nCONTEXT:  unnamed portal parameter $1 = 'Siti...'",
        'invalid input syntax for type double precision: "Siti\nUji"',
        'date/time field value out of range: "31/02/Siti"\nHINT:  Perhaps you need a different "datestyle" setting.',
        "invalid input value for enum relation: \"Siti\"\nLINE 1: SELECT 'Siti'\n               ^",
    ],
)
def test_a_value_that_the_database_cannot_read_is_not_shown(log_lines: Any, message: str) -> None:
    failure = psycopg.DataError(message)
    try:
        raise_it(failure)
    except psycopg.DataError:
        get_logger("x").exception("handler crashed")
    (line,) = log_lines()
    assert "Siti" not in json.dumps(line)
    assert message.partition(":")[0] in line["exception"]


def test_a_validation_error_shows_no_values(log_lines: Any) -> None:
    class Person(BaseModel):
        name: str
        age: int

    sent = {"name": "Siti Uji", "age": "tua, kata Siti"}
    try:
        Person.model_validate(sent)
    except ValueError:
        get_logger("x").exception("handler crashed")
    (line,) = log_lines()
    assert "Siti" not in json.dumps(line)
    assert "age" in line["exception"]
