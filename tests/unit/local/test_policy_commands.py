"""`slrt policy` on a terminal: one finding per line and exit code 1, and who one is must be said."""

import os
from datetime import datetime
from importlib import resources
from pathlib import Path

import pytest
from typer.testing import CliRunner

from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules
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


@pytest.mark.parametrize(
    ("raw", "line", "says"),
    [
        (b"entries:\n  urgent: \xe9\n", 2, "not UTF-8"),
        ("entries: {}\n".encode("utf-16"), 1, "not UTF-8"),
        (b"entries:\n" + b"# x\n" * 5_000_000, 0, "more than 200000 characters"),
        (b"entries: " + b"[" * 5000, 1, "nested too deeply"),
        (b"entries: {}\n---\nentries: {}\n", 2, "a second document"),
        (b"entries:\n\turgent: {}\n", 2, "not valid YAML"),
        (b"a: &a [x]\nb: [*a, *a]\n", 1, "not taken here"),
        (b"entries:\n  urgent: !!python/object/apply:os.system [id]\n", 2, "not taken here"),
        (b"entries:\r\n  urgent:\r\n    assumed: yes\r\n", 3, "true or false"),
        (b"entries:\n  urgent:\n    length: {hours: 012}\n", 3, "digits alone"),
        (b"entries:\n  urgent:\n    length: {hours: 0}\n", 3, "1 or more"),
        (b"entries:\n  urgent:\n    length: {}\n", 3, "write such as working_days: 3"),
    ],
    ids=lambda given: str(given)[:40] if isinstance(given, (str, int)) else None,
)
def test_a_file_that_cannot_be_taken_is_said_with_its_line(raw: bytes, line: int, says: str, tmp_path: Path) -> None:
    (tmp_path / "12.74").mkdir()
    (tmp_path / "12.74/sla.yaml").write_bytes(raw)
    code, output = validate(tmp_path)
    at = f"12.74/sla.yaml:{line} " if line else "12.74/sla.yaml "
    (told,) = [said for said in output.splitlines() if not said.startswith("note: ")]
    assert (code, told.startswith(at), says in told) == (1, True, True), output


def test_a_mark_of_the_editor_at_the_beginning_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "12.74.05").mkdir()
    (tmp_path / "12.74.05/sla.yaml").write_bytes(b"\xef\xbb\xbfentries: {urgent: {length: {hours: 3}}}\r\n")
    assert validate(tmp_path)[0] == 0


def test_a_layer_without_files_and_links_to_nowhere_are_said_and_name_no_folder_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "12.74").mkdir()
    (tmp_path / "12.75").mkdir()
    (tmp_path / "12.75/sla.yaml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "12.75/workflow.yaml").symlink_to("workflow.yaml")
    os.mkfifo(tmp_path / "12.75/offices.yaml")
    code, output = validate(tmp_path)
    told = [line.partition(": ")[0] for line in output.splitlines()]
    assert (code, told) == (
        1,
        [
            "12.74/ empty-layer",
            "12.75/offices.yaml misplaced-file",
            "12.75/sla.yaml unreadable-file",
            "12.75/workflow.yaml unreadable-file",
        ],
    )
    assert str(tmp_path) not in output


def test_findings_are_told_in_indonesian_to_who_asks_for_it(tmp_path: Path) -> None:
    write(tmp_path, "12.74.05/workflow.yaml", "entries:\n  sent:\n    clock: cepat\n")
    done = RUN.invoke(app, ["policy", "validate", str(tmp_path), "--service", "referral", "--language", "id"])
    assert (done.exit_code, "cepat bukan kode yang dikenal -> pakai salah satu: " in done.output) == (1, True)


@pytest.mark.parametrize("service", ["intake", "referral", "notification"])
def test_the_folder_of_a_package_has_nothing_wrong(service: str) -> None:
    folder = resources.files(f"slrt_{service}").joinpath("policy")
    code, output = validate(Path(str(folder)), service)
    assert (code, output.splitlines()[-1].endswith(": nothing wrong")) == (0, True), output


def test_a_file_that_the_draft_leaves_out_is_noted_and_nothing_else_follows_from_it(tmp_path: Path) -> None:
    write(
        tmp_path, "00/workflow.yaml", packaged_documents("slrt_referral", PolicyRules.of("referral"))["00"]["workflow"]
    )
    code, output = validate(tmp_path)
    assert (code, output.splitlines()[-1]) == (0, "referral: 00: nothing wrong")
    assert {line.split()[1] for line in output.splitlines() if line.startswith("note: ")} == {
        f"00/{name}.yaml" for name in ("calendar", "escalation", "offices", "roles", "routing", "sla")
    }


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
