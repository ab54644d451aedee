"""The table of clocks, made by a migration of each service that has some."""

from alembic import op

_STATEMENTS = (
    # One clock a row (`slrt_kit.clocks`). What is to be done next and when stands in the row itself, so that whoever
    # looks for what is due reads one index from its beginning, and never the policy.
    """
    CREATE TABLE clocks (
        clock_id       uuid PRIMARY KEY,
        version        integer NOT NULL,
        subject_kind   text NOT NULL CHECK (subject_kind IN ('case', 'need', 'referral')),
        subject_id     uuid NOT NULL,
        case_id        uuid NOT NULL,
        region         text COLLATE "C" NOT NULL,
        step           text NOT NULL,
        owner_kind     text NOT NULL CHECK (owner_kind IN ('role', 'office', 'resident')),
        owner          text NOT NULL,
        sla_class      text NOT NULL,
        calendar_id    text NOT NULL,
        policy_version text NOT NULL,
        state          text NOT NULL CHECK (state IN ('running', 'paused', 'stopped')),
        started_at     timestamptz NOT NULL,
        due_at         timestamptz NOT NULL,
        takes          interval NOT NULL,
        stopped_at     timestamptz,
        pauses         jsonb NOT NULL DEFAULT '[]',
        extensions     jsonb NOT NULL DEFAULT '[]',
        next_step      smallint NOT NULL,
        next_at        timestamptz,
        wake_at        timestamptz,
        fired          text[] NOT NULL DEFAULT '{}',
        round          smallint NOT NULL DEFAULT 0,
        attempts       smallint NOT NULL DEFAULT 0,
        CHECK ((stopped_at IS NOT NULL) = (state = 'stopped')),
        CHECK (state = 'running' OR (next_at IS NULL AND wake_at IS NULL)),
        CHECK ((next_at IS NULL) = (wake_at IS NULL))
    )
    """,
    # When somebody has to look at the clock again: its next instant, or later where the effect has failed.
    "CREATE INDEX clocks_wake ON clocks (wake_at, clock_id) WHERE wake_at IS NOT NULL",
    "CREATE INDEX clocks_subject ON clocks (subject_id)",
    "CREATE INDEX clocks_case ON clocks (case_id) WHERE subject_kind <> 'case'",
    "CREATE INDEX clocks_failing ON clocks (attempts) WHERE attempts > 0",
    # Every effect moves its clock within the index: its dead entries must not pile up at the beginning.
    """
    ALTER TABLE clocks SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.005,
        autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0)
    """,
)


def add_clocks() -> None:
    """Run inside a later Alembic migration: the clocks of what the service has (`slrt_kit.clocks`)."""
    for statement in _STATEMENTS:
        op.execute(statement)


# How high it has come is empty in rows of a process of the version before. What stands paused and what has come up is
# little: no registration writes there.
_WORKLISTS = (
    "ALTER TABLE clocks ADD COLUMN escalated smallint",
    """
    CREATE INDEX clocks_paused ON clocks (left(region, 5), due_at, clock_id, region) WHERE state = 'paused'
    """,
    """
    CREATE INDEX clocks_escalated ON clocks (left(region, 5), due_at, clock_id, region)
        WHERE escalated > 0 AND state <> 'stopped'
    """,
    # More time, as it was asked for; what was approved is in the clock's own row as well.
    """
    CREATE TABLE clock_extensions (
        extension_id uuid PRIMARY KEY,
        clock_id     uuid NOT NULL REFERENCES clocks ON DELETE CASCADE,
        unit         text NOT NULL CHECK (unit IN ('working_days', 'working_hours', 'hours')),
        count        smallint NOT NULL CHECK (count > 0),
        reason       text NOT NULL,
        asked_by     text NOT NULL,
        asked_at     timestamptz NOT NULL,
        verdict      text CHECK (verdict IN ('approved', 'refused')),
        decided_by   text CHECK (decided_by <> asked_by),
        decided_at   timestamptz,
        CHECK ((verdict IS NULL) = (decided_by IS NULL) AND (verdict IS NULL) = (decided_at IS NULL))
    )
    """,
    "CREATE UNIQUE INDEX clock_extensions_asked ON clock_extensions (clock_id) WHERE verdict IS NULL",
    "CREATE INDEX clock_extensions_clock ON clock_extensions (clock_id, asked_at)",
)

# Which activations the open clocks were looked through for, and what came of it.
_MOVES = """
    CREATE TABLE clock_moves (
        layer          text NOT NULL,
        number         integer NOT NULL,
        effective_from timestamptz NOT NULL,
        begun_at       timestamptz NOT NULL,
        done_at        timestamptz,
        moved          integer NOT NULL DEFAULT 0,
        stayed         integer NOT NULL DEFAULT 0,
        PRIMARY KEY (effective_from, layer)
    )
    """


def add_worklists(*, by: str) -> None:
    """Run inside a later migration: what worklists are read from, and the requests for more time.

    ``by`` is what open clocks of a regency are found by: the columns of an index before the due instant.
    """
    for statement in _WORKLISTS:
        op.execute(statement)
    op.execute(_MOVES)
    op.execute(f"CREATE INDEX clocks_worklist ON clocks ({by}, due_at, clock_id, region) WHERE state <> 'stopped'")
