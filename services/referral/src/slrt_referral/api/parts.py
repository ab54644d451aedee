"""What the routes share: the policy, and stores on a unit of work."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from slrt_kit.db import Database
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import Vault
from slrt_referral.adapters.routing_book import RoutingBook
from slrt_referral.store.referrals import ReferralStores


@dataclass(frozen=True, slots=True)
class ReferralParts:
    """Composed once in `app.py`, handed to every route."""

    database: Database
    outbox: Outbox
    routing: RoutingBook
    vault: Vault
    referrals: ReferralStores


# A coroutine, because FastAPI sends a plain function to a thread, which costs more than the work.
async def _parts(request: Request) -> ReferralParts:
    parts: ReferralParts = request.app.state.parts
    return parts


Parts = Annotated[ReferralParts, Depends(_parts)]
