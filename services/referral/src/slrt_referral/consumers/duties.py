"""Keep a copy of the duty roster: who answers for a referral, and to whom a late one goes up."""

from slrt_contracts.codes import UnknownCode
from slrt_contracts.events.duty import DutyAssigned, DutyEnded
from slrt_kit.db import UnitOfWork
from slrt_kit.messaging.errors import IgnoredError
from slrt_kit.messaging.handlers import Handlers, Received

duties = Handlers[None]()

_KEEP = """
    INSERT INTO duties (duty_id, officer_id, role, area_code, office_code, first_day, last_day)
    VALUES (%(duty_id)s, %(officer_id)s, %(role_code)s, %(area_code)s, %(office_code)s, %(first_day)s, %(last_day)s)
    ON CONFLICT (duty_id) DO UPDATE SET officer_id = excluded.officer_id, role = excluded.role,
        area_code = excluded.area_code, office_code = excluded.office_code, first_day = excluded.first_day,
        last_day = excluded.last_day
    """


@duties.on(DutyAssigned)
async def keep_duty(received: Received[DutyAssigned], work: UnitOfWork, _: None) -> None:
    """The duty as it is from now on.

    Raises:
        IgnoredError: the role is of a newer contract: nothing here goes up to it.
    """
    if isinstance(received.event.role_code, UnknownCode):
        raise IgnoredError
    work.connection.defer(_KEEP, received.event.model_dump())


@duties.on(DutyEnded)
async def end_duty(received: Received[DutyEnded], work: UnitOfWork, _: None) -> None:
    """Nobody is on it any more."""
    work.connection.defer(
        "UPDATE duties SET ended_at = %(at)s WHERE duty_id = %(duty_id)s",
        {"duty_id": received.event.duty_id, "at": received.envelope.time},
    )
