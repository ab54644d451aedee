"""Time that runs faster, told by the database to all: so many seconds of the calendar to one of ours."""

from datetime import datetime

import psycopg

from slrt_kit.clocks.timers import Time
from slrt_kit.db import Database

_WARP = """
    CREATE OR REPLACE FUNCTION warped(really timestamptz) RETURNS timestamptz STABLE LANGUAGE sql AS
    $$ SELECT base + (really - began) * factor FROM warp $$
    """


def prepare(url: str, *, base: datetime, factor: float) -> None:
    """From now on time runs from ``base`` on, ``factor`` times as fast."""
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS warp (base timestamptz, began timestamptz, factor float8)")
        connection.execute("DELETE FROM warp")
        connection.execute("INSERT INTO warp VALUES (%s, clock_timestamp(), %s)", (base, factor))
        connection.execute(_WARP)


def time_of(database: Database) -> Time:
    """The time that the database tells."""

    async def tell() -> datetime:
        async with database.read() as session:
            told: datetime = await session.value("SELECT warped(clock_timestamp())")
            return told

    return tell
