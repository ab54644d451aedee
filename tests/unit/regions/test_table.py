"""The region table: damaged files are refused, the packaged one is complete, quick and small."""

import gzip
import time
import tracemalloc
from pathlib import Path

import pytest

from slrt_kit.regions import Level, Regions, RegionTableError


@pytest.fixture(scope="module")
def regions() -> Regions:
    return Regions.load()


@pytest.mark.parametrize(
    "content",
    [b"", b"not gzip", gzip.compress(b"\xff\xfe"), gzip.compress(b"code,name\n12,Sumatera Utara\n")],
    ids=["empty", "no-gzip", "no-utf-8", "another-format"],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "wilayah.txt.gz"
    file.write_bytes(content)
    with pytest.raises(RegionTableError):
        Regions.load(file)


@pytest.mark.parametrize("line", ["=12", "=12\t", "12\tSumatera Utara"])
def test_a_line_without_a_name_is_refused(line: str) -> None:
    with pytest.raises(RegionTableError):
        Regions.parse(f"# an edition\n{line}\n")


@pytest.mark.parametrize("code", ["", "99", "12.99", "12.74.05.9999", "12.74.05.101", "1274051010", "12.74.05.1010 "])
def test_an_unknown_or_malformed_code_finds_nothing(regions: Regions, code: str) -> None:
    assert regions.get(code) is None
    assert regions.path(code) == ()
    assert regions.village_names(code) == {}


def test_villages_are_not_listed_for_the_whole_country(regions: Regions) -> None:
    with pytest.raises(ValueError, match="village_names"):
        list(regions.at(Level.VILLAGE))


def test_the_table_is_complete(regions: Regions) -> None:
    districts = [region.code for region in regions.at(Level.DISTRICT)]
    assert regions.edition == "Kepmendagri 300.2.2-2138/2025"
    assert sum(1 for _ in regions.at(Level.PROVINCE)) == 38
    assert sum(1 for _ in regions.at(Level.REGENCY)) == 514
    assert len(districts) == 7_285
    assert sum(len(regions.village_names(code)) for code in districts) == 83_762


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("12.74.05.1010", ("Pantai Johor", "Datuk Bandar", "Kota Tanjungbalai", "Sumatera Utara")),
        ("34.04.07.2003", ("Condongcatur", "Depok", "Kabupaten Sleman", "Daerah Istimewa Yogyakarta")),
        ("91.03.02.3007", ("Desa Adat Yokiwa", "Sentani Timur", "Kabupaten Jayapura", "Papua")),
        ("35.29.22", ('Ra"as', "Kabupaten Sumenep", "Jawa Timur")),
        ("93", ("Papua Selatan",)),
    ],
)
def test_the_path_names_a_place_up_to_its_province(regions: Regions, code: str, names: tuple[str, ...]) -> None:
    path = regions.path(code)
    assert tuple(region.name for region in path) == names
    assert path[0].code == code
    assert [region.parent for region in path] == [*(region.code for region in path[1:]), None]


def test_loading_takes_little_time_and_memory() -> None:
    tracemalloc.start()
    try:
        kept = Regions.load()
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept.get("12") is not None
    assert size < 8_000_000
    started = time.process_time()
    Regions.load()
    assert time.process_time() - started < 0.3


def test_the_licence_lies_beside_the_data() -> None:
    from importlib import resources

    folder = resources.files("slrt_kit.regions") / "data"
    assert "Open Database License" in (folder / "LICENSE-ODbL.md").read_text(encoding="utf-8")
    assert "idn-area-data" in (folder / "README.md").read_text(encoding="utf-8")
