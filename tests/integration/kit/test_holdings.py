"""The ledger's table refuses what is no ledger, whoever writes it; and what it adds up."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors

from slrt_kit.holdings import Month

ROW = (
    "INSERT INTO holdings (held_id, sequence, holder, district_code, since, until, office_code, reason) "
    "VALUES (%(id)s, %(sequence)s, %(holder)s, '12.74.03', %(since)s, %(until)s, %(office)s, %(reason)s)"
)


@pytest.fixture(scope="module")
def url(service_database: Callable[[str], str]) -> str:
    return service_database("intake")


@pytest.fixture
def connection(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url) as opened:
        yield opened
        opened.rollback()


def _write(
    connection: psycopg.Connection,
    held_id: UUID,
    sequence: int,
    since: int,
    until: int | None,
    holder: str = "back_office",
    office: str | None = None,
    reason: str | None = None,
) -> None:
    """A row; instants are minutes of one hour."""
    at = datetime(2026, 7, 1, 8, tzinfo=UTC)
    connection.execute(
        ROW,
        {
            "id": held_id,
            "sequence": sequence,
            "holder": holder,
            "since": at.replace(minute=since),
            "until": None if until is None else at.replace(minute=until),
            "office": office,
            "reason": reason,
        },
    )


@pytest.mark.parametrize(
    ("second", "refusal"),
    [
        ((2, 11, None), errors.ForeignKeyViolation),  # a gap
        ((2, 9, None), errors.ForeignKeyViolation),  # an overlap
        ((3, 10, None), errors.ForeignKeyViolation),  # a row is left out
        ((1, 10, None), errors.UniqueViolation),
        ((2, 10, 9), errors.CheckViolation),  # time runs back
        ((0, 10, None), errors.CheckViolation),
    ],
)
def test_a_row_that_does_not_follow_the_one_before_is_refused(
    second: tuple[int, int, int | None], refusal: type[Exception], connection: psycopg.Connection
) -> None:
    held_id = uuid4()
    _write(connection, held_id, 1, 0, 10)
    with pytest.raises(refusal):
        _write(connection, held_id, *second)


def test_nothing_follows_a_row_that_is_open(connection: psycopg.Connection) -> None:
    held_id = uuid4()
    _write(connection, held_id, 1, 0, None)
    with pytest.raises((errors.UniqueViolation, errors.ForeignKeyViolation)):
        _write(connection, held_id, 2, 10, None)


def test_nothing_follows_a_row_that_is_open_even_if_it_has_ended_itself(connection: psycopg.Connection) -> None:
    held_id = uuid4()
    _write(connection, held_id, 1, 0, None)
    with pytest.raises(errors.ForeignKeyViolation):
        _write(connection, held_id, 2, 10, 20)


@pytest.mark.parametrize(
    ("holder", "office", "reason"),
    [
        ("office", None, None),
        ("resident", "12.74.PUPR", None),
        ("paused", None, None),
        ("resident", None, "x"),
        ("nobody", None, None),
    ],
)
def test_a_holder_says_what_its_kind_needs_and_no_more(
    holder: str, office: str | None, reason: str | None, connection: psycopg.Connection
) -> None:
    with pytest.raises(errors.CheckViolation):
        _write(connection, uuid4(), 1, 0, None, holder, office, reason)


@pytest.mark.parametrize(
    "rewriting",
    [
        "UPDATE holdings SET since = since - interval '1 hour' WHERE held_id = %s",
        "UPDATE holdings SET holder = 'resident' WHERE held_id = %s",
        "UPDATE holdings SET until = NULL WHERE held_id = %s",
        "UPDATE holdings SET until = until + interval '1 minute' WHERE held_id = %s",
        "UPDATE holdings SET reconstructed = true WHERE held_id = %s",
        "DELETE FROM holdings WHERE held_id = %s",
    ],
)
@pytest.mark.parametrize("until", [None, 10])
def test_what_was_written_is_not_written_anew(
    rewriting: str, until: int | None, connection: psycopg.Connection
) -> None:
    held_id = uuid4()
    _write(connection, held_id, 1, 0, until)
    with pytest.raises(errors.RestrictViolation):
        connection.execute(rewriting, (held_id,))


def test_a_holding_of_no_length_is_a_holding(connection: psycopg.Connection) -> None:
    held_id = uuid4()
    _write(connection, held_id, 1, 0, 0)
    _write(connection, held_id, 2, 0, None)


# -- months ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-00", "2026-13", "1999-12", "2100-01", "2026-1", "2026-11-01", " 2026-11"]
)
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="year and month"):
        Month.parse(text)


def test_a_month_begins_and_ends_at_midnight_in_western_indonesia() -> None:
    december = Month.parse("2026-12")
    assert december.start == datetime(2026, 11, 30, 17, tzinfo=UTC)
    assert december.end == datetime(2026, 12, 31, 17, tzinfo=UTC) == Month.parse("2027-01").start
    assert Month.parse("2099-12").end == datetime(2099, 12, 31, 17, tzinfo=UTC)
