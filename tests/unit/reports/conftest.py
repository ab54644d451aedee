"""The parser and its parts, built once for all tests of reports."""

import pytest

from slrt_intake.reports import PlaceFinder, ReportParser
from slrt_intake.reports.vocabulary import Vocabulary
from slrt_kit.regions import Regions


@pytest.fixture(scope="session")
def regions() -> Regions:
    return Regions.load()


@pytest.fixture(scope="session")
def parser(regions: Regions) -> ReportParser:
    return ReportParser.load(regions)


@pytest.fixture(scope="session")
def finder(regions: Regions) -> PlaceFinder:
    return PlaceFinder(regions)


@pytest.fixture(scope="session")
def words() -> Vocabulary:
    return Vocabulary.load()
