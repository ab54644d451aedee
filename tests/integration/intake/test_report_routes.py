"""Reading a message over HTTP: whatever its text is, it is answered, and nothing of it stays anywhere."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slrt_intake.api.report_schemas import MAX_MESSAGE, ReportView
from slrt_intake.reports import MAX_TEXT, ParsedReport

REPORT = """Laporan 🙏
Nama Fasilitator : Kenanga
Kelurahan : Sumber Sari
Kecamatan : Sei Tualang Raso
Nama Klien : Mawar Karangan
NIK : 127403520387900
Jenis pengaduan : rumah bocor, anak putus sekolah
Jenis layanan : RTLH, PIP dan surat domisili
"""
HOSTILE = {
    "empty": "",
    "NUL": "Nama Klien: Ma\x00war\nNIK: 1\nKeluhan: a\x00",
    "half a pair": "Nama Klien: Mawar \ud83d\nKeluhan: \udc00 rumah bocor\nLayanan: RTLH",
    "right to left": "\u202eNama Klien: Mawar\u202c\nKeluhan: x\nLayanan: PKH",
    "control characters": "".join(map(chr, range(0xA0))),
    "markup": "Nama Klien: <script>alert(1)</script>\nKeluhan: {{7*7}}\nLayanan: =1+1",
    "SQL": "Nama Klien: '); DROP TABLE cases; --\nKeluhan: %s\nLayanan: PKH",
    "noncharacters": "\ufffe\uffff\U0010ffff",
    "combining": "Nama Klien: M" + "\u0300" * 5_000,
    "long": "Nama Klien: a\n" * (MAX_MESSAGE // 14),
}


async def _parse(intake: Any, content: bytes, role: str = "facilitator") -> Any:
    headers = intake.token(role) | {"Content-Type": "application/json"}
    return await intake.client.post("/v1/reports/parse", content=content, headers=headers)


async def _parsed(intake: Any, text: str) -> dict[str, Any]:
    answer = await _parse(intake, json.dumps({"text": text}).encode())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


# -- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "status", "slug"),
    [
        (b"", 422, "invalid-request"),
        (b"{", 400, "malformed-json"),
        (b'{"text": "\xff"}', 400, "malformed-json"),
        (b"[]", 422, "invalid-request"),
        (b'{"text": 1}', 422, "invalid-request"),
        (b'{"text": null}', 422, "invalid-request"),
        (b'{"text": "a", "case": 1}', 422, "invalid-request"),
        (json.dumps({"text": "x" * (MAX_MESSAGE + 1)}).encode(), 422, "invalid-request"),
        (json.dumps({"text": "x" * 1_000_000}).encode(), 413, "body-too-large"),
    ],
)
async def test_what_is_no_message_is_refused(content: bytes, status: int, slug: str, intake: Any) -> None:
    async with intake.unchanged():
        answer = await _parse(intake, content)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:slrt:problem:{slug}")
    assert "xxxx" not in answer.text


@pytest.mark.parametrize("role", ["back_office", "surveyor", "coordinator", "auditor", "partner", "admin"])
async def test_who_writes_no_drafts_reads_no_messages(role: str, intake: Any) -> None:
    assert (await _parse(intake, b'{"text": ""}', role)).status_code == 403


# -- answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
async def test_any_text_is_answered(text: str, intake: Any) -> None:
    found = await _parsed(intake, text)
    assert found["truncated"] is (len(text) > MAX_TEXT)
    for report in found["reports"]:
        assert all(0 <= proof["start"] <= proof["end"] <= len(text) for proof in report["evidence"].values())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=st.text(st.characters(), max_size=200))
async def test_any_text_behind_the_labels_is_answered(text: str, intake: Any) -> None:
    await _parsed(intake, f"Nama Klien: {text}\nNIK: {text}\nKeluhan: {text}")


async def test_a_message_is_shown_field_by_field_with_where_each_stood(intake: Any) -> None:
    async with intake.unchanged():
        found = await _parsed(intake, REPORT)
    [report] = found["reports"]
    assert (found["kind"], found["truncated"]) == ("report", False)
    assert set(report) == set(ReportView.model_fields)
    assert report["village_code"] == "12.74.03.1002"
    assert report["warnings"] == ["nik:length"]
    assert report["service_codes"] == ["PIP", "RUTILAHU"]
    assert report["needs"] == ["PIP", "RUTILAHU", "DOMISILI"]
    proof = report["evidence"]["client_name"]
    assert REPORT[proof["start"] : proof["end"]] == report["client_name"] == "Mawar Karangan"


async def test_a_greeting_is_something_else(intake: Any) -> None:
    assert await _parsed(intake, "Selamat pagi 🙏") == {"kind": "other", "truncated": False, "reports": []}


async def test_nothing_of_a_message_is_kept_or_written_down(intake: Any, caplog: Any, capsys: Any) -> None:
    count = "SELECT count(*) AS n FROM audit_unsealed"
    before = (await intake.rows(count))[0].n
    async with intake.unchanged():
        await _parsed(intake, REPORT)
    assert (await intake.rows(count))[0].n == before
    said = caplog.text + "".join(capsys.readouterr())
    assert not any(word in said for word in ("Mawar", "127403520387900", "Kenanga"))


def test_the_answer_has_every_field_of_the_parser() -> None:
    assert {*ParsedReport().as_dict(), "needs"} == set(ReportView.model_fields)
