"""What referrals keep of how their office was chosen, to choose again by another policy."""

ROUTED = """
    SELECT r.referral_id, r.need_code, r.programme_code, r.urgent, r.attributes, r.routed_in, r.district_code,
           r.office_code, r.routing_rule, r.rerouted_from IS NOT NULL AS by_person, r.restricted OR r.sealed AS hidden,
           coalesce(h.minutes, 0) AS minutes
    FROM referrals r LEFT JOIN LATERAL (
        SELECT CAST(sum(extract(epoch FROM least(coalesce(until, %(until)s), %(until)s) - since)) / 60 AS integer)
            AS minutes
        FROM holdings WHERE held_id = r.referral_id AND holder = 'office' AND office_code = r.office_code
            AND since < %(until)s
    ) AS h ON true
    WHERE r.created_at >= %(since)s AND r.created_at <= %(until)s
    """
"""Referrals made from ``since`` to ``until``, with the minutes for which their office has had them."""
REGION = "r.district_code"
"""The column of a row's region: where the case is now, as who may see it goes by that."""
