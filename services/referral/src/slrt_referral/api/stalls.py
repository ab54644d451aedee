"""The referrals that are held up."""

from slrt_kit.http.stalls import stall_routes
from slrt_referral.store.stalls import list_stalls

router = stall_routes(
    "referral.stall.read", lambda connection, authorized, asked: list_stalls(connection, authorized.scope, asked)
)
