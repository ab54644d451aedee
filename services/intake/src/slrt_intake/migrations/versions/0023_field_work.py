"""Field work: visits with leases, observations that are never overwritten, and what devices handed in."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE field_devices (
        device_id       uuid PRIMARY KEY,
        version         bigint NOT NULL,
        officer         text NOT NULL,
        area_code       text NOT NULL,
        registered_at   timestamptz NOT NULL,
        last_sync_at    timestamptz,
        clock_offset_s  double precision,
        committed_up_to bigint NOT NULL DEFAULT 0,
        revoked_at      timestamptz,
        revoked_by      text,
        wiped_at        timestamptz
    )
    """,
    "CREATE INDEX field_devices_officer ON field_devices (officer)",
    'CREATE INDEX field_devices_area ON field_devices (area_code COLLATE "C", device_id)',
    # Whoever asks for what has changed names the oldest transaction that was under way when they last asked: a
    # sequence would pass over what a slower transaction commits later.
    """
    CREATE TABLE visits (
        visit_id     uuid PRIMARY KEY,
        version      bigint NOT NULL,
        case_id      uuid NOT NULL REFERENCES cases,
        state        text NOT NULL,
        checklists   text[] NOT NULL,
        due_on       date,
        planned_by   text NOT NULL,
        planned_at   timestamptz NOT NULL,
        assigned_to  text,
        officers     text[] NOT NULL,
        leased_until timestamptz,
        ended_by     text,
        ended_at     timestamptz,
        recorded_at  timestamptz,
        changed      xid8 NOT NULL DEFAULT pg_current_xact_id()
    )
    """,
    "CREATE INDEX visits_case ON visits (case_id)",
    "CREATE INDEX visits_planned ON visits (planned_at, visit_id)",
    "CREATE INDEX visits_held ON visits (assigned_to) WHERE state = 'assigned'",
    """
    CREATE TABLE facts (
        fact_id     uuid PRIMARY KEY,
        case_id     uuid NOT NULL REFERENCES cases,
        person_id   uuid REFERENCES persons,
        visit_id    uuid REFERENCES visits,
        checklist   text,
        code        text NOT NULL,
        key_id      bigint NOT NULL,
        sealed      bytea,
        digest      bytea,
        source      text NOT NULL,
        said_at     timestamptz NOT NULL,
        observed_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        recorded_by text NOT NULL,
        device_id   uuid REFERENCES field_devices,
        sequence    bigint,
        item_id     uuid,
        replaces    uuid[] NOT NULL,
        older       boolean NOT NULL
    )
    """,
    "CREATE INDEX facts_case ON facts (case_id, code)",
    """
    CREATE TABLE fact_conflicts (
        conflict_id  uuid PRIMARY KEY,
        version      bigint NOT NULL,
        case_id      uuid NOT NULL REFERENCES cases,
        person_id    uuid REFERENCES persons,
        code         text NOT NULL,
        raised_at    timestamptz NOT NULL,
        settled_at   timestamptz,
        settled_by   text,
        settled_fact uuid REFERENCES facts
    )
    """,
    "CREATE UNIQUE INDEX fact_conflicts_open ON fact_conflicts (case_id, coalesce(person_id, case_id), code) "
    "WHERE settled_at IS NULL",
    "CREATE INDEX fact_conflicts_raised ON fact_conflicts (raised_at, conflict_id) WHERE settled_at IS NULL",
    """
    CREATE TABLE field_items (
        receipt_id   uuid PRIMARY KEY,
        device_id    uuid NOT NULL REFERENCES field_devices,
        item_id      uuid NOT NULL,
        sequence     bigint NOT NULL,
        is_first     boolean NOT NULL,
        kind         text,
        fingerprint  bytea NOT NULL,
        officer      text NOT NULL,
        area_code    text NOT NULL,
        reach_code   text,
        made_at      timestamptz,
        corrected_at timestamptz,
        clock_is_off boolean NOT NULL,
        received_at  timestamptz NOT NULL,
        status       text NOT NULL,
        reason       text,
        says         jsonb,
        errors       jsonb NOT NULL,
        waiting_for  uuid,
        case_id      uuid REFERENCES cases,
        visit_id     uuid REFERENCES visits,
        is_sensitive boolean NOT NULL,
        result       jsonb NOT NULL,
        key_id       bigint,
        sealed       bytea
    )
    """,
    # An item is applied once: by its id, wherever it comes from, and by its number on its device.
    "CREATE UNIQUE INDEX field_items_item ON field_items (item_id) WHERE is_first",
    "CREATE UNIQUE INDEX field_items_sequence ON field_items (device_id, sequence) WHERE is_first",
    "CREATE UNIQUE INDEX field_items_refused ON field_items (device_id, item_id, sequence, fingerprint) "
    "WHERE NOT is_first",
    "CREATE INDEX field_items_waiting ON field_items (waiting_for) WHERE status = 'waiting_for'",
    "CREATE INDEX field_items_received ON field_items (received_at)",
    "CREATE INDEX field_items_rejected ON field_items (received_at, receipt_id) WHERE status = 'rejected_with_reason'",
    "CREATE INDEX field_items_case ON field_items (case_id) WHERE sealed IS NOT NULL",
    # A picture on its way: its pieces lie here, where every copy of the service finds them, until it is whole.
    """
    CREATE TABLE field_photos (
        photo_id      uuid PRIMARY KEY,
        device_id     uuid NOT NULL REFERENCES field_devices,
        officer       text NOT NULL,
        file_class    text NOT NULL,
        size          bigint NOT NULL,
        received      bigint NOT NULL,
        state         text NOT NULL,
        reason        text,
        says          jsonb,
        fingerprint   bytea NOT NULL,
        in_case       uuid,
        in_item       uuid,
        in_visit      uuid,
        case_id       uuid REFERENCES cases,
        attachment_id uuid REFERENCES attachments,
        created_at    timestamptz NOT NULL,
        key_id        bigint NOT NULL,
        sealed        bytea
    )
    """,
    "CREATE INDEX field_photos_created ON field_photos (created_at)",
    "CREATE INDEX field_photos_arriving ON field_photos (device_id) WHERE state = 'arriving'",
    "CREATE INDEX field_photos_in_case ON field_photos (in_case) WHERE state = 'arriving'",
    "CREATE INDEX field_photos_in_item ON field_photos (in_item) WHERE state = 'arriving'",
    "CREATE INDEX field_photos_in_visit ON field_photos (in_visit) WHERE state = 'arriving'",
    "CREATE INDEX field_items_registered ON field_items (case_id) WHERE kind = 'case' AND is_first",
    "CREATE INDEX field_photos_attachment ON field_photos (attachment_id)",
    """
    CREATE TABLE field_photo_parts (
        photo_id   uuid NOT NULL REFERENCES field_photos ON DELETE CASCADE,
        start      bigint NOT NULL,
        arrived_at timestamptz NOT NULL,
        sealed     bytea NOT NULL,
        PRIMARY KEY (photo_id, start)
    )
    """,
    "CREATE INDEX field_photo_parts_arrived ON field_photo_parts (arrived_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
