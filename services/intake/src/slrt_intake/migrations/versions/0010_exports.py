"""Requests for rows of many cases: who asked, what for, who answered for it, how often it was fetched."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE exports (
        export_id    uuid PRIMARY KEY,
        version      bigint NOT NULL,
        requested_by text NOT NULL,
        region_code  text NOT NULL,
        purpose      text NOT NULL,
        filters      jsonb NOT NULL,
        columns      text[] NOT NULL,
        unmasked     text[] NOT NULL,
        key_id       bigint NOT NULL,
        sealed       bytea,
        requested_at timestamptz NOT NULL,
        state        text NOT NULL,
        decided_by   text,
        decided_at   timestamptz,
        fetches      integer NOT NULL
    )
    """,
    "CREATE INDEX exports_waiting ON exports (requested_at, export_id) WHERE state = 'requested'",
    "CREATE INDEX exports_requested_by ON exports (requested_by, requested_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
