"""Who holds each referral, from when to when; for referrals that are there, from their steps."""

from alembic import op

from slrt_kit.holdings.migrating import add_holdings

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# What a draft that was sent had waited for is not on record: its time then is the secretariat's.
_RECONSTRUCT = """
    WITH turns AS (
        SELECT referral_id, created_at AS at, 0 AS place,
               CASE WHEN sent_at <= created_at THEN 'office' ELSE 'draft' END AS state FROM referrals
        UNION ALL
        SELECT referral_id, sent_at, 1, 'office' FROM referrals WHERE sent_at > created_at
        UNION ALL
        SELECT referral_id, at, 1 + step_id, CASE action WHEN 'complete' THEN 'resident' END
        FROM referral_steps WHERE action IN ('complete', 'confirm', 'decline')
    ), placed AS (
        SELECT referral_id, state, row_number() OVER w AS sequence, max(at) OVER w AS since
        FROM turns WINDOW w AS (PARTITION BY referral_id ORDER BY place)
    ), lasting AS (
        SELECT *, lead(since) OVER (PARTITION BY referral_id ORDER BY sequence) AS until FROM placed
    ), held AS (
        SELECT l.*, r.district_code,
               CASE l.state
                   WHEN 'office' THEN r.office_code
                   WHEN 'draft' THEN (SELECT o.office_code FROM referrals o WHERE o.referral_id = ANY(r.waiting_on)
                                      ORDER BY o.created_at, o.referral_id LIMIT 1)
               END AS office_code
        FROM lasting l JOIN referrals r USING (referral_id) WHERE l.state IS NOT NULL
    )
    INSERT INTO holdings (held_id, sequence, holder, office_code, district_code, since, until, reconstructed)
    SELECT referral_id, sequence,
           CASE WHEN office_code IS NOT NULL THEN 'office' WHEN state = 'draft' THEN 'back_office' ELSE state END,
           office_code, district_code, since, until, true
    FROM held
    """


def upgrade() -> None:
    add_holdings()
    op.execute(_RECONSTRUCT)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
