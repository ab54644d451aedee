"""Clocks of cases and needs."""

from slrt_kit.backbone import add_clocks

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_clocks()


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
