"""What partners install: the wheel holds all they need, and the README's code runs on it, alone and on real Kafka."""

import asyncio
import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from contracts.codegen.layout import Layout
from contracts.codegen.released import read_releases

from slrt_contracts.events import EVENT_TYPES, ReferralSent
from slrt_local.testing import KafkaHandle

SUITE = ("slrt_kit", "slrt_local", "slrt_intake", "slrt_referral", "slrt_registry", "slrt_notification")


@dataclass(frozen=True)
class Partner:
    """A machine with Python, our wheel and its dependencies, and nothing else of ours."""

    python: Path
    wheel: Path
    installed: Path

    def command(self, *arguments: str) -> tuple[list[str], dict[str, str]]:
        """The command and its environment. What is on PYTHONPATH is found; .pth files there, which would bring in
        the workspace's packages, are not read."""
        path = os.pathsep.join([str(self.installed), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        return [str(self.python), *arguments], kept | {"PYTHONPATH": path}

    def run(self, code: str) -> str:
        """What the code prints."""
        command, environment = self.command("-c", code)
        done = subprocess.run(
            command, env=environment, cwd=self.installed, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def partner(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Partner:
    """Build the wheel, install it where nothing else of ours is."""
    home = tmp_path_factory.mktemp("partner")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(home), str(root / "contracts")]
    subprocess.run(build, check=True, timeout=120)
    (wheel,) = home.glob("slrt_contracts-*.whl")
    installed = home / "installed"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(installed), str(wheel)], check=True, timeout=120)
    venv.create(home / "venv", with_pip=False, symlinks=True)
    return Partner(home / "venv/bin/python", wheel, installed)


@pytest.fixture(scope="session")
def readme(root: Path) -> list[str]:
    """The Python of the README, block by block."""
    return re.findall(r"```python\n(.*?)```", (root / "contracts/README.md").read_text(), flags=re.DOTALL)


@pytest.fixture(scope="session")
def messages(root: Path) -> list[dict[str, Any]]:
    """Every message ever released on the referral topic, as it was on the wire."""
    return [
        message
        for release in read_releases(Layout(root).released)
        for event_type, told in release.messages.items()
        if event_type.startswith("id.slrt.referral.")
        for message in told
    ]


def _sent(messages: list[dict[str, Any]]) -> list[str]:
    """The ids that the README's code prints."""
    types = [dict(message["headers"])["ce_type"] for message in messages]
    found = [
        json.loads(one["value"])["referral_id"]
        for one, kind in zip(messages, types, strict=True)
        if kind == ReferralSent.TYPE
    ]
    assert found
    assert len(found) < len(messages)
    return found


def test_the_wheel_holds_models_registry_schemas_and_examples_and_nothing_of_the_tools(partner: Partner) -> None:
    with zipfile.ZipFile(partner.wheel) as archive:
        names = set(archive.namelist())
        schema = json.loads(archive.read(f"slrt_contracts/schemas/{ReferralSent.TYPE}.json"))
    assert {f"slrt_contracts/schemas/{event_type}.json" for event_type in EVENT_TYPES} < names
    assert {"slrt_contracts/registry.json", "slrt_contracts/py.typed", "slrt_contracts/events/intake.py"} < names
    assert {name.split("/")[2] for name in names if name.startswith("slrt_contracts/examples/")} == set(EVENT_TYPES)
    assert schema["$id"] == f"urn:slrt:schema:{ReferralSent.TYPE}"
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {"slrt_contracts"}
    assert not [name for name in names if "released" in name or "codegen" in name or "parser" in name]


def test_the_partners_machine_has_our_wheel_and_nothing_else_of_ours(partner: Partner) -> None:
    code = f"""
import importlib.util, slrt_contracts
print(slrt_contracts.__file__)
print([name for name in {SUITE!r} if importlib.util.find_spec(name)])
"""
    where, others = partner.run(code).splitlines()
    assert Path(where).is_relative_to(partner.installed)
    assert others == "[]"


def test_a_partner_finds_schemas_examples_and_topics_in_the_package(partner: Partner) -> None:
    code = f"""
import json
from importlib.resources import files
from slrt_contracts.topics import TOPICS
home = files("slrt_contracts")
schema = json.loads((home / "schemas" / "{ReferralSent.TYPE}.json").read_text())
good = [one for one in (home / "examples" / "{ReferralSent.TYPE}").iterdir() if one.name.startswith("good-")]
print(schema["title"], len(good) > 0, TOPICS["{ReferralSent.TOPIC}"].audience)
"""
    assert partner.run(code).split() == ["ReferralSent", "True", "partner"]


def test_the_package_needs_pydantic_and_nothing_else(partner: Partner) -> None:
    code = """
import sys
import slrt_contracts.catalogue, slrt_contracts.envelope, slrt_contracts.events, slrt_contracts.topics
allowed = {"slrt_contracts", "pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}
paths = {name.partition(".")[0]: str(getattr(module, "__file__", "")) for name, module in sys.modules.items()}
site = {name for name, path in paths.items() if "site-packages" in path}
print(sorted(name for name in site - allowed if not name.startswith("_")))
"""
    assert partner.run(code).strip() == "[]"


def test_the_ten_lines_of_the_readme_read_raw_messages(
    partner: Partner, readme: list[str], messages: list[dict[str, Any]]
) -> None:
    lines = [line for line in readme[0].splitlines() if line.strip()]
    assert len(lines) <= 10
    feed = f"""
for message in {messages!r}:
    on_message([(name, value.encode()) for name, value in message["headers"]], message["value"].encode())
"""
    assert [line.split()[-1] for line in partner.run(readme[0] + feed).splitlines()] == _sent(messages)


async def test_the_readme_reads_a_topic_of_a_real_broker(
    partner: Partner,
    readme: list[str],
    messages: list[dict[str, Any]],
    kafka_server: KafkaHandle,
    new_topic: Callable[..., Awaitable[str]],
    tmp_path: Path,
) -> None:
    topic = await new_topic(partitions=1)
    async with AIOKafkaProducer(bootstrap_servers=kafka_server.bootstrap) as producer:
        for message in messages:
            headers = [(name, value.encode()) for name, value in message["headers"]]
            await producer.send_and_wait(topic, message["value"].encode(), message["key"].encode(), headers=headers)
    script = tmp_path / "reader.py"
    code = "\n".join(readme).replace(f'"{ReferralSent.TOPIC}"', repr(topic))
    script.write_text(code.replace('"localhost:9092"', repr(kafka_server.bootstrap)))
    assert topic in script.read_text()
    assert kafka_server.bootstrap in script.read_text()
    command, environment = partner.command(str(script))
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            printed = [(await process.stdout.readline()).decode().split() for _ in _sent(messages)]
    finally:
        process.kill()
        await process.wait()
    assert [words[-1] for words in printed] == _sent(messages)
