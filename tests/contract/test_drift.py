"""Generated files are current, and any edit of one turns the check red with its name and the remedy."""

import subprocess
import sys
from pathlib import Path

import pytest

SCHEMA = "contracts/schemas/id.slrt.intake.case-registered.v1.json"


def _generate(root: Path, *arguments: str, at: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "contracts/generate.py"), "--root", str(at), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_what_is_committed_is_what_the_models_and_topics_say(root: Path) -> None:
    done = _generate(root, "--check", at=root)
    assert done.returncode == 0, done.stderr
    assert "generated files are current" in done.stdout


def test_an_edited_schema_turns_the_check_red_and_is_named_with_the_remedy(root: Path, copy: Path) -> None:
    path = copy / SCHEMA
    path.write_text(path.read_text().replace('"maxLength": 8', '"maxLength": 80'))
    done = _generate(root, "--check", at=copy)
    assert done.returncode == 1
    assert f"{SCHEMA}: is not what the models and topics say" in done.stderr
    assert "make contracts" in done.stderr


@pytest.mark.parametrize(
    "file",
    [
        SCHEMA,
        "contracts/asyncapi.json",
        "contracts/src/slrt_contracts/registry.json",
        "docs/reference/events.md",
        "docs/reference/codes.md",
    ],
)
def test_a_missing_file_turns_the_check_red_and_generating_brings_it_back(root: Path, copy: Path, file: str) -> None:
    (copy / file).unlink()
    assert f"{file}: is missing" in _generate(root, "--check", at=copy).stderr
    assert _generate(root, at=copy).returncode == 0
    assert (copy / file).read_bytes() == (root / file).read_bytes()


def test_a_topic_edited_without_generating_turns_the_check_red(root: Path, copy: Path) -> None:
    path = copy / "contracts/topics/slrt.intake.case.v1.yaml"
    path.write_text(path.read_text().replace("retention: 30d", "retention: 60d"))
    done = _generate(root, "--check", at=copy)
    assert done.returncode == 1
    for file in ("contracts/src/slrt_contracts/registry.json", "contracts/asyncapi.json", "docs/reference/events.md"):
        assert file in done.stderr


def test_the_schema_of_an_event_that_is_gone_is_named_and_removed(root: Path, copy: Path) -> None:
    path = copy / "contracts/schemas/id.slrt.intake.case-gone.v1.json"
    path.write_text("{}")
    assert f"{path.relative_to(copy)}: belongs to no event" in _generate(root, "--check", at=copy).stderr
    assert _generate(root, at=copy).returncode == 0
    assert not path.exists()


def test_wrong_sources_write_nothing_and_are_told_from_drift(root: Path, copy: Path) -> None:
    path = copy / "contracts/topics/slrt.intake.case.v1.yaml"
    path.write_text(path.read_text().replace("key: case_id", "key: need_id"))
    registry = copy / "contracts/src/slrt_contracts/registry.json"
    before = registry.read_bytes()
    done = _generate(root, at=copy)
    assert done.returncode == 2
    assert "the sources are wrong" in done.stderr
    assert registry.read_bytes() == before


def test_generating_twice_gives_the_same_bytes(root: Path, copy: Path) -> None:
    files = [path for path in copy.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    assert _generate(root, at=copy).returncode == 0
    assert {path: path.read_bytes() for path in files} == before
