"""Turn parsed reports into what others take: the content of a draft, or the answer that shows what was read."""

from collections.abc import Sequence
from typing import Any

from slrt_contracts.codes import Channel, NeedCode
from slrt_intake.domain.party import ProxyRelation
from slrt_intake.reports.model import ParsedReport
from slrt_intake.reports.parser import ReportParser

PROXY_RELATIONS = {
    "suami": ProxyRelation.HUSBAND,
    "istri": ProxyRelation.WIFE,
    "anak": ProxyRelation.CHILD,
    "menantu": ProxyRelation.CHILD_IN_LAW,
    "cucu": ProxyRelation.GRANDCHILD,
    "orang_tua": ProxyRelation.PARENT,
    "saudara": ProxyRelation.SIBLING,
    "keponakan": ProxyRelation.NEPHEW_OR_NIECE,
    "tetangga": ProxyRelation.NEIGHBOUR,
    "perangkat": ProxyRelation.OFFICIAL,
    "lainnya": ProxyRelation.OTHER,
}
_NEED_CODES = frozenset(code.value for code in NeedCode)


def draft_content(report: ParsedReport, local_needs: Sequence[str] = ()) -> dict[str, Any]:
    """JSON-ready content in the form of ``RegisterCaseBody``; a person without a name is left out.

    Every service asked for becomes a need, and so does each of ``local_needs``, which no programme answers. A
    report from which none follows becomes ``LAINNYA``, so that none ends without a need. The complaint's own
    words stay with the first need.
    """
    persons: list[dict[str, Any]] = []
    if report.client_name:
        persons.append(
            {
                "relation": "client",
                "name": report.client_name,
                "nik": report.nik,
                "birth_date": report.birth_date.isoformat() if report.birth_date else None,
                "sex": report.sex,
            }
        )
    codes = _need_codes(report, local_needs) or [NeedCode.LAINNYA.value]
    needs: list[dict[str, Any]] = [
        {
            "need_code": code,
            "person_ref": 0 if persons else None,
            "urgent": bool(report.urgent),
            "description": report.complaint if place == 0 else None,
            "attributes": {},
        }
        for place, code in enumerate(codes)
    ]
    return {
        "channel": Channel.FACILITATOR.value,
        "village_code": report.village_code,
        "visit_date": report.visit_date.isoformat() if report.visit_date else None,
        "persons": persons,
        "proxy": _proxy(report),
        "contact": {
            "phone": report.phone,
            "email": None,
            "language": "id",
            "kk_number": report.kk_number,
            "address": report.address,
        },
        "needs": needs,
    }


def _proxy(report: ParsedReport) -> dict[str, Any] | None:
    if report.proxy_name is None:
        return None
    relation = report.proxy_relation
    return {
        "name": report.proxy_name,
        "relation": None if relation is None else PROXY_RELATIONS[relation].value,
        "phone": None,
    }


def parsed(text: str, parser: ReportParser) -> dict[str, Any]:
    """What a message holds, JSON-ready: ``kind``, ``truncated``, and the reports with their needs and evidence."""
    message = parser.parse(text)
    reports = [
        {**report.as_dict(), "needs": _need_codes(report, parser.local_needs(report))} for report in message.reports
    ]
    return {"kind": message.kind, "truncated": message.truncated, "reports": reports}


def _need_codes(report: ParsedReport, local_needs: Sequence[str]) -> list[str]:
    return [code for code in (*report.service_codes, *local_needs) if code in _NEED_CODES]
