"""A copy of the duty roster, as intake tells it."""

from slrt_kit.duty.migrating import add_duties

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_duties()


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
