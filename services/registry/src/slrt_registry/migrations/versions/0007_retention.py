"""What was kept for its period is removed or, where somebody must say yes, listed: disposal lists of two people."""

from alembic import op

from slrt_kit.backbone import add_audit_closings, add_retention

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "CREATE INDEX cases_closed ON cases (closed_at, case_id) WHERE closed_at IS NOT NULL",
    """
    CREATE TABLE disposals (
        disposal_id  uuid PRIMARY KEY,
        version      bigint NOT NULL,
        regency_code text NOT NULL,
        proposed_by  text NOT NULL,
        proposed_at  timestamptz NOT NULL,
        state        text NOT NULL,
        decided_by   text CHECK (decided_by <> proposed_by),
        decided_at   timestamptz,
        CHECK ((state = 'proposed') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL))
    )
    """,
    "CREATE INDEX disposals_waiting ON disposals (proposed_at, disposal_id) WHERE state = 'proposed'",
    """
    CREATE TABLE disposal_persons (
        disposal_id uuid NOT NULL REFERENCES disposals,
        position    integer NOT NULL,
        person_id   uuid NOT NULL,
        PRIMARY KEY (disposal_id, person_id)
    )
    """,
    "CREATE INDEX disposal_persons_person ON disposal_persons (person_id)",
)


def upgrade() -> None:
    add_retention()
    add_audit_closings()
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
