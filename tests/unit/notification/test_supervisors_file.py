"""Which mailbox supervises which region."""

from pathlib import Path
from uuid import uuid4

import pytest

from slrt_notification.adapters.supervisors_file import SupervisorMailboxes, SupervisorsFileError


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("- 1", "the file"),
        ("'12.74': nobody", "12.74"),
        ("'12.74.03.1002': a@contoh.go.id", "12.74.03.1002"),
        ("'12.7': a@contoh.go.id", "12.7"),
        ("'12.74': 'a@b\\nBcc: c@d'", "12.74"),
        ("'12.74': {mailbox: a@contoh.go.id}", "12.74"),
        ("{", "not YAML"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_the_entry_named(text: str, place: str, tmp_path: Path) -> None:
    path = tmp_path / "supervisors.yaml"
    path.write_text(text.replace("\\n", "\n"))
    with pytest.raises(SupervisorsFileError, match=place):
        SupervisorMailboxes.load(path)


@pytest.mark.parametrize(
    ("district", "mailbox"),
    [
        ("12.74.03", "kecamatan@contoh.go.id"),
        ("12.74.05", "kota@contoh.go.id"),
        ("12.71.01", "provinsi@contoh.go.id"),
        ("31.74.01", None),
        (None, None),
    ],
)
def test_the_nearest_region_above_counts(district: str | None, mailbox: str | None, tmp_path: Path) -> None:
    path = tmp_path / "supervisors.yaml"
    path.write_text("'12': provinsi@contoh.go.id\n'12.74': kota@contoh.go.id\n'12.74.03': kecamatan@contoh.go.id\n")
    found = SupervisorMailboxes.load(path).contact_of(uuid4(), district)  # type: ignore[arg-type]
    assert (found.email, found.phone) == (mailbox, None)


def test_without_a_file_nobody_is_known() -> None:
    assert SupervisorMailboxes.load(None).contact_of(uuid4(), "12.74.03").email is None  # type: ignore[arg-type]
