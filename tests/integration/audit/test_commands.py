"""What an operator and an auditor type: export, key, reviews; verify, prove, verify-proof."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.drills.chains import SECRET, Chain
from typer.testing import CliRunner, Result

from slrt_intake.cli import main as intake
from slrt_kit.audit.cli import main as audit
from slrt_kit.audit.entries import Actor, Look
from slrt_kit.audit.statements import Signer
from slrt_kit.clock import new_uuid7
from slrt_kit.testing import TestIssuer, environment_of

Run = Callable[..., Result]


@pytest.fixture
async def sealed(audited: Chain) -> Chain:
    """Two closed days and an open one."""
    for count in (4, 5):
        await audited.write(count)
        await audited.seal_next_day()
    await audited.write(2)
    await audited.seal()
    return audited


@pytest.fixture
def operate(sealed: Chain, token_issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Calls ``slrt-intake audit …``."""
    for name, value in environment_of("intake", database_url=sealed.url, issuer=token_issuer).items():
        monkeypatch.setenv(name, value)

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, intake, ["audit", *arguments])

    return run


@pytest.fixture
def key(tmp_path: Path) -> str:
    path = tmp_path / "public.pem"
    path.write_text(Signer(SECRET).public_pem)
    return str(path)


def check(*arguments: str) -> Result:
    return CliRunner().invoke(audit, [*arguments])


async def test_an_export_is_found_sound_with_the_public_key_that_the_service_names(
    sealed: Chain, operate: Any, tmp_path: Path
) -> None:
    export, public = tmp_path / "export", tmp_path / "named.pem"
    exported = await operate("export", str(export))
    assert exported.exit_code == 0, exported.output
    public.write_text((await operate("key")).output)
    found = check("verify", str(export), "--key", str(public))
    assert found.exit_code == 0, found.output
    assert "entries 11, positions 1 to 11, closed days 2" in found.output
    assert found.output.endswith("SOUND\n")
    await sealed.seal()
    assert (await sealed.entries())[-1]["action"] == "export"


@pytest.mark.parametrize(
    ("range_", "positions"),
    [
        (["--until", "2026-07-02"], "entries 4, positions 1 to 4, closed days 1"),
        (["--since", "2026-07-02", "--until", "2026-07-03"], "entries 5, positions 5 to 9, closed days 1"),
        (["--since", "2026-07-02"], "entries 7, positions 5 to 11, closed days 1"),
        (["--since", "2026-07-03"], "entries 2, positions 10 to 11, closed days 0"),
    ],
)
async def test_a_range_of_days_stands_by_itself(
    operate: Any, key: str, tmp_path: Path, range_: list[str], positions: str
) -> None:
    export = tmp_path / "export"
    assert (await operate("export", str(export), *range_)).exit_code == 0
    found = check("verify", str(export), "--key", key)
    assert positions in found.output
    assert found.exit_code == 0, found.output


async def test_a_range_without_a_closed_day_is_refused(operate: Any, tmp_path: Path) -> None:
    refused = await operate("export", str(tmp_path / "export"), "--until", "2026-07-01")
    assert refused.exit_code == 1
    assert "no day of that range is closed" in refused.output


async def test_an_altered_export_is_named_by_line_and_position(operate: Any, key: str, tmp_path: Path) -> None:
    export = tmp_path / "export"
    await operate("export", str(export))
    text = export.read_text().replace("coordinator-1", "coordinator-2", 1)
    export.write_text(text)
    found = check("verify", str(export), "--key", key)
    assert found.exit_code == 1
    assert "ALTERED line 2, position 1: is not what was sealed" in found.output
    assert "NOT SOUND" in found.output


async def test_what_was_published_tells_that_days_are_missing(
    sealed: Chain, operate: Any, key: str, tmp_path: Path
) -> None:
    export, roots = tmp_path / "export", tmp_path / "roots"
    await operate("export", str(export), "--until", "2026-07-02")
    roots.write_bytes(b"".join(each.encode() + b"\n" for each in await sealed.told()))
    found = check("verify", str(export), "--key", key, "--roots", str(roots))
    assert found.exit_code == 1
    assert "the day 2026-07-02 was published and is not in the export" in found.output


async def test_one_entry_is_proved_without_any_other(operate: Any, key: str, tmp_path: Path) -> None:
    export, proof = tmp_path / "export", tmp_path / "proof"
    await operate("export", str(export))
    for position in range(1, 10):
        assert check("prove", str(export), str(position), "--out", str(proof)).exit_code == 0
        held = check("verify-proof", str(proof), "--key", key)
        assert held.exit_code == 0, held.output
        assert f"PROVED: position {position} of intake" in held.output
    assert proof.read_text().count("coordinator-1") == 1
    assert "is not closed" in check("prove", str(export), "11", "--out", str(proof)).output
    assert "has no entry 99" in check("prove", str(export), "99", "--out", str(proof)).output


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("entry", lambda said: said.replace("coordinator-1", "coordinator-2")),
        ("position", lambda said: said + 1),
        ("index", lambda said: said ^ 1),
        ("size", lambda said: said + 1),
        ("path", lambda said: said[::-1]),
        ("path", lambda said: said[:-1]),
        ("before", lambda said: said[::-1]),
        ("day", lambda said: said.replace('"number":2', '"number":3')),
        ("signature", lambda said: said[::-1]),
        ("entry", lambda _: None),
    ],
)
async def test_a_proof_that_was_altered_does_not_hold(
    operate: Any, key: str, tmp_path: Path, name: str, change: Callable[[Any], Any]
) -> None:
    export, proof = tmp_path / "export", tmp_path / "proof"
    await operate("export", str(export))
    check("prove", str(export), "6", "--out", str(proof))
    said = orjson.loads(proof.read_bytes())
    proof.write_bytes(orjson.dumps(said | {name: change(said[name])}))
    held = check("verify-proof", str(proof), "--key", key)
    assert held.exit_code == 1
    assert "NOT PROVED" in held.output


def test_a_check_loads_no_database_no_broker_and_no_framework() -> None:
    asked = "import sys, slrt_kit.audit.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    assert {"psycopg", "aiokafka", "fastapi", "pydantic", "sqlalchemy", "aiohttp"} & set(loaded) == set()


async def test_open_reviews_are_listed(sealed: Chain, operate: Any) -> None:
    assert "no review is open" in (await operate("reviews")).output
    glass = Look("emergency-access-opened", "emergency-access", new_uuid7(), ())
    await sealed.write(1, actor=Actor(subject="officer-7", region="12.74"), look=glass)
    await sealed.seal()
    listed = (await operate("reviews")).output
    assert "emergency-access" in listed
    assert "officer-7" in listed
