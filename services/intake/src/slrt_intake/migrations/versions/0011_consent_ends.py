"""A consent that ran out is ended once: offices are told as by a withdrawal, and nothing is shared by it any more."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE consents ADD COLUMN expired_at timestamptz",
    "ALTER TABLE consents ADD CONSTRAINT consents_end_once CHECK (withdrawn_at IS NULL OR expired_at IS NULL)",
    """
    CREATE INDEX consents_running_out ON consents (expires_at, consent_id)
        WHERE expires_at IS NOT NULL AND withdrawn_at IS NULL AND expired_at IS NULL
    """,
    # As before, and of the two ends each is written once.
    """
    CREATE OR REPLACE FUNCTION consents_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' OR OLD.withdrawn_at IS NOT NULL AND NEW.withdrawn_at IS DISTINCT FROM OLD.withdrawn_at
           OR OLD.expired_at IS NOT NULL AND NEW.expired_at IS DISTINCT FROM OLD.expired_at
           OR NEW.sealed IS NOT NULL AND NEW.sealed IS DISTINCT FROM OLD.sealed
           OR to_jsonb(NEW) - '{withdrawn_at,expired_at,event_sequence,sealed}'::text[]
              IS DISTINCT FROM to_jsonb(OLD) - '{withdrawn_at,expired_at,event_sequence,sealed}'::text[]
        THEN RAISE EXCEPTION 'a consent is not changed once it is given' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
