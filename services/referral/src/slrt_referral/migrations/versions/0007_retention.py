"""What was kept for its period is removed."""

from slrt_kit.backbone import add_retention

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_retention()


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
