"""A file of messages becomes lines of answers; a line that is none stops nobody."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from slrt_intake.cli import main
from slrt_intake.reports import ReportParser
from slrt_intake.reports.batch import BrokenLineError, parse_lines

GOOD = {"id": "a", "text": "Nama Klien: Mawar\nNIK: -\nPengaduan: rumah bocor\nLayanan: RTLH"}


def line(message: object, ending: bytes = b"\n") -> bytes:
    return json.dumps(message).encode() + ending


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[1]", 'not {"id"'),
        (b'{"id": 1}', 'not {"id"'),
        (b'{"text": "Mawar"}', 'not {"id"'),
        (b'{"id": 1, "text": 2}', 'not {"id"'),
        (b"[" * 100_000, "not JSON"),
        (b'{"id": 1' + b"0" * 5_000 + b', "text": ""}', "not JSON"),
    ],
)
def test_a_broken_line_is_told_without_its_content_and_the_next_is_read(
    parser: ReportParser, broken: bytes, why: str
) -> None:
    (first, told), (second, answer) = parse_lines([broken + b"\n", line(GOOD)], parser)
    assert (first, second) == (1, 2)
    assert isinstance(told, BrokenLineError)
    assert str(told).startswith(why)
    assert "Mawar" not in str(told)
    assert isinstance(answer, bytes)


@pytest.mark.parametrize(
    "lines",
    [
        [line(GOOD)],
        [line(GOOD, b"\r\n")],
        [line(GOOD, b"")],
        [b"\xef\xbb\xbf" + line(GOOD)],
        [b"\n", b"  \r\n", line(GOOD | {"more": [1]})],
    ],
)
def test_line_ends_a_byte_order_mark_and_empty_lines_change_nothing(
    parser: ReportParser, lines: Sequence[bytes]
) -> None:
    [(_, answer)] = parse_lines(lines, parser)
    assert isinstance(answer, bytes)
    found = json.loads(answer)
    assert set(found) == {"id", "kind", "reports"}
    assert (found["id"], found["kind"], found["reports"][0]["service_codes"]) == ("a", "report", ["RUTILAHU"])
    assert answer.endswith(b"}\n")


def test_half_of_a_surrogate_pair_is_answered_in_ascii(parser: ReportParser) -> None:
    [(_, answer)] = parse_lines([b'{"id": "\\ud83d", "text": "\\udc00 halo"}'], parser)
    assert isinstance(answer, bytes)
    assert json.loads(answer) == {"id": "\ud83d", "kind": "other", "reports": []}


def test_answers_alone_are_on_standard_output_and_the_exit_code_tells_of_broken_lines(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_bytes(line(GOOD) + b"oops\n" + line(GOOD | {"id": 2}))
    done = CliRunner().invoke(main, ["parse-reports", str(file)])
    assert done.exit_code == 1
    assert [json.loads(answer)["id"] for answer in done.stdout.splitlines()] == ["a", 2]
    assert done.stderr == "texts.jsonl:2: not JSON\n2 messages read, 1 broken lines\n"


def test_an_empty_file_has_no_answers_and_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    done = CliRunner().invoke(main, ["parse-reports", str(tmp_path / "empty.jsonl")])
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "0 messages read, 0 broken lines\n")
    missing = CliRunner().invoke(main, ["parse-reports", str(tmp_path / "none.jsonl")])
    assert (missing.exit_code, missing.stdout) == (2, "")
