"""Who holds each case, from when to when; for cases that are there, from what their timelines tell."""

from alembic import op

from slrt_kit.holdings.migrating import add_holdings

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_SENT_AT = (
    "ALTER TABLE office_needs ADD COLUMN sent_at timestamptz",
    # A referral whose sending has not come to the timeline yet was sent just now.
    """
    UPDATE office_needs o SET sent_at = coalesce(
        (SELECT min(t.happened_at) FROM timeline t
         WHERE t.case_id = o.case_id AND t.event_type = 'id.slrt.referral.referral-sent.v1'
           AND t.facts ->> 'referral_id' = CAST(o.referral_id AS text)),
        now())
    """,
    "ALTER TABLE office_needs ALTER COLUMN sent_at SET NOT NULL",
)

# At each instant at which anything became known of a case: where it stood, which offices had a need of it, and where
# it was.
_RECONSTRUCT = """
    WITH stages (event_type, stage) AS (VALUES
        ('id.slrt.intake.case-screened.v1', 1), ('id.slrt.intake.case-recommended.v1', 2),
        ('id.slrt.intake.case-decided.v1', 3), ('id.slrt.intake.case-resolved.v1', 4),
        ('id.slrt.intake.case-closed.v1', 5)
    ), facts AS NOT MATERIALIZED (
        SELECT c.case_id, t.event_type, greatest(t.happened_at, c.registered_at) AS at, t.facts
        FROM cases c JOIN timeline t USING (case_id)
    ), sent AS NOT MATERIALIZED (
        SELECT s.case_id, s.facts ->> 'referral_id' AS referral_id, s.facts ->> 'office_code' AS office_code, s.at,
               (SELECT min(e.at) FROM facts e WHERE e.case_id = s.case_id
                AND e.facts ->> 'referral_id' = s.facts ->> 'referral_id'
                AND e.event_type IN ('id.slrt.referral.referral-completed.v1',
                                     'id.slrt.referral.referral-declined.v1')) AS until
        FROM facts s WHERE s.event_type = 'id.slrt.referral.referral-sent.v1'
    ), instants AS (
        SELECT case_id, registered_at AS at, village_code FROM cases
        UNION
        SELECT case_id, at, village_code FROM facts JOIN cases USING (case_id)
    ), seen AS (
        SELECT i.case_id, i.at,
               (SELECT coalesce(max(stage), 0) FROM facts f JOIN stages USING (event_type)
                WHERE f.case_id = i.case_id AND f.at <= i.at) AS stage,
               (SELECT s.office_code FROM sent s WHERE s.case_id = i.case_id AND s.at <= i.at
                AND (s.until IS NULL OR s.until > i.at) ORDER BY s.at, s.referral_id LIMIT 1) AS sent_to,
               coalesce((SELECT f.facts ->> 'district_code' FROM facts f WHERE f.case_id = i.case_id AND f.at <= i.at
                         AND f.event_type IN ('id.slrt.intake.case-registered.v1', 'id.slrt.intake.case-transferred.v1')
                         ORDER BY f.at DESC LIMIT 1), left(i.village_code, 8)) AS district_code
        FROM instants i
    ), held AS (
        SELECT case_id, at, district_code, CASE WHEN stage = 3 THEN sent_to END AS office_code,
               CASE stage WHEN 0 THEN 'front_office' WHEN 1 THEN 'back_office' WHEN 2 THEN 'coordinator'
                    WHEN 3 THEN CASE WHEN sent_to IS NULL THEN 'back_office' ELSE 'office' END
                    WHEN 4 THEN 'resident' END AS holder
        FROM seen
    ), compared AS (
        SELECT *, lag(at) OVER life IS NULL
                  OR (holder, office_code, district_code) IS DISTINCT FROM
                     (lag(holder) OVER life, lag(office_code) OVER life, lag(district_code) OVER life) AS is_change
        FROM held WINDOW life AS (PARTITION BY case_id ORDER BY at)
    ), turns AS (
        SELECT *, row_number() OVER life AS sequence, lead(at) OVER life AS until
        FROM compared WHERE is_change WINDOW life AS (PARTITION BY case_id ORDER BY at)
    )
    INSERT INTO holdings (held_id, sequence, holder, office_code, district_code, since, until, reconstructed)
    SELECT case_id, sequence, holder, office_code, district_code, at, until, true FROM turns WHERE holder IS NOT NULL
    """


def upgrade() -> None:
    for statement in _SENT_AT:
        op.execute(statement)
    add_holdings()
    op.execute(_RECONSTRUCT)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
