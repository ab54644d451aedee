"""Which channels the resident of a case can be told through."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Null: the case was registered before events told it.
    op.execute("ALTER TABLE cases ADD COLUMN reachable_by text[]")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
