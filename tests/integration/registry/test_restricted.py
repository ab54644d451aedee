"""What the registry knows from cases that are kept from most is told to nobody who may not know of the case."""

from collections.abc import Callable
from typing import Any

import pytest

from slrt_contracts.events import CaseSealed, CaseTransferred, CaseUnsealed

MakePerson = Callable[..., dict[str, Any]]
KK = "1274031505159001"


async def _sees(service: Any, case: Any, headers: dict[str, str]) -> int:
    answer = await service.client.get(f"/v1/cases/{case.case_id}/records", headers=headers)
    return int(answer.status_code)


async def _needs(service: Any, family_id: str, headers: dict[str, str]) -> set[str]:
    answer = await service.client.get(f"/v1/families/{family_id}", headers=headers)
    found = answer.json()
    return {need["programme_code"] for need in (*found["open_needs"], *found["participations"])}


@pytest.fixture
async def family_id(service: Any, person: MakePerson) -> str:
    """A family with a need that anybody may know of."""
    case = await service.record(person("Siti Aminah", born="1985-08-17"), needs={"PKH": 0}, kk=KK)
    found: str = (await service.records(case))["family_id"]
    return found


async def test_what_a_restricted_case_came_to_is_told_to_nobody(
    service: Any, person: MakePerson, family_id: str
) -> None:
    mother = person("Siti Aminah", born="1985-08-17")
    case = await service.record(mother, needs={"ODGJ": 0}, kk=KK, restricted=True)
    assert await _sees(service, case, service.manager()) == 404
    assert await _needs(service, family_id, service.manager()) == {"PKH"}


async def test_a_sealed_case_takes_what_it_came_to_out_of_sight(
    service: Any, person: MakePerson, family_id: str
) -> None:
    case = await service.record(person("Siti Aminah", born="1985-08-17"), needs={"PIP": 0}, kk=KK)
    await service.complete(case, "PIP")
    assert await _needs(service, family_id, service.manager()) == {"PKH", "PIP"}
    await service.hear(CaseSealed(case_id=case.case_id))
    assert await _sees(service, case, service.manager()) == 404
    assert await _needs(service, family_id, service.manager()) == {"PKH"}
    await service.hear(CaseUnsealed(case_id=case.case_id))
    assert await _needs(service, family_id, service.manager()) == {"PKH", "PIP"}


async def test_a_restricted_case_about_nobody_is_hidden_as_well(service: Any) -> None:
    case = service.told(has_subject=False, restricted=True, needs=["JALAN"])
    await service.cases.process(case.raw)
    assert await _sees(service, case, service.manager()) == 404


async def test_a_transferred_case_is_told_of_in_its_new_region(service: Any, person: MakePerson) -> None:
    case = await service.record(person("Budi Santoso", born="2014-03-12"))
    await service.hear(CaseTransferred(case_id=case.case_id, district_code="12.71.01"))
    assert await _sees(service, case, service.manager()) == 404
    assert await _sees(service, case, service.manager(region="12.71")) == 200
