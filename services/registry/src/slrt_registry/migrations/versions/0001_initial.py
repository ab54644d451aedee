"""The backbone's tables, persons, families with their needs and participation, what became of each case.

Every table of persons and families begins its key with ``regency_code``, the regency or city of the first recording,
which never changes: so the tables can be partitioned by province or distributed over several servers later. What
must then go into a look-up of its own are the two numbers that are unique in the whole country, NIK and KK.
"""

from alembic import op

from slrt_kit.backbone import create_backbone

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE persons (
        regency_code   text NOT NULL,
        person_id      uuid NOT NULL UNIQUE,
        version        bigint NOT NULL,
        event_sequence bigint NOT NULL,
        village_code   text NOT NULL,
        name           text NOT NULL,
        nik            text CHECK (nik ~ '^[0-9]{16}$'),
        nik_status     text NOT NULL,
        birth_date     date,
        sex            char(1),
        family_id      uuid,
        PRIMARY KEY (regency_code, person_id)
    )
    """,
    # Beside giving the search its speed, it is what makes two cases that come at once find one person.
    "CREATE UNIQUE INDEX persons_nik ON persons (nik) WHERE nik IS NOT NULL",
    # "C" makes a region's subtree a range of the index.
    'CREATE INDEX persons_birth ON persons (birth_date, village_code COLLATE "C") WHERE birth_date IS NOT NULL',
    "CREATE INDEX persons_family ON persons (family_id) WHERE family_id IS NOT NULL",
    """
    CREATE TABLE families (
        regency_code   text NOT NULL,
        family_id      uuid NOT NULL UNIQUE,
        version        bigint NOT NULL,
        event_sequence bigint NOT NULL,
        village_code   text NOT NULL,
        kk_number      text CHECK (kk_number ~ '^[0-9]{16}$'),
        PRIMARY KEY (regency_code, family_id)
    )
    """,
    "CREATE UNIQUE INDEX families_kk ON families (kk_number) WHERE kk_number IS NOT NULL",
    # No reference to persons: a member may have been recorded first in another regency.
    """
    CREATE TABLE family_members (
        regency_code text NOT NULL,
        family_id    uuid NOT NULL,
        person_id    uuid NOT NULL,
        joined_at    timestamptz NOT NULL,
        left_at      timestamptz,
        PRIMARY KEY (regency_code, family_id, person_id),
        FOREIGN KEY (regency_code, family_id) REFERENCES families
    )
    """,
    "CREATE INDEX family_members_family ON family_members (family_id)",
    """
    CREATE TABLE programme_needs (
        regency_code   text NOT NULL,
        need_id        uuid NOT NULL UNIQUE,
        family_id      uuid NOT NULL,
        person_id      uuid,
        case_id        uuid NOT NULL,
        programme_code text NOT NULL,
        status         text NOT NULL,
        recorded_at    timestamptz NOT NULL,
        outcome_code   text,
        referral_id    uuid,
        settled_at     timestamptz,
        PRIMARY KEY (regency_code, need_id),
        FOREIGN KEY (regency_code, family_id) REFERENCES families
    )
    """,
    "CREATE INDEX programme_needs_family ON programme_needs (family_id)",
    "CREATE INDEX programme_needs_case ON programme_needs (case_id)",
    """
    CREATE TABLE participations (
        regency_code     text NOT NULL,
        participation_id uuid NOT NULL,
        family_id        uuid NOT NULL,
        person_id        uuid,
        programme_code   text NOT NULL,
        status           text NOT NULL,
        starts_on        date NOT NULL,
        case_id          uuid NOT NULL,
        referral_id      uuid NOT NULL,
        PRIMARY KEY (regency_code, participation_id),
        FOREIGN KEY (regency_code, family_id) REFERENCES families
    )
    """,
    "CREATE INDEX participations_family ON participations (family_id)",
    "CREATE INDEX participations_case ON participations (case_id)",
    # What became of each case; a case about no person has a row with nobody in it.
    """
    CREATE TABLE cases (
        case_id     uuid PRIMARY KEY,
        region_code text NOT NULL,
        family_id   uuid,
        handled_at  timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE case_persons (
        case_id   uuid NOT NULL REFERENCES cases,
        position  integer NOT NULL,
        person_id uuid NOT NULL,
        found_by  text NOT NULL,
        PRIMARY KEY (case_id, position)
    )
    """,
)


def upgrade() -> None:
    create_backbone()
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
