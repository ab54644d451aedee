"""What a test asks of the audit log before a sealer has been there."""

LOOKS = """(
    SELECT id, CAST(e ->> 'at' AS timestamptz) AS at,
           e ->> 'subject' AS subject, e ->> 'purpose' AS purpose, e ->> 'action' AS action,
           e ->> 'object_type' AS object_type, CAST(e ->> 'object_id' AS uuid) AS object_id,
           ARRAY(SELECT jsonb_array_elements_text(e -> 'fields')) AS fields, e ->> 'request_id' AS request_id,
           ARRAY(SELECT jsonb_array_elements_text(e -> 'roles')) AS roles, e ->> 'office' AS office,
           e ->> 'case_id' AS case_id, e -> 'near' AS near
    FROM (SELECT id, CAST(entry AS jsonb) AS e FROM audit_unsealed) AS unsealed
    WHERE e ->> 'result' = 'ok' AND e ->> 'event_id' IS NULL
    ) AS looks"""
"""Stands where a table stands: the looks that are on record, and writes that raised no event."""
REFUSED = """(
    SELECT id, e ->> 'subject' AS subject, e ->> 'action' AS action, e ->> 'object_type' AS object_type,
           e ->> 'object_id' AS object_id, e ->> 'reason' AS reason, coalesce(CAST(e ->> 'times' AS int), 1) AS times
    FROM (SELECT id, CAST(entry AS jsonb) AS e FROM audit_unsealed) AS unsealed
    WHERE e ->> 'result' = 'refused'
    ) AS refused"""
"""The same for refusals."""
