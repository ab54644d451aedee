"""The table of regions: names by code, loaded once in a process (`packaged_regions`).

The data file names each village only by the last four digits of its code, under its district, so that loading
is one split of the text and a village is read out of its district's block when somebody asks for it. Measured:
about 30 ms and 3 MB kept for the 91,599 regions, 10 us to look up a village.
"""

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from slrt_kit.regions.codes import (
    InvalidRegionCodeError,
    Level,
    RegionCode,
    ancestors,
    district_of,
    level_of,
    parent_of,
    region_code,
)


class RegionTableError(Exception):
    """The data file is damaged or of another format."""


@dataclass(frozen=True, slots=True)
class Region:
    """One region. ``name`` is the official spelling; a regency's begins with `Kabupaten` or `Kota`."""

    code: RegionCode
    name: str

    @property
    def level(self) -> Level:
        """Province, regency, district or village."""
        return level_of(self.code)

    @property
    def parent(self) -> RegionCode | None:
        """Code of the region above; None for a province."""
        return parent_of(self.code)


class Regions:
    """Names of all regions of one edition of the table."""

    def __init__(self, edition: str, names: Mapping[str, str], blocks: Mapping[str, str]) -> None:
        self.edition = edition
        """The decree that the table follows."""
        self._names = names  # province, regency and district codes
        self._blocks = blocks  # district code -> its villages, "1001\tName\n1002\tName"

    @classmethod
    def load(cls, source: Traversable | None = None) -> "Regions":
        """Read the packaged table, or another file of the same format.

        Raises:
            RegionTableError: the file is not a region table.
        """
        file = source or resources.files("slrt_kit.regions").joinpath("data", "wilayah.txt.gz")
        try:
            text = gzip.decompress(file.read_bytes()).decode()
        except (EOFError, gzip.BadGzipFile, UnicodeDecodeError) as error:
            raise RegionTableError(f"{file.name} is not a gzipped UTF-8 file") from error
        return cls.parse(text)

    @classmethod
    def parse(cls, text: str) -> "Regions":
        """Read a table from its text; `pack.py` describes the format.

        Raises:
            RegionTableError: a line is not of the format.
        """
        title, mark, body = text.partition("\n=")
        if not mark or not title.startswith("# "):
            raise RegionTableError("a region table begins with '# edition' and a first '=' line")
        names: dict[str, str] = {}
        blocks: dict[str, str] = {}
        for block in body.split("\n="):
            head, _, villages = block.partition("\n")
            code, tab, name = head.partition("\t")
            if not tab or not name:
                raise RegionTableError(f"no name on the line of {code[:20]!r}")
            names[code] = name
            if villages:
                blocks[code] = villages.removesuffix("\n")
        return cls(title.removeprefix("# "), names, blocks)

    def get(self, code: str) -> Region | None:
        """The region of that code; None when the code is malformed or not in this edition."""
        try:
            known = region_code(code)
        except InvalidRegionCodeError:
            return None
        name = self._village_name(known) if level_of(known) is Level.VILLAGE else self._names.get(known)
        return None if name is None else Region(known, name)

    def _village_name(self, code: RegionCode) -> str | None:
        """Found in the text itself: taking a district's block apart for one village costs ten times as much."""
        block = "\n" + self._blocks.get(district_of(code), "") + "\n"
        at = block.find(f"\n{code.rpartition('.')[2]}\t")
        return None if at < 0 else block[block.index("\t", at) + 1 : block.index("\n", at + 1)]

    def path(self, code: str) -> tuple[Region, ...]:
        """The region and everything above it, province last; empty when the code is unknown.

        Village names are not unique (Sidomulyo occurs 98 times): show the path.
        """
        region = self.get(code)
        if region is None:
            return ()
        return (region, *(Region(above, self._names[above]) for above in ancestors(region.code)[1:]))

    def at(self, level: Level) -> Iterator[Region]:
        """All provinces, regencies or districts, by code.

        Raises:
            ValueError: the level is the village; go through `village_names` district by district.
        """
        if level is Level.VILLAGE:
            raise ValueError("villages are listed district by district: use village_names()")
        for code, name in self._names.items():
            known = RegionCode(code)
            if level_of(known) is level:
                yield Region(known, name)

    def village_names(self, district: str) -> dict[RegionCode, str]:
        """Code and name of the villages of a district, by code; empty for an unknown district."""
        block = self._blocks.get(district)
        if block is None:
            return {}
        return {
            RegionCode(f"{district}.{digits}"): name
            for digits, _, name in (line.partition("\t") for line in block.split("\n"))
        }


@cache
def packaged_regions() -> Regions:
    """The packaged table, read when it is first asked for and kept by the process."""
    return Regions.load()
