"""Consents with their withdrawals, and a receipt for each delivery of personal data to an office."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE consents (
        consent_id       uuid PRIMARY KEY,
        event_sequence   bigint NOT NULL,
        case_id          uuid NOT NULL REFERENCES cases,
        person_id        uuid NOT NULL REFERENCES persons,
        purposes         text[] NOT NULL,
        purposes_version integer NOT NULL,
        offices          text[] NOT NULL,
        notice_version   text NOT NULL,
        notice_language  text NOT NULL,
        method           text NOT NULL,
        given_by         text NOT NULL,
        relation         text,
        witness_role     text,
        given_at         timestamptz NOT NULL,
        expires_at       timestamptz,
        recorded_by      text NOT NULL,
        recorded_at      timestamptz NOT NULL,
        sealed           bytea,
        withdrawn_at     timestamptz
    )
    """,
    "CREATE INDEX consents_case ON consents (case_id)",
    "CREATE INDEX consents_person ON consents (person_id)",
    """
    CREATE TABLE consent_withdrawals (
        consent_id uuid PRIMARY KEY REFERENCES consents,
        at         timestamptz NOT NULL,
        by         text NOT NULL,
        given_by   text NOT NULL,
        relation   text,
        reason     text NOT NULL,
        sealed     bytea
    )
    """,
    # Given once: whatever a program does, only the end of a consent is ever written, and the erasure of its words.
    """
    CREATE FUNCTION consents_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' OR OLD.withdrawn_at IS NOT NULL AND NEW.withdrawn_at IS DISTINCT FROM OLD.withdrawn_at
           OR NEW.sealed IS NOT NULL AND NEW.sealed IS DISTINCT FROM OLD.sealed
           OR to_jsonb(NEW) - '{withdrawn_at,event_sequence,sealed}'::text[]
              IS DISTINCT FROM to_jsonb(OLD) - '{withdrawn_at,event_sequence,sealed}'::text[]
        THEN RAISE EXCEPTION 'a consent is not changed once it is given' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER consents_are_kept BEFORE UPDATE OR DELETE ON consents
        FOR EACH ROW EXECUTE FUNCTION consents_are_kept()
    """,
    """
    CREATE TABLE sharings (
        receipt_id       uuid PRIMARY KEY,
        case_id          uuid NOT NULL,
        office_code      text NOT NULL,
        subject          text NOT NULL,
        purpose          text NOT NULL,
        purposes_version integer NOT NULL,
        basis            text NOT NULL,
        fields           text[] NOT NULL,
        person_ids       uuid[] NOT NULL,
        consent_ids      uuid[] NOT NULL,
        referral_ids     uuid[] NOT NULL,
        event_id         uuid,
        shared_at        timestamptz NOT NULL,
        withdrawn_at     timestamptz,
        erase_by         timestamptz,
        erased_at        timestamptz,
        erased_by        text
    )
    """,
    "CREATE INDEX sharings_case ON sharings (case_id, shared_at, receipt_id)",
    "CREATE INDEX sharings_owed ON sharings (erase_by) WHERE erase_by IS NOT NULL AND erased_at IS NULL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
