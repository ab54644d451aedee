"""Put on record who looked at whose data and what for, in the transaction that reads it."""

from collections.abc import Sequence
from uuid import UUID

from slrt_kit.access import Principal
from slrt_kit.db import UnitOfWork

_INSERT = """
    INSERT INTO access_log (at, subject, roles, office, purpose, action, object_type, object_id, fields, request_id)
    VALUES (%(at)s, %(subject)s, %(roles)s, %(office)s, %(purpose)s, %(action)s, %(object_type)s, %(object_id)s,
            %(fields)s, %(request_id)s)
    """


def record_access(
    work: UnitOfWork,
    principal: Principal,
    *,
    purpose: str,
    action: str,
    object_type: str,
    object_id: UUID,
    fields: Sequence[str],
    request_id: str | None,
) -> None:
    """Write one row of the access log; the caller commits it before the data leaves the process."""
    work.connection.defer(
        _INSERT,
        {
            "at": work.clock.now(),
            "subject": principal.subject,
            "roles": sorted(principal.roles),
            "office": principal.office,
            "purpose": purpose,
            "action": action,
            "object_type": object_type,
            "object_id": object_id,
            "fields": list(fields),
            "request_id": request_id,
        },
    )
