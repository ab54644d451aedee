"""The supervisor is told at once that a case was opened in an emergency, and is told nothing of the case."""

from typing import TYPE_CHECKING
from uuid import UUID

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.events import EmergencyAccessOpened, NotificationQueued
from slrt_kit.clock import new_uuid7
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.processor import Outcome
from slrt_kit.testing import case_registered

if TYPE_CHECKING:
    from tests.integration.notification.conftest import Service

MAIL = NotificationChannel.EMAIL


async def _opened(service: "Service", district: str = "12.74.05", *, reachable_by: tuple[str, ...] = ()) -> UUID:
    case_id = new_uuid7()
    service.contact(case_id)
    await service.hear(case_registered(case_id, district_code=district, reachable_by=reachable_by))
    await service.hear(EmergencyAccessOpened(access_id=new_uuid7(), case_id=case_id, district_code=district))
    return case_id


async def _queued(service: "Service", case_id: UUID) -> RawEvent:
    [found] = [
        raw
        for raw, event in await service.told()
        if isinstance(event, NotificationQueued) and event.case_id == case_id and event.template == "emergency-access"
    ]
    return found


async def test_the_supervisor_of_the_region_gets_a_mail_with_the_case_and_nothing_of_it(service: "Service") -> None:
    case_id = await _opened(service)
    raw = await _queued(service, case_id)
    assert await service.connector(MAIL).process(raw) is Outcome.APPLIED
    [mail] = service.mail.mails
    assert service.mail.recipients == ["pengawas.1274@contoh.go.id"]
    assert mail["Subject"] == "SLRT: akses darurat dibuka di wilayah Anda"
    assert str(case_id) in mail.get_content()
    assert "1274-7KQ4-M2XD" not in mail.as_string()


async def test_nobody_looks_up_the_resident_for_it(service: "Service") -> None:
    raw = await _queued(service, await _opened(service))
    await service.connector(MAIL).process(raw)
    assert service.outside.claims == []


async def test_it_is_told_also_of_a_resident_who_has_no_mail(service: "Service") -> None:
    raw = await _queued(service, await _opened(service, reachable_by=("whatsapp",)))
    assert await service.connector(MAIL).process(raw) is Outcome.APPLIED


async def test_where_no_supervisor_is_known_the_delivery_log_says_so(service: "Service") -> None:
    raw = await _queued(service, await _opened(service, "31.74.01"))
    await service.connector(MAIL).process(raw)
    row = await service.row(raw)
    assert (row["status"], row["reason_code"]) == ("failed", "no_contact")
