"""What decides who may know of a case: restricted, sealed, assigned officers, emergency accesses."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE cases ADD COLUMN restricted boolean NOT NULL DEFAULT false",
    "ALTER TABLE cases ADD COLUMN reporter_secret boolean NOT NULL DEFAULT false",
    "ALTER TABLE cases ADD COLUMN sealed_at timestamptz",
    "ALTER TABLE cases ADD COLUMN sealed_by text",
    "ALTER TABLE cases ADD COLUMN seal_reason text",
    # The needs that are sensitive in the catalogue of this release (`SENSITIVE_NEEDS`).
    """
    UPDATE cases SET restricted = true WHERE case_id IN
        (SELECT case_id FROM needs WHERE need_code IN ('KEKERASAN', 'ANAK', 'HIV', 'ODGJ'))
    """,
    # Those that are kept from most, found without a look at all the others.
    """
    CREATE INDEX cases_restricted ON cases (village_code COLLATE "C", registered_at DESC, case_id DESC)
        WHERE restricted OR sealed_at IS NOT NULL
    """,
    """
    CREATE TABLE case_officers (
        case_id     uuid NOT NULL REFERENCES cases,
        officer     text NOT NULL,
        assigned_by text NOT NULL,
        assigned_at timestamptz NOT NULL,
        PRIMARY KEY (case_id, officer)
    )
    """,
    "CREATE INDEX case_officers_officer ON case_officers (officer, case_id)",
    """
    CREATE TABLE emergency_accesses (
        access_id      uuid PRIMARY KEY,
        version        bigint NOT NULL,
        event_sequence bigint NOT NULL,
        case_id        uuid NOT NULL REFERENCES cases,
        opened_by      text NOT NULL,
        sealed         bytea,
        opened_at      timestamptz NOT NULL,
        ends_at        timestamptz NOT NULL,
        reviewed_by    text,
        reviewed_at    timestamptz,
        justified      boolean
    )
    """,
    "CREATE INDEX emergency_accesses_case ON emergency_accesses (case_id, opened_by, ends_at)",
    "CREATE INDEX emergency_accesses_review ON emergency_accesses (opened_at, access_id) WHERE reviewed_at IS NULL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
