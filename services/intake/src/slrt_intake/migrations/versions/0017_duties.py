"""The duty roster."""

from alembic import op

from slrt_kit.duty.migrating import add_duties

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_KEPT_HERE = """
    ALTER TABLE duties
        ADD COLUMN version        bigint NOT NULL,
        ADD COLUMN event_sequence bigint NOT NULL,
        ADD COLUMN officer        text NOT NULL,
        ADD COLUMN made_by        text NOT NULL,
        ADD COLUMN made_at        timestamptz NOT NULL
    """


def upgrade() -> None:
    add_duties()
    op.execute(_KEPT_HERE)
    # A list is sent again as it is: what its officers have already is found by them.
    op.execute("CREATE INDEX duties_officer ON duties (officer) WHERE ended_at IS NULL")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
