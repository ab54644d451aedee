"""The ledger's table, made by a migration of each service that keeps one."""

from alembic import op

_STATEMENTS = (
    # `previous` points at the row before, at exactly the instant where that one ended: so there is no gap and no
    # overlap, nothing follows a row that is open, and at most one is. PostgreSQL checks it at the end of a statement.
    """
    CREATE TABLE holdings (
        held_id       uuid NOT NULL,
        sequence      integer NOT NULL CHECK (sequence > 0),
        previous      integer GENERATED ALWAYS AS (nullif(sequence - 1, 0)) STORED,
        holder        text NOT NULL CHECK (holder IN ('resident', 'facilitator', 'front_office', 'back_office',
                                                      'coordinator', 'manager', 'office', 'paused')),
        office_code   text CHECK ((office_code IS NOT NULL) = (holder = 'office')),
        district_code text NOT NULL,
        reason        text CHECK ((reason IS NOT NULL) = (holder = 'paused')),
        since         timestamptz NOT NULL,
        until         timestamptz CHECK (until >= since),
        happened_at   timestamptz CHECK (happened_at < since),
        reconstructed boolean NOT NULL DEFAULT false,
        PRIMARY KEY (held_id, sequence),
        UNIQUE (held_id, sequence, until),
        FOREIGN KEY (held_id, previous, since) REFERENCES holdings (held_id, sequence, until)
    )
    """,
    # What is open: one row of each, found without those that have ended.
    "CREATE UNIQUE INDEX holdings_open ON holdings (held_id) WHERE until IS NULL",
    # What a month saw: the rows that ended in it or after it, and those that are open.
    "CREATE INDEX holdings_ended ON holdings (until) WHERE until IS NOT NULL",
    # What was written stays: the one thing that happens to a row is that it ends.
    """
    CREATE FUNCTION holdings_only_end() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        said text[] := '{until, previous}';  -- what is generated is not there yet
    BEGIN
        IF TG_OP = 'UPDATE' AND OLD.until IS NULL AND NEW.until IS NOT NULL
           AND to_jsonb(OLD) - said = to_jsonb(NEW) - said THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'a holding ends, and nothing else of it changes' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER only_end BEFORE UPDATE OR DELETE ON holdings
        FOR EACH ROW EXECUTE FUNCTION holdings_only_end()
    """,
)


def add_holdings() -> None:
    """Run inside a later Alembic migration of a service that says who holds what."""
    for statement in _STATEMENTS:
        op.execute(statement)
