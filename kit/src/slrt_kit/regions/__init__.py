"""Regions of Indonesia: dotted Kemendagri codes and the table of names behind them."""

from slrt_kit.regions.codes import (
    NATION,
    InvalidRegionCodeError,
    Level,
    RegionCode,
    ancestors,
    covers,
    district_of,
    level_of,
    parent_of,
    regency_of,
    region_code,
)
from slrt_kit.regions.table import Region, Regions, RegionTableError, packaged_regions

__all__ = [
    "NATION",
    "InvalidRegionCodeError",
    "Level",
    "Region",
    "RegionCode",
    "RegionTableError",
    "Regions",
    "ancestors",
    "covers",
    "district_of",
    "level_of",
    "packaged_regions",
    "parent_of",
    "regency_of",
    "region_code",
]
