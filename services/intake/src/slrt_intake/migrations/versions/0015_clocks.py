"""Clocks of cases and needs."""

from slrt_kit.clocks.migrating import add_clocks

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_clocks()


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
