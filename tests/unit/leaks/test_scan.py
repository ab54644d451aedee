"""The scanner finds what was planted, in every spelling and every kind of channel, and nothing where nothing is."""

import base64
import gzip
import html
import json
import random
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, quote_plus
from uuid import UUID, uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.leaks.people import DEMO, FAULTS
from tests.leaks.scan import Leak, Planted, Scanner

from slrt_kit.clock import new_uuid7

NIK, PHONE, NAME = "1274034507849911", "0812-0000-9911", "Marlina Damanik"
ADDRESS = "Jl. Anwar Idris Gg. Bersama No. 7, Lingkungan III"


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Scanner((*DEMO, *FAULTS), own=[r"slrt@contoh\.go\.id"])


@pytest.fixture(scope="module")
def shapes() -> Scanner:
    """Knows of nobody: what it finds it finds by its shape."""
    return Scanner((), own=[r"slrt@contoh\.go\.id"])


def found(scanner: Scanner, data: bytes | str) -> list[str]:
    return [leak.what for leak in scanner.leaks_in({"here": data})]


# -- what is planted is found -------------------------------------------------------------------------------------


@pytest.mark.parametrize("planted", [*DEMO, *FAULTS], ids=str)
@pytest.mark.parametrize(
    "written",
    [
        lambda value: value,
        lambda value: value.upper(),
        lambda value: f"x={value};",
        lambda value: value.replace(" ", ""),
        lambda value: value.replace(" ", "_"),
        lambda value: "  ".join(value.split()),
        lambda value: json.dumps({"a": {"b": [value]}}),
        lambda value: json.dumps(json.dumps(value)),
        lambda value: "".join(f"\\u{ord(letter):04x}" for letter in value),
        quote,
        quote_plus,
        lambda value: html.escape(value.replace("a", "&#97;").replace("1", "&#x31;"), quote=False).replace(
            "&amp;", "&"
        ),
        lambda value: base64.b64encode(f"to: {value}!".encode()).decode(),
        lambda value: base64.urlsafe_b64encode(f"?>~{value}".encode()).decode().rstrip("="),
        lambda value: "path/" + base64.b64encode(value.encode()).decode(),
        lambda value: base64.b64encode(base64.b64encode(f"  {value}".encode())).decode(),
        lambda value: f"bytea \\x{value.encode().hex()}",
        lambda value: gzip.compress(f"first {value}".encode()),
        lambda value: b"header " + gzip.compress(value.encode()) + b" trailer",
        lambda value: base64.b64encode(gzip.compress(value.encode())).decode(),
        lambda value: value.encode("utf-8") + b"\xff\xfe\x80",
    ],
)
def test_a_planted_value_is_found_however_it_is_written(
    scanner: Scanner, planted: Planted, written: Callable[[str], bytes | str]
) -> None:
    assert f"{planted.kind} {planted.value}" in found(scanner, written(planted.value))


@pytest.mark.parametrize(
    "text",
    [
        "1274 0345 0784 9911",
        "1274-0345-0784-9911",
        "12.74.03.450784.9911",
        "127403 450784 9911",
        "1 2 7 4 0 3 4 5 0 7 8 4 9 9 1 1",
        '["1274", "0345", "0784", "9911"]',
        "1274 / 0345 / 0784 / 9911",
        "nik_1274034507849911_x",
        "99127403450784991199",
        "１２７４０３４５０７８４９９１１",
    ],
)
def test_a_number_is_found_in_any_grouping(scanner: Scanner, text: str) -> None:
    assert f"NIK {NIK}" in found(scanner, f"a {text} b")


@pytest.mark.parametrize(
    "text",
    [
        "081200009911",
        "0812 0000 9911",
        "+6281200009911",
        "+62 812-0000-9911",
        "62812 0000 9911",
        "(0812) 0000.9911",
        "+62 (0) 812 0000 9911",
        "tel:+6281200009911",
    ],
)
def test_a_phone_is_found_with_and_without_its_country_code(scanner: Scanner, text: str) -> None:
    assert f"phone {PHONE}" in found(scanner, f"to {text} now")


@pytest.mark.parametrize(
    "text", ["marlina", "MARLINA", "user=marlina;", "Damanik, M.", "marlina@other.example", "Ny_Marlina_D"]
)
def test_a_part_of_a_name_is_found_as_a_word(scanner: Scanner, text: str) -> None:
    assert any("name" in what for what in found(scanner, f"x {text} y"))


def crashed() -> str:
    try:
        int(f"no such person: {NAME}, {NIK}")
    except ValueError:
        return traceback.format_exc()
    raise AssertionError


CHANNELS: dict[str, bytes | str] = {
    "header of a message": b"ce_type id.slrt.x.v1 x-client " + NAME.encode(),
    "key of a message": NIK.encode(),
    "payload, nested": json.dumps({"needs": [{"note": {"who": [NAME]}}]}),
    "dead letter": b'{"case_id": \x00 "' + NIK.encode(),
    "line of a log": json.dumps({"event": "request", "detail": f"for {PHONE}"}),
    "traceback in a log": json.dumps({"event": "crash", "exception": crashed()}),
    "log of PostgreSQL": f"DETAIL:  parameters: $1 = '{NAME}', $2 = '\\x{NIK.encode().hex()}'",
    "span": json.dumps({"attributes": {"url.query": f"q={quote(NAME)}"}}),
    "metrics": f'slrt_x_total{{route="/cases/{NIK}"}} 1.0',
    "notice to an office": json.dumps({"data": {"address": ADDRESS}}),
    "message to the resident": f"Yth. Ibu {NAME}, laporan Anda",
    "token": f"eyJhbGciOiJFUzI1NiJ9.{base64.urlsafe_b64encode(json.dumps({'name': NAME}).encode()).decode()}.c2ln",
}


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_leak_is_found_in_every_kind_of_channel_and_named_with_it(scanner: Scanner, channel: str) -> None:
    quiet = dict.fromkeys(CHANNELS, "nothing")
    leaks = scanner.leaks_in(quiet | {channel: CHANNELS[channel]})
    assert leaks
    assert {leak.channel for leak in leaks} == {channel}
    assert all(isinstance(leak, Leak) and leak.shown for leak in leaks)


def test_a_leak_is_found_in_the_middle_of_a_megabyte(scanner: Scanner) -> None:
    lines = [json.dumps({"event": "x", "id": str(uuid4()), "at": number}) for number in range(12_000)]
    lines.insert(7_000, json.dumps({"event": "x", "about": NAME}))
    assert f"name {NAME}" in found(scanner, "\n".join(lines))


# -- what has the shape of personal data is found -----------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "NIK 1274050101909001",
        '"nik":"3604045208879002"',
        "person.1274050101909001",
        "12.1274050101909001",
        "1274 0501 0190 9001",
        "12.74.05.010190.9001",
        "127405-010190-9001",
        "+6281234567890",
        "0812 3456 7890",
        "0857-1234-567",
        "62 852 1234 5678",
        "to=<siti.uji@contoh.example>",
        "Siti%20Uji%20%3Csiti%40contoh.example%3E",
        base64.b64encode(b"phone 081234567890 of somebody").decode(),
    ],
)
def test_somebody_whom_nobody_planted_is_found_by_the_shape(shapes: Scanner, text: str) -> None:
    assert any(what.startswith("shape of") for what in found(shapes, f"x {text} y"))


@pytest.mark.parametrize(
    "text",
    [
        "0027400101909001",  # no such regency
        "1274053201909001",  # no such day
        "1274050113909001",  # no such month
        "1274053002909001",  # 30 February
        "12740501019090011",
        "0.1274050101909001",  # a fraction
        "seconds_sum 1.1274050101909001",
        "a1274050101909001",
        "1763805629123456",  # microseconds since 1970
        "offset=000000001234",
    ],
)
def test_what_only_looks_like_a_number_of_a_person_is_let_through(shapes: Scanner, text: str) -> None:
    assert found(shapes, f"x {text} y") == []


# -- where nothing is, nothing is found -----------------------------------------------------------------------------


def test_what_the_services_really_write_does_not_alarm(scanner: Scanner) -> None:
    generator = random.Random(7)  # noqa: S311 — repeatable, no secret
    for _ in range(300):
        now = datetime.fromtimestamp(generator.randrange(1_500_000_000, 1_900_000_000), UTC)
        text = "\n".join(
            (
                str(new_uuid7()),
                str(UUID(int=generator.getrandbits(128))),
                UUID(int=generator.getrandbits(128)).hex.upper(),
                f"00-{generator.getrandbits(128):032x}-{generator.getrandbits(64):016x}-01",
                f"01ARZ3NDEKTSV4RRFFQ69G5F{generator.randrange(10, 99)}",
                now.isoformat(),
                f"{now.timestamp():.6f}",
                str(int(now.timestamp() * 1000)),
                str(int(now.timestamp() * 1_000_000_000)),
                f"SLRT-1274-{generator.randrange(1000, 9999)}-{generator.randrange(1000, 9999)}-K",
                f"offset={generator.randrange(10**9)} partition=3 lag={generator.randrange(10**6)}",
                f"slrt_x_created {now.timestamp():.9e}",
                "12.74.03 12.74.03.1001 12.74.DUKCAPIL",
                "postgresql://slrt_intake@127.0.0.1:55432/slrt_intake",
                "<019a3b52-1111-7222-8333-444455556666@contoh.go.id>".replace("contoh.go.id", "localhost"),
                "slrt@contoh.go.id",
                "http://127.0.0.1:8080/intake/v1/cases?limit=20&cursor="
                + base64.urlsafe_b64encode(
                    json.dumps({"at": now.isoformat(), "id": str(new_uuid7())}).encode()
                ).decode(),
            )
        )
        assert found(scanner, text) == []


@given(st.uuids())
@example(UUID("01a20288-0812-7003-8fa7-081234567890"))
@example(UUID("12740501-0190-9001-8fa7-213b3c9a9ede"))
def test_no_uuid_alarms(shapes: Scanner, value: UUID) -> None:
    assert found(shapes, f'"id": "{value}"') == []


@given(st.text(max_size=200))
def test_no_text_makes_the_scanner_fail(scanner: Scanner, text: str) -> None:
    scanner.leaks_in(
        {"x": text, "y": text.encode(errors="replace"), "z": gzip.compress(text.encode(errors="replace"))[:-3]}
    )


def test_what_is_planted_stands_in_what_the_tests_and_the_demo_register(root: Path) -> None:
    demo = root / "deploy/local/src/slrt_local/demo"
    told = (demo / "report.txt").read_text(encoding="utf-8") + (demo / "story.py").read_text(encoding="utf-8")
    assert [planted for planted in DEMO if planted.value not in told] == []
    faults = (root / "tests/e2e/test_faults.py").read_text(encoding="utf-8")
    assert [planted for planted in FAULTS if planted.value not in faults] == []
