"""Access on real cases, generated from access.yaml: every role inside and outside its region."""

from typing import Any

import pytest

from slrt_kit.access import ScopeKind, permission_table

REACHES = {
    "intake.case.read": "/v1/cases/{case_id}",
    "intake.party.read": "/v1/cases/{case_id}/parties",
    "intake.contact.read": "/v1/cases/{case_id}/contact",
}
ROLES = sorted({role for grants in permission_table().values() for role in grants} | {"resident", "leadership"})


@pytest.fixture(scope="module")
async def case(intake: Any) -> dict[str, Any]:
    return await intake.register()


def _expected(kind: ScopeKind | None, *, inside: bool) -> int:
    if kind is None:
        return 403
    # No office was sent anything of this case, and nobody was put in charge.
    return 200 if kind is ScopeKind.ANY or (kind is ScopeKind.REGION and inside) else 404


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("permission", REACHES)
async def test_a_role_reaches_what_the_table_gives_it(
    permission: str, role: str, intake: Any, case: dict[str, Any]
) -> None:
    path, kind = REACHES[permission].format(**case), permission_table()[permission].get(role)
    for region, inside in (("12.74", True), ("12.74.03.1002", True), ("12.71", False), ("12.74.03.1001", False)):
        what = path.rpartition("/")[2]
        headers = intake.asking(role, what, region=region, office="12.74.DUKCAPIL")
        answer = await intake.client.get(path, headers=headers)
        assert answer.status_code == _expected(kind, inside=inside), region


@pytest.mark.parametrize(
    "role", sorted(r for r, kind in permission_table()["intake.case.read"].items() if kind is ScopeKind.REGION)
)
async def test_a_list_ends_where_the_region_ends(role: str, intake: Any, case: dict[str, Any]) -> None:
    inside = (await intake.get("/v1/cases", role=role, region="12.74.03")).json()["items"]
    outside = (await intake.get("/v1/cases", role=role, region="12.74.04")).json()["items"]
    assert [item["case_id"] for item in inside] == [case["case_id"]]
    assert outside == []
