"""The audit log, in place of the access log."""

from slrt_kit.backbone import add_audit

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_audit("notification")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
