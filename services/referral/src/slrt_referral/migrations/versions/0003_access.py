"""What decides who may know of a referral besides its district and its office."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE referrals ADD COLUMN restricted boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE referrals ADD COLUMN sealed boolean NOT NULL DEFAULT false")
    # Mental health is the only sensitive need that could be stated before.
    op.execute(
        "UPDATE referrals SET restricted = true "
        "WHERE case_id IN (SELECT case_id FROM referrals WHERE need_code = 'ODGJ')"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
