"""The statement that carries the load stays one that the driver remembers."""

from psycopg._queries import MAX_CACHED_STATEMENT_LENGTH

from slrt_intake.store import new_cases


def test_the_driver_remembers_how_the_statement_of_a_registration_is_taken_apart() -> None:
    assert len(new_cases._ADD_COMMANDED) <= MAX_CACHED_STATEMENT_LENGTH
