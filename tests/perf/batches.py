"""Ten thousand paper forms in one file: how long until every row is a case, beside a trial of the same file."""

import random
import time
import uuid

import httpx
from tests.perf.stack import Bench

from slrt_kit.regions import Level, Regions

_ROWS = 10_000
_GOAL_S = 20.0
_HEADER = "nomor formulir,kelurahan,kecamatan,tanggal,nama,nik,telepon,alamat,kebutuhan,pengaduan,mendesak"
_NAMES = ("Mawar", "Kenanga", "Bayu", "Melati", "Cempaka", "Dahlia", "Seruni", "Anggrek")
_NEEDS = ("PKH", "PIP", "bedah rumah", "BPJS PBI", "ADMINDUK; PKH", "")


def measure(bench: Bench) -> None:
    """Seconds from the first byte of the file to the 201, through intake's API as it runs in the stack."""
    content = _sheet()
    token = bench.slrt("token", "--role", "front_office", "--region", "12.74")
    url = f"http://127.0.0.1:{bench.state.port('http-intake')}/v1/batches"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv", "Idempotency-Key": uuid.uuid4().hex}
    with httpx.Client(timeout=120, headers=headers) as client:
        tried = _seconds(client, f"{url}/explain", content, "good")
        registered = bench.measured(lambda: _seconds(client, url, content, "registered"))
    bench.add(
        "bulk-entry-10k",
        registered,
        "s",
        anchor=("a trial of the same file", tried),
        goal="< 20 s",
        met=registered < _GOAL_S,
    )


def _seconds(client: httpx.Client, url: str, content: bytes, counted: str) -> float:
    began = time.perf_counter()
    answer = client.post(url, content=content)
    took = time.perf_counter() - began
    if answer.status_code not in (200, 201) or answer.json()[counted] != _ROWS:
        raise RuntimeError(f"{url}: {answer.status_code} {answer.text[:500]}")
    return took


def _sheet() -> bytes:
    draw = random.Random(1)  # noqa: S311 — nothing is secret here
    regions = Regions.load()
    districts = [each for each in regions.at(Level.DISTRICT) if each.code.startswith("12.74.")]
    villages = [
        (name, district.name) for district in districts for name in regions.village_names(district.code).values()
    ]
    lines = [_HEADER]
    for number in range(_ROWS):
        village, district = draw.choice(villages)
        day, month = draw.randint(1, 28), draw.randint(1, 12)
        lines.append(
            f"F-{number},{village},{district},{day}/6/2026,"
            f"{draw.choice(_NAMES)} Rekaan {number},127403{day:02}{month:02}85{9000 + number % 1000},"
            f"0812-0000-{number:04},Jalan Contoh {number},{draw.choice(_NEEDS)},rumah gelap dan anak putus sekolah,"
        )
    return "\r\n".join(lines).encode()
