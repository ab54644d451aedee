"""The backbone's tables, cases with their needs and people, drafts, the timeline."""

from alembic import op

from slrt_kit.backbone import create_backbone

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE cases (
        case_id         uuid PRIMARY KEY,
        version         bigint NOT NULL,
        event_sequence  bigint NOT NULL,
        ticket_number   text NOT NULL UNIQUE,
        status          text NOT NULL,
        channel         text NOT NULL,
        village_code    text NOT NULL,
        urgent          boolean NOT NULL,
        has_subject     boolean NOT NULL,
        registered_by   text NOT NULL,
        registered_at   timestamptz NOT NULL,
        registry_status text,
        recommended_by  text,
        decided_by      text,
        resolved_at     timestamptz,
        closed_at       timestamptz,
        satisfied       boolean
    )
    """,
    # "C" makes a region's subtree a range of the index; the last columns are the order of the list.
    'CREATE INDEX cases_region ON cases (village_code COLLATE "C", registered_at DESC, case_id DESC)',
    "CREATE INDEX cases_registered ON cases (registered_at DESC, case_id DESC)",
    """
    CREATE TABLE needs (
        need_id        uuid PRIMARY KEY,
        case_id        uuid NOT NULL REFERENCES cases,
        position       integer NOT NULL,
        need_code      text NOT NULL,
        person_id      uuid,
        urgent         boolean NOT NULL,
        description    text,
        attributes     jsonb NOT NULL,
        status         text NOT NULL,
        recommendation text,
        decision       text,
        outcome_code   text,
        referral_id    uuid
    )
    """,
    "CREATE INDEX needs_case ON needs (case_id)",
    # Identities and contacts have tables of their own: only claim checks read them.
    """
    CREATE TABLE persons (
        person_id  uuid PRIMARY KEY,
        case_id    uuid NOT NULL REFERENCES cases,
        position   integer NOT NULL,
        relation   text NOT NULL,
        name       text NOT NULL,
        nik        text,
        birth_date date,
        sex        char(1)
    )
    """,
    "CREATE INDEX persons_case ON persons (case_id)",
    """
    CREATE TABLE contacts (
        case_id     uuid PRIMARY KEY REFERENCES cases,
        phone       text,
        phone_last4 char(4),
        email       text,
        language    text NOT NULL,
        kk_number   text,
        address     text,
        proxy_name  text
    )
    """,
    """
    CREATE TABLE drafts (
        draft_id     uuid PRIMARY KEY,
        version      bigint NOT NULL,
        author       text NOT NULL,
        village_code text,
        text         text NOT NULL,
        content      jsonb NOT NULL,
        warnings     jsonb NOT NULL,
        created_at   timestamptz NOT NULL,
        case_id      uuid REFERENCES cases
    )
    """,
    "CREATE INDEX drafts_author ON drafts (author, created_at DESC, draft_id DESC)",
    # What happened to a case, told by every service: our own entries and those of received events.
    """
    CREATE TABLE timeline (
        event_id    uuid PRIMARY KEY,
        case_id     uuid NOT NULL,
        event_type  text NOT NULL,
        service     text NOT NULL,
        happened_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        facts       jsonb NOT NULL
    )
    """,
    "CREATE INDEX timeline_case ON timeline (case_id, happened_at, event_id)",
    # Which office has which need: what lets an office's claim check through. By referral, because a need may come
    # back to an office that declined it, and the events of two referrals have no common order.
    """
    CREATE TABLE office_needs (
        referral_id uuid PRIMARY KEY,
        need_id     uuid NOT NULL,
        office_code text NOT NULL,
        case_id     uuid NOT NULL
    )
    """,
    "CREATE INDEX office_needs_case ON office_needs (case_id, office_code)",
    """
    CREATE TABLE ticket_failures (
        ticket_number text PRIMARY KEY,
        failures      integer NOT NULL,
        first_at      timestamptz NOT NULL
    )
    """,
)


def upgrade() -> None:
    create_backbone()
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
