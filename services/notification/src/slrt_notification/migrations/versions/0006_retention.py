"""What was kept for its period is removed."""

from slrt_kit.backbone import add_audit_closings, add_retention

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_retention()
    add_audit_closings()


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
