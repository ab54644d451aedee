"""The words in which people read of a clock: whose turn it is, and why something is on their list."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from slrt_contracts.codes import ClockOwner, ClockPauseReason
from slrt_kit.clocks.clock import Owner, OwnerKind
from slrt_kit.problems import Text

OWNERS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        ClockOwner.FACILITATOR: Text("fasilitator", "the facilitator"),
        ClockOwner.FRONT_OFFICE: Text("petugas depan", "the front office"),
        ClockOwner.BACK_OFFICE: Text("petugas belakang", "the back office"),
        ClockOwner.COORDINATOR: Text("koordinator", "the coordinator"),
        ClockOwner.SUPERVISOR: Text("supervisor", "the supervisor"),
        ClockOwner.MANAGER: Text("manajer", "the manager"),
        ClockOwner.RESIDENT: Text("warga", "the resident"),
    }
)
PAUSES: Final[Mapping[str, Text]] = MappingProxyType(
    {
        ClockPauseReason.WAITING_FOR_RESIDENT: Text("menunggu warga", "waiting for the resident"),
        ClockPauseReason.EXTERNAL_DECISION: Text("menunggu keputusan pihak lain", "waiting for a decision elsewhere"),
    }
)
HEIGHTS: Final = (
    Text("belum naik", "not escalated"),
    Text("supervisor", "the supervisor"),
    Text("manajer", "the manager"),
    Text("kepala dinas", "the head of the office"),
    Text("tingkat di atasnya", "the next level"),
)
"""Up to whom something has come, by `slrt_kit.clocks.chain.RANKS`."""


def owner_words(owner: Owner) -> Text:
    """Whose turn it is."""
    if owner.kind is OwnerKind.OFFICE:
        return Text(owner.code, owner.code)
    return OWNERS.get(owner.code, Text(owner.code, owner.code))
