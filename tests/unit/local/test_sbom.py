"""The list of what an image installs has every pin, with its hashes."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def sbom() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "deploy" / "sbom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "line", ["orjson", "orjson>=3", f"orjson>=3 --hash=sha256:{'a' * 64}", "orjson==3.11.0", "-r other.txt", "./kit"]
)
def test_what_is_not_pinned_and_hashed_is_refused(line: str, sbom: ModuleType) -> None:
    with pytest.raises(ValueError, match="neither pinned nor hashed"):
        list(sbom.pinned(f"# of us\n{line}\n"))


def test_every_pin_of_a_service_is_in_its_list_with_a_hash(sbom: ModuleType) -> None:
    text = (ROOT / "requirements" / "services.txt").read_text(encoding="utf-8")
    pins = set(re.findall(r"^([A-Za-z0-9._-]+==[^\s;\\]+)", text, flags=re.MULTILINE))
    found = json.loads(sbom.document("intake", text))
    assert found["specVersion"] == "1.6"
    assert found["metadata"]["component"]["name"] == "slrt-intake"
    assert {f"{each['name']}=={each['version']}" for each in found["components"]} == pins
    assert all(each["hashes"] and each["purl"].startswith("pkg:pypi/") for each in found["components"])
