"""What is held up; and what is open, found without a look at what has ended."""

from alembic import op

from slrt_kit.stalls.migrating import add_stalls

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_stalls()
    # As `OPEN` of slrt_referral.store.stalls says it: a plan uses the index where the two are the same.
    op.execute(
        "CREATE INDEX referrals_open ON referrals (referral_id) "
        "WHERE status IN ('draft', 'sent', 'received', 'accepted', 'in_service', 'declined')"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
