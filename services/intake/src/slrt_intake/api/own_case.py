"""A case as its resident may see it: what is needed, what happened and when, which office has it; masked."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from slrt_contracts.catalogue import NEEDS, OUTCOMES
from slrt_contracts.types import CaseId
from slrt_intake.api.looks_wording import office_words
from slrt_intake.api.parts import IntakeParts
from slrt_intake.api.resident_schemas import OwnCaseView, SeenContact, SeenNeed, SeenPerson, SeenStep
from slrt_intake.api.tracking import tracking_view
from slrt_intake.api.wording import NEED_STAGES
from slrt_intake.domain.case import Need
from slrt_intake.domain.problems import SessionEndedError
from slrt_intake.store import people
from slrt_intake.store.timeline import TimelineEntry, timeline
from slrt_kit.access import Scope
from slrt_kit.privacy.masking import mask_mail, mask_name, mask_number
from slrt_kit.problems import Text

_EVERYWHERE = Scope(everywhere=True)
_SENT = "id.slrt.referral.referral-sent.v1"
_DECIDED = "id.slrt.intake.case-decided.v1"
# What is not here concerns the desk: who is in charge, what was recommended, what the machines noted.
STEPS: Mapping[str, Text] = MappingProxyType(
    {
        "id.slrt.intake.case-registered.v1": Text("Laporan terdaftar", "The report was registered"),
        "id.slrt.intake.case-screened.v1": Text("Data sudah dicocokkan", "The data was checked"),
        "id.slrt.intake.case-decided.v1": Text("Laporan sudah diputuskan", "The report was decided"),
        "id.slrt.intake.need-outcome-recorded.v1": Text("Satu kebutuhan ada hasilnya", "One need has an outcome"),
        "id.slrt.intake.case-resolved.v1": Text("Semua kebutuhan sudah dijawab", "Every need was answered"),
        "id.slrt.intake.case-closed.v1": Text("Laporan ditutup", "The report was closed"),
        "id.slrt.intake.letter-signed.v1": Text("Satu surat dapat diambil", "A letter can be fetched"),
        "id.slrt.intake.letter-issued.v1": Text("Satu surat sudah diserahkan", "A letter was handed over"),
        "id.slrt.intake.letter-revoked.v1": Text("Satu surat tidak berlaku lagi", "A letter holds no longer"),
        "id.slrt.intake.letter-expired.v1": Text("Masa berlaku satu surat habis", "A letter has run out"),
        "id.slrt.intake.case-transferred.v1": Text("Laporan pindah wilayah", "The report went to another region"),
        "id.slrt.intake.case-clock-escalated.v1": Text(
            "Terlambat; atasan petugas sudah diberi tahu", "It is late; those above the officers were told"
        ),
        "id.slrt.intake.case-clock-paused.v1": Text("Waktunya dijeda", "The time was paused"),
        "id.slrt.intake.case-clock-rescheduled.v1": Text("Batas waktunya berubah", "It is due at another time"),
        "id.slrt.intake.case-stalled.v1": Text(
            "Laporan tertahan; petugas sudah diberi tahu", "The report is held up; the officers were told"
        ),
        "id.slrt.intake.case-stall-ended.v1": Text("Laporan berlanjut", "The report goes on"),
        "id.slrt.referral.referral-sent.v1": Text("Kebutuhan dikirim ke dinas", "A need was sent to an office"),
        "id.slrt.referral.referral-accepted.v1": Text("Dinas menerima", "The office accepted"),
        "id.slrt.referral.referral-service-started.v1": Text("Dinas mulai melayani", "The office began to help"),
        "id.slrt.referral.referral-declined.v1": Text("Dinas tidak dapat menerima", "The office could not accept"),
        "id.slrt.referral.referral-rerouted.v1": Text("Dialihkan ke dinas lain", "It went to another office"),
        "id.slrt.referral.referral-completed.v1": Text("Dinas sudah menjawab", "The office answered"),
        "id.slrt.referral.referral-clock-escalated.v1": Text(
            "Dinas terlambat; atasannya sudah diberi tahu", "The office is late; those above it were told"
        ),
        "id.slrt.referral.referral-clock-paused.v1": Text("Waktu dinas dijeda", "The time of the office was paused"),
        "id.slrt.referral.referral-clock-rescheduled.v1": Text(
            "Batas waktu dinas berubah", "The office has until another time"
        ),
        "id.slrt.referral.referral-stalled.v1": Text(
            "Tertahan di dinas; petugas sudah diberi tahu", "It is held up at the office; the officers were told"
        ),
        "id.slrt.referral.referral-stall-ended.v1": Text("Berlanjut di dinas", "It goes on at the office"),
    }
)


async def own_case_view(case_id: CaseId, parts: IntakeParts, *, language: str) -> OwnCaseView:
    """The view, in ``id`` or ``en``.

    Raises:
        SessionEndedError: there is no such case. KeyMissingError, SealBrokenError: see `Vault.unseal`.
    """
    async with parts.database.unit_of_work() as work:
        case = await parts.cases(work).get(case_id)
        if case is None:
            raise SessionEndedError
        entries = await timeline(work.connection, case_id)
        [found] = await people.parties_of(
            work.connection, parts.vault, [case_id], _EVERYWHERE, at=parts.database.clock.now()
        )
        [reach] = await people.reach_of(work.connection, parts.vault, [case_id], _EVERYWHERE)
    offices = {entry.facts["need_id"]: entry.facts["office_code"] for entry in entries if entry.event_type == _SENT}
    parties = found.parties
    return OwnCaseView(
        **tracking_view(case, language).model_dump(),
        place=", ".join(region.name for region in parts.regions.path(case.village_code)[:3]),
        registered_at=case.registered_at,
        decided_at=next((entry.happened_at for entry in entries if entry.event_type == _DECIDED), None),
        closed_at=case.closed_at,
        details=[_need(need, offices.get(str(need.need_id)), parts, language) for need in case.needs],
        persons=[
            SeenPerson(
                relation=person.relation,
                name=mask_name(person.name),
                nik=mask_number(person.nik),
                erased=person.erased,
            )
            for person in parties.persons
        ],
        contact=SeenContact(
            phone=mask_number(reach.phone),
            email=mask_mail(reach.email),
            kk_number=mask_number(parties.kk_number),
            language=reach.language,
        ),
        steps=_steps(entries, parts, language),
    )


def _need(need: Need, office_code: str | None, parts: IntakeParts, language: str) -> SeenNeed:
    return SeenNeed(
        label=getattr(NEEDS[need.need_code].label, language),
        stage=getattr(NEED_STAGES[need.status], language),
        office=office_words(office_code, parts.regions, language),
        outcome=None if need.outcome_code is None else getattr(OUTCOMES[need.outcome_code], language),
    )


def _steps(entries: Sequence[TimelineEntry], parts: IntakeParts, language: str) -> list[SeenStep]:
    return [
        SeenStep(
            at=entry.happened_at,
            says=getattr(STEPS[entry.event_type], language),
            office=office_words(_office(entry.facts), parts.regions, language),
        )
        for entry in entries
        if entry.event_type in STEPS
    ]


def _office(facts: Mapping[str, Any]) -> str | None:
    found: str | None = facts.get("office_code")
    return found
