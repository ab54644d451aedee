"""A case keeps the version of the rules that it began under."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE cases ADD COLUMN policy_version text")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
