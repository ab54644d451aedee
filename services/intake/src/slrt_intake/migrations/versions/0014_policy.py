"""Policy is data: its versions, who proposed and approved them, and which is in force from when."""

from slrt_kit.policy.migrating import add_policy

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_policy()


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
