"""Worklists of referrals, and requests for more time."""

from alembic import op

from slrt_kit.clocks.migrating import add_worklists

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_worklists(by="left(region, 5)")
    # An office has what it was sent, from wherever.
    op.execute("CREATE INDEX clocks_owner ON clocks (owner, due_at, clock_id) WHERE state <> 'stopped'")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
