"""What was kept for its period is removed: the indexes by which it is found."""

from alembic import op

from slrt_kit.backbone import add_audit_closings, add_retention

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # Those that became a case are kept with it.
    "CREATE INDEX drafts_old ON drafts (created_at) WHERE case_id IS NULL",
    "CREATE INDEX ticket_failures_old ON ticket_failures (first_at)",
    "CREATE INDEX exports_old ON exports (requested_at)",
    "CREATE INDEX looks_old ON looks (looked_at)",
)


def upgrade() -> None:
    add_retention()
    add_audit_closings()
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
