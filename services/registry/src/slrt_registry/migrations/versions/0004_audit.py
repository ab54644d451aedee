"""The audit log, in place of the access log."""

from slrt_kit.backbone import add_audit

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_audit("registry")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
