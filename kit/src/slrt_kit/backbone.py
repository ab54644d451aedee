"""The tables that the backbone needs in every service's own database, made by each service's first migration."""

from alembic import op

_STATEMENTS = (
    # Rows present = pending. The relay is the only one that deletes.
    """
    CREATE TABLE outbox (
        seq           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_id      uuid NOT NULL UNIQUE,
        topic         text NOT NULL,
        partition_key text NOT NULL CHECK (partition_key <> ''),
        key_sequence  bigint NOT NULL CHECK (key_sequence > 0),
        headers       jsonb NOT NULL,
        payload       bytea,
        created_at    timestamptz NOT NULL,
        UNIQUE (topic, partition_key, key_sequence)
    )
    """,
    # The table lives by insert and delete: vacuum it early, so that it stays a few pages long.
    "ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)",
    """
    CREATE TABLE outbox_archive (
        seq           bigint NOT NULL,
        event_id      uuid NOT NULL,
        topic         text NOT NULL,
        partition_key text NOT NULL,
        key_sequence  bigint NOT NULL,
        headers       jsonb NOT NULL,
        payload       bytea,
        created_at    timestamptz NOT NULL,
        published_at  timestamptz NOT NULL DEFAULT now()
    ) PARTITION BY RANGE (published_at)
    """,
    "CREATE INDEX outbox_archive_seq ON outbox_archive (seq)",
    "CREATE INDEX outbox_archive_key ON outbox_archive (topic, partition_key, key_sequence)",
    # Takes what no daily partition covers, so that a missed housekeeping delays no event.
    "CREATE TABLE outbox_archive_default PARTITION OF outbox_archive DEFAULT",
    """
    CREATE TABLE inbox (
        consumer   text NOT NULL,
        event_id   uuid NOT NULL,
        handled_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (consumer, event_id)
    )
    """,
    """
    CREATE TABLE parked (
        id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        consumer        text NOT NULL,
        event_id        uuid NOT NULL,
        topic           text NOT NULL,
        partition_key   text NOT NULL,
        headers         jsonb NOT NULL,
        payload         bytea,
        reason          text NOT NULL,
        attempts        integer NOT NULL DEFAULT 0,
        parked_at       timestamptz NOT NULL DEFAULT now(),
        next_attempt_at timestamptz NOT NULL,
        UNIQUE (consumer, event_id)
    )
    """,
    "CREATE INDEX parked_key ON parked (consumer, topic, partition_key, id)",
    """
    CREATE TABLE idempotency (
        subject     text NOT NULL,
        key         text NOT NULL,
        fingerprint bytea NOT NULL,
        status      integer,
        headers     jsonb,
        body        bytea,
        created_at  timestamptz NOT NULL,
        PRIMARY KEY (subject, key)
    )
    """,
    """
    CREATE TABLE access_log (
        id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at          timestamptz NOT NULL,
        subject     text NOT NULL,
        roles       text[] NOT NULL,
        office      text,
        purpose     text NOT NULL,
        action      text NOT NULL,
        object_type text NOT NULL,
        object_id   uuid NOT NULL,
        fields      text[] NOT NULL,
        request_id  text
    )
    """,
)


_RECOVERY = (
    # How far the broker had each partition when it acknowledged: a broker that has less has forgotten.
    """
    CREATE TABLE published (
        topic           text NOT NULL,
        topic_partition integer NOT NULL,
        last_offset     bigint NOT NULL,
        PRIMARY KEY (topic, topic_partition)
    )
    """,
    # A worker has it in hand until then; apart from `next_attempt_at`, which an operator may set to now.
    "ALTER TABLE parked ADD COLUMN leased_until timestamptz",
)


def _said(name: str) -> str:
    """What an entry says of a name, in SQL.

    An entry is canonical and no quote stands inside its texts: finding a name in it takes a third of the time that
    reading it as JSON takes, and the sealer would need that time for each of the three columns.
    """
    return f"split_part(split_part(entry, ',\"{name}\":\"', 2), '\"', 1)"


_AUDIT = (
    # Written in the transaction of what it records; rows present = not sealed yet. The sealer is the only one that
    # deletes. As little as can be: whoever is served waits for it.
    "CREATE TABLE audit_unsealed (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, entry text NOT NULL)",
    "ALTER TABLE audit_unsealed SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)",
    # What look-ups need is made by PostgreSQL from the sealed text itself, and so cannot say anything else.
    f"""
    CREATE TABLE audit (
        position  bigint PRIMARY KEY CHECK (position > 0),
        link      bytea NOT NULL CHECK (length(link) = 32),
        entry     text NOT NULL,
        at        text COLLATE "C" NOT NULL GENERATED ALWAYS AS ({_said("at")}) STORED,
        subject   text COLLATE "C" NOT NULL GENERATED ALWAYS AS ({_said("subject")}) STORED,
        object_id text COLLATE "C" GENERATED ALWAYS AS (nullif({_said("object_id")}, '')) STORED
    )
    """,
    "CREATE INDEX audit_subject ON audit (subject, at)",
    "CREATE INDEX audit_object ON audit (object_id, position) WHERE object_id IS NOT NULL",
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$
    """,
    "CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER is_kept BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    # The signed statement of each closed day, and the one of where the chain ends.
    """
    CREATE TABLE audit_days (
        day       date PRIMARY KEY,
        statement text NOT NULL,
        signature bytea NOT NULL
    )
    """,
    "CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON audit_days FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    """
    CREATE TABLE audit_head (
        single    boolean PRIMARY KEY DEFAULT true CHECK (single),
        statement text NOT NULL,
        signature bytea NOT NULL
    )
    """,
    """
    CREATE TABLE audit_reviews (
        review_id  uuid PRIMARY KEY,
        rule       text NOT NULL,
        subject    text NOT NULL,
        region     text,
        since      text COLLATE "C" NOT NULL,
        times      integer NOT NULL,
        position   bigint NOT NULL,
        opened_at  timestamptz NOT NULL,
        closed_at  timestamptz,
        closed_by  text CHECK (closed_by <> subject),
        finding    text,
        CHECK ((closed_at IS NULL) = (closed_by IS NULL) AND (closed_at IS NULL) = (finding IS NULL))
    )
    """,
    "CREATE INDEX audit_reviews_open ON audit_reviews (opened_at, review_id) WHERE closed_at IS NULL",
    "CREATE INDEX audit_reviews_last ON audit_reviews (rule, subject, since)",
)
# The names of an entry are in order, and it has no spaces (`slrt_kit.audit.entries`).
_MOVE_ACCESS_LOG = """
    INSERT INTO audit_unsealed (entry)
    SELECT '{"action":' || to_json(action)
        || ',"at":' || to_json(to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
        || CASE WHEN fields = '{}' THEN '' ELSE ',"fields":' || array_to_json(fields) END
        || ',"object_id":' || to_json(object_id) || ',"object_type":' || to_json(object_type)
        || coalesce(',"office":' || to_json(office), '') || ',"purpose":' || to_json(purpose)
        || coalesce(',"request_id":' || to_json(request_id), '')
        || ',"result":"ok","roles":' || array_to_json(roles) || ',"service":"{service}","subject":' || to_json(subject)
        || ',"v":' || 1 || '}'
    FROM access_log ORDER BY id
    """

# How far the sealed log has been told, and in how many events: those of the chain count on from there.
_TOLD = (
    """
    CREATE TABLE audit_told (
        single   boolean PRIMARY KEY DEFAULT true CHECK (single),
        position bigint NOT NULL,
        events   bigint NOT NULL
    )
    """,
    "INSERT INTO audit_told (position, events) VALUES (0, 0)",
)
# Few entries: each has up to some hundred cases.
_OF_MANY = """
    CREATE INDEX audit_of_many ON audit USING gin ((CAST(entry AS jsonb) -> 'cases'))
    WHERE starts_with(entry, '{"action":"export"')
    """

_RETENTION = (
    # When all that was over had last been removed, and how many rows in that round: nobody else says whether the sweep
    # is at work.
    """
    CREATE TABLE retention_round (
        single   boolean PRIMARY KEY DEFAULT true CHECK (single),
        ended_at timestamptz NOT NULL,
        removed  bigint NOT NULL
    )
    """,
    "INSERT INTO retention_round (ended_at, removed) VALUES (now(), 0)",
    "CREATE INDEX idempotency_old ON idempotency (created_at)",
)

_CLOSINGS = (
    # What an operator has signed about a chain that was lost: which positions, why, and what goes on.
    """
    CREATE TABLE audit_closings (
        position  bigint PRIMARY KEY,
        statement text NOT NULL,
        signature bytea NOT NULL
    )
    """,
    "CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON audit_closings FOR EACH ROW EXECUTE FUNCTION refuse_change()",
)


def create_backbone() -> None:
    """Run inside a service's first Alembic migration."""
    for statement in _STATEMENTS:
        op.execute(statement)


def add_recovery() -> None:
    """Run inside a later Alembic migration: what it takes to notice a broker's loss, and to retry parked events."""
    for statement in _RECOVERY:
        op.execute(statement)


def add_audit(service: str) -> None:
    """Run inside a later Alembic migration: the audit log, which takes over what the access log has."""
    for statement in _AUDIT:
        op.execute(statement)
    op.execute(_MOVE_ACCESS_LOG.replace("{service}", service))
    op.execute("DROP TABLE access_log")


def add_looks_told() -> None:
    """Run inside a later Alembic migration: what it takes to tell who looked (`slrt_kit.audit.telling`)."""
    for statement in _TOLD:
        op.execute(statement)


def add_audit_of_many() -> None:
    """Run inside a later Alembic migration, where a look may be at many cases at once: it is found by each of them."""
    op.execute(_OF_MANY)


def add_retention() -> None:
    """Run inside a later Alembic migration: what it takes to remove what was kept for its period."""
    for statement in _RETENTION:
        op.execute(statement)


def add_audit_closings() -> None:
    """Run inside a later Alembic migration: what it takes to close an audit chain that was lost."""
    for statement in _CLOSINGS:
        op.execute(statement)
