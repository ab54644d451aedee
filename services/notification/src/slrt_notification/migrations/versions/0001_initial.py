"""The backbone's tables, the cases that were heard of, the notifications."""

from alembic import op

from slrt_kit.backbone import create_backbone

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    # Where a case belongs: what decides who may see its notifications. Null until an event has told it; the row's
    # lock puts the consumers of one case in line, so that none of its notifications stays without district.
    """
    CREATE TABLE cases (
        case_id       uuid PRIMARY KEY,
        district_code text
    )
    """,
    # The delivery log: no text, no address.
    """
    CREATE TABLE notifications (
        notification_id uuid PRIMARY KEY,
        version         bigint NOT NULL,
        event_sequence  bigint NOT NULL,
        case_id         uuid NOT NULL REFERENCES cases,
        district_code   text,
        channel         text NOT NULL,
        template        text NOT NULL,
        cause_event_id  uuid NOT NULL,
        caused_at       timestamptz NOT NULL,
        queued_at       timestamptz NOT NULL,
        status          text NOT NULL,
        reason_code     text,
        ended_at        timestamptz,
        UNIQUE (cause_event_id, channel)
    )
    """,
    "CREATE INDEX notifications_case ON notifications (case_id, queued_at DESC, notification_id DESC)",
    # "C" makes a region's subtree a range of the index; the last columns are the order of the list.
    'CREATE INDEX notifications_district ON notifications (district_code COLLATE "C", queued_at DESC, '
    "notification_id DESC)",
    "CREATE INDEX notifications_queued ON notifications (queued_at DESC, notification_id DESC)",
)


def upgrade() -> None:
    create_backbone()
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
