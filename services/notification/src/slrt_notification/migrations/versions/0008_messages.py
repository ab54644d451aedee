"""A message knows the policy that it was queued under, and may wait for the end of quiet hours."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE notifications ADD COLUMN policy_version text, ADD COLUMN not_before timestamptz",
    # Those that wait are few; those that do not are in no index of it.
    "CREATE INDEX notifications_held ON notifications (not_before) WHERE status = 'held'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
