"""`slrt policy` on a terminal: one finding per line and exit code 1, and who one is must be said."""

from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from slrt_local.cli import app
from slrt_local.policy_commands import _instant

RUN = CliRunner()


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def validate(folder: Path, service: str = "referral") -> tuple[int, str]:
    done = RUN.invoke(app, ["policy", "validate", str(folder), "--service", service])
    return done.exit_code, done.output


def test_each_finding_is_a_line_and_the_exit_code_is_one(tmp_path: Path) -> None:
    write(tmp_path, "12.74/offices.yaml", "entries:\n  12.74.PUPR: {functons: [PUPR]}\n  12.74.X1: {}\n")
    code, output = validate(tmp_path)
    assert code == 1
    assert output.splitlines()[0].startswith("12.74/offices.yaml:2 incomplete-entry: ")
    assert any("unknown-key: `functons` is not known here" in line for line in output.splitlines())


def test_a_draft_is_checked_over_what_comes_with_the_service(tmp_path: Path) -> None:
    write(tmp_path, "12.74.05/workflow.yaml", "entries:\n  sent:\n    clock: urgent\n")
    assert validate(tmp_path) == (0, "referral: 12.74.05: nothing wrong\n")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("offices.yaml.bak", "has no layer"),
        ("sla.yaml", "misplaced-file"),
        ("Tanjungbalai/offices.yaml", "misplaced-file"),
        ("12.74/offices.yml", "misplaced-file"),
        ("12.74/letters.yaml", "unknown-kind"),
        ("99.98/workflow.yaml", "unknown-region"),
    ],
)
def test_a_file_that_has_no_place_is_said(name: str, says: str, tmp_path: Path) -> None:
    write(tmp_path, name, "entries: {}\n")
    code, output = validate(tmp_path)
    assert (code, says in output) == (1, True), output


def test_a_service_without_a_policy_is_said(tmp_path: Path) -> None:
    code, output = validate(tmp_path, "registry")
    assert (code, "there are: intake, notification, referral" in output) == (1, True)


def test_who_does_not_say_who_they_are_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLRT_TOKEN", raising=False)
    arguments = ["list", "--service", "referral", "--gateway", "http://127.0.0.1:9", "--state", str(tmp_path)]
    done = RUN.invoke(app, ["policy", *arguments])
    assert (done.exit_code, "SLRT_TOKEN" in done.output) == (1, True)


def test_a_day_begins_at_midnight_in_jakarta_and_an_instant_has_an_offset() -> None:
    given = _instant("2028-02-29")
    assert given is not None
    assert datetime.fromisoformat(given).isoformat() == "2028-02-29T00:00:00+07:00"
    assert _instant("2028-02-29T08:00+08:00") == "2028-02-29T08:00:00+08:00"
    assert _instant(None) is None


def test_what_is_no_draft_and_no_version_cannot_be_tried(tmp_path: Path) -> None:
    arguments = ["what-if", "12.74:two", "--service", "referral", "--gateway", "http://127.0.0.1:9"]
    environment = {"SLRT_TOKEN": "x"}
    done = RUN.invoke(app, ["policy", *arguments, "--state", str(tmp_path)], env=environment)
    assert (done.exit_code, "no folder, and no version such as 12.74:2" in done.output) == (1, True)
