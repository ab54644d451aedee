"""The cases and needs that are held up."""

from collections.abc import Sequence

from slrt_intake.store.stalls import list_stalls
from slrt_kit.db import Connection
from slrt_kit.http.auth import Authorized
from slrt_kit.http.stalls import stall_routes
from slrt_kit.stalls.listing import StallPage
from slrt_kit.stalls.model import Stall


async def _listed(connection: Connection, authorized: Authorized, asked: StallPage) -> Sequence[Stall]:
    restricted = authorized.principal.scope("intake.restricted.list")
    return await list_stalls(connection, authorized.scope, restricted, asked)


router = stall_routes("intake.stall.read", _listed)
