"""What intake does by itself as time goes by: what ran out ends, cases close whose residents stay silent."""

import asyncio
from collections.abc import Sequence
from typing import Final

from slrt_contracts.types import CaseId, ConsentId, LetterId
from slrt_intake.store.cases import CaseStores
from slrt_intake.store.consents import ConsentStore, consents_run_out
from slrt_intake.store.forms import FormBook
from slrt_intake.store.letters import LetterStore, letters_run_out
from slrt_intake.usecases import cases, consents, letters
from slrt_kit import metrics
from slrt_kit.audit.entries import Actor, Look
from slrt_kit.audit.record import record_looks
from slrt_kit.chores import every
from slrt_kit.clocks.clock import Firing
from slrt_kit.db import DATABASE_DOWN, Database, UnitOfWork
from slrt_kit.logs import get_logger
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import Vault

log = get_logger(__name__)

_AT_ONCE: Final = 100
EVERY_S: Final = 30.0
"""Nothing is shared from the moment on at which a consent runs out; offices and resident are told so much later."""
LETTERS_EVERY_S: Final = 600.0
_EASTERNMOST: Final = "91"
"""A province of Eastern Indonesian Time."""


class ExpirySweep:
    """Ends the consents that have run out, one in a transaction; copies may run, each consent is ended once."""

    def __init__(self, database: Database, outbox: Outbox, vault: Vault) -> None:
        self._database = database
        self._outbox = outbox
        self._vault = vault

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep every `EVERY_S` until stopped. Whatever fails is waited out: the consumers beside it go on."""
        await every(EVERY_S, self.once, stop, named="end-of-consents", faults=(Exception,))

    async def once(self) -> int:
        """End all that have run out; gives how many were ended. One that cannot be ended holds up no other.

        Raises:
            psycopg.OperationalError: the database is away; what was not ended is ended by the next sweep.
        """
        ended, after = 0, None
        while True:
            async with self._database.read() as session:
                found = await consents_run_out(session, at=self._database.clock.now(), after=after, limit=_AT_ONCE)
            for _, consent_id in found:
                try:
                    ended += await self._end(consent_id)
                except DATABASE_DOWN:
                    raise
                except Exception as error:
                    log.exception("a consent cannot be ended", consent_id=str(consent_id), error=type(error).__name__)
            if len(found) < _AT_ONCE:
                return ended
            after = found[-1]

    async def _end(self, consent_id: ConsentId) -> bool:
        async with self._database.unit_of_work() as unit:
            unit.actor = Actor.service(self._outbox.service)
            store, at = ConsentStore(unit, self._outbox, self._vault), unit.clock.now()
            ended = await consents.end_expired_consent(consent_id, consents=store, at=at)
            if ended is None:
                return False
            expired = Look("expire", "consent", consent_id, ended.purposes, case_id=ended.case_id)
            record_looks(unit, self._outbox.service, unit.actor, [expired])
            await unit.commit()
        metrics.CONSENTS_EXPIRED.inc()
        log.info("consent has run out", consent_id=str(consent_id))
        return True


class LetterSweep:
    """Notes that letters have run out, each in a transaction; copies may run, each letter is ended once.

    Whoever checks a letter is told so from its last day on, whether this has been here or not.
    """

    def __init__(self, database: Database, outbox: Outbox, vault: Vault, forms: FormBook) -> None:
        self._database = database
        self._outbox = outbox
        self._vault = vault
        self._forms = forms

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep every `LETTERS_EVERY_S` until stopped. Whatever fails is waited out."""
        await every(LETTERS_EVERY_S, self.once, stop, named="end-of-letters", faults=(Exception,))

    async def once(self) -> int:
        """End all that have run out; gives how many were ended. One that cannot be ended holds up no other.

        Raises:
            psycopg.OperationalError: the database is away; what was not ended is ended by the next sweep.
        """
        ended, after = 0, None
        # The day of the east, which is the first to end: each letter is looked at by its own region's.
        today = letters.local_day(_EASTERNMOST, self._database.clock.now())
        while True:
            async with self._database.read() as session:
                found = await letters_run_out(session, before=today, after=after, limit=_AT_ONCE)
            for _, letter_id in found:
                try:
                    ended += await self._end(letter_id)
                except DATABASE_DOWN:
                    raise
                except Exception as error:
                    log.exception("a letter cannot be ended", letter_id=str(letter_id), error=type(error).__name__)
            if len(found) < _AT_ONCE:
                return ended
            after = found[-1]

    async def _end(self, letter_id: LetterId) -> bool:
        async with self._database.unit_of_work() as unit:
            unit.actor = Actor.service(self._outbox.service)
            store = LetterStore(unit, self._outbox, self._vault, self._forms)
            if await letters.expire(letter_id, letters=store, at=unit.clock.now()) is None:
                return False
            await unit.commit()
        metrics.LETTER_STEPS.labels("expire").inc()
        return True


class AutoClose:
    """The effect ``auto_close`` for `slrt_kit.clocks.timers`: the resident had time to answer, and did not."""

    def __init__(self, stores: CaseStores) -> None:
        self._stores = stores

    async def __call__(self, work: UnitOfWork, firings: Sequence[Firing]) -> None:
        store = self._stores(work)
        for firing in firings:
            await cases.close_by_silence(CaseId(firing.clock.subject.case_id), cases=store, at=firing.at)
