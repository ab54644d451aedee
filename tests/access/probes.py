"""How each route is tried: what it reaches, and a call that changes nothing even where it is allowed."""

from dataclasses import dataclass, field
from typing import Any

from tests.access.expected import OFFICE, VILLAGE

_NEVER = {"If-Match": '"999999999"'}
"""No thing has that version: whoever is let through is told so (412), and nothing has happened."""


@dataclass(frozen=True)
class Probe:
    """A call of a route. ``reach`` is one of `expected`; ``{case_id}`` and the like are of the object that is tried.

    ``lists`` names what of the object stands in the answer when the caller may see it: such a route is asked once, and
    answers everybody who has the permission. ``looks_at`` is what of people it shows: for that each caller states a
    purpose that is theirs (`expected.purpose_of`).
    """

    reach: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""
    lists: str | None = None
    streams: bool = False
    looks_at: str | None = None


_CLOSED = {"finding": "unclear"}
_POLICY_VERBS = ("approve", "reject", "activate", "rollback")
_NEED = {"need_id": "019f1a00-0000-7000-8000-000000000009"}
CONSENT = {
    "person_id": "019f1a00-0000-7000-8000-000000000009",
    "purposes": ["additional-assistance"],
    "notice_version": "2026.07",
    "notice_language": "id",
    "method": "signed_form",
    "given_at": "2026-07-01T03:00:00Z",
}
_DUTY = {"officer": "nobody", "role": "facilitator", "area_code": "99.99", "first_day": "2026-07-01"}
_OWNERS = ("front_office", "back_office", "coordinator", "resident")
_MORE_TIME = {"unit": "working_days", "count": 1, "reason": "field_visit"}
_REGISTRATION = {"village_code": VILLAGE, "needs": [{"need_code": "JALAN"}]}

PROBES: dict[str, Probe] = {
    # -- intake ------------------------------------------------------------------------------------------------------
    "GET /intake/v1/need-codes": Probe("nothing"),
    "GET /intake/v1/forms": Probe("nothing"),
    "GET /intake/v1/forms/{need_code}": Probe("nothing"),
    "POST /intake/v1/cases": Probe("place", _REGISTRATION),
    "GET /intake/v1/cases": Probe("case", query="?limit=200", lists="case_id"),
    "GET /intake/v1/cases/{case_id}": Probe("case to look at"),
    "GET /intake/v1/cases/{case_id}/events": Probe("case to look at", streams=True),
    "POST /intake/v1/cases/{case_id}/screen": Probe("case", {"registry_status": "listed"}, _NEVER),
    "POST /intake/v1/cases/{case_id}/recommend": Probe(
        "case", {"needs": [_NEED | {"recommendation": "refer"}]}, _NEVER
    ),
    "POST /intake/v1/cases/{case_id}/decide": Probe("case", {"needs": [_NEED | {"decision": "refer"}]}, _NEVER),
    "POST /intake/v1/cases/{case_id}/assign": Probe("case to assign", {"officer": "nobody"}, _NEVER),
    "POST /intake/v1/cases/{case_id}/unassign": Probe("case to assign", {"officer": "nobody"}, _NEVER),
    "POST /intake/v1/cases/{case_id}/transfer": Probe("case to assign", {"village_code": "12.71.01.1001"}, _NEVER),
    "POST /intake/v1/cases/{case_id}/seal": Probe("case to assign", {"reason": "safety"}, _NEVER),
    "POST /intake/v1/cases/{case_id}/unseal": Probe("case to assign", None, _NEVER),
    "GET /intake/v1/cases/{case_id}/parties": Probe("people of a case", looks_at="parties"),
    "POST /intake/v1/parties/search": Probe(
        "people of a case", {"cases": [{"case_id": "{case_id}"}]}, looks_at="parties", lists="case_id"
    ),
    "GET /intake/v1/cases/{case_id}/contact": Probe("people of a case", looks_at="contact"),
    "POST /intake/v1/contacts/search": Probe(
        "people of a case", {"cases": [{"case_id": "{case_id}"}]}, looks_at="contact", lists="case_id"
    ),
    # A file that cannot be one: whoever is let through is told so (415), and nothing is kept.
    "POST /intake/v1/cases/{case_id}/attachments": Probe("case", "no file", {"File-Class": "other"}),
    "GET /intake/v1/cases/{case_id}/attachments": Probe("case to look at", looks_at="attachment"),
    "GET /intake/v1/cases/{case_id}/attachments/{attachment_id}/content": Probe(
        "no case at all", looks_at="attachment"
    ),
    "DELETE /intake/v1/cases/{case_id}/attachments/{attachment_id}": Probe(
        "no case at all", query="?reason=not_needed"
    ),
    # A file without a row: whoever is let through is told so (422), and nothing is kept.
    "POST /intake/v1/batches": Probe("nothing", "no file"),
    "POST /intake/v1/batches/explain": Probe("nothing", "no file"),
    "GET /intake/v1/batches/{batch_id}": Probe("no case at all"),
    "GET /intake/v1/batches/{batch_id}/rows": Probe("no case at all"),
    # Of a kind that no region has, and of letters that nobody has drafted.
    "GET /intake/v1/letter-types": Probe("nothing", query=f"?village_code={VILLAGE}"),
    "GET /intake/v1/letters": Probe("nothing"),
    "POST /intake/v1/cases/{case_id}/letters": Probe("case", {"letter_type": "no-such-letter"}),
    "GET /intake/v1/cases/{case_id}/letters": Probe("case to look at"),
    "GET /intake/v1/cases/{case_id}/letters/{letter_id}": Probe("no case at all"),
    "GET /intake/v1/cases/{case_id}/letters/{letter_id}/content": Probe("no case at all"),
    "POST /intake/v1/cases/{case_id}/letters/{letter_id}/correct": Probe(
        "no case at all", {"letter_type": "no-such-letter"}, _NEVER
    ),
    "POST /intake/v1/cases/{case_id}/letters/{letter_id}/initial": Probe("no case at all", None, _NEVER),
    "POST /intake/v1/cases/{case_id}/letters/{letter_id}/return": Probe("no case at all", {"note": "ulang"}, _NEVER),
    "POST /intake/v1/cases/{case_id}/letters/{letter_id}/sign": Probe(
        "no case at all", {"signer_name": "Pejabat Karangan"}, _NEVER
    ),
    "POST /intake/v1/cases/{case_id}/letters/{letter_id}/issue": Probe("no case at all", None, _NEVER),
    "POST /intake/v1/cases/{case_id}/letters/{letter_id}/revoke": Probe(
        "no case at all", {"reason_code": "wrong_data"}, _NEVER
    ),
    "POST /intake/v1/cases/{case_id}/letters/{letter_id}/discard": Probe("no case at all", None, _NEVER),
    # Asked for without a column, so that nothing is kept; of a request that nobody made.
    "POST /intake/v1/exports": Probe(
        "nothing", {"purpose": "case-handling", "reason": "percobaan hak akses", "columns": []}
    ),
    "GET /intake/v1/exports": Probe("nothing"),
    "GET /intake/v1/exports/{export_id}": Probe("no case at all"),
    "POST /intake/v1/exports/{export_id}/approve": Probe("no case at all", None, _NEVER),
    "POST /intake/v1/exports/{export_id}/refuse": Probe("no case at all", None, _NEVER),
    "GET /intake/v1/exports/{export_id}/content": Probe("no case at all"),
    # Nobody has asked for a code.
    "POST /intake/v1/codes/search": Probe(
        "no case at all", {"cases": [{"case_id": "{case_id}"}]}, lists="case_id", looks_at="resident-code"
    ),
    "GET /intake/v1/cases/{case_id}/looks": Probe("case", looks_at="case-looks"),
    "GET /intake/v1/cases/{case_id}/consents": Probe("case to look at"),
    # Of a person whom no case has; and a consent that was withdrawn before: whoever is let through is told so.
    "POST /intake/v1/cases/{case_id}/consents": Probe("case", CONSENT),
    "POST /intake/v1/cases/{case_id}/consents/{consent_id}/withdrawal": Probe("case", {}),
    "GET /intake/v1/cases/{case_id}/sharings": Probe("case to look at"),
    # What the office has erased before.
    "POST /intake/v1/sharings/{receipt_id}/erasure": Probe("receipt"),
    "GET /intake/v1/restricted-cases": Probe("restricted", query="?limit=200", lists="case_id"),
    # Of a case that nobody has; opening one for real is how the callers of that place came there.
    "POST /intake/v1/emergency-accesses": Probe(
        "no case at all", {"ticket_number": "1274-0000-0000", "reason": "a" * 20}
    ),
    "GET /intake/v1/emergency-accesses": Probe("review", query="?limit=200", lists="access_id"),
    "POST /intake/v1/emergency-accesses/{access_id}/review": Probe("review", {"justified": True}, _NEVER),
    "GET /intake/v1/figures/cases": Probe("nothing", query="?by=status"),
    "GET /intake/v1/cases/{case_id}/holdings": Probe("case to look at"),
    "GET /intake/v1/cases/{case_id}/likely-duplicates": Probe("case to look at"),
    "GET /intake/v1/holding-times": Probe("nothing", query="?month=2026-11&by=holder"),
    "GET /intake/v1/worklists": Probe(
        "case", query="?limit=200&" + "&".join(f"owner={each}" for each in _OWNERS), lists="case_id"
    ),
    "GET /intake/v1/policy/clock-moves": Probe("nothing"),
    "GET /intake/v1/cases/{case_id}/clock": Probe("case to look at"),
    "POST /intake/v1/cases/{case_id}/clock/pauses": Probe("case", {"reason": "external_decision"}, _NEVER),
    "POST /intake/v1/cases/{case_id}/clock/resumptions": Probe("case", None, _NEVER),
    "POST /intake/v1/cases/{case_id}/clock/extensions": Probe("case", _MORE_TIME, _NEVER),
    "POST /intake/v1/cases/{case_id}/clock/extensions/{extension_id}/approve": Probe("case", None, _NEVER),
    "POST /intake/v1/cases/{case_id}/clock/extensions/{extension_id}/refuse": Probe("case", None, _NEVER),
    # Of an area that there is not, under an id that nobody has; whoever is let through is told so.
    "GET /intake/v1/duties": Probe("nothing"),
    "GET /intake/v1/duties/line": Probe("place", query=f"?role=facilitator&area_code={VILLAGE}"),
    "POST /intake/v1/duties/lists": Probe("nothing", {"dry_run": True, "duties": [_DUTY]}),
    "PUT /intake/v1/duties/{duty_id}": Probe("nothing", _DUTY),
    "DELETE /intake/v1/duties/{duty_id}": Probe("no case at all", None, _NEVER),
    "GET /intake/v1/stalls": Probe("nothing"),
    "POST /intake/v1/reports/parse": Probe("nothing", {"text": "tidak ada laporan"}),
    "GET /intake/v1/checklists": Probe("nothing"),
    # A visit with a checklist that nobody has: whoever is let through is told so (422), and nothing is planned.
    "POST /intake/v1/visits": Probe("case", {"case_id": "{case_id}", "checklists": ["not_there"]}),
    "GET /intake/v1/visits": Probe("nothing"),
    "GET /intake/v1/visits/{visit_id}": Probe("no case at all"),
    "POST /intake/v1/visits/{visit_id}/assign": Probe("no case at all", {"officer": "nobody"}, _NEVER),
    "POST /intake/v1/visits/{visit_id}/result": Probe("no case at all", {"result": "done"}, _NEVER),
    "GET /intake/v1/cases/{case_id}/facts": Probe("case", looks_at="visit"),
    # An answer that its question does not take.
    "POST /intake/v1/cases/{case_id}/facts": Probe("case", {"answers": {"walls": 7}}),
    "GET /intake/v1/fact-conflicts": Probe("nothing"),
    "POST /intake/v1/fact-conflicts/{conflict_id}/settle": Probe(
        "no case at all", {"fact_id": "019f1a00-0000-7000-8000-000000000009"}, _NEVER
    ),
    # Of a device that nobody has.
    "PUT /intake/v1/field/devices/{device_id}": Probe("nothing", None, _NEVER),
    "GET /intake/v1/field/devices": Probe("nothing"),
    "POST /intake/v1/field/devices/{device_id}/revoke": Probe("no case at all", None, _NEVER),
    "POST /intake/v1/field/devices/{device_id}/wiped": Probe("no case at all"),
    "GET /intake/v1/field/devices/{device_id}/assignments": Probe("no case at all", looks_at="visit"),
    "GET /intake/v1/field/devices/{device_id}/receipts": Probe("no case at all"),
    "POST /intake/v1/field/devices/{device_id}/uploads": Probe(
        "no case at all", {"device_now": "2026-07-01T08:00:00Z", "items": []}
    ),
    "PUT /intake/v1/field/devices/{device_id}/photos/{photo_id}": Probe(
        "no case at all", {"case_id": "{case_id}", "sha256": "0" * 64, "size": 1, "file_class": "house"}
    ),
    "GET /intake/v1/field/devices/{device_id}/photos/{photo_id}": Probe("no case at all"),
    "POST /intake/v1/field/devices/{device_id}/photos/{photo_id}/pieces": Probe("no case at all", query="?offset=0"),
    "GET /intake/v1/field/sync-ages": Probe("nothing"),
    "GET /intake/v1/field/rejected-items": Probe("nothing"),
    "GET /intake/v1/field/rejected-items/{receipt_id}": Probe("no case at all", looks_at="visit"),
    "POST /intake/v1/drafts": Probe("nothing", {"text": "tidak ada laporan"}),
    "GET /intake/v1/drafts/{draft_id}": Probe("own draft"),
    "PUT /intake/v1/drafts/{draft_id}": Probe("own draft at a place", _REGISTRATION, _NEVER),
    "POST /intake/v1/drafts/{draft_id}/confirm": Probe("own draft", None, _NEVER),
    # -- referral ----------------------------------------------------------------------------------------------------
    "GET /referral/v1/referrals": Probe("referral", query="?limit=200", lists="referral_id"),
    "GET /referral/v1/referrals/{referral_id}": Probe("referral"),
    "GET /referral/v1/referrals/{referral_id}/routing": Probe("referral"),
    "POST /referral/v1/referrals/{referral_id}/accept": Probe("referral", None, _NEVER),
    "POST /referral/v1/referrals/{referral_id}/start": Probe("referral", None, _NEVER),
    "POST /referral/v1/referrals/{referral_id}/decline": Probe("referral", {"reason_code": "unclear"}, _NEVER),
    "POST /referral/v1/referrals/{referral_id}/complete": Probe("referral", {"outcome_code": "fulfilled"}, _NEVER),
    "GET /referral/v1/worklists": Probe("referral", query=f"?limit=200&owner={OFFICE}", lists="referral_id"),
    "GET /referral/v1/policy/clock-moves": Probe("nothing"),
    "GET /referral/v1/referrals/{referral_id}/clock": Probe("referral"),
    "POST /referral/v1/referrals/{referral_id}/clock/pauses": Probe(
        "referral", {"reason": "external_decision"}, _NEVER
    ),
    "POST /referral/v1/referrals/{referral_id}/clock/resumptions": Probe("referral", None, _NEVER),
    "POST /referral/v1/referrals/{referral_id}/clock/extensions": Probe("referral", _MORE_TIME, _NEVER),
    "POST /referral/v1/referrals/{referral_id}/clock/extensions/{extension_id}/approve": Probe(
        "referral", None, _NEVER
    ),
    "POST /referral/v1/referrals/{referral_id}/clock/extensions/{extension_id}/refuse": Probe("referral", None, _NEVER),
    "GET /referral/v1/holding-times": Probe("nothing", query="?month=2026-11"),
    "GET /referral/v1/stalls": Probe("nothing"),
    "GET /referral/v1/offices": Probe("nothing"),
    "GET /referral/v1/routing-rules": Probe("nothing"),
    "POST /referral/v1/routing-rules/explain": Probe("nothing", {"need_code": "JALAN", "district_code": VILLAGE[:8]}),
    # -- registry ----------------------------------------------------------------------------------------------------
    "GET /registry/v1/cases/{case_id}/records": Probe("records"),
    "GET /registry/v1/families/{family_id}": Probe("person", looks_at="family"),
    "GET /registry/v1/persons/{person_id}": Probe("person", looks_at="person"),
    "POST /registry/v1/persons/{person_id}/unmask": Probe("person", {"fields": ["nik"]}, looks_at="numbers"),
    "POST /registry/v1/persons/{person_id}/erasure": Probe("person", {"reason_code": "requested"}, _NEVER),
    "POST /registry/v1/persons/{person_id}/legal-hold": Probe("person", {"hold": None}, _NEVER),
    "POST /registry/v1/persons/{person_id}/transfer": Probe("person", {"village_code": "12.71.01.1001"}, _NEVER),
    "POST /registry/v1/families/{family_id}/transfer": Probe("person", {"village_code": "12.71.01.1001"}, _NEVER),
    "POST /registry/v1/persons/search": Probe("person", {"nik": "{nik}"}, looks_at="person", lists="person_id"),
    # With nobody on it, so that nothing is kept; of a list that nobody made.
    "GET /registry/v1/disposals/due": Probe("nothing", query="?regency_code=12.74"),
    "POST /registry/v1/disposals": Probe("nothing", {"person_ids": []}),
    "GET /registry/v1/disposals": Probe("nothing"),
    "GET /registry/v1/disposals/{disposal_id}": Probe("no case at all"),
    "POST /registry/v1/disposals/{disposal_id}/approve": Probe("no case at all", None, _NEVER),
    "POST /registry/v1/disposals/{disposal_id}/refuse": Probe("no case at all", None, _NEVER),
    # -- notification ------------------------------------------------------------------------------------------------
    "GET /notification/v1/notifications": Probe("message", query="?limit=200", lists="notification_id"),
    "GET /notification/v1/notifications/{notification_id}": Probe("message"),
    # -- the policy of those that have one: bodies that cannot be, of layers that nobody has --------------------------
    **{
        f"{method} /{service}/v1/policy{path}": Probe("nothing", {} if method == "POST" else None)
        for service in ("intake", "referral", "notification")
        for method, path in (
            ("GET", "/layers"),
            ("GET", "/layers/{layer}/versions"),
            ("POST", "/layers/{layer}/versions"),
            ("GET", "/layers/{layer}/versions/{number}"),
            *(("POST", f"/layers/{{layer}}/versions/{{number}}/{verb}") for verb in _POLICY_VERBS),
            ("POST", "/findings/search"),
            ("POST", "/changes/search"),
            ("POST", "/what-if/search"),
        )
    },
    # -- the audit log of each ---------------------------------------------------------------------------------------
    **{
        f"GET /{service}/v1/audit/entries": Probe("nothing", query="?object_id={case_id}")
        for service in ("intake", "referral", "registry", "notification")
    },
    **{
        f"GET /{service}/v1/audit/reviews": Probe("nothing")
        for service in ("intake", "referral", "registry", "notification")
    },
    **{
        f"POST /{service}/v1/audit/reviews/{{review_id}}/close": Probe("no case at all", _CLOSED, _NEVER)
        for service in ("intake", "referral", "registry", "notification")
    },
}
"""By method and path of the gateway's OpenAPI document; a route that is not here fails the run."""
