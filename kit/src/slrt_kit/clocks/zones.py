"""Know which of the three zones a region of Indonesia lies in.

Keputusan Presiden 41/1987 (zones by province), and the provinces that were split off since, which kept their zone.
Summer time ended in 1964: each zone is one offset.
"""

from collections.abc import Mapping
from datetime import timedelta, timezone
from types import MappingProxyType
from typing import Final

from slrt_kit.clock import WIB
from slrt_kit.regions import NATION

WITA: Final = timezone(timedelta(hours=8), "WITA")
WIT: Final = timezone(timedelta(hours=9), "WIT")

ZONES: Final[Mapping[str, timezone]] = MappingProxyType(
    {"Asia/Jakarta": WIB, "Asia/Makassar": WITA, "Asia/Jayapura": WIT}
)
"""The zones by their names in the IANA database."""
_PROVINCES: Final = {
    # Sumatra and its islands; Java and Madura; West and Central Kalimantan.
    "Asia/Jakarta": "11 12 13 14 15 16 17 18 19 21 31 32 33 34 35 36 61 62",
    # South, East and North Kalimantan; Bali and Nusa Tenggara; Sulawesi.
    "Asia/Makassar": "51 52 53 63 64 65 71 72 73 74 75 76",
    # Maluku and Papua.
    "Asia/Jayapura": "81 82 91 92 93 94 95 96",
}
_NAMES: Final = {province: name for name, codes in _PROVINCES.items() for province in codes.split()}
_CAPITAL: Final = "Asia/Jakarta"


class UnknownProvinceError(LookupError):
    """No zone is known for the province: a new one, whose law names its zone."""


def zone_name(region: str) -> str:
    """The zone's IANA name for a dotted region code of any level; the centre (``00``) is in the capital's.

    Raises:
        UnknownProvinceError: the province is not in the table.
    """
    if region == NATION:
        return _CAPITAL
    try:
        return _NAMES[region[:2]]
    except KeyError:
        raise UnknownProvinceError(f"no time zone is known for province {region[:2]!r}") from None
