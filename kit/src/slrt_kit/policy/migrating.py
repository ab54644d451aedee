"""The tables of policy versions, made by a migration of each service that has a policy."""

from alembic import op

_STATEMENTS = (
    # A layer's events are told in their order: whoever activates counts on from `told`, and so holds the row.
    """
    CREATE TABLE policy_layers (
        layer     text COLLATE "C" PRIMARY KEY,
        policy_id uuid NOT NULL UNIQUE,
        told      bigint NOT NULL DEFAULT 0
    )
    """,
    # Two people: whoever decides about a version is not who proposed it, unless it came with the program.
    """
    CREATE TABLE policy_versions (
        layer       text COLLATE "C" NOT NULL REFERENCES policy_layers,
        number      integer NOT NULL CHECK (number > 0),
        version_id  uuid NOT NULL UNIQUE,
        documents   jsonb NOT NULL,
        digest      text NOT NULL,
        origin      text NOT NULL CHECK (origin IN ('package', 'people')),
        why         text NOT NULL,
        proposed_by text NOT NULL,
        proposed_at timestamptz NOT NULL,
        verdict     text CHECK (verdict IN ('approved', 'rejected')),
        decided_by  text,
        decided_at  timestamptz,
        decided_why text,
        PRIMARY KEY (layer, number),
        CHECK ((verdict IS NULL) = (decided_by IS NULL) AND (verdict IS NULL) = (decided_at IS NULL)),
        CHECK (origin = 'package' OR decided_by IS DISTINCT FROM proposed_by)
    )
    """,
    """
    CREATE FUNCTION refuse_policy_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' OR OLD.verdict IS NOT NULL
           OR (NEW.layer, NEW.number, NEW.version_id, NEW.documents, NEW.digest, NEW.origin, NEW.why, NEW.proposed_by,
               NEW.proposed_at) IS DISTINCT FROM
              (OLD.layer, OLD.number, OLD.version_id, OLD.documents, OLD.digest, OLD.origin, OLD.why, OLD.proposed_by,
               OLD.proposed_at)
        THEN RAISE EXCEPTION 'a version of a policy stays as it is' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON policy_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_policy_change()
    """,
    # The newest one that has begun is in force; never two from one instant.
    """
    CREATE TABLE policy_activations (
        layer          text COLLATE "C" NOT NULL,
        number         integer NOT NULL,
        effective_from timestamptz NOT NULL,
        kind           text NOT NULL CHECK (kind IN ('activate', 'rollback')),
        why            text NOT NULL,
        activated_by   text NOT NULL,
        activated_at   timestamptz NOT NULL,
        PRIMARY KEY (layer, effective_from),
        FOREIGN KEY (layer, number) REFERENCES policy_versions
    )
    """,
    """
    CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON policy_activations
    FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    # Whoever changes any layer counts it up, and so waits for whoever is at it: what is checked together is committed
    # one after the other. Every process asks for it every few seconds.
    """
    CREATE TABLE policy_revision (
        single   boolean PRIMARY KEY DEFAULT true CHECK (single),
        revision bigint NOT NULL
    )
    """,
    "INSERT INTO policy_revision (revision) VALUES (0)",
)


def add_policy() -> None:
    """Run inside a later Alembic migration: the versions of the service's policy, and which of them is in force."""
    for statement in _STATEMENTS:
        op.execute(statement)
