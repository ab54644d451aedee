"""Codes that regions had before: their province was split, and what lies in the new one has another code since."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import NamedTuple

import yaml

from slrt_kit.regions.codes import RegionCode


class Successor(NamedTuple):
    """The code that a region has now, and the law that gave it."""

    code: RegionCode
    law: str


def successor_of(code: str) -> Successor | None:
    """What a code that is in the table no longer became, or the regency that it lies in did; None where nobody knows.

    Whether a district kept its last digits is not said: some were numbered anew.
    """
    found = _former()
    while code:
        if code in found:
            return found[code]
        code = code.rpartition(".")[0]
    return None


@cache
def _former() -> Mapping[str, Successor]:
    text = resources.files("slrt_kit.regions").joinpath("data", "former.yaml").read_text(encoding="utf-8")
    return MappingProxyType(
        {
            old: Successor(RegionCode(new), law["law"])
            for law in yaml.safe_load(text)
            for old, new in law["codes"].items()
        }
    )
