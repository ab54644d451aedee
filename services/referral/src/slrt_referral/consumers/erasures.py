"""Erase what officers wrote about the cases of a person who was erased."""

from dataclasses import dataclass

from slrt_contracts.events.registry import PersonErased
from slrt_kit.db import UnitOfWork
from slrt_kit.messaging.handlers import Handlers, Received
from slrt_kit.privacy import Vault
from slrt_referral.store.notes import erase_notes


@dataclass(frozen=True, slots=True)
class ErasureParts:
    """What the handler needs."""

    vault: Vault


erasures = Handlers[ErasureParts]()


@erasures.on(PersonErased)
async def erase(received: Received[PersonErased], work: UnitOfWork, parts: ErasureParts) -> None:
    """All notes of the cases: who of a case a note speaks of is known to nobody but its reader."""
    await erase_notes(work.connection, parts.vault, [case.case_id for case in received.event.cases])
