"""What intake does by itself as time goes by: consents that have run out are ended."""

import asyncio
from typing import Final

from slrt_intake.store.consents import ConsentStore
from slrt_intake.usecases import consents
from slrt_kit import metrics
from slrt_kit.audit.entries import Actor, Look
from slrt_kit.audit.record import record_looks
from slrt_kit.clock import wait
from slrt_kit.db import Database
from slrt_kit.logs import get_logger
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import Vault

log = get_logger(__name__)

EVERY_S: Final = 30.0
"""Nothing is shared from the moment on at which a consent runs out; offices and resident are told so much later."""


class ExpirySweep:
    """Ends the consents that have run out, one in a transaction; copies may run, each consent is ended once."""

    def __init__(self, database: Database, outbox: Outbox, vault: Vault) -> None:
        self._database = database
        self._outbox = outbox
        self._vault = vault

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep every `EVERY_S` until stopped. Whatever fails is waited out: the consumers beside it go on."""
        while not stop.is_set():
            try:
                while not stop.is_set() and await self.once():
                    pass
            except Exception as error:  # noqa: BLE001 — see above; an alert says so
                log.warning("end of consents put off", error=type(error).__name__)
            await wait(stop, EVERY_S)

    async def once(self) -> bool:
        """End one, if there is one that nobody else has in hand; whether there was.

        Raises:
            psycopg.Error: the database is away; nothing was ended.
        """
        async with self._database.unit_of_work() as unit:
            unit.actor = Actor.service(self._outbox.service, None)
            ended = await consents.end_expired_consent(
                consents=ConsentStore(unit, self._outbox, self._vault), at=unit.clock.now()
            )
            if ended is None:
                return False
            expired = Look("expire", "consent", ended.consent_id, ended.purposes, case_id=ended.case_id)
            record_looks(unit, self._outbox.service, unit.actor, [expired])
            await unit.commit()
        metrics.CONSENTS_EXPIRED.inc()
        log.info("consent has run out", consent_id=str(ended.consent_id))
        return True
