"""What decides who may know what became of a case besides its region."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE cases ADD COLUMN restricted boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE cases ADD COLUMN sealed boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
