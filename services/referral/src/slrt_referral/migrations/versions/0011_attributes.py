"""A referral keeps the codes of the need and the district by which its rule was chosen, to explain it later."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE referrals ADD COLUMN attributes jsonb, ADD COLUMN routed_in text")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
