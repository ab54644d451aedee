"""One function per command about consent: record one, withdraw one, confirm that what was shared is erased."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from slrt_contracts.types import CaseId, ConsentId
from slrt_intake.domain.consent import Consent, HeldClaim, Speaker, WithdrawalReason
from slrt_intake.domain.problems import ConsentInForceError, UnknownPrincipalError
from slrt_intake.ports import Consents
from slrt_kit.problems import NotFoundError
from slrt_kit.purposes import PurposeTable


async def record_consent(
    case_id: CaseId,
    said: Mapping[str, object],
    *,
    consents: Consents,
    table: PurposeTable,
    person_id: UUID,
    at: datetime,
) -> Consent:
    """Record what a person of the case agreed to.

    Raises:
        UnknownPrincipalError, ErasedError: no such person, or not any more. ConsentInForceError: they have agreed to
        the same already. What `Consent.give` raises.
    """
    principal = await consents.principal(case_id, person_id)
    if principal is None:
        raise UnknownPrincipalError
    consent = Consent.give(
        table=table, birth_date=principal.birth_date, at=at, case_id=case_id, person_id=person_id, **said
    )
    for other in await consents.of_case(case_id):
        if other.overlaps(consent, at=at):
            raise ConsentInForceError(consent_id=str(other.consent_id))
    consents.add(consent, principal.key)
    return consent


async def withdraw_consent(
    case_id: CaseId,
    consent_id: ConsentId,
    *,
    speaker: Speaker,
    reason: WithdrawalReason,
    note: str | None,
    consents: Consents,
    by: str,
    at: datetime,
) -> tuple[Consent, list[HeldClaim]]:
    """Withdraw a consent; nothing is shared by it after the commit. Returns also what offices hold and must erase.

    Raises:
        NotFoundError: the case has no such consent. TransitionRefusedError: it was withdrawn before.
    """
    consent = await consents.get_locked(case_id, consent_id)
    if consent is None:
        raise NotFoundError
    consent.check_open()
    held = await consents.held(consent, at=at)
    consent.withdraw(speaker=speaker, reason=reason, note=note, held=held, by=by, at=at)
    await consents.save_withdrawn(consent)
    return consent, held
