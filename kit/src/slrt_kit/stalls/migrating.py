"""The tables of stalls, made by a migration of each service that has clocks."""

from alembic import op

_STATEMENTS = (
    # One time that something was held up, by what it lacked. `region` is a district, or a regency of nobody's.
    """
    CREATE TABLE stalls (
        stall_id     uuid PRIMARY KEY,
        subject_kind text NOT NULL CHECK (subject_kind IN ('case', 'need', 'referral', 'region')),
        subject_id   uuid NOT NULL,
        case_id      uuid,
        kind         text NOT NULL,
        region       text COLLATE "C" NOT NULL,
        step         text,
        owner_kind   text,
        owner        text,
        lacks        text[] NOT NULL DEFAULT '{}',
        found_at     timestamptz NOT NULL,
        ended_at     timestamptz CHECK (ended_at >= found_at),
        CHECK ((case_id IS NULL) = (subject_kind = 'region'))
    )
    """,
    # What lasts, and nothing of what was: once for each thing and kind, and in the order of the list.
    "CREATE UNIQUE INDEX stalls_open ON stalls (subject_id, kind) WHERE ended_at IS NULL",
    "CREATE INDEX stalls_found ON stalls (found_at, stall_id) WHERE ended_at IS NULL",
    # What is open, without a look at what has ended: so a check costs the same among a million closed cases.
    "CREATE INDEX clocks_open ON clocks (subject_id) WHERE state <> 'stopped'",
    # When somebody last looked: a checker that has stopped would be a silent stop itself.
    """
    CREATE TABLE stall_round (
        single   boolean PRIMARY KEY DEFAULT true CHECK (single),
        ended_at timestamptz NOT NULL
    )
    """,
    "INSERT INTO stall_round (ended_at) VALUES (now())",
)


def add_stalls() -> None:
    """Run inside a later Alembic migration than that of the clocks."""
    for statement in _STATEMENTS:
        op.execute(statement)
