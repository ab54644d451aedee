"""The table of the roster, made by a migration of each service that keeps it or a copy."""

from alembic import op

_STATEMENTS = (
    """
    CREATE TABLE duties (
        duty_id     uuid PRIMARY KEY,
        officer_id  uuid NOT NULL,
        role        text NOT NULL,
        area_code   text NOT NULL,
        office_code text,
        first_day   date NOT NULL,
        last_day    date CHECK (last_day >= first_day),
        ended_at    timestamptz
    )
    """,
    "CREATE INDEX duties_area ON duties (area_code) WHERE ended_at IS NULL",
)


def add_duties() -> None:
    """Run inside a later Alembic migration."""
    for statement in _STATEMENTS:
        op.execute(statement)
