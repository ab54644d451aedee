"""Tell one office's own system of each referral that was sent to it and of what it must erase, by signed notices
without personal data."""

from dataclasses import dataclass
from datetime import timedelta

import orjson

from slrt_contracts.events.intake import SharingWithdrawn
from slrt_contracts.events.referral import ReferralSent
from slrt_contracts.structured import structured
from slrt_contracts.types import OfficeCode, ReferralId
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.messaging.errors import IgnoredError, RejectedError
from slrt_kit.messaging.handlers import Handlers, Received
from slrt_kit.problems import NotFoundError
from slrt_referral import usecases
from slrt_referral.ports import Notices
from slrt_referral.store.referrals import ReferralStores

# UU 27/2022 (PDP) article 40: processing ends within 3 x 24 hours of the withdrawal.
_ERASE_WITHIN = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class ConnectorParts:
    """What the connector of one office needs."""

    office: OfficeCode
    notices: Notices
    database: Database
    referrals: ReferralStores


connector = Handlers[ConnectorParts]()


def notice_body(received: Received[ReferralSent]) -> bytes:
    """The notice: the event as a CloudEvent in structured mode (JSON), with the paths to fetch the rest from.

    Paths are below the gateway. The office's own identity opens them; the notice opens nothing.
    """
    event = received.event
    paths = {
        "referralpath": f"/referral/v1/referrals/{event.referral_id}",
        "claimpath": f"/intake/v1/cases/{event.case_id}/parties",
    }
    return orjson.dumps(structured(received.envelope, event.model_dump(mode="json")) | paths)


async def deliver(received: Received[ReferralSent], parts: ConnectorParts) -> None:
    """Hand the notice to the office's endpoint; under the event's id, so that the office knows a repetition.

    Raises:
        IgnoredError: no longer this office's business.
        TransientError: the endpoint is away. RejectedError: it refuses, or the referral is not in the database.
    """
    event = received.event
    async with parts.database.unit_of_work() as work:
        concerned = await _checked(event.referral_id, work, parts)
    if not concerned:
        raise IgnoredError
    await parts.notices.deliver(notice_id=received.envelope.id, body=notice_body(received))


async def _checked(referral_id: ReferralId, work: UnitOfWork, parts: ConnectorParts) -> bool:
    try:
        return await usecases.still_with_office(referral_id, referrals=parts.referrals(work))
    except NotFoundError as error:
        raise RejectedError("no such referral") from error


def is_of_this_office(received: Received[ReferralSent | SharingWithdrawn], parts: ConnectorParts) -> bool:
    """Every connector hears of every referral and every withdrawal."""
    return received.event.office_code == parts.office


@connector.on_prepared(ReferralSent, deliver, concerns=is_of_this_office)
async def note_received(
    received: Received[ReferralSent], work: UnitOfWork, parts: ConnectorParts, _delivered: None
) -> None:
    """The office has the notice: the referral is received."""
    await usecases.note_received(received.event.referral_id, referrals=parts.referrals(work), at=work.clock.now())


def withdrawal_body(received: Received[SharingWithdrawn]) -> bytes:
    """The notice that what was delivered under these receipts may be used no more: the event in structured mode.

    ``eraseby`` is the moment (UTC) until which the office has erased it, ``erasurepath`` is where it says so for each
    receipt, below the gateway.
    """
    more = {
        "eraseby": (received.envelope.time + _ERASE_WITHIN).isoformat(),
        "erasurepath": "/intake/v1/sharings/{receipt_id}/erasure",
    }
    return orjson.dumps(structured(received.envelope, received.event.model_dump(mode="json")) | more)


async def deliver_withdrawal(received: Received[SharingWithdrawn], parts: ConnectorParts) -> None:
    """Hand the notice to the office's endpoint, also when it has declined the referral since: it holds the data.

    Raises:
        TransientError: the endpoint is away. RejectedError: it refuses.
    """
    await parts.notices.deliver(notice_id=received.envelope.id, body=withdrawal_body(received))


@connector.on_prepared(SharingWithdrawn, deliver_withdrawal, concerns=is_of_this_office)
async def note_told(
    _received: Received[SharingWithdrawn], _work: UnitOfWork, _parts: ConnectorParts, _delivered: None
) -> None:
    """That the office has the notice stands in the inbox; that it has erased the data, the office says to intake."""
