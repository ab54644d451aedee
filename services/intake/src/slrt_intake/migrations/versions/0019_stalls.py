"""What is held up; and what is open, found without a look at what is closed."""

from alembic import op

from slrt_kit.stalls.migrating import add_stalls

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_stalls()
    op.execute("CREATE INDEX cases_open ON cases (case_id) WHERE status <> 'closed'")
    op.execute("CREATE INDEX needs_referred ON needs (case_id) WHERE status = 'referred'")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
