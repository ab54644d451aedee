"""The backbone's tables, referrals and what happened to each."""

from alembic import op

from slrt_kit.backbone import create_backbone

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE referrals (
        referral_id    uuid PRIMARY KEY,
        version        bigint NOT NULL,
        event_sequence bigint NOT NULL,
        case_id        uuid NOT NULL,
        need_id        uuid NOT NULL,
        need_code      text NOT NULL,
        programme_code text,
        function_code  text NOT NULL,
        office_code    text NOT NULL,
        district_code  text NOT NULL,
        urgent         boolean NOT NULL,
        routing_rule   text NOT NULL,
        policy_version text NOT NULL,
        status         text NOT NULL,
        waiting_on     uuid[] NOT NULL,
        rerouted_from  uuid REFERENCES referrals,
        rerouted_to    uuid REFERENCES referrals DEFERRABLE INITIALLY DEFERRED,
        reroute_reason text,
        reroute_count  integer NOT NULL,
        outcome_code   text,
        created_at     timestamptz NOT NULL,
        sent_at        timestamptz
    )
    """,
    # A need is on its way once; its later referrals follow from the first by reroute.
    "CREATE UNIQUE INDEX referrals_need ON referrals (need_id) WHERE rerouted_from IS NULL",
    "CREATE INDEX referrals_case ON referrals (case_id)",
    # The order of the worklist: urgent ones first, then the oldest.
    "CREATE INDEX referrals_office ON referrals (office_code, (NOT urgent), created_at, referral_id)",
    "CREATE INDEX referrals_order ON referrals ((NOT urgent), created_at, referral_id)",
    # "C" makes a region's subtree a range of the index.
    'CREATE INDEX referrals_region ON referrals (district_code COLLATE "C")',
    """
    CREATE TABLE referral_steps (
        step_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        referral_id  uuid NOT NULL REFERENCES referrals,
        action       text NOT NULL,
        from_status  text NOT NULL,
        to_status    text NOT NULL,
        at           timestamptz NOT NULL,
        by           text NOT NULL,
        reason_code  text,
        outcome_code text,
        office_code  text,
        note         text
    )
    """,
    "CREATE INDEX referral_steps_referral ON referral_steps (referral_id, step_id)",
)


def upgrade() -> None:
    create_backbone()
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
