"""The state folder: one holder, private files, remembered ports and secrets."""

import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from slrt_local.net import LOOPBACK
from slrt_local.state import State, write_private


def test_a_reader_makes_no_port_and_no_secret(tmp_path: Path) -> None:
    state = State(tmp_path / "state").create()
    with pytest.raises(LookupError, match="slrt up"):
        state.port("kafka")
    with pytest.raises(LookupError, match="slrt up"):
        state.secret("postgres-intake")
    assert not (state.root / "ports.json").exists()
    assert not (state.root / "secrets.json").exists()


CLAIM = """
import sys
from pathlib import Path
from slrt_local.state import State, StateBusyError
try:
    State(Path(sys.argv[1])).claim()
except StateBusyError as error:
    sys.exit(str(error))
"""


def test_a_second_holder_is_refused_and_told_which_folder(tmp_path: Path) -> None:
    root = tmp_path / "state"
    with State(root).lock():
        other = subprocess.run([sys.executable, "-c", CLAIM, root], check=False, capture_output=True, text=True)
        assert other.returncode == 1
        assert str(root) in other.stderr
        assert State(root).holder() == os.getpid()
    assert State(root).holder() is None
    assert subprocess.run([sys.executable, "-c", CLAIM, root], check=False).returncode == 0


def test_two_who_ask_at_once_do_not_take_each_other_for_the_holder(tmp_path: Path) -> None:
    state = State(tmp_path / "state").create()
    with state.lock():
        assert state.is_locked()
    with (state.run / "lock").open("r+") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH | fcntl.LOCK_NB)  # what `is_locked` holds for an instant
        assert not state.is_locked()


def test_ports_and_secrets_are_remembered(tmp_path: Path) -> None:
    first = State(tmp_path / "state")
    with first.lock():
        kept = first.port("kafka"), first.secret("a"), first.port("smtp")
    second = State(tmp_path / "state")
    with second.lock():
        assert (second.port("kafka"), second.secret("a"), second.port("smtp")) == kept
    assert kept[0] != kept[2]


def test_a_remembered_port_that_somebody_took_is_replaced(tmp_path: Path) -> None:
    first = State(tmp_path / "state")
    with first.lock():
        port = first.port("kafka")
    with socket.create_server((LOOPBACK, port)):
        second = State(tmp_path / "state")
        with second.lock():
            assert second.port("kafka") != port


def test_private_files_are_readable_by_the_owner_alone(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    with state.lock():
        state.secret("a")
    assert (state.root / "secrets.json").stat().st_mode & 0o777 == 0o600
    write_private(tmp_path / "x", "old")
    write_private(tmp_path / "x", "new")
    assert (tmp_path / "x").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".x")] == []


def test_the_folder_is_ignored_by_git(tmp_path: Path) -> None:
    assert (State(tmp_path / "state").create().root / ".gitignore").read_text() == "*\n"


def test_logs_and_run_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    state = State(tmp_path / "state").create()
    assert {folder.stat().st_mode & 0o077 for folder in (state.run, state.logs)} == {0}
    assert state.root.stat().st_mode & 0o066 == 0
