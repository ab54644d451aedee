"""The timeline keeps the order in which it grew, and what it takes to tell its events as they are on the topics."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # No identity: a rebuild copies the table, and the copy must go on drawing from the same numbers.
    "CREATE SEQUENCE timeline_position",
    """
    ALTER TABLE timeline
        ADD COLUMN position     bigint,
        ADD COLUMN key_sequence bigint,
        ADD COLUMN causation_id uuid,
        ADD COLUMN traceparent  text
    """,
    # Of our own events the outbox knows these for as long as its archive reaches. Of all others they are counted:
    # every event of a key comes to the timeline, so the first is 1.
    """
    WITH keyed AS (
        SELECT event_id, recorded_at, service,
               CASE WHEN service = 'intake' THEN CAST(case_id AS text)
                    WHEN service = 'referral' THEN facts ->> 'referral_id'
                    WHEN service = 'notification' THEN facts ->> 'notification_id'
                    WHEN event_type = 'id.slrt.registry.person-recorded.v1' THEN facts ->> 'person_id'
                    ELSE facts ->> 'family_id' END AS key
        FROM timeline
    ), sent AS (
        SELECT event_id, key_sequence, jsonb_object_agg(header ->> 0, header ->> 1) AS headers
        FROM (SELECT event_id, key_sequence, headers FROM outbox
              UNION ALL SELECT event_id, key_sequence, headers FROM outbox_archive) AS o,
             jsonb_array_elements(o.headers) AS header
        GROUP BY event_id, key_sequence
    ), counted AS (
        SELECT event_id, recorded_at, headers,
               coalesce(key_sequence, row_number() OVER (PARTITION BY service, key ORDER BY recorded_at, event_id))
                   AS key_sequence
        FROM keyed LEFT JOIN sent USING (event_id)
    ), placed AS (
        SELECT *, row_number() OVER (ORDER BY recorded_at, key_sequence, event_id) AS position FROM counted
    )
    UPDATE timeline SET position = placed.position, key_sequence = placed.key_sequence,
        causation_id = CAST(placed.headers ->> 'ce_causationid' AS uuid),
        traceparent = placed.headers ->> 'traceparent'
    FROM placed WHERE placed.event_id = timeline.event_id
    """,
    "SELECT setval('timeline_position', greatest(1, max(position)), max(position) IS NOT NULL) FROM timeline",
    """
    ALTER TABLE timeline
        ALTER COLUMN position SET DEFAULT nextval('timeline_position'),
        ALTER COLUMN position SET NOT NULL,
        ALTER COLUMN key_sequence SET NOT NULL
    """,
    "CREATE UNIQUE INDEX timeline_case_position ON timeline (case_id, position)",
    "DROP INDEX timeline_case",
    # A rebuild puts another table in this one's place. Positions up to this one say nothing of what was told before it.
    """
    CREATE TABLE timeline_editions (
        edition oid PRIMARY KEY,
        up_to   bigint NOT NULL
    )
    """,
    "INSERT INTO timeline_editions VALUES (CAST('timeline' AS regclass), 0)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
