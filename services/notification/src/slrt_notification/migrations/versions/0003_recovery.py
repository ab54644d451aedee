"""The backbone's tables for recovery: what the broker has acknowledged, leases of parked events."""

from slrt_kit.backbone import add_recovery

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_recovery()


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
