"""The words in which people read of a clock: whose turn it is, and why something is on their list."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from slrt_contracts.codes import ClockPauseReason
from slrt_kit.clocks.clock import Owner, OwnerKind
from slrt_kit.clocks.reporting import RegionRoles
from slrt_kit.problems import Text

PAUSES: Final[Mapping[str, Text]] = MappingProxyType(
    {
        ClockPauseReason.WAITING_FOR_RESIDENT: Text("menunggu warga", "waiting for the resident"),
        ClockPauseReason.EXTERNAL_DECISION: Text("menunggu keputusan pihak lain", "waiting for a decision elsewhere"),
    }
)
_RESIDENT: Final = Text("warga", "the resident")


def owner_words(owner: Owner, roles: RegionRoles) -> Text:
    """Whose turn it is, as the roles of the region are called; an office by its code."""
    if owner.kind is OwnerKind.RESIDENT:
        return _RESIDENT
    return Text(owner.code, owner.code) if owner.kind is OwnerKind.OFFICE else roles.words(owner.code)
