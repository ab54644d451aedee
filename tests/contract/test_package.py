"""What partners install: the wheel holds models, registry and schemas, and the README's code runs."""

import asyncio
import json
import re
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self
from uuid import UUID

import aiokafka
import pytest

from slrt_contracts.envelope import Envelope
from slrt_contracts.events import EVENT_TYPES, ReferralSent
from slrt_contracts.types import EventId

MOMENT = datetime(2026, 9, 28, 3, 4, 5, tzinfo=UTC)


def test_the_wheel_holds_models_registry_and_schemas_and_nothing_of_the_tools(root: Path, tmp_path: Path) -> None:
    build = "import sys, hatchling.build; hatchling.build.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=root / "contracts", check=True, timeout=60)
    (wheel,) = tmp_path.glob("slrt_contracts-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        schema = json.loads(archive.read(f"slrt_contracts/schemas/{ReferralSent.TYPE}.json"))
    assert {f"slrt_contracts/schemas/{event_type}.json" for event_type in EVENT_TYPES} < names
    assert {"slrt_contracts/registry.json", "slrt_contracts/py.typed", "slrt_contracts/events/intake.py"} < names
    assert schema["$id"] == f"urn:slrt:schema:{ReferralSent.TYPE}"
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {"slrt_contracts"}


def test_the_package_needs_pydantic_and_nothing_else() -> None:
    code = """
import sys
import slrt_contracts.catalogue, slrt_contracts.envelope, slrt_contracts.events, slrt_contracts.topics
allowed = {"slrt_contracts", "pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}
paths = {name.partition(".")[0]: str(getattr(module, "__file__", "")) for name, module in sys.modules.items()}
site = {name for name, path in paths.items() if "site-packages" in path}
print(sorted(name for name in site - allowed if not name.startswith("_")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


class _OneMessage:
    """Stands in for aiokafka's consumer: one message, then the end of the loop."""

    message: SimpleNamespace
    asked: tuple[Any, ...]

    def __init__(self, *topics: str, **settings: Any) -> None:
        type(self).asked = (topics, settings)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *details: object) -> None:
        return None

    async def __aiter__(self) -> Any:
        yield self.message


def test_the_ten_lines_of_the_readme_read_a_topic(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (root / "contracts/README.md").read_text(), flags=re.DOTALL)
    example = root / "contracts/examples" / ReferralSent.TYPE / "good-civil-documents.json"
    event = ReferralSent.decode(example.read_bytes())
    envelope = Envelope.of(
        event,
        id=EventId(UUID(int=1)),
        source="/slrt/referral",
        time=MOMENT,
        recordedtime=MOMENT,
        keysequence=2,
        correlationid=event.case_id,
    )
    _OneMessage.message = SimpleNamespace(headers=tuple(envelope.to_headers()), value=event.encode())
    monkeypatch.setattr(aiokafka, "AIOKafkaConsumer", _OneMessage)
    exec(compile(code, "contracts/README.md", "exec"), {"__name__": "readme", "asyncio": asyncio})  # noqa: S102
    assert _OneMessage.asked[0] == (ReferralSent.TOPIC,)
    assert str(event.referral_id) in capsys.readouterr().out
