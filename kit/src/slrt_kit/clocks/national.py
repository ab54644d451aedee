"""Name the days on which no public office of Indonesia works: national holidays and joint leave (cuti bersama)."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

import yaml
from holidays import country_holidays
from holidays.constants import GOVERNMENT, PUBLIC

_AHEAD: Final = 8
"""Years after the last decreed one for which estimates are good enough to begin a clock."""


@cache
def decreed_years() -> Mapping[int, str]:
    """The years whose days are decreed, each with its decree; all others are provisional."""
    text = resources.files("slrt_kit.clocks").joinpath("decrees.yaml").read_text(encoding="utf-8")
    return MappingProxyType({int(year): str(decree) for year, decree in yaml.safe_load(text).items()})


def known_years() -> range:
    """The years that a calendar covers: from the first decreed one to some after the last."""
    years = decreed_years()
    return range(min(years), max(years) + _AHEAD + 1)


@cache
def national_days_off(year: int) -> Mapping[date, str]:
    """The days of a year with their names in Indonesian; of a provisional year as far as they can be reckoned.

    A name that ends in ``(perkiraan)`` is of a day that is estimated.
    """
    days = country_holidays("ID", years=year, categories=(PUBLIC, GOVERNMENT), language="id")
    return MappingProxyType(dict(sorted(days.items())))
