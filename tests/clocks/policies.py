"""The national policy of clocks, read without the engine of policies: what tests and benches run by."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from slrt_kit.clocks.policy import ClockPolicy, clock_policy
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.findings import Place

KINDS = ("calendar", "sla", "escalation")
_ROOT = Path(__file__).resolve().parents[2]
_FOLDERS = {
    "sla": (
        _ROOT / "services/intake/src/slrt_intake/policy/00",
        _ROOT / "services/referral/src/slrt_referral/policy/00",
    ),
    "calendar": (_ROOT / "kit/src/slrt_kit/policy/shared/00",),
    "escalation": (_ROOT / "kit/src/slrt_kit/policy/shared/00",),
}
VERSION = "00:1"


def policy_of(kinds: Mapping[str, Mapping[str, Mapping[str, Any]]], *, region: str = "12.74.05") -> RegionPolicy:
    """A policy of entries that are given as plain values; every value stands at line 1 of its kind."""
    return RegionPolicy(
        region,
        VERSION,
        {
            kind: {
                key: Entry(key, fields, MappingProxyType({(): Place(f"00/{kind}.yaml", 1)}))
                for key, fields in entries.items()
            }
            for kind, entries in kinds.items()
        },
    )


def national_kinds() -> dict[str, dict[str, dict[str, Any]]]:
    """The shipped entries of all services by kind and key."""
    return {
        kind: {
            key: entry
            for folder in folders
            for key, entry in yaml.safe_load((folder / f"{kind}.yaml").read_text(encoding="utf-8"))["entries"].items()
        }
        for kind, folders in _FOLDERS.items()
    }


def national_policy(region: str = "12.74.05") -> ClockPolicy:
    """What clocks run by in a region that has no policy of its own."""
    return clock_policy(policy_of(national_kinds(), region=region))
