"""Tell the sealed looks of a service as events, in batches, without who looked: the resident's list is made of them.

It reads the sealed log behind the sealer, on a connection of its own, so that neither a request nor the sealing waits
for it. Positions come without gaps and in the order of their commits, so the last one read is all that it must keep.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

import orjson
import psycopg

from slrt_contracts.codes import LookAction, LookerRole, LookObject, LookPurpose
from slrt_contracts.events import EVENT_TYPES
from slrt_contracts.events.looks import MOST_LOOKS, LooksRecorded, LookTold
from slrt_contracts.types import OFFICE_PATTERN, CaseId, ChainId, LookedAtId, OfficeCode
from slrt_kit import metrics
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.audit.sealer import connect
from slrt_kit.clock import Clock, NewId, SystemClock, new_uuid7, wait
from slrt_kit.connecting import BoundedConnection
from slrt_kit.logs import get_logger
from slrt_kit.outbox import Outbox, identify, insert_events, pending_row

log = get_logger(__name__)

# Whoever else tells waits for nothing: it finds the place taken, and comes again.
_PLACE = "SELECT position, events FROM audit_told FOR UPDATE SKIP LOCKED"
_NEXT = "SELECT position, entry FROM audit WHERE position > %s ORDER BY position LIMIT %s"
_CHAIN = "SELECT statement FROM audit_head"
_KEEP_PLACE = "UPDATE audit_told SET position = %s, events = %s"
_TELL = f"{insert_events()} RETURNING 1"
_NAME = "slrt-look-teller"
_LOOKS = tuple(f'{{"action":"{action}"' for action in LookAction)
"""How the text of a look begins, which no write does: most entries are none, and are not read as JSON."""
_AT_ONCE = 200
"""Between so many entries or looks the other parts of the process have their turn."""
_MOST_AT_ONCE = 10 * MOST_LOOKS
"""After so many looks a batch ends: one entry of an export is as many looks as it names cases."""
_OBJECTS, _PURPOSES = frozenset(LookObject), frozenset(LookPurpose)
_OFFICE = re.compile(OFFICE_PATTERN)

_SPECIAL: Sequence[LookerRole] = (LookerRole.SERVICE, LookerRole.RESIDENT)
_DESK: frozenset[LookerRole] = frozenset(LookerRole) - {
    *_SPECIAL,
    LookerRole.OPD_OFFICER,
    LookerRole.PARTNER,
    LookerRole.ADMIN,
    LookerRole.AUDITOR,
    LookerRole.OTHER,
}
"""Whose office is the SLRT office of their regency, where their token names none."""
# Of several roles the one by which a resident knows somebody: whoever decides before whoever writes down.
_RANK: Mapping[str, int] = MappingProxyType({role: place for place, role in enumerate(LookerRole)})


@dataclass(frozen=True, slots=True)
class TellerSettings:
    """How a teller works. Times in seconds."""

    batch_size: int = 2000
    every: float = 1.0
    retry_min: float = 0.5
    retry_max: float = 10.0


class LookTeller:
    """Tells the looks of one service database. Copies may run; a batch is one transaction, told once."""

    def __init__(
        self,
        *,
        database_url: str,
        service: str,
        settings: TellerSettings | None = None,
        clock: Clock | None = None,
        new_id: NewId = new_uuid7,
    ) -> None:
        self._url = database_url
        self._service = service
        self._model = model_of(service)
        self._settings = settings or TellerSettings()
        self._clock = clock or SystemClock()
        self._new_id = new_id
        self._outbox = Outbox(service)
        self._is_behind = False
        """Whether more entries wait than a batch took."""
        self._behind = 0.0
        """How old the last look is that was told, where more of them wait, in seconds."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set. Whatever fails is waited out: relay and sealer beside it must not end for it."""
        delay, failing_since = self._settings.retry_min, None
        while not stop.is_set():
            try:
                async with await connect(self._url, name=_NAME) as connection:
                    while not stop.is_set():
                        await self.tell(connection)
                        delay, failing_since = self._settings.retry_min, None
                        metrics.LOOKS_UNTOLD_AGE.set(self._behind)
                        if not self._is_behind:
                            await wait(stop, self._settings.every)
            except Exception as error:  # noqa: BLE001 — see above; an alert says so
                now = self._clock.now()
                failing_since = failing_since or now
                metrics.LOOKS_UNTOLD_AGE.set((now - failing_since).total_seconds())
                log.warning("looks are not told", error=type(error).__name__)
                await wait(stop, delay)
                delay = min(delay * 2, self._settings.retry_max)

    async def tell(self, connection: BoundedConnection) -> int:
        """Tell the looks among the entries that were sealed next; returns of how many entries.

        Raises:
            psycopg.Error: the database is away, or refuses; nothing was told.
        """
        async with connection.transaction():
            place = await (await connection.execute(_PLACE)).fetchone()
            if place is None:
                return 0
            position, events = place
            entries = await (await connection.execute(_NEXT, (position, self._settings.batch_size))).fetchall()
            if not entries:
                self._is_behind, self._behind = False, 0.0
                return 0
            looks, read = await _first_looks(entries)
            if looks:
                told = self._events(await _chain_of(connection), looks, after=events)
                events += len(told)
                await connection.execute(_TELL, {"events": orjson.dumps(told).decode()})
            await connection.execute(_KEEP_PLACE, (entries[read - 1][0], events))
        metrics.LOOKS_TOLD.inc(len(looks))
        self._is_behind = read < len(entries) or read == self._settings.batch_size
        late = self._is_behind and looks
        self._behind = (self._clock.now() - looks[-1].looked_at).total_seconds() if late else 0.0
        return read

    def _events(self, chain_id: UUID, looks: Sequence[LookTold], *, after: int) -> list[dict[str, object]]:
        now = self._clock.now()
        recorded = [
            RecordedEvent(
                self._model(chain_id=ChainId(chain_id), looks=tuple(looks[begin : begin + MOST_LOOKS])), number, now
            )
            for number, begin in enumerate(range(0, len(looks), MOST_LOOKS), start=after + 1)
        ]
        told = self._outbox.envelopes(identify(recorded, self._new_id), now=now, causation_id=None)
        return [pending_row(envelope, event) for envelope, event in told]


def model_of(service: str) -> type[LooksRecorded]:
    """What a service's looks are told as. Raises KeyError: it shows nobody's data, and tells none."""
    model = EVENT_TYPES[f"id.slrt.{service}.looks-recorded.v1"]
    if not issubclass(model, LooksRecorded):
        raise TypeError(model.TYPE)
    return model


def tells_looks(service: str) -> bool:
    """Whether a service tells its looks."""
    return f"id.slrt.{service}.looks-recorded.v1" in EVENT_TYPES


async def _first_looks(entries: Sequence[tuple[int, str]]) -> tuple[list[LookTold], int]:
    """The looks among the first sealed entries, as many as a batch may have, and of how many entries they are."""
    looks: list[LookTold] = []
    since = 0
    for read, (position, text) in enumerate(entries, start=1):
        found = looks_of(position, text)
        looks += found
        since += max(1, len(found))
        if len(looks) >= _MOST_AT_ONCE:
            return looks, read
        if since >= _AT_ONCE:
            await asyncio.sleep(0)
            since = 0
    return looks, len(entries)


def looks_of(position: int, text: str) -> list[LookTold]:
    """The looks that a sealed entry tells of: none, where nobody was shown anything of a case, a person or a family;
    several of the same place, where it names several cases."""
    if not text.startswith(_LOOKS):
        return []
    try:
        return _told(position, orjson.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        # An entry of another time, or altered: nothing that comes after it must wait for it.
        log.error("a look cannot be told", position=position, error=type(error).__name__)  # noqa: TRY400 — as above
        return []


def _told(position: int, entry: Mapping[str, Any]) -> list[LookTold]:
    if entry["result"] != "ok" or entry["object_type"] not in _OBJECTS:
        return []
    role = role_of(entry["roles"])
    case_id = entry.get("case_id")
    told = LookTold(
        position=position,
        looked_at=datetime.fromisoformat(entry["at"]),
        action=LookAction(entry["action"]),
        object_type=LookObject(entry["object_type"]),
        object_id=LookedAtId(UUID(entry["object_id"])),
        case_id=None if case_id is None else CaseId(UUID(case_id)),
        role=role,
        office_code=office_of(role, entry.get("office"), entry.get("region")),
        purpose=purpose_of(entry.get("purpose")),
    )
    if "cases" not in entry:
        return [told]
    # Only what is checked by hand differs: to check the rest of each again would take most of the time.
    return [told.model_copy(update={"object_id": LookedAtId(UUID(each))}) for each in entry["cases"]]


def role_of(roles: Iterable[str]) -> LookerRole:
    """The role by which a looker is told; `other` where none is known."""
    known = sorted((role for role in roles if role in _RANK), key=_RANK.__getitem__)
    return LookerRole(known[-1]) if known else LookerRole.OTHER


def office_of(role: LookerRole, office: str | None, region: str | None) -> OfficeCode | None:
    """The looker's office, where it has the form of one: what a token says else is not passed on."""
    if role in _SPECIAL:
        return None
    if office is None and region is not None and role in _DESK:
        office = f"{'.'.join(region.split('.')[:2])}.SLRT"
    return None if office is None or not _OFFICE.fullmatch(office) else OfficeCode(office)


def purpose_of(stated: str | None) -> LookPurpose:
    """A purpose of the list, or that it was another: the header is the caller's to fill, and might name somebody."""
    if stated is None:
        return LookPurpose.NOT_STATED
    return LookPurpose(stated) if stated in _PURPOSES else LookPurpose.OTHER


async def _chain_of(connection: BoundedConnection) -> UUID:
    row = await (await connection.execute(_CHAIN)).fetchone()
    if row is None:
        raise psycopg.OperationalError("the statement of the chain's end is gone")
    return UUID(orjson.loads(row[0])["chain"])
