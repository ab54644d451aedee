"""A declaration that says too little is refused; the page is as the declarations are."""

import shutil
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from slrt_kit.privacy.inventory import SERVICES, InventoryError, read_inventory
from slrt_kit.privacy.retention import Ends, retention_classes


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    for file in [Path("kit/data.yaml"), *(Path("services") / service / "data.yaml" for service in SERVICES)]:
        (tmp_path / file).parent.mkdir(parents=True)
        shutil.copy(root / file, tmp_path / file)
    (tmp_path / "docs" / "reference").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"purpose": ""}, "purpose"),
        ({"retention": "for-ever"}, "retention class"),
        ({"columns": {"sealed": {"holds": "name"}}}, "class"),
        ({"columns": {"sealed": {"class": "rahasia", "holds": "name"}}}, "class"),
        ({"columns": {"sealed": {"class": "umum"}}}, "class"),
        ({"columns": {"sealed": {"class": "umum", "holds": "name", "hidden": "well"}}}, "class"),
        ({"columns": {"language": {"class": "umum", "holds": "language"}}}, "twice"),
        ({"colums": {}}, "colums"),
    ],
)
def test_a_declaration_that_is_not_complete_is_refused(checkout: Path, change: dict[str, Any], complaint: str) -> None:
    file = checkout / "services" / "intake" / "data.yaml"
    declared = yaml.safe_load(file.read_text(encoding="utf-8"))
    declared["contacts"] |= change
    file.write_text(yaml.safe_dump(declared), encoding="utf-8")
    with pytest.raises(InventoryError, match=complaint):
        read_inventory(checkout)


def test_a_changed_declaration_turns_the_check_red_until_the_page_is_written(
    checkout: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(root / "kit"))
    sys.modules.pop("inventory_page", None)
    from inventory_page import main

    assert main(["--check"], root=checkout) == 1
    assert main([], root=checkout) == 0
    assert main(["--check"], root=checkout) == 0
    file = checkout / "services" / "intake" / "data.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("reach the resident", "count residents"), encoding="utf-8")
    assert main(["--check"], root=checkout) == 1


def test_a_period_ends_on_the_day_of_the_month_or_on_its_last() -> None:
    kept = retention_classes()["case-record"]
    assert kept.months == 12
    assert kept.until(date(2026, 7, 1)) == date(2027, 7, 1)
    assert kept.until(date(2028, 2, 29)) == date(2029, 2, 28)
    assert retention_classes()["participation-record"].until(date(2026, 12, 31)) == date(2031, 12, 31)


def test_what_is_assumed_says_so_and_every_class_names_its_source() -> None:
    classes = retention_classes()
    assert all(kept.source and kept.says.id and kept.says.en for kept in classes.values())
    disposed = {name for name, kept in classes.items() if kept.ends is Ends.DISPOSE}
    assert disposed == {"case-record", "participation-record"}
    assert all(kept.assumed for kept in classes.values() if kept.months)
