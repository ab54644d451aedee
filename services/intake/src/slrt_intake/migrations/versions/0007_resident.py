"""What residents see of their own case: one-time codes, sessions, and who looked at their data."""

from alembic import op

from slrt_kit.backbone import add_looks_told

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # A challenge has no code: it is made of the challenge's id with a key that no database knows.
    """
    CREATE TABLE resident_challenges (
        challenge_id uuid PRIMARY KEY,
        case_id      uuid NOT NULL REFERENCES cases,
        requested_at timestamptz NOT NULL,
        expires_at   timestamptz NOT NULL,
        wrong        integer NOT NULL,
        ended_at     timestamptz
    )
    """,
    "CREATE INDEX resident_challenges_case ON resident_challenges (case_id, requested_at DESC)",
    "CREATE INDEX resident_challenges_old ON resident_challenges (requested_at)",
    """
    CREATE TABLE resident_sessions (
        token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
        case_id    uuid NOT NULL UNIQUE REFERENCES cases,
        opened_at  timestamptz NOT NULL,
        expires_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX resident_sessions_old ON resident_sessions (expires_at)",
    # Which persons and families of the registry a case is about, as the registry told.
    """
    CREATE TABLE case_people (
        case_id   uuid NOT NULL,
        person_id uuid NOT NULL,
        family_id uuid,
        PRIMARY KEY (case_id, person_id)
    )
    """,
    "CREATE INDEX case_people_person ON case_people (person_id)",
    "CREATE INDEX case_people_family ON case_people (family_id) WHERE family_id IS NOT NULL",
    """
    INSERT INTO case_people (case_id, person_id, family_id)
    SELECT DISTINCT ON (case_id, facts ->> 'person_id')
           case_id, CAST(facts ->> 'person_id' AS uuid), CAST(facts ->> 'family_id' AS uuid)
    FROM timeline WHERE event_type = 'id.slrt.registry.person-recorded.v1'
    ORDER BY case_id, facts ->> 'person_id', recorded_at DESC
    """,
    # A look is known by its place in the audit log that it is from: told again, it is the same one.
    """
    CREATE TABLE looks (
        chain_id     uuid NOT NULL,
        position     bigint NOT NULL,
        service      text NOT NULL,
        looked_at    timestamptz NOT NULL,
        action       text NOT NULL,
        object_type  text NOT NULL,
        object_id    uuid NOT NULL,
        case_id      uuid,
        role         text NOT NULL,
        office_code  text,
        purpose      text NOT NULL,
        in_emergency boolean NOT NULL,
        PRIMARY KEY (chain_id, position)
    )
    """,
    """
    CREATE INDEX looks_case ON looks (case_id, looked_at DESC, chain_id DESC, position DESC)
        WHERE case_id IS NOT NULL
    """,
    # By person and family; what is looked at of a case itself is found by the case.
    """
    CREATE INDEX looks_object ON looks (object_id, looked_at DESC, chain_id DESC, position DESC)
        WHERE object_type IN ('person', 'family')
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
    add_looks_told()


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
