"""Letters: who had which part in each, its number, and sealed what it says and the document that every print is of."""

from alembic import op

revision = "0022"
down_revision = "0020"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE letters (
        letter_id         uuid PRIMARY KEY,
        version           bigint NOT NULL,
        event_sequence    bigint NOT NULL,
        case_id           uuid NOT NULL REFERENCES cases,
        person_id         uuid REFERENCES persons,
        need_id           uuid REFERENCES needs,
        letter_type       text NOT NULL,
        label             jsonb NOT NULL,
        policy_version    text NOT NULL,
        office_code       text NOT NULL,
        terms             jsonb NOT NULL,
        key_id            bigint NOT NULL,
        sealed            bytea,
        document          bytea,
        subject_index     bytea,
        drafted_by        text NOT NULL,
        drafted_at        timestamptz NOT NULL,
        status            text NOT NULL,
        next_role         text,
        initials          jsonb NOT NULL,
        number            text,
        number_year       integer,
        number_count      integer,
        signed_by         text,
        signed_at         timestamptz,
        valid_until       date,
        issued_by         text,
        issued_at         timestamptz,
        revoked_by        text,
        revoked_at        timestamptz,
        revocation_reason text,
        -- What has no number was never signed, and what has one keeps it.
        CHECK ((number IS NULL) = (signed_at IS NULL))
    )
    """,
    "CREATE INDEX letters_case ON letters (case_id, drafted_at, letter_id)",
    "CREATE INDEX letters_key ON letters (key_id) WHERE sealed IS NOT NULL",
    # Two letters of one number are refused even where the counter were wrong.
    """
    CREATE UNIQUE INDEX letters_number ON letters (office_code, (terms ->> 'series'), number_year, number_count)
    WHERE number IS NOT NULL
    """,
    "CREATE INDEX letters_waiting ON letters (next_role, drafted_at, letter_id) WHERE next_role IS NOT NULL",
    "CREATE INDEX letters_valid_until ON letters (valid_until, letter_id) WHERE status IN ('signed', 'issued')",
    """
    CREATE INDEX letters_subject ON letters (subject_index, letter_type)
    WHERE status IN ('signed', 'issued') AND subject_index IS NOT NULL
    """,
    # One row for each office, series and year: it is locked from the signature to the commit, so that a number that is
    # not kept is nobody's gap.
    """
    CREATE TABLE letter_numbers (
        office_code text NOT NULL,
        series      text NOT NULL,
        year        integer NOT NULL,
        last        integer NOT NULL,
        PRIMARY KEY (office_code, series, year)
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
