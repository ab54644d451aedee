"""The commands that referral has beside those of every service."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from slrt_kit.testing import TestIssuer, environment_of
from slrt_referral.cli import main

NO_DATABASE = "postgresql://nobody@127.0.0.1:9/none"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """A runner with the settings of a referral process; nothing answers at its addresses."""
    for name, value in environment_of("referral", database_url=NO_DATABASE, issuer=TestIssuer()).items():
        monkeypatch.setenv(name, value)
    return CliRunner()


def test_a_connector_without_an_endpoint_does_not_start_and_says_why(run: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "connectors.yaml"
    file.write_text("12.74.PUPR: {}", encoding="utf-8")
    result = run.invoke(
        main, ["connector", "--office", "12.74.DUKCAPIL"], env={"SLRT_REFERRAL_CONNECTORS_FILE": str(file)}
    )
    assert result.exit_code == 2
    assert "office 12.74.DUKCAPIL has no endpoint" in result.output


def test_a_connector_of_an_unknown_office_does_not_start(run: CliRunner) -> None:
    result = run.invoke(main, ["connector", "--office", "12.74.GHOST"])
    assert result.exit_code == 2
    assert "12.74.GHOST is not in the table of offices" in result.output
