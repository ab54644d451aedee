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


def create_backbone() -> None:
    """Run inside a service's first Alembic migration."""
    for statement in _STATEMENTS:
        op.execute(statement)


def add_recovery() -> None:
    """Run inside a later Alembic migration: what it takes to notice a broker's loss, and to retry parked events."""
    for statement in _RECOVERY:
        op.execute(statement)
