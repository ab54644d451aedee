"""A migration's revision is the number that its file begins with: readiness compares the one with the other."""

import re
from pathlib import Path

import pytest

SCRIPTS = sorted(Path(__file__).resolve().parents[3].glob("services/*/src/*/migrations/versions/[0-9]*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: f"{script.parts[-4]}-{script.stem}")
def test_a_revision_is_the_number_of_its_file(script: Path) -> None:
    (revision,) = re.findall(r'^revision = "([^"]+)"$', script.read_text(encoding="utf-8"), re.MULTILINE)
    assert revision == script.name[:4]
    (before,) = re.findall(r"^down_revision = (.+)$", script.read_text(encoding="utf-8"), re.MULTILINE)
    assert before == "None" or before[1:-1] < revision
