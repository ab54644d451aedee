"""What the contract tests share: the way to the generator's modules, and a copy of the repository to break."""

import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # contracts/codegen is a tool of the repository, not an installed package


@pytest.fixture(scope="session")
def root() -> Path:
    """Root of the repository."""
    return ROOT


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of sources and generated files, free to be broken."""
    for part in ("contracts/topics", "contracts/examples", "contracts/schemas", "contracts/released", "docs/reference"):
        shutil.copytree(ROOT / part, tmp_path / part)
    (tmp_path / "contracts/src/slrt_contracts").mkdir(parents=True)
    for file in ("contracts/pyproject.toml", "contracts/asyncapi.json", "contracts/src/slrt_contracts/registry.json"):
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path
