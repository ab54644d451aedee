"""Worklists of cases, and requests for more time."""

from alembic import op

from slrt_kit.clocks.migrating import add_worklists

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_worklists(by="left(region, 5), owner")
    # A facilitator's village is one of hundreds in a regency.
    op.execute("CREATE INDEX clocks_village ON clocks (region, due_at, clock_id) WHERE state <> 'stopped'")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
