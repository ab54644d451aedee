"""Files of cases: what is known of each, and sealed under its person's or its case's key, the key that opens it."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE attachments (
        attachment_id  uuid PRIMARY KEY,
        version        bigint NOT NULL,
        event_sequence bigint NOT NULL,
        case_id        uuid NOT NULL REFERENCES cases,
        person_id      uuid REFERENCES persons,
        file_class     text NOT NULL,
        media_type     text NOT NULL,
        size           bigint NOT NULL,
        key_id         bigint NOT NULL,
        sealed         bytea,
        digest         bytea,
        added_by       text NOT NULL,
        added_at       timestamptz NOT NULL,
        removed_by     text,
        removed_at     timestamptz,
        removal_reason text
    )
    """,
    "CREATE INDEX attachments_case ON attachments (case_id, added_at, attachment_id)",
    # The same file twice on a case is one.
    "CREATE UNIQUE INDEX attachments_digest ON attachments (case_id, digest) WHERE digest IS NOT NULL",
    "CREATE INDEX attachments_key ON attachments (key_id) WHERE sealed IS NOT NULL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
