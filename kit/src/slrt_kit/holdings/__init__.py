"""The clock ledger: every minute of a case, or of a referral, has exactly one holder."""

from slrt_kit.holdings.figures import HoldingTime, holding_times
from slrt_kit.holdings.model import Holder, HolderKind, Holding, Month
from slrt_kit.holdings.store import Ledger, holdings_of

__all__ = [
    "Holder",
    "HolderKind",
    "Holding",
    "HoldingTime",
    "Ledger",
    "Month",
    "holding_times",
    "holdings_of",
]
