"""Packing a new edition: bad rows are refused, good ones come back as they were."""

from pathlib import Path

import pytest

from slrt_kit.regions import InvalidRegionCodeError, Regions
from slrt_kit.regions.pack import main, table_text

ROWS = {
    "12": "Sumatera Utara",
    "12.74": "Kota Tanjungbalai",
    "12.74.05": "Datuk Bandar",
    "12.74.05.1003": "Gading",
    "12.74.05.1010": "Pantai Johor",
}


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("12.75.01", "No regency"),
        ("12.74.06.1001", "No district"),
        ("12.76", ""),
        ("12.76", "Two\nlines"),
        ("12.76", "A\tb"),
    ],
)
def test_a_row_that_cannot_be_stored_is_refused(code: str, name: str) -> None:
    with pytest.raises(ValueError, match=r"parent|name"):
        table_text({**ROWS, code: name}, edition="test")


def test_a_malformed_code_is_refused() -> None:
    with pytest.raises(InvalidRegionCodeError):
        table_text({**ROWS, "1274": "Kota"}, edition="test")


def test_packed_files_give_every_row_back_and_the_same_bytes_twice(tmp_path: Path) -> None:
    for file, codes in {"provinces": [2], "regencies": [5], "districts": [8], "villages": [13]}.items():
        rows = [f'{code},x,"{name}"' for code, name in ROWS.items() if len(code) in codes]
        (tmp_path / f"{file}.csv").write_text("\n".join(["code,parent_code,name", *rows]) + "\n", encoding="utf-8")
    outputs = [tmp_path / "one.gz", tmp_path / "two.gz"]
    for output in outputs:
        main(["pack", str(tmp_path), "test edition", str(output)])
    regions = Regions.load(outputs[0])
    assert regions.edition == "test edition"
    assert {code: found.name for code in ROWS if (found := regions.get(code))} == ROWS
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_wrong_arguments_are_answered_with_the_usage() -> None:
    with pytest.raises(SystemExit, match="usage"):
        main(["pack"])
