"""Files of paper forms: which row became which case, and why others became none."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE batches (
            batch_id    uuid PRIMARY KEY,
            made_by     text NOT NULL,
            file_check  bytea NOT NULL,
            made_at     timestamptz NOT NULL,
            finished_at timestamptz,
            rows        integer NOT NULL,
            UNIQUE (made_by, file_check)
        )
        """
    )
    op.execute("CREATE INDEX batches_made ON batches (made_at)")
    op.execute(
        """
        CREATE TABLE batch_rows (
            batch_id    uuid NOT NULL REFERENCES batches ON DELETE CASCADE,
            row         integer NOT NULL,
            form_number text,
            case_id     uuid,
            wrong       jsonb NOT NULL,
            doubts      jsonb NOT NULL,
            noted_at    timestamptz NOT NULL,
            PRIMARY KEY (batch_id, row)
        )
        """
    )
    op.execute("CREATE INDEX batch_rows_noted ON batch_rows (noted_at)")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
